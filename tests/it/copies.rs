//! A copy of a data folder is another server's: whatever becomes of it, the agents of the first one live on.

use std::path::{Path, PathBuf};
use std::process::Command;

use runner_tests::processes::{agents_of, kill_all, wait_for_command};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Sessions that wait for a person, and as many that run a command.
const SESSIONS: u32 = 4;

fn bash(command: &str) -> Value {
    json!({ "tool_use": { "name": "Bash", "input": { "command": command, "description": "work", "timeout": 300_000 } } })
}

/// A copy as `cp -a` makes it, under the name of the original's folder or beside it.
fn copy(data_dir: &Path, folder: &TempDir) -> PathBuf {
    let copied = folder.path().join("data");
    let done = Command::new("cp").arg("-a").arg(data_dir).arg(&copied).status().unwrap();
    assert!(done.success());
    copied
}

async fn waiting(server: &Server) -> (String, Value) {
    let prompt = script("Ask.", &json!([bash("echo decided >> {{cwd}}/log.txt"), { "text": "done" }]));
    server.ask(&json!({ "prompt": prompt })).await
}

#[tokio::test]
async fn a_server_on_a_copy_ends_nobody_elses_agents_however_it_is_stopped() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let mut asked = vec![];
    for number in 0..SESSIONS {
        asked.push(waiting(&server).await);
        let replies = json!([bash(&format!("true; sleep 7003{number}")), { "text": "never" }]);
        let body = json!({ "prompt": script("Work.", &replies), "permission_mode": "bypassPermissions", "timeout_ms": 1 });
        server.post("/api/task", &body).await;
        wait_for_command(&server.data_dir(), &format!("sleep 7003{number}")).await;
    }
    let before = agents_of(&server.data_dir());

    for stop in 0..3 {
        let folder = TempDir::new().unwrap();
        let copied = copy(&server.data_dir(), &folder);
        let mut other = Server::start_with(&[("DATA_DIR", copied.to_str().unwrap())]).await;
        // It has agents of its own.
        let done = other.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])) })).await;
        assert_eq!(done["message"], "hi");
        match stop {
            0 => drop(other.stop().await),
            1 => {
                other.kill_9().await;
                other.restart().await;
                other.stop().await;
            }
            _ => {
                kill_all(&agents_of(&copied));
                other.stop().await;
            }
        }
        // An agent may have begun something meanwhile.
        let after = agents_of(&server.data_dir());
        let ended: Vec<_> = before.iter().filter(|pid| !after.contains(pid)).collect();
        assert!(ended.is_empty(), "after a stop of the kind {stop}: {ended:?}");
    }

    for (session, request) in asked {
        server.decide(&session, &request, &json!({ "decision": "allow" })).await;
        server.wait_for_status(&session, "idle").await;
    }
    let log = std::fs::read_to_string(server.workspace().join("log.txt")).unwrap();
    assert_eq!(log.lines().count(), SESSIONS as usize);
}

#[tokio::test]
async fn whoever_ends_an_agent_from_outside_is_noticed() {
    let server = Server::start().await;
    let (session, _) = waiting(&server).await;

    kill_all(&agents_of(&server.data_dir()));
    server.wait_for(&session, "turn_parked").await;

    let log = server.log().await;
    assert!(log.contains("an agent ended that nobody here had ended"), "{log}");
}
