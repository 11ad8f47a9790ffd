//! A session that begins as a copy of another: the events it begins with, and what its agent must know.
//!
//! The copy is the other session up to a version, under the same version numbers, with everything closed
//! that was open there. What the other one has spent stays its own, and so do decisions that were to hold
//! as long as it lasts: in the copy the same call is asked about anew.

use std::collections::BTreeSet;

use cqrs_es::Aggregate;

use crate::ids::{SessionId, TurnId};
use crate::money::MicroDollars;
use crate::session::Session;
use crate::session::event::{
    AgentCounter, Decided, Initiator, InterruptCause, Origin, Parent, SessionEvent, SessionOpened,
    TurnAccount, TurnCompleted,
};
use crate::spend::Usage;

/// What is the copy's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    pub session: SessionId,
    /// The other session and how much of it is copied.
    pub parent: Parent,
    pub by: String,
    /// Whether the offline model plays the agent's model from now on.
    pub offline: bool,
}

impl Fork {
    /// The events of the copy, given those of the other session up to the version.
    pub fn events(&self, history: Vec<SessionEvent>) -> Vec<SessionEvent> {
        let mut copy = Session::default();
        let mut events: Vec<SessionEvent> = history.into_iter().map(|event| self.copied(event)).collect();
        for event in &events {
            copy.apply(event.clone());
        }
        events.extend(copy.running.as_ref().map(|running| SessionEvent::TurnInterrupted {
            turn: running.turn,
            cause: InterruptCause::Forked,
            account: TurnAccount::default(),
        }));
        events.extend(copy.queue.iter().map(|queued| {
            let (turn, by) = (queued.turn, self.by.clone());
            SessionEvent::PromptWithdrawn { turn, by }
        }));
        events.extend(copy.last_turn.into_iter().flat_map(|turn| {
            copy.background.keys().map(move |task_id| SessionEvent::SubagentFinished {
                turn,
                task_id: task_id.clone(),
                status: "stopped".to_owned(),
                summary: String::new(),
                usage: None,
            })
        }));
        // Somebody wants to go on with it.
        events.extend(copy.archived.then(|| SessionEvent::SessionUnarchived { by: self.by.clone() }));
        events
    }

    fn copied(&self, mut event: SessionEvent) -> SessionEvent {
        if let SessionEvent::SessionOpened(opened) = &mut event {
            self.reopen(opened);
        } else if let SessionEvent::TurnCompleted(TurnCompleted { account, .. })
        | SessionEvent::TurnFailed { account, .. }
        | SessionEvent::TurnInterrupted { account, .. } = &mut event
        {
            let (duration_ms, duration_api_ms) = (account.duration_ms, account.duration_api_ms);
            *account = TurnAccount { duration_ms, duration_api_ms, ..TurnAccount::default() };
        } else if let SessionEvent::UsageReported { counter, .. } = &mut event {
            *counter = AgentCounter::default();
        } else if let SessionEvent::ModelCalled { call, .. } = &mut event {
            (call.usage, call.cost_micros) = (Usage::default(), MicroDollars::default());
        } else if let SessionEvent::PermissionDecided(Decided { settlement, .. })
        | SessionEvent::QuestionAnswered(Decided { settlement, .. })
        | SessionEvent::PlanDecided(Decided { settlement, .. }) = &mut event
        {
            // It was made for the other session, and holds there.
            settlement.remember = false;
        }
        event
    }

    fn reopen(&self, opened: &mut SessionOpened) {
        opened.session = self.session;
        opened.owner.clone_from(&self.by);
        opened.origin = Origin::Fork;
        opened.parent = Some(self.parent);
        opened.offline = self.offline;
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
        if let SessionEvent::TurnStarted { turn, initiator: Initiator::Prompt, .. } = event {
            parts.push(ConversationPart::Prompt(*turn));
        } else if let SessionEvent::AssistantText { message_id, parent_tool_use_id: None, .. } = event {
            parts.push(ConversationPart::Text(message_id.clone()));
        } else if let SessionEvent::AssistantThinking { message_id, parent_tool_use_id: None, .. } = event {
            parts.push(ConversationPart::Thinking(message_id.clone()));
        } else if let SessionEvent::ToolUsed { tool_use_id, parent_tool_use_id: None, .. } = event {
            used.insert(tool_use_id);
            parts.push(ConversationPart::ToolUse(tool_use_id.clone()));
        } else if let SessionEvent::ToolReturned { tool_use_id, .. } = event
            && used.contains(tool_use_id)
        {
            parts.push(ConversationPart::ToolResult(tool_use_id.clone()));
        }
    }
    parts
}
