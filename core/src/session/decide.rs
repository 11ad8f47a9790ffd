//! The rules for what people and programs ask of a session. What the agent says is in `record.rs`, what it
//! asks in `requests.rs`.

use crate::agent::PermissionMode;
use crate::ids::{ProcessId, TurnId};
use crate::request::DecidedBy;
use crate::session::command::{SessionChange, SessionCommand, WhileRunning};
use crate::session::error::SessionError;
use crate::session::event::{
    FailureCause, Fallback, FilesEvent, Initiator, InterruptCause, LifecycleEvent, Origin, ParkCause,
    PromptEvent, RequestEvent, SessionEvent, SettingEvent, ToolEvent, TurnEvent, TurnResumed, WithdrawReason,
};
use crate::session::gate::Allowance;
use crate::session::requests::OpenRequest;
use crate::session::{MAX_QUEUED_PROMPTS, RunningTurn, Session};
use crate::workspace::WorkspaceReport;

type Decided = Result<Vec<SessionEvent>, SessionError>;

impl Session {
    /// The events that a command leads to.
    pub(super) fn events_of(&self, command: SessionCommand) -> Decided {
        match (&self.opened, command) {
            (None, SessionCommand::Open(opening)) => Ok(vec![LifecycleEvent::Opened(*opening).into()]),
            (None, SessionCommand::Adopt(events)) => match events.first() {
                Some(SessionEvent::Lifecycle(LifecycleEvent::Opened(_))) => Ok(events),
                Some(_) | None => Err(SessionError::NotALog),
            },
            (Some(_), SessionCommand::Open(_)) => Err(SessionError::AlreadyOpened),
            (Some(opened), SessionCommand::Adopt(events)) => self.adopt_more(opened.origin, events),
            (None, _) => Err(SessionError::NotOpened),
            (Some(_), command) => self.decide_opened(command),
        }
    }

    fn decide_opened(&self, command: SessionCommand) -> Decided {
        match command {
            SessionCommand::Open(_) | SessionCommand::Adopt(_) => Err(SessionError::AlreadyOpened),
            SessionCommand::SubmitPrompt { turn, text, attachments, author, while_running } => {
                self.admit_prompt(while_running)?;
                let text = text.into_string();
                Ok(vec![PromptEvent::Submitted { turn, text, attachments, author }.into()])
            }
            SessionCommand::WithdrawPrompt { turn, by } => {
                let mut queue = self.queue.iter();
                queue.find(|queued| queued.turn == turn).ok_or(SessionError::PromptNotWaiting)?;
                Ok(vec![PromptEvent::Withdrawn { turn, by }.into()])
            }
            SessionCommand::Steer { message, text, attachments, author } => {
                self.refuse_if_archived()?;
                let (turn, text) =
                    (self.running.as_ref().ok_or(SessionError::NothingRunning)?.turn, text.into_string());
                Ok(vec![PromptEvent::Steered { turn, message, text, attachments, author }.into()])
            }
            SessionCommand::StartTurn { process, runtime_version, node } => {
                if self.running.is_some() {
                    return Err(SessionError::TurnInProgress);
                }
                let turn = self.next_prompt().ok_or(SessionError::NothingQueued)?.turn;
                let initiator = Initiator::Prompt;
                Ok(vec![
                    TurnEvent::Started { turn, initiator, process, runtime_version, node, task_id: None }
                        .into(),
                ])
            }
            SessionCommand::RequestInterrupt { by, cause } => self.request_interrupt(by, cause),
            SessionCommand::StopWork { task_id, by } => self.stop_work(&task_id, by),
            SessionCommand::Record(recording) => Ok(self.record(*recording)),
            SessionCommand::RecordWorkspace(report) => Ok(self.workspace(report)),
            SessionCommand::Settle { request_id, answer, by } => {
                self.refuse_if_archived()?;
                self.settle(&request_id, *answer, by)
            }
            SessionCommand::Release { process } => Ok(self.release(process).into_iter().collect()),
            SessionCommand::CloseBackgroundWork => Ok(self.close_background_work()),
            SessionCommand::Park { cause } => Ok(self.park(cause)),
            SessionCommand::ReportDecision { turn } => Ok(self.report_decision(turn)),
            SessionCommand::Resume { process, runtime_version, node } => {
                self.take_up(process, runtime_version, node)
            }
            SessionCommand::Change { change, by } => self.change(change, by),
            SessionCommand::HandOver(handover) => self.hand_over(handover),
            SessionCommand::RecordRewind { turn, files, by } => {
                self.refuse_if_archived()?;
                self.refuse_while_busy()?;
                Ok(vec![FilesEvent::Rewound { turn, files, by }.into()])
            }
            SessionCommand::AbandonCalls(calls) => Ok(calls.into_iter().map(abandoned).collect()),
            SessionCommand::InterruptTurn { cause } => {
                let running = self.running.as_ref().ok_or(SessionError::NothingRunning)?;
                Ok(self.ended(self.interrupted(running, cause)))
            }
            SessionCommand::FailTurn { cause, detail } => self.fail(cause, detail),
        }
    }

