//! Looking for processes of agents by the marker that each of them carries.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Processes whose environment says that they belong to an agent of the server with this data folder.
pub fn agents_of(data_dir: &Path) -> Vec<Pid> {
    let Ok(instance) = fs::read_to_string(data_dir.join("instance")) else { return vec![] };
    let marker = format!("CLAUDE_RUNNER_AGENT={instance}/");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let marked = pids.filter(|pid| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable.starts_with(marker.as_bytes()))
    });
    marked.map(Pid::from_raw).collect()
}

/// The command lines of processes, for a message that says what was left behind.
pub fn command_lines(pids: &[Pid]) -> Vec<String> {
    let line = |pid: &Pid| {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    };
    pids.iter().map(line).collect()
}

/// A busy machine may take a minute for what takes a moment; an idle one does not wait for it.
const LOOKS: u32 = 2400;

/// Waits until there is a process whose command line contains `text`.
pub async fn wait_for_command(data_dir: &Path, text: &str) -> Pid {
    for _ in 0..LOOKS {
        let pids = agents_of(data_dir);
        let lines = command_lines(&pids);
        if let Some(index) = lines.iter().position(|line| line.contains(text)) {
            return pids[index];
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no agent runs `{text}`: {:?}", command_lines(&agents_of(data_dir)));
}

/// Waits until no process of an agent has `text` in its command line. The agent kills what a tool started
/// after it has said that the turn is over, so a busy machine may still show it for a moment.
pub async fn wait_until_gone(data_dir: &Path, text: &str) {
    let lines = || command_lines(&agents_of(data_dir)).into_iter().filter(|line| line.contains(text)).count();
    for _ in 0..LOOKS {
        if lines() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("an agent still runs `{text}`");
}

pub fn kill_all(pids: &[Pid]) {
    for pid in pids {
        kill(*pid, Signal::SIGKILL).ok();
    }
}

/// The command lines of all processes of this machine that begin with `text`, whoever started them; those of
/// shells, which begin otherwise, are left out.
pub fn commands_on_host(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let lines = command_lines(&pids.map(Pid::from_raw).collect::<Vec<_>>());
    lines.into_iter().filter(|line| line.starts_with(text)).collect()
}

pub async fn wait_for_command_on_host(text: &str) {
    for _ in 0..LOOKS {
        if !commands_on_host(text).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody runs `{text}`");
}

pub async fn wait_until_no_command(text: &str) {
    for _ in 0..LOOKS {
        if commands_on_host(text).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("still there: {:?}", commands_on_host(text));
}

/// Ends and removes the control groups that a server did not live to remove.
pub fn remove_groups(data_dir: &Path) {
    let Ok(instance) = fs::read_to_string(data_dir.join("instance")) else { return };
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for line in own.lines() {
        let mut fields = line.split(':').skip(1);
        let (controller, path) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let groups =
            fs::read_dir(format!("/sys/fs/cgroup/{controller}{path}")).into_iter().flatten().flatten();
        let left = groups.filter(|entry| entry.file_name().to_string_lossy().contains(instance.trim()));
        for group in left {
            // The kernel may not have collected the last process in it.
            for _ in 0..100 {
                let members = fs::read_to_string(group.path().join("cgroup.procs")).unwrap_or_default();
                let members: Vec<i32> = members.lines().filter_map(|line| line.parse().ok()).collect();
                kill_all(&members.into_iter().map(Pid::from_raw).collect::<Vec<_>>());
                if fs::remove_dir(group.path()).is_ok() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}
