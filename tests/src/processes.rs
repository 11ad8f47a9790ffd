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

/// Waits until there is a process whose command line contains `text`.
pub async fn wait_for_command(data_dir: &Path, text: &str) -> Pid {
    for _ in 0..400 {
        let pids = agents_of(data_dir);
        let lines = command_lines(&pids);
        if let Some(index) = lines.iter().position(|line| line.contains(text)) {
            return pids[index];
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no agent runs `{text}`: {:?}", command_lines(&agents_of(data_dir)));
}

pub fn kill_all(pids: &[Pid]) {
    for pid in pids {
        kill(*pid, Signal::SIGKILL).ok();
    }
}
