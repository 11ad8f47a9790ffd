//! The session: its state, its rules ([`Session::decide`]) and how events change it ([`Session::apply`]).
//!
//! A session is opened once. Prompts become turns; one turn runs at a time, and prompts that come
//! meanwhile wait in order. A turn ends in exactly one of `turn_completed`, `turn_failed` and
//! `turn_interrupted`. The agent's cost counters run per process, so a turn's share is a difference.

pub mod action;
pub mod changes;
pub mod command;
mod cost;
mod decide;
pub mod error;
pub mod event;
pub mod fork;
pub mod frame;
pub mod gate;
pub mod index;
pub mod messages;
pub mod narrative;
mod record;
pub mod requests;
pub mod revoked;
#[cfg(test)]
mod tests;
pub mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::agent::{AgentProfile, BackgroundWork, PermissionMode};
use crate::ids::{ProcessId, TurnId};
use crate::money::MicroDollars;
use crate::prompt::Attachment;
use crate::request::RequestKind;
use crate::spend::{BudgetSpent, ModelCall, SpentBefore};
use crate::time::Timestamp;
use command::SessionCommand;
use error::SessionError;
use event::{
    AgentCounter, Asked, Initiator, InterruptCause, SessionEvent, SessionOpened, TurnAccount, TurnResumed,
};
use requests::{Requests, SettledRequest};

/// The most prompts that may wait behind a running turn.
pub const MAX_QUEUED_PROMPTS: usize = 16;

/// A session as far as its rules and its actor need to know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    opened: Option<SessionOpened>,
    running: Option<RunningTurn>,
    queue: VecDeque<QueuedPrompt>,
    last_turn: Option<TurnId>,
    profile: Option<AgentProfile>,
    mode: PermissionMode,
    /// What plan mode was entered from.
    mode_before_plan: Option<PermissionMode>,
    /// It was in a mode in which an agent is started that asks about nothing.
    #[serde(default)]
    was_bypassed: bool,
    model: Option<String>,
    archived: bool,
    /// The model's API answers nothing before then.
    limited_until: Option<Timestamp>,
    requests: Requests,
    /// Prompts that the running turn was given beside its own.
    steered: Vec<SteeredPrompt>,
    /// Tool uses of the main conversation that have no result yet.
    open_calls: BTreeSet<String>,
    /// Work that goes on beside the conversation, by its id.
    background: BTreeMap<String, BackgroundWork>,
    /// The process that worked on the last turn, and its counters when that turn ended.
    counter: Option<(ProcessId, AgentCounter)>,
    /// The last reading of a process's counters.
    metered: Option<(ProcessId, AgentCounter)>,
    /// By the gateway's count.
    spent: SpentBefore,
    /// The calls that no account of a turn has yet, by the same count.
    uncounted: AgentCounter,
    /// A process that was started to ask about everything, and the mode it was started in, until it has the
    /// decision that it was started with.
    asks_everything: Option<(ProcessId, PermissionMode)>,
}

/// The turn the agent works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTurn {
    pub turn: TurnId,
    pub process: ProcessId,
    pub initiator: Initiator,
    /// Why it was asked to stop.
    pub interrupt_requested: Option<InterruptCause>,
    /// Counts the processes that worked on it.
    pub attempt: u32,
    /// It waits for people and has no process.
    pub parked: bool,
    /// The decision that the process was started with.
    pub resumed_for: Option<String>,
    /// What earlier attempts have spent, and what was left over when it began.
    pub earlier: AgentCounter,
    /// The budget that was found spent.
    pub exhausted: Option<BudgetSpent>,
}

/// A prompt whose turn has not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedPrompt {
    pub turn: TurnId,
    pub text: String,
    pub attachments: Vec<Attachment>,
}

/// A prompt that was given to the turn that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteeredPrompt {
    /// The agent's id for the message.
    pub message: TurnId,
    pub text: String,
    pub attachments: Vec<Attachment>,
}

impl Session {
    /// What the session was opened with; absent before that.
    pub fn opened(&self) -> Option<&SessionOpened> {
        self.opened.as_ref()
    }

    pub fn running(&self) -> Option<&RunningTurn> {
        self.running.as_ref()
    }

    /// The prompt whose turn comes next.
    pub fn next_prompt(&self) -> Option<&QueuedPrompt> {
        self.queue.front()
    }

    /// The turns whose prompts wait, in order.
    pub fn queued(&self) -> Vec<TurnId> {
        self.queue.iter().map(|queued| queued.turn).collect()
    }

    /// When the next turn may begin, if that is not at once.
    pub fn limited_until(&self) -> Option<Timestamp> {
        self.limited_until
    }

