//! A session that begins as a copy of another: the events it begins with, and what its agent must know.
//!
//! The copy is the other session up to a version, under the same version numbers, with everything closed
//! that was open there. What the other one has spent stays its own, and so do decisions that were to hold
//! as long as it lasts: in the copy the same call is asked about anew.

use std::collections::BTreeSet;

use crate::agent::PermissionMode;
use crate::ids::{SessionId, TurnId};
use crate::log::Aggregate;
use crate::money::MicroDollars;
use crate::request::DecidedBy;
use crate::session::Session;
use crate::session::event::{
    AgentCounter, AgentEvent, Initiator, InterruptCause, LifecycleEvent, MessageEvent, Origin, Parent,
    PromptEvent, RequestEvent, SessionEvent, SessionOpened, SettingEvent, SpendEvent, ToolEvent, TurnAccount,
    TurnCompleted, TurnEvent,
};
use crate::spend::Usage;

/// The properties that the copy has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    pub session: SessionId,
    /// The other session and how much of it is copied.
    pub parent: Parent,
    pub by: String,
    /// Whether the offline model plays the agent's model from now on.
    pub offline: bool,
    /// Whether its owner may have agents work without asking; without the right to it the copy asks.
    pub may_bypass: bool,
}

impl Fork {
    /// The events of the copy, given those of the other session up to the version.
    pub fn events(&self, history: Vec<SessionEvent>) -> Vec<SessionEvent> {
        let mut copy = Session::default();
        let mut events: Vec<SessionEvent> = history.into_iter().map(|event| self.copied(event)).collect();
        for event in &events {
            copy.apply(event.clone());
        }
        events.extend(copy.running.as_ref().map(|running| {
            let (turn, account) = (running.turn, TurnAccount::default());
            SessionEvent::Turn(TurnEvent::Interrupted { turn, cause: InterruptCause::Forked, account })
        }));
        events.extend(copy.queue.iter().map(|queued| {
            let (turn, by) = (queued.turn, self.by.clone());
            SessionEvent::Prompt(PromptEvent::Withdrawn { turn, by })
        }));
        events.extend(copy.stopped_work());
        let asks_again = copy.relies_on_bypass() && !self.may_bypass;
        events.extend(asks_again.then(|| {
            let (mode, by) = (PermissionMode::Default, DecidedBy::user(&self.by));
            SessionEvent::Setting(SettingEvent::PermissionModeChanged { mode, by })
        }));
        // Somebody wants to go on with it.
        let unarchived = || SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: self.by.clone() });
        events.extend(copy.archived.then(unarchived));
        events
    }

    /// An event as the copy has it.
    fn copied(&self, mut event: SessionEvent) -> SessionEvent {
        match &mut event {
            SessionEvent::Lifecycle(event) => self.copy_lifecycle(event),
            SessionEvent::Turn(event) => copy_turn(event),
            SessionEvent::Spend(event) => copy_spend(event),
            // The decision was made for the other session, and is remembered there.
            SessionEvent::Request(RequestEvent::Decided(decided)) => decided.settlement.remember = false,
            SessionEvent::Request(
                RequestEvent::Asked(_) | RequestEvent::Released { .. } | RequestEvent::Withdrawn { .. },
            )
            | SessionEvent::Prompt(_)
            | SessionEvent::Message(_)
            | SessionEvent::Tool(_)
            | SessionEvent::Files(_)
            | SessionEvent::Background(_)
            | SessionEvent::Setting(_)
            | SessionEvent::Hook(_) => {}
            SessionEvent::Agent(event) => copy_agent(event),
        }
        event
    }

    fn copy_lifecycle(&self, event: &mut LifecycleEvent) {
        match event {
            LifecycleEvent::Opened(opened) => self.reopen(opened),
            // The copy is whose it is from its beginning.
            LifecycleEvent::HandedOver { to, offline, .. } => {
                to.clone_from(&self.by);
                *offline = self.offline;
            }
            LifecycleEvent::Renamed { .. }
            | LifecycleEvent::Tagged { .. }
            | LifecycleEvent::Archived { .. }
            | LifecycleEvent::Unarchived { .. } => {}
        }
    }

    fn reopen(&self, opened: &mut SessionOpened) {
        opened.session = self.session;
        opened.owner.clone_from(&self.by);
        opened.origin = Origin::Fork;
        opened.parent = Some(self.parent);
        opened.schedule = None;
        opened.offline = self.offline;
    }
}

