//! Messages of the task beside the mailbox: what the agent says, that it did not start, that it has ended.

use actix::prelude::*;
use runner_core::agent::{AgentOutput, Delta};
use runner_core::ids::{ExtensionId, ProcessId};
use runner_core::ports::{AgentError, AgentExit};
use runner_core::setup::extension::hook::answer::HookAnswer;
use runner_core::workspace::WorkspaceReport;

use super::SessionActor;

/// One thing that became known, in order.
pub(super) enum Said {
    /// What commands have changed in files before the next thing was said.
    Changes(WorkspaceReport),
    /// A piece of a block that is being written.
    Delta(Delta),
    Output(Box<AgentOutput>),
}

/// The agent said something; the answer comes when it is stored.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct AgentSaid {
    pub(super) process: ProcessId,
    pub(super) said: Vec<Said>,
}

impl Handler<AgentSaid> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: AgentSaid, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.hear(message).await)
    }
}

/// The program of a hook has said what it makes of a tool use.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct HookReplied {
    pub(super) process: ProcessId,
    pub(super) tool_use_id: String,
    pub(super) hook: ExtensionId,
    pub(super) answer: HookAnswer,
}

impl Handler<HookReplied> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: HookReplied, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.hook_replied(message).await)
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct AgentNotStarted {
    pub(super) process: ProcessId,
    pub(super) error: AgentError,
}

impl Handler<AgentNotStarted> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: AgentNotStarted, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.agent_not_started(message).await)
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct AgentEnded {
    pub(super) process: ProcessId,
    pub(super) exit: AgentExit,
    /// What its commands have changed in files since the last look.
    pub(super) changes: Option<WorkspaceReport>,
}

impl Handler<AgentEnded> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: AgentEnded, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.agent_ended(message).await)
    }
}