    /// The mode the agent is in, or is started in.
    pub fn permission_mode(&self) -> PermissionMode {
        self.mode
    }

    /// The mode to go back to when a plan is approved.
    pub fn mode_before_plan(&self) -> Option<PermissionMode> {
        self.mode_before_plan
    }

    /// The model to start the agent with; absent means the agent's own choice.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether it was put away: nothing runs in it.
    pub fn is_archived(&self) -> bool {
        self.archived
    }

    /// Work that goes on beside the conversation.
    pub fn background_work(&self, task_id: &str) -> Option<&BackgroundWork> {
        self.background.get(task_id)
    }

    /// Prompts that the running turn was given beside its own.
    pub fn steered(&self) -> &[SteeredPrompt] {
        &self.steered
    }

    /// What all processes together have spent, in the session and in the turn that runs.
    pub fn spent(&self) -> SpentBefore {
        self.spent
    }

    /// Whether the agent works on something beside the conversation.
    pub fn has_background_work(&self) -> bool {
        !self.background.is_empty()
    }

    /// Whether the running turn needs people to go on. One that was asked to stop does not go on.
    pub fn is_waiting(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            running.interrupt_requested.is_none() && (running.parked || !self.waiting().is_empty())
        })
    }

    /// Whether the running turn can go on although its process is gone: it waits for people, or for a
    /// decision that no process was given.
    pub fn outlives_its_process(&self) -> bool {
        let Some(running) = &self.running else { return false };
        let is_for = |settled: &SettledRequest| {
            settled.open.attempt == running.attempt
                || running.resumed_for.as_ref() == Some(&settled.open.request.request_id)
        };
        self.is_waiting() || (running.interrupt_requested.is_none() && self.requests.has_decided(is_for))
    }

    fn made(&mut self, kind: RequestKind, asked: Asked) {
        let attempt = self.running.as_ref().map_or(1, |running| running.attempt);
        self.requests.made(kind, attempt, asked);
    }

    fn end_turn(&mut self, account: TurnAccount) {
        if let Some(running) = self.running.take() {
            self.counter = Some((running.process, account.counter));
        }
        self.uncounted = AgentCounter::default();
        self.requests.turn_ended();
        self.steered.clear();
        self.open_calls.clear();
    }

    fn open(&mut self, opened: SessionOpened) {
        self.mode = opened.permission_mode;
        self.was_bypassed = self.mode == PermissionMode::BypassPermissions;
        self.model.clone_from(&opened.options.model);
        self.opened = Some(opened);
    }

    fn start(&mut self, turn: TurnId, process: ProcessId, initiator: Initiator) {
        self.queue.retain(|queued| queued.turn != turn);
        self.last_turn = Some(turn);
        let earlier = self.take_uncounted(process);
        self.running = Some(RunningTurn {
            turn,
            process,
            initiator,
            interrupt_requested: None,
            attempt: 1,
            parked: false,
            resumed_for: None,
            earlier,
            exhausted: None,
        });
        self.spent.turn = MicroDollars::default();
        self.asks_everything = None;
    }

    /// The counters start anew with the process; what the one before has spent is kept beside them.
    fn resume(&mut self, resumed: &TurnResumed) {
        let Some(running) = &self.running else { return };
        let share = self.estimated_share(running.process);
        self.uncounted = AgentCounter::default();
        let Some(running) = &mut self.running else { return };
        running.earlier = running.earlier.plus(&share);
        (running.process, running.attempt, running.parked) = (resumed.process, resumed.attempt, false);
        running.resumed_for = Some(resumed.request_id.clone());
        let mode = self.requests.mode_to_resume_in(&resumed.request_id);
        self.asks_everything = Some((resumed.process, mode));
        // Work beside the turn has ended with its process.
        self.background.clear();
    }

    fn handed(&mut self, process: ProcessId, request_id: &str) {
        self.requests.released(request_id);
        self.asks_everything.take_if(|(asking, _)| *asking == process);
    }

    fn give_up_process(&mut self) {
        self.change_running(|running| running.parked = true);
        self.asks_everything = None;
    }

    fn change_running(&mut self, change: impl FnOnce(&mut RunningTurn)) {
        if let Some(running) = &mut self.running {
            change(running);
        }
    }

    fn count_call(&mut self, turn: Option<TurnId>, call: ModelCall) {
        let cost = call.cost_micros;
        self.spent.session += cost;
        if turn.is_some() && turn == self.running.as_ref().map(|running| running.turn) {
            self.spent.turn += cost;
        }
        self.note_call(call);
    }

    fn change_mode(&mut self, mode: PermissionMode) {
        if mode == PermissionMode::Plan {
            self.mode_before_plan = self.mode_before_plan.or(Some(self.mode));
        } else {
            self.mode_before_plan = None;
        }
        self.was_bypassed |= mode == PermissionMode::BypassPermissions;
        self.mode = mode;
    }
}

