//! The session: its state, its rules ([`Session::decide`]) and how events change it ([`Session::apply`]).
//!
//! A session is opened once. Prompts become turns; one turn runs at a time, and prompts that come
//! meanwhile wait in order. A turn ends in exactly one of `turn_completed`, `turn_failed` and
//! `turn_interrupted`. The agent's cost counters run per process, so a turn's share is a difference.

pub mod command;
pub mod error;
pub mod event;
pub mod frame;
pub mod index;
pub mod messages;
mod record;
#[cfg(test)]
mod tests;
pub mod view;

use std::collections::VecDeque;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::agent::AgentProfile;
use crate::ids::{ProcessId, TurnId};
use crate::prompt::Attachment;
use command::{SessionCommand, WhileRunning};
use error::SessionError;
use event::{AgentCounter, Initiator, InterruptCause, SessionEvent, SessionOpened, TurnAccount};

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
    /// The process that worked on the last turn, and its counters when that turn ended.
    counter: Option<(ProcessId, AgentCounter)>,
}

/// The turn the agent works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTurn {
    pub turn: TurnId,
    pub process: ProcessId,
    pub initiator: Initiator,
    pub interrupt_requested: bool,
}

/// A prompt whose turn has not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedPrompt {
    pub turn: TurnId,
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

    /// Decides what a command leads to. Pure: the same state and command give the same events.
    pub fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
        match (&self.opened, command) {
            (None, SessionCommand::Open(opening)) => Ok(vec![SessionEvent::SessionOpened(*opening)]),
            (Some(_), SessionCommand::Open(_)) => Err(SessionError::AlreadyOpened),
            (None, _) => Err(SessionError::NotOpened),
            (Some(_), SessionCommand::SubmitPrompt { turn, text, attachments, author, while_running }) => {
                self.admit_prompt(while_running)?;
                let text = text.into_string();
                Ok(vec![SessionEvent::PromptSubmitted { turn, text, attachments, author }])
            }
            (Some(_), SessionCommand::StartTurn { process, runtime_version, node }) => {
                if self.running.is_some() {
                    return Err(SessionError::TurnInProgress);
                }
                let turn = self.next_prompt().ok_or(SessionError::NothingQueued)?.turn;
                let initiator = Initiator::Prompt;
                Ok(vec![SessionEvent::TurnStarted { turn, initiator, process, runtime_version, node }])
            }
            (Some(_), SessionCommand::RequestInterrupt { by }) => {
                let running = self.running.as_ref().ok_or(SessionError::NothingRunning)?;
                if running.interrupt_requested {
                    return Ok(vec![]); // asking twice is not an error
                }
                Ok(vec![SessionEvent::InterruptRequested { turn: running.turn, by }])
            }
            (Some(_), SessionCommand::Record(recording)) => Ok(self.record(*recording)),
            (Some(_), SessionCommand::InterruptTurn { cause }) => {
                let running = self.running.as_ref().ok_or(SessionError::NothingRunning)?;
                Ok(vec![self.interrupted(running, cause)])
            }
            (Some(_), SessionCommand::FailTurn { cause, detail }) => {
                let running = self.running.as_ref().ok_or(SessionError::NothingRunning)?;
                if running.interrupt_requested {
                    return Ok(vec![self.interrupted(running, InterruptCause::User)]);
                }
                let (turn, account) = (running.turn, self.unreported(running.process));
                Ok(vec![SessionEvent::TurnFailed { turn, cause, detail, status: None, account }])
            }
        }
    }

    fn admit_prompt(&self, while_running: WhileRunning) -> Result<(), SessionError> {
        let busy = self.running.is_some() || !self.queue.is_empty();
        match while_running {
            WhileRunning::Refuse if busy => Err(SessionError::TurnInProgress),
            WhileRunning::Queue if self.queue.len() >= MAX_QUEUED_PROMPTS => {
                Err(SessionError::QueueFull { limit: MAX_QUEUED_PROMPTS })
            }
            WhileRunning::Refuse | WhileRunning::Queue => Ok(()),
        }
    }

    fn interrupted(&self, running: &RunningTurn, cause: InterruptCause) -> SessionEvent {
        let account = self.unreported(running.process);
        SessionEvent::TurnInterrupted { turn: running.turn, cause, account }
    }

    /// The account of a turn of which the agent gave none: nothing spent that we know of.
    fn unreported(&self, process: ProcessId) -> TurnAccount {
        TurnAccount { counter: self.counter_of(process), ..TurnAccount::default() }
    }

    fn counter_of(&self, process: ProcessId) -> AgentCounter {
        match &self.counter {
            Some((counted, counter)) if *counted == process => counter.clone(),
            Some(_) | None => AgentCounter::default(),
        }
    }

    fn end_turn(&mut self, account: AgentCounter) {
        if let Some(running) = self.running.take() {
            self.counter = Some((running.process, account));
        }
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
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::SessionOpened(opened) => self.opened = Some(opened),
            SessionEvent::PromptSubmitted { turn, text, attachments, author: _ } => {
                self.queue.push_back(QueuedPrompt { turn, text, attachments });
            }
            SessionEvent::TurnStarted { turn, process, initiator, .. } => {
                self.queue.retain(|queued| queued.turn != turn);
                self.last_turn = Some(turn);
                self.running = Some(RunningTurn { turn, process, initiator, interrupt_requested: false });
            }
            SessionEvent::AgentInitialized { turn: _, profile } => self.profile = Some(profile),
            SessionEvent::InterruptRequested { .. } => {
                if let Some(running) = &mut self.running {
                    running.interrupt_requested = true;
                }
            }
            SessionEvent::TurnCompleted(completed) => self.end_turn(completed.account.counter),
            SessionEvent::TurnFailed { account, .. } | SessionEvent::TurnInterrupted { account, .. } => {
                self.end_turn(account.counter);
            }
            SessionEvent::AssistantText { .. }
            | SessionEvent::AssistantThinking { .. }
            | SessionEvent::ToolUsed { .. }
            | SessionEvent::ToolReturned { .. }
            | SessionEvent::FileChanged { .. }
            | SessionEvent::PermissionRequested { .. }
            | SessionEvent::PermissionDecided { .. }
            | SessionEvent::ApiRetried { .. }
            | SessionEvent::RateLimited { .. }
            | SessionEvent::ContextCompacted { .. }
            | SessionEvent::AgentMessage { .. } => {}
        }
    }
}
