//! Processes are found by the marker in their environment, wherever they have gone.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use runner_core::ids::SessionId;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::claude::process::process_tree::Marker;
use crate::claude::trust::enforced::MARKER_VARIABLE;

/// The time that a test waits for something that is about to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a process in a session of its own, and ends once it runs.
const STARTS_ANOTHER: &str = r"setsid sleep 300 >/dev/null 2>&1 &
    until tr '\0' ' ' </proc/$!/cmdline | grep -q '^sleep'; do :; done";

#[tokio::test]
async fn process_in_a_session_of_its_own_is_ended_by_its_marker() {
    let instance = instance();
    let marker = Marker::of_session(&instance, session(1));
    let mut child = sleeping(marker.value()).await;

    let killed = marker.kill_all().await;

    assert!(killed >= 1);
    assert_eq!(signal_that_ended(&mut child).await, Some(9));
    assert_eq!(marker.kill_all().await, 0);
}

#[tokio::test]
async fn process_with_another_marker_survives() {
    let instance = instance();
    let marker = Marker::of_session(&instance, session(1));
    let others = [
        Marker::of_session(&instance, session(2)).value().to_owned(),
        Marker::of_session(&format!("{instance}0"), session(1)).value().to_owned(),
        format!("{}0", marker.value()),
        String::new(),
    ];
    let mut others = join_all(others.iter().map(|value| sleeping(value))).await;
    let mut child = sleeping(marker.value()).await;

    marker.kill_all().await;

    assert_eq!(signal_that_ended(&mut child).await, Some(9));
    for other in &mut others {
        assert_eq!(other.try_wait().unwrap(), None);
    }
}

#[tokio::test]
async fn processes_of_all_sessions_of_an_installation_are_ended_but_of_no_other() {
    let instance = instance();
    let [first, second] = [1, 2].map(|number| Marker::of_session(&instance, session(number)));
    let foreign = Marker::of_session(&format!("{instance}0"), session(1));
    let mut own = [sleeping(first.value()).await, sleeping(second.value()).await];
    let mut other = sleeping(foreign.value()).await;

    let killed = Marker::of_instance(&instance).kill_all().await;

    assert!(killed >= 2);
    for child in &mut own {
        assert_eq!(signal_that_ended(child).await, Some(9));
    }
    assert_eq!(other.try_wait().unwrap(), None);
}

#[tokio::test]
async fn descendants_inherit_the_marker() {
    let instance = instance();
    let marker = Marker::of_session(&instance, session(1));
    // The shell ends at once; what it has started goes on in a session of its own.
    let mut shell = marked(Command::new("sh"), marker.value()).args(["-c", STARTS_ANOTHER]).spawn().unwrap();
    shell.wait().await.unwrap();

    let killed = marker.kill_all().await;

    assert!(killed >= 1);
    assert_eq!(marker.kill_once(), 0);
}

/// A name that no other test and no other run of this one uses.
fn instance() -> String {
    Uuid::now_v7().to_string()
}

const fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

/// A process in a session of its own that does nothing; it has become what it is to be.
async fn sleeping(marker: &str) -> Child {
    let mut command = marked(Command::new("setsid"), marker);
    let child = command.args(["sleep", "300"]).spawn().unwrap();
    let command_line = format!("/proc/{}/cmdline", child.id().unwrap());
    let asleep = async {
        // While a program takes the place of another one, the process has no environment.
        while std::fs::read(&command_line).unwrap() != b"sleep\x00300\x00" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asleep).await.unwrap();
    child
}

async fn signal_that_ended(child: &mut Child) -> Option<i32> {
    tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap().signal()
}

fn marked(mut command: Command, marker: &str) -> Command {
    command.env(MARKER_VARIABLE, marker).stdin(Stdio::null()).kill_on_drop(true);
    command
}