impl Aggregate for Session {
    type Command = SessionCommand;
    type Error = SessionError;
    type Event = SessionEvent;
    type Services = ();

    const TYPE: &'static str = "session";

    async fn handle(
        &mut self,
        command: SessionCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), SessionError> {
        for event in self.decide(command)?.events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::SessionOpened(opened) => self.open(opened),
            SessionEvent::PromptSubmitted { turn, text, attachments, author: _ } => {
                self.queue.push_back(QueuedPrompt { turn, text, attachments });
            }
            SessionEvent::PromptWithdrawn { turn, by: _ } => self.queue.retain(|queued| queued.turn != turn),
            SessionEvent::TurnStarted { turn, process, initiator, .. } => {
                self.start(turn, process, initiator)
            }
            SessionEvent::AgentInitialized { turn: _, profile } => self.profile = Some(profile),
            SessionEvent::InterruptRequested { cause, .. } => {
                self.change_running(|running| running.interrupt_requested = Some(cause));
            }
            SessionEvent::RateLimited { resets_at_micros, .. } => {
                self.limited_until = resets_at_micros.map(Timestamp::from_micros);
            }
            SessionEvent::PermissionRequested(asked) => self.made(RequestKind::Permission, asked),
            SessionEvent::QuestionAsked(asked) => self.made(RequestKind::Question, asked),
            SessionEvent::PlanProposed(asked) => self.made(RequestKind::Plan, asked),
            SessionEvent::PermissionDecided(decided)
            | SessionEvent::QuestionAnswered(decided)
            | SessionEvent::PlanDecided(decided) => self.requests.settled(decided.settlement),
            SessionEvent::RequestReleased { request_id, process, .. } => self.handed(process, &request_id),
            SessionEvent::RequestWithdrawn { request_id, .. } => self.requests.withdrawn(&request_id),
            SessionEvent::TurnParked { .. } => self.give_up_process(),
            SessionEvent::TurnResumed(resumed) => self.resume(&resumed),
            SessionEvent::UsageReported { process, counter, .. } => self.metered = Some((process, counter)),
            SessionEvent::ModelCalled { turn, call } => self.count_call(turn, call),
            SessionEvent::BudgetExhausted { spent, .. } => {
                self.change_running(|running| running.exhausted = Some(spent));
            }
            SessionEvent::SubagentStarted { task, .. } => {
                self.background.insert(task.task_id.clone(), task);
            }
            SessionEvent::SubagentFinished { task_id, .. } => {
                self.background.remove(&task_id);
            }
            SessionEvent::PermissionModeChanged { mode, .. } => self.change_mode(mode),
            SessionEvent::ModelChanged { model, .. } => self.model = model,
            SessionEvent::SessionArchived { .. } => self.archived = true,
            SessionEvent::SessionUnarchived { .. } => self.archived = false,
            SessionEvent::TurnCompleted(completed) => self.end_turn(completed.account),
            SessionEvent::TurnFailed { account, .. } | SessionEvent::TurnInterrupted { account, .. } => {
                self.end_turn(account);
            }
            SessionEvent::PromptSteered { message, text, attachments, .. } => {
                self.steered.push(SteeredPrompt { message, text, attachments });
            }
            SessionEvent::ToolUsed { tool_use_id, parent_tool_use_id: None, .. } => {
                self.open_calls.insert(tool_use_id);
            }
            SessionEvent::ToolReturned { tool_use_id, .. } => {
                self.open_calls.remove(&tool_use_id);
            }
            SessionEvent::AssistantText { .. }
            | SessionEvent::AssistantThinking { .. }
            | SessionEvent::ToolUsed { .. }
            | SessionEvent::FileChanged { .. }
            | SessionEvent::WorkspaceChanged { .. }
            | SessionEvent::WorkspaceUnobserved { .. }
            | SessionEvent::PolicyApplied { .. }
            | SessionEvent::SubagentProgressed { .. }
            | SessionEvent::TaskListChanged { .. }
            | SessionEvent::SessionRenamed { .. }
            | SessionEvent::SessionTagged { .. }
            | SessionEvent::FilesRewound { .. }
            | SessionEvent::ApiRetried { .. }
            | SessionEvent::ContextCompacted { .. }
            | SessionEvent::AgentMessage { .. } => {}
        }
    }
}