/// A turn of the copy has cost nothing.
fn copy_turn(event: &mut TurnEvent) {
    match event {
        TurnEvent::Completed(TurnCompleted { account, .. })
        | TurnEvent::Failed { account, .. }
        | TurnEvent::Interrupted { account, .. } => {
            let (duration_ms, duration_api_ms) = (account.duration_ms, account.duration_api_ms);
            *account = TurnAccount { duration_ms, duration_api_ms, ..TurnAccount::default() };
        }
        TurnEvent::Started { .. }
        | TurnEvent::InterruptRequested { .. }
        | TurnEvent::Parked { .. }
        | TurnEvent::Resumed(_)
        | TurnEvent::Continued { .. } => {}
    }
}

/// The copy's conversation has the copy's id, whatever the other one's has.
fn copy_agent(event: &mut AgentEvent) {
    match event {
        AgentEvent::Initialized { profile, .. } => profile.conversation = None,
        AgentEvent::ApiRetried { .. }
        | AgentEvent::RateLimited { .. }
        | AgentEvent::ContextCompacted { .. }
        | AgentEvent::Unknown { .. } => {}
    }
}

fn copy_spend(event: &mut SpendEvent) {
    match event {
        SpendEvent::UsageReported { counter, .. } => *counter = AgentCounter::default(),
        SpendEvent::ModelCalled { call, .. } => {
            (call.usage, call.cost_micros) = (Usage::default(), MicroDollars::default());
        }
        SpendEvent::BudgetExhausted { .. } => {}
    }
}

/// A piece of the main conversation, by the id under which the agent's own record has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConversationPart {
    Prompt(TurnId),
    /// A block of the message with this id; several blocks have several of these.
    Text(String),
    Thinking(String),
    ToolUse(String),
    ToolResult(String),
}

/// The main conversation in order. Subagents have conversations of their own and are left out.
pub fn conversation_parts(events: &[SessionEvent]) -> Vec<ConversationPart> {
    let mut parts = vec![];
    let mut used = BTreeSet::new();
    for event in events {
        match event {
            SessionEvent::Turn(event) => parts.extend(prompt_part(event)),
            SessionEvent::Message(event) => parts.extend(message_part(event)),
            SessionEvent::Tool(event) => parts.extend(tool_part(event, &mut used)),
            SessionEvent::Lifecycle(_)
            | SessionEvent::Prompt(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Files(_)
            | SessionEvent::Request(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_)
            | SessionEvent::Setting(_)
            | SessionEvent::Hook(_) => {}
        }
    }
    parts
}

fn prompt_part(event: &TurnEvent) -> Option<ConversationPart> {
    match event {
        TurnEvent::Started { turn, initiator: Initiator::Prompt, .. } => {
            Some(ConversationPart::Prompt(*turn))
        }
        TurnEvent::Started { initiator: Initiator::Agent, .. }
        | TurnEvent::InterruptRequested { .. }
        | TurnEvent::Parked { .. }
        | TurnEvent::Resumed(_)
        | TurnEvent::Continued { .. }
        | TurnEvent::Completed(_)
        | TurnEvent::Failed { .. }
        | TurnEvent::Interrupted { .. } => None,
    }
}

fn message_part(event: &MessageEvent) -> Option<ConversationPart> {
    match event {
        MessageEvent::Text { message_id, parent_tool_use_id: None, .. } => {
            Some(ConversationPart::Text(message_id.clone()))
        }
        MessageEvent::Thinking { message_id, parent_tool_use_id: None, .. } => {
            Some(ConversationPart::Thinking(message_id.clone()))
        }
        MessageEvent::Text { parent_tool_use_id: Some(_), .. }
        | MessageEvent::Thinking { parent_tool_use_id: Some(_), .. } => None,
    }
}

fn tool_part<'a>(event: &'a ToolEvent, used: &mut BTreeSet<&'a str>) -> Option<ConversationPart> {
    match event {
        ToolEvent::Used { tool_use_id, parent_tool_use_id: None, .. } => {
            used.insert(tool_use_id);
            Some(ConversationPart::ToolUse(tool_use_id.clone()))
        }
        ToolEvent::Returned { tool_use_id, .. } => {
            let is_shown = used.contains(tool_use_id.as_str());
            is_shown.then(|| ConversationPart::ToolResult(tool_use_id.clone()))
        }
        ToolEvent::Used { parent_tool_use_id: Some(_), .. }
        | ToolEvent::Abandoned { .. }
        | ToolEvent::PolicyApplied { .. } => None,
    }
}