    /// Only an import can have gone on elsewhere, and only between turns.
    fn adopt_more(&self, origin: Origin, events: Vec<SessionEvent>) -> Decided {
        let opens_again = matches!(events.first(), Some(SessionEvent::Lifecycle(LifecycleEvent::Opened(_))));
        if origin != Origin::Import || opens_again {
            return Err(SessionError::AlreadyOpened);
        }
        self.refuse_while_busy()?;
        Ok(events)
    }

    fn admit_prompt(&self, while_running: WhileRunning) -> Result<(), SessionError> {
        self.refuse_if_archived()?;
        let busy = self.running.is_some() || !self.queue.is_empty();
        match while_running {
            WhileRunning::Refuse if busy => Err(SessionError::TurnInProgress),
            WhileRunning::Queue if self.queue.len() >= MAX_QUEUED_PROMPTS => {
                Err(SessionError::QueueFull { limit: MAX_QUEUED_PROMPTS })
            }
            WhileRunning::Refuse | WhileRunning::Queue => Ok(()),
        }
    }

    /// A turn that waits for people stays as it is while the session is archived.
    pub(super) fn refuse_while_working(&self) -> Result<(), SessionError> {
        if self.is_waiting() && self.queue.is_empty() { Ok(()) } else { self.refuse_while_busy() }
    }

    fn refuse_if_archived(&self) -> Result<(), SessionError> {
        if self.archived { Err(SessionError::Archived) } else { Ok(()) }
    }

    fn refuse_while_busy(&self) -> Result<(), SessionError> {
        if self.running.is_some() || !self.queue.is_empty() {
            return Err(SessionError::TurnInProgress);
        }
        Ok(())
    }

    pub(super) fn request_interrupt(&self, by: String, cause: InterruptCause) -> Decided {
        let Some(running) = &self.running else {
            return self.interrupt_without_turn(by, cause);
        };
        let mut events = vec![];
        if running.interrupt_requested.is_none() {
            events.push(TurnEvent::InterruptRequested { turn: running.turn, by, cause }.into());
        }
        if running.parked {
            // There is no process to stop.
            events.extend(self.ended(self.interrupted(running, cause)));
        }
        Ok(events)
    }

    fn interrupt_without_turn(&self, by: String, cause: InterruptCause) -> Decided {
        let event = match (self.next_prompt(), self.last_turn) {
            // A turn that waits for its place is over before it begins.
            (Some(queued), _) => PromptEvent::Withdrawn { turn: queued.turn, by }.into(),
            // The agent ends its subagents with it.
            (None, Some(turn)) if self.has_background_work() => {
                TurnEvent::InterruptRequested { turn, by, cause }.into()
            }
            (None, _) => return Err(SessionError::NothingRunning),
        };
        Ok(vec![event])
    }

    fn workspace(&self, report: WorkspaceReport) -> Vec<SessionEvent> {
        let Some(RunningTurn { turn, .. }) = self.running else { return vec![] };
        let changed = report.changes.into_iter().map(|change| FilesEvent::WorkspaceChanged { turn, change });
        let unobserved =
            report.unobserved.map(|unobserved| FilesEvent::WorkspaceUnobserved { turn, unobserved });
        changed.chain(unobserved).map(SessionEvent::Files).collect()
    }

    fn release(&self, process: ProcessId) -> Option<SessionEvent> {
        let settled = self.awaited()?;
        let (turn, request_id) = (settled.open.turn, settled.open.request.request_id.clone());
        Some(RequestEvent::Released { turn, request_id, process }.into())
    }

    pub(super) fn park(&self, cause: ParkCause) -> Vec<SessionEvent> {
        let may_park = |running: &&RunningTurn| !running.parked && self.outlives_its_process();
        let Some(running) = self.running.as_ref().filter(may_park) else { return vec![] };
        let mut events = self.end_work_beside_turn();
        events.push(TurnEvent::Parked { turn: running.turn, cause }.into());
        events
    }

