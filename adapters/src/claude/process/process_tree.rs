//! The end of an agent with everything it started.
//!
//! Shells of tools lead process sessions of their own, so a signal to the agent's group does not reach them.
//! Every agent therefore carries a marker in its environment, which its descendants inherit, and `/proc`
//! shows the processes that have it. A process that has emptied its environment is found in the agent's
//! control group, and does not outlive its process namespace, where there are such. A stored process id is
//! never trusted: it may belong to somebody else by now.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner_core::ids::SessionId;

use crate::claude::limits::AgentGroup;
use crate::claude::trust::enforced::MARKER_VARIABLE;

/// An agent and everything that it has started.
#[derive(Debug)]
pub(crate) struct ProcessTree {
    marker: Marker,
    group: Option<AgentGroup>,
    /// A reference by which the runtime counts living agents.
    _living: Option<Arc<()>>,
    /// The reason for which this server has ended the agent.
    why: OnceLock<String>,
}

impl ProcessTree {
    pub(crate) const fn new(marker: Marker, group: Option<AgentGroup>) -> Self {
        Self { marker, group, _living: None, why: OnceLock::new() }
    }

    /// Holds a reference for as long as this agent lives.
    pub(crate) fn counted(self, living: Arc<()>) -> Self {
        Self { _living: Some(living), ..self }
    }

    pub(super) const fn group(&self) -> Option<&AgentGroup> {
        self.group.as_ref()
    }

    /// The processes in its control group, or those that carry its marker.
    pub(super) fn pids(&self) -> Vec<i32> {
        match self.group.as_ref().and_then(AgentGroup::members) {
            Some(members) => members.pids(),
            None => self.marker.find().into_iter().map(Pid::as_raw).collect(),
        }
    }

    /// Ends the agent, and remembers why.
    pub(super) async fn end_because(&self, why: String) {
        tracing::warn!(agent = self.marker.value(), "{why}");
        self.why.set(why).ok();
        self.kill_all().await;
    }

    pub(super) fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }

    /// Ends the agent; returns when nothing of it can be found any more.
    pub(crate) async fn kill_all(&self) {
        self.marker.kill_all().await;
        if let Some(group) = &self.group {
            group.kill_all().await;
        }
    }

    /// Ends the processes that the agent's own end has left; takes less time than `kill_all`.
    pub(super) async fn kill_rest(&self) {
        self.marker.kill_once();
        if let Some(group) = &self.group {
            group.kill_all().await;
        }
    }

    /// Kills in one round, without waiting: for a destructor.
    pub(crate) fn kill_once(&self) {
        self.marker.kill_once();
        if let Some(group) = &self.group {
            group.kill_once();
        }
    }
}

/// A process may fork while it is killed; after this many rounds something else is wrong.
const MAX_ROUNDS: usize = 100;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(10);

/// Finds the processes of one session, or of all sessions of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    value: String,
    /// Whether the value is only the beginning of the markers to find.
    prefix: bool,
}

impl Marker {
    pub(crate) fn of_session(instance: &str, session: SessionId) -> Self {
        Self { value: format!("{instance}/{session}"), prefix: false }
    }

    pub(crate) fn of_instance(instance: &str) -> Self {
        Self { value: format!("{instance}/"), prefix: true }
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Kills every process that carries the marker until there is none; says how many there were.
    pub(crate) async fn kill_all(&self) -> usize {
        let (mut killed, mut quiet_rounds) = (0, 0);
        for _ in 0..MAX_ROUNDS {
            match self.kill_once() {
                // In the middle of an exec a process has no environment for a moment.
                0 if quiet_rounds > 0 => return killed,
                0 => quiet_rounds += 1,
                found => (killed, quiet_rounds) = (killed + found, 0),
            }
            tokio::time::sleep(BETWEEN_ROUNDS).await;
        }
        tracing::error!(marker = %self.value, "processes of an agent do not go away");
        killed
    }

    /// Kills in one round, without waiting: for a destructor.
    pub(crate) fn kill_once(&self) -> usize {
        let found = self.find();
        for pid in &found {
            // The process may have ended since it was found.
            kill(*pid, Signal::SIGKILL).ok();
        }
        found.len()
    }

    fn find(&self) -> Vec<Pid> {
        let Ok(entries) = fs::read_dir("/proc") else { return vec![] };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| self.marks(*pid)).map(Pid::from_raw).collect()
    }

    /// Whether a process carries the marker. One that has ended but was not collected yet has an empty
    /// environment and does not count.
    pub(crate) fn marks(&self, pid: i32) -> bool {
        let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { return false };
        let mut variables = environ.split(|byte| *byte == 0);
        variables.any(|variable| {
            let value =
                variable.strip_prefix(MARKER_VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            value.is_some_and(|value| match self.prefix {
                true => value.starts_with(self.value.as_bytes()),
                false => value == self.value.as_bytes(),
            })
        })
    }
}
