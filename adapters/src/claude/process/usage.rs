//! What an agent and everything that it has started take of the machine: as its control group counts it, else
//! as the system tells it of each of the processes.

use std::fs;
use std::sync::Arc;

use runner_core::ports::{MeasuredBy, ProcessUsage};

use super::process_tree::ProcessTree;

/// The ticks of a second in which Linux tells processor time.
const TICKS_PER_SECOND: u64 = 100;

/// What a tree takes now. Files of the system are read for that, where nobody else waits.
pub(super) async fn measure(tree: &Arc<ProcessTree>) -> Option<ProcessUsage> {
    let tree = Arc::clone(tree);
    tokio::task::spawn_blocking(move || tree.usage()).await.ok()
}

impl ProcessTree {
    fn usage(&self) -> ProcessUsage {
        let pids = self.pids();
        let told = of_processes(&pids);
        match self.group().map(|group| (group.memory_bytes(), group.cpu_ms())) {
            Some((Some(memory_bytes), Some(cpu_ms))) => {
                ProcessUsage { memory_bytes, cpu_ms, measured_by: MeasuredBy::ControlGroup, ..told }
            }
            Some((None, _) | (_, None)) | None => told,
        }
    }
}

/// What is told of processes that may end while they are looked at.
fn of_processes(pids: &[i32]) -> ProcessUsage {
    let mut usage =
        ProcessUsage { processes: 0, memory_bytes: 0, cpu_ms: 0, measured_by: MeasuredBy::System };
    for pid in pids {
        let Some(cpu_ms) = cpu_ms(*pid) else { continue };
        usage.processes += 1;
        usage.cpu_ms += cpu_ms;
        usage.memory_bytes += resident_bytes(*pid).unwrap_or_default();
    }
    usage
}

/// Its own time, and that of those that it has started and that have ended.
fn cpu_ms(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in parentheses and may have any of them in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(4).map(str::parse::<u64>);
    Some(ticks.sum::<Result<u64, _>>().ok()? * 1000 / TICKS_PER_SECOND)
}

fn resident_bytes(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use runner_core::ports::MeasuredBy;

    use super::of_processes;

    #[test]
    fn processes_are_counted_with_what_they_take_and_those_that_have_ended_are_not() {
        let own = i32::try_from(std::process::id()).unwrap();

        let usage = of_processes(&[own, i32::MAX]);

        assert_eq!((usage.processes, usage.measured_by), (1, MeasuredBy::System));
        assert!(usage.memory_bytes > 1_000_000, "{usage:?}");
    }
}