    /// Only the call that was decided about goes on where it stood.
    fn take_up(&self, process: ProcessId, runtime_version: String, node: String) -> Decided {
        let running = self.running.as_ref().ok_or(SessionError::NothingRunning)?;
        let settled = self.undelivered().ok_or(SessionError::NothingQueued)?;
        let (turn, attempt) = (running.turn, running.attempt + 1);
        let others = self.waiting().iter().filter(|open| self.is_awaited_by_turn(&open.request));
        let withdrawn = others.clone().map(|open| RequestEvent::Withdrawn {
            turn: open.turn,
            request_id: open.request.request_id.clone(),
            reason: WithdrawReason::Dropped,
        });
        let request = &settled.open.request;
        let drops = others.count() > 0 || self.open_calls.has_other_than(&request.tool_use_id);
        let fallback = match (&request.subagent, drops) {
            (Some(_), _) => Some(Fallback::SubagentRestarted),
            (None, true) => Some(Fallback::OpenCallsDropped),
            (None, false) => None,
        };
        let request_id = settled.open.request.request_id.clone();
        let resumed = TurnResumed { turn, attempt, process, runtime_version, node, request_id, fallback };
        Ok([TurnEvent::Resumed(resumed).into()]
            .into_iter()
            .chain(withdrawn.map(SessionEvent::Request))
            .collect())
    }

    fn change(&self, change: SessionChange, by: String) -> Decided {
        Ok(match change {
            SessionChange::Title(title) => vec![LifecycleEvent::Renamed { title, by }.into()],
            SessionChange::Tags(tags) => vec![LifecycleEvent::Tagged { tags, by }.into()],
            SessionChange::PermissionMode(mode) => self.changed_mode(mode, DecidedBy::user(&by)),
            SessionChange::Model(model) if model == self.model => vec![],
            SessionChange::Model(model) => vec![SettingEvent::ModelChanged { model, by }.into()],
            SessionChange::WorkingDir(working_dir) => {
                self.refuse_if_archived()?;
                self.refuse_while_busy()?;
                vec![SettingEvent::WorkingDirChanged { working_dir, by }.into()]
            }
            SessionChange::Archived(archived) if archived == self.archived => vec![],
            SessionChange::Archived(true) => {
                self.refuse_while_working()?;
                vec![LifecycleEvent::Archived { by }.into()]
            }
            SessionChange::Archived(false) => vec![LifecycleEvent::Unarchived { by }.into()],
        })
    }

    pub(super) fn changed_mode(&self, mode: PermissionMode, by: DecidedBy) -> Vec<SessionEvent> {
        if mode == self.mode { vec![] } else { vec![SettingEvent::PermissionModeChanged { mode, by }.into()] }
    }

    fn fail(&self, cause: FailureCause, detail: String) -> Decided {
        let running = self.running.as_ref().ok_or(SessionError::NothingRunning)?;
        if let Some(cause) = running.interrupt_requested {
            return Ok(self.ended(self.interrupted(running, cause)));
        }
        let (turn, account) = (running.turn, self.estimated_account(running));
        Ok(self.ended(TurnEvent::Failed { turn, cause, detail, status: None, account }.into()))
    }

    /// The end of a turn. What subagents ask that it waits for ends with it.
    pub(super) fn ended(&self, end: SessionEvent) -> Vec<SessionEvent> {
        let of_subagents = self.waiting().iter().filter(|open| open.request.subagent.is_some());
        let awaited = of_subagents.filter(|open| self.is_awaited_by_turn(&open.request));
        awaited.map(OpenRequest::withdrawn).chain([end]).collect()
    }

    pub(super) fn interrupted(&self, running: &RunningTurn, cause: InterruptCause) -> SessionEvent {
        let (turn, account) = (running.turn, self.estimated_account(running));
        TurnEvent::Interrupted { turn, cause, account }.into()
    }

    /// The turn that something said outside of any turn belongs to.
    pub(super) fn last_turn(&self) -> Option<TurnId> {
        self.last_turn
    }
}

fn abandoned(call: Allowance) -> SessionEvent {
    let Allowance { turn, tool_use_id, decided_by } = call;
    ToolEvent::Abandoned { turn, tool_use_id, decided_by }.into()
}
