//! The agent of a live session and the pump that carries what it says into the actor's mailbox.

use std::sync::{Arc, Mutex, PoisonError};

use actix::Addr;
use runner_core::ids::ProcessId;
use runner_core::ports::{AgentInput, AgentOutputs, RunningAgent};
use runner_core::session::revoked::Revoked;
use runner_core::setup::trust::Trust;
use tokio::task::JoinHandle;

use super::{AgentEnded, Heard, SessionActor};

/// A started agent; dropping it ends the pump and, with the last handle, the process.
pub(super) struct LiveAgent {
    pub(super) process: ProcessId,
    /// What was known of its folder when it was started.
    pub(super) trust: Trust,
    pub(super) input: Arc<dyn AgentInput>,
    /// Why it was killed, if it was because a right is gone.
    pub(super) revoked: Option<Revoked>,
    /// Whether it was stopped because it did not react.
    pub(super) is_stopped: bool,
    pump: JoinHandle<()>,
    reach: Arc<Reach>,
}

/// The way to a session's agent for those who cannot wait for the mailbox, which is held while an agent is asked
/// something.
#[derive(Default)]
pub(super) struct Reach(Mutex<Option<(String, Arc<dyn AgentInput>)>>);

impl Reach {
    fn set(&self, agent: Option<(String, Arc<dyn AgentInput>)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = agent;
    }

    /// In whose name the agent works, if there is one, and the way to it.
    pub(super) fn agent(&self) -> Option<(String, Arc<dyn AgentInput>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LiveAgent {
    pub(super) fn new(
        (process, trust): (ProcessId, Trust),
        agent: RunningAgent,
        address: Addr<SessionActor>,
        (reach, owner): (Arc<Reach>, String),
    ) -> Self {
        let pump = actix::spawn(pump(process, agent.outputs, address));
        reach.set(Some((owner, Arc::clone(&agent.input))));
        Self { process, trust, input: agent.input, revoked: None, is_stopped: false, pump, reach }
    }

    /// Whether it takes no prompt any more, though what it said last may still be on its way.
    pub(super) fn is_ending(&self) -> bool {
        self.is_stopped || self.revoked.is_some()
    }
}

impl Drop for LiveAgent {
    fn drop(&mut self) {
        self.pump.abort();
        self.reach.set(None);
    }
}

/// Waits for each batch to be stored before it takes the next: a slow disk slows the agent, not the memory.
async fn pump(process: ProcessId, mut outputs: Box<dyn AgentOutputs>, address: Addr<SessionActor>) {
    loop {
        match outputs.next().await {
            Ok(outputs) => {
                if address.send(Heard { process, outputs }).await.is_err() {
                    return; // The actor has ended, and the agent with it.
                }
            }
            Err(exit) => {
                if address.send(AgentEnded { process, exit }).await.is_err() {
                    tracing::debug!(process.id = %process, "an agent ended after its session's actor");
                }
                return;
            }
        }
    }
}
