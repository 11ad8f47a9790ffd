//! The way to a session's agent for those who cannot wait for its task.

use std::sync::{Arc, Mutex, PoisonError};

use runner_core::ports::AgentInput;
use tokio::sync::watch;

/// In whose name an agent works, and the way to it.
type Reached = (String, Arc<dyn AgentInput>);

#[derive(Default)]
pub(in crate::session_actor) struct Reach {
    agent: Mutex<Option<Reached>>,
    is_killed: watch::Sender<bool>,
}

impl Reach {
    /// The next agent is nobody's to kill yet.
    pub(super) fn set(&self, agent: Option<Reached>) {
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = agent;
        self.is_killed.send_replace(false);
    }

    pub(in crate::session_actor) fn agent(&self) -> Option<Reached> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the agent killed in the middle of whatever it is being told.
    pub(super) fn demand_kill(&self) {
        self.is_killed.send_replace(true);
    }

    pub(super) async fn kill_demanded(&self) {
        // The sender is this.
        self.is_killed.subscribe().wait_for(|is_killed| *is_killed).await.ok();
    }
}
