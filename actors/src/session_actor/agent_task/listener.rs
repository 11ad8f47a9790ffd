//! Carries what the agent says into the actor's mailbox, after all that must be known or stored before it.

use std::sync::{Arc, Weak};

use actix::Addr;
use runner_core::agent::{AgentOutput, BackgroundWork};
use runner_core::ids::ProcessId;
use runner_core::ports::{AgentInput, AgentOutputs};
use runner_core::request::AgentRequest;

use super::SharedSession;
use super::transcript::Transcript;
use super::workspace_diff::SharedDiff;
use crate::session_actor::SessionActor;
use crate::session_actor::agent_reports::{AgentEnded, AgentSaid, Said};

pub(super) struct Listener {
    pub(super) process: ProcessId,
    pub(super) address: Addr<SessionActor>,
    pub(super) state: SharedSession,
    pub(super) diff: SharedDiff,
    pub(super) transcript: Arc<Transcript>,
    /// The task has the handle on which the process depends.
    pub(super) input: Weak<dyn AgentInput>,
}

impl Listener {
    /// Waits for each batch to be stored before it takes the next: a slow disk slows the agent, not the
    /// memory.
    pub(super) async fn run(self, mut outputs: Box<dyn AgentOutputs>) {
        let process = self.process;
        loop {
            match outputs.next().await {
                Ok(outputs) => {
                    let said = self.prepare(outputs).await;
                    if self.address.send(AgentSaid { process, said }).await.is_err() {
                        return; // The actor has ended, and the agent with it.
                    }
                }
                Err(exit) => {
                    let changes = self.diff.collect_changes().await;
                    if self.address.send(AgentEnded { process, exit, changes }).await.is_err() {
                        tracing::debug!(process.id = %process, "an agent ended after its session's actor");
                    }
                    return;
                }
            }
        }
    }

    async fn prepare(&self, outputs: Vec<AgentOutput>) -> Vec<Said> {
        let mut said = Vec::with_capacity(outputs.len());
        let (mut begun, mut asked) = (vec![], vec![]);
        for output in outputs {
            self.transcript.note(&output);
            if let AgentOutput::TaskStarted(task) = &output {
                begun.push(task.clone());
            }
            if let AgentOutput::Asked { request, .. } = &output {
                asked.push(request.clone());
            }
            said.extend(self.diff.changes_before(&output).await.map(Said::Changes));
            said.push(tell(output));
        }
        if let Some(metered) = self.prepare_to_wait(&begun, &asked).await {
            said.insert(0, Said::Output(Box::new(metered)));
        }
        said
    }

    /// Before a request is known to wait, everything is stored that another process needs to go on, and what
    /// was spent is read: waiting may end without an account.
    async fn prepare_to_wait(&self, begun: &[BackgroundWork], asked: &[AgentRequest]) -> Option<AgentOutput> {
        if asked.is_empty() {
            return None;
        }
        let session = self.state.get();
        let is_new = |asked: &&AgentRequest| session.released(&asked.tool_use_id).is_none();
        let request = asked.iter().rfind(is_new)?;
        if let Some(mark) = session.resume_at(begun, request) {
            self.transcript.save_up_to(&mark).await;
        }
        self.input.upgrade()?.meter().await.ok()
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "everything but a delta goes to the rules as it is")]
fn tell(output: AgentOutput) -> Said {
    match output {
        AgentOutput::Delta(delta) => Said::Delta(delta),
        output => Said::Output(Box::new(output)),
    }
}
