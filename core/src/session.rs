//! The session: its state, its rules ([`Session::decide`]) and how events change it ([`Session::apply`]).
//!
//! A session is opened once. Prompts become turns; one turn runs at a time, and prompts that come
//! meanwhile wait in order. A turn ends in exactly one of `turn_completed`, `turn_failed` and
//! `turn_interrupted`; one that was imported may go on after that. The agent's cost counters run per process,
//! so a turn's share is a difference.

pub mod action;
pub mod adoption;
mod apply;
mod background;
pub mod changes;
pub mod command;
mod cost;
mod decide;
pub mod error;
pub mod event;
pub mod fork;
pub mod frame;
pub mod gate;
mod handover;
pub mod hooks;
pub mod hooks_in_force;
pub mod index;
pub mod messages;
pub mod narrative;
mod record;
pub mod requests;
pub mod revoked;
pub mod simulation;
mod so_far;
#[cfg(test)]
mod tests;
pub mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::agent::{AgentProfile, PermissionMode};
use crate::ids::{ProcessId, TurnId};
use crate::log::{Aggregate, Effects};
use crate::prompt::Attachment;
use crate::spend::{BudgetSpent, SpentBefore};
use crate::time::Timestamp;
use action::Action;
use background::{OpenCalls, Task};
use command::SessionCommand;
use error::SessionError;
use event::{AgentCounter, Initiator, InterruptCause, SessionEvent, SessionOpened};
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
    /// The mode that plan mode was entered from.
    mode_before_plan: Option<PermissionMode>,
    /// It was in a mode in which an agent is started that asks about nothing.
    #[serde(default)]
    was_bypassed: bool,
    model: Option<String>,
    /// The agent's own choice, as its last process told.
    chosen_model: Option<String>,
    archived: bool,
    /// It goes on in another folder than the one in which it began.
    #[serde(default)]
    moved: bool,
    /// The model's API answers nothing before then.
    limited_until: Option<Timestamp>,
    requests: Requests,
    /// Prompts that the running turn was given beside its own.
    steered: Vec<SteeredPrompt>,
    /// Tool uses that have no result yet.
    open_calls: OpenCalls,
    /// Tool uses about which hooks want people to be asked.
    #[serde(default)]
    asked_by_hooks: BTreeSet<String>,
    /// Tool uses that wait for the programs of hooks.
    #[serde(default)]
    waiting_for_hooks: BTreeSet<String>,
    /// Work that goes on beside the conversation, by its id.
    background: BTreeMap<String, Task>,
    /// The work that ended last, until a turn begins.
    finished_work: Option<String>,
    /// The process that worked on the last turn, and its counters when that turn ended.
    counter: Option<(ProcessId, AgentCounter)>,
    /// The last reading of a process's counters.
    metered: Option<(ProcessId, AgentCounter)>,
    /// By the gateway's count.
    spent: SpentBefore,
    /// The calls before the first turn, by the same count.
    calls_before: AgentCounter,
    /// A call of its agents passed the gateway, so all of them do.
    is_behind_gateway: bool,
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
    /// The spend of earlier attempts, by the agent's word.
    pub earlier: AgentCounter,
    /// The calls that were made for it, as the gateway counted them.
    pub calls: AgentCounter,
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
    /// The facts that the session was opened with; absent before that.
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

    /// Whether its agent works, or may come to work, without asking anybody.
    fn relies_on_bypass(&self) -> bool {
        let modes = [Some(self.mode), self.mode_before_plan];
        modes.contains(&Some(PermissionMode::BypassPermissions))
    }

    /// Whether it goes on in another folder than the one in which it began.
    pub fn is_moved(&self) -> bool {
        self.moved
    }

    /// The model to start the agent with; absent means the agent's own choice. What it has chosen once stays:
    /// a later process might choose another one.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref().or(self.chosen_model.as_deref())
    }

    /// The conversation to go on with; absent for the one that the session began with.
    pub fn conversation(&self) -> Option<Uuid> {
        self.profile.as_ref()?.conversation
    }

    /// Whether it was put away: nothing runs in it.
    pub fn is_archived(&self) -> bool {
        self.archived
    }

    /// Prompts that the running turn was given beside its own.
    pub fn steered(&self) -> &[SteeredPrompt] {
        &self.steered
    }

    /// The spend of all processes together, in the session and in the turn that runs.
    pub fn spent(&self) -> SpentBefore {
        self.spent
    }

    /// Whether the running turn needs people to go on. One that was asked to stop does not go on.
    pub fn is_waiting(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            let is_held_up = || self.waiting().iter().any(|open| self.is_awaited_by_turn(&open.request));
            running.interrupt_requested.is_none() && (running.parked || is_held_up())
        })
    }

    /// Whether the running turn can go on although its process is gone: it waits for people, or for a
    /// decision that no process was given.
    pub fn outlives_its_process(&self) -> bool {
        let Some(running) = &self.running else { return false };
        let is_for = |settled: &SettledRequest| {
            let is_new = settled.open.attempt == running.attempt;
            let is_resumed_for = running.resumed_for.as_ref() == Some(&settled.open.request.request_id);
            self.is_awaited_by_turn(&settled.open.request) && (is_new || is_resumed_for)
        };
        self.is_waiting() || (running.interrupt_requested.is_none() && self.requests.has_decided(is_for))
    }
}

impl Aggregate for Session {
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Action = Action;
    type Refusal = SessionError;

    const KIND: &'static str = "session";
    const HAS_ROW: bool = false;

    fn decide(&self, command: SessionCommand) -> Result<Effects<SessionEvent, Action>, SessionError> {
        self.effects_of(command)
    }

    fn apply(&mut self, event: SessionEvent) {
        self.take_in(event);
    }
}
