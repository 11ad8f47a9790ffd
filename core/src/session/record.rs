//! The rules for what the agent says: which of it becomes an event, and of which turn.

use crate::agent::{AgentOutcome, AgentOutput, AgentProfile, PermissionMode, ToolReturn, TurnReport};
use crate::ids::{ProcessId, TurnId};
use crate::request::{DecidedBy, DeciderKind, Decision};
use crate::session::command::Recording;
use crate::session::event::{
    AgentCounter, AgentEvent, BackgroundEvent, FailureCause, FilesEvent, Initiator, InterruptCause,
    MessageEvent, RequestEvent, SessionEvent, SpendEvent, ToolEvent, TurnAccount, TurnCompleted, TurnEvent,
    TurnOutcome, WithdrawReason,
};
use crate::session::hooks_in_force::HooksInForce;
use crate::session::{RunningTurn, Session};
use crate::spend::{BudgetSpent, Usage};
use crate::time::Timestamp;

impl Session {
    pub(super) fn record(&self, recording: Recording) -> Vec<SessionEvent> {
        let Recording { output, process, runtime_version, node, spare_turn, hooks } = recording;
        match (&self.running, self.last_turn(), output) {
            (Some(running), _, output) => {
                let turn = self.turn_of(&output).unwrap_or(running.turn);
                self.record_of_turn(turn, (process, &hooks), output)
            }
            // Background work has ended and the agent takes it up by itself.
            (None, _, AgentOutput::Initialized(profile)) => {
                let (turn, initiator) = (spare_turn, Initiator::Agent);
                let task_id = self.finished_work.clone();
                let started = TurnEvent::Started { turn, initiator, process, runtime_version, node, task_id };
                [vec![started.into()], self.introduced(turn, profile)].concat()
            }
            (None, Some(last), output) => {
                let turn = self.turn_of(&output).unwrap_or(last);
                self.record_of_turn(turn, (process, &hooks), output)
            }
            (None, None, AgentOutput::Other { raw }) => one(AgentEvent::Unknown { turn: None, raw }),
            (None, None, AgentOutput::ModelCalled(call)) => one(SpendEvent::ModelCalled { turn: None, call }),
            (None, None, AgentOutput::BudgetExhausted(spent)) => self.exhausted(None, spent),
            (None, None, _) => vec![],
        }
    }

    /// The turn of what the agent says, if that tells. Subagents may still work for a turn that is over.
    fn turn_of(&self, output: &AgentOutput) -> Option<TurnId> {
        match output {
            AgentOutput::Text { parent_tool_use_id, .. }
            | AgentOutput::Thinking { parent_tool_use_id, .. }
            | AgentOutput::ToolUsed { parent_tool_use_id, .. } => {
                self.turn_of_subagent(parent_tool_use_id.as_deref())
            }
            AgentOutput::ToolReturned(returned) => self.turn_of_call(Some(&returned.tool_use_id)),
            AgentOutput::ToolGated(gate) => self.turn_of_call(Some(&gate.tool_use_id)),
            AgentOutput::ToolRefused { tool_use_id, .. } => self.turn_of_call(Some(tool_use_id)),
            AgentOutput::Asked { request, .. } => self.turn_of_task(request.subagent.as_deref()),
            AgentOutput::RequestWithdrawn { request_id } => {
                let mut waiting = self.waiting().iter();
                waiting.find(|open| open.request.request_id == *request_id).map(|open| open.turn)
            }
            AgentOutput::TaskStarted(work) => self.turn_of_call(work.tool_use_id.as_deref()),
            AgentOutput::TaskProgressed { task_id, .. } | AgentOutput::TaskFinished { task_id, .. } => {
                self.turn_of_task(Some(task_id))
            }
            AgentOutput::ModelCalled(call) => self.turn_of_task(call.subagent.as_deref()),
            AgentOutput::Initialized(_)
            | AgentOutput::ModeChanged { .. }
            | AgentOutput::Metered { .. }
            | AgentOutput::BudgetExhausted(_)
            | AgentOutput::TaskListChanged(_)
            | AgentOutput::ApiRetried { .. }
            | AgentOutput::RateLimited { .. }
            | AgentOutput::ContextCompacted { .. }
            | AgentOutput::Other { .. }
            | AgentOutput::Delta(_)
            | AgentOutput::TurnEnded(_) => None,
        }
    }

    /// The dictionary: each thing that an agent may say, and what becomes of it.
    fn record_of_turn(
        &self,
        turn: TurnId,
        (process, hooks): (ProcessId, &HooksInForce),
        output: AgentOutput,
    ) -> Vec<SessionEvent> {
        match output {
            AgentOutput::Initialized(profile) => self.introduced(turn, profile),
            AgentOutput::Text { message_id, text, parent_tool_use_id } => {
                one(MessageEvent::Text { turn, message_id, text, parent_tool_use_id })
            }
            AgentOutput::Thinking { message_id, text, parent_tool_use_id } => {
                one(MessageEvent::Thinking { turn, message_id, text, parent_tool_use_id })
            }
            AgentOutput::ToolUsed { tool_use_id, name, input, parent_tool_use_id } => {
                one(ToolEvent::Used { turn, tool_use_id, name, input, parent_tool_use_id })
            }
            AgentOutput::ToolReturned(returned) => tool_returned(turn, returned),
            AgentOutput::Asked { kind, request } => self.asked(turn, kind, request, process),
            AgentOutput::RequestWithdrawn { request_id } => self.no_longer_asked(turn, request_id),
            AgentOutput::ToolGated(gate) => self.gated(turn, gate, (process, hooks)),
            AgentOutput::ToolRefused { tool_use_id, tool_name, reason, message } => {
                let (decision, decided_by) = (Decision::Deny, self.refuser(reason));
                one(ToolEvent::PolicyApplied { turn, tool_use_id, tool_name, decision, decided_by, message })
            }
            AgentOutput::ModeChanged { mode } => self.agent_changed_mode(mode),
            AgentOutput::Metered { total: spend, total_duration_api_ms: duration_api_ms } => {
                self.metered(turn, process, AgentCounter { spend, duration_api_ms })
            }
            AgentOutput::ModelCalled(call) => one(SpendEvent::ModelCalled { turn: Some(turn), call }),
            AgentOutput::BudgetExhausted(spent) => self.exhausted(Some(turn), spent),
            AgentOutput::TaskStarted(work) => one(BackgroundEvent::Started { turn, work }),
            AgentOutput::TaskProgressed { task_id, description, usage } => {
                one(BackgroundEvent::Progressed { turn, task_id, description, usage })
            }
            AgentOutput::TaskFinished { task_id, status, summary, usage } => {
                self.task_finished(task_id, status, summary, usage)
            }
            AgentOutput::TaskListChanged(change) => one(BackgroundEvent::TaskListChanged { turn, change }),
            AgentOutput::ApiRetried { attempt, max_attempts, delay_ms, status, error } => {
                one(AgentEvent::ApiRetried { turn, attempt, max_attempts, delay_ms, status, error })
            }
            AgentOutput::RateLimited { info, resets_at } => {
                let resets_at_micros = resets_at.map(Timestamp::as_micros);
                one(AgentEvent::RateLimited { turn, info, resets_at_micros })
            }
            AgentOutput::ContextCompacted { trigger, tokens_before, tokens_after } => {
                one(AgentEvent::ContextCompacted { turn, trigger, tokens_before, tokens_after })
            }
            AgentOutput::Other { raw } => one(AgentEvent::Unknown { turn: Some(turn), raw }),
            // Shown live; the whole block is stored when it comes.
            AgentOutput::Delta(_) => vec![],
            AgentOutput::TurnEnded(report) => self.reported(*report),
        }
    }

    fn introduced(&self, turn: TurnId, mut profile: AgentProfile) -> Vec<SessionEvent> {
        let own = self.opened().map(|opened| opened.session.0);
        profile.conversation.take_if(|conversation| Some(*conversation) == own);
        if self.profile.as_ref() == Some(&profile) {
            return vec![];
        }
        one(AgentEvent::Initialized { turn, profile })
    }

    fn no_longer_asked(&self, turn: TurnId, request_id: String) -> Vec<SessionEvent> {
        if !self.waiting().iter().any(|open| open.request.request_id == request_id) {
            return vec![];
        }
        one(RequestEvent::Withdrawn { turn, request_id, reason: WithdrawReason::AgentWithdrew })
    }

    /// The agent refuses calls because of its mode, or because of a rule that it names.
    fn refuser(&self, reason: String) -> DecidedBy {
        match reason.as_str() {
            "mode" => DecidedBy::mode(self.mode.as_str()),
            _ => DecidedBy { kind: DeciderKind::Rule, id: None, name: Some(reason) },
        }
    }

    fn agent_changed_mode(&self, mode: PermissionMode) -> Vec<SessionEvent> {
        // A process that was not started to bypass permissions never says that it does.
        if mode == PermissionMode::Default && self.mode == PermissionMode::BypassPermissions {
            return vec![];
        }
        let by = DecidedBy { kind: DeciderKind::System, id: None, name: Some("agent".to_owned()) };
        self.changed_mode(mode, by)
    }

    fn metered(&self, turn: TurnId, process: ProcessId, counter: AgentCounter) -> Vec<SessionEvent> {
        if counter == self.last_reading(process) {
            return vec![];
        }
        one(SpendEvent::UsageReported { turn, process, counter })
    }

    /// The agent may find a budget spent in several places; the turn has it once.
    fn exhausted(&self, turn: Option<TurnId>, spent: BudgetSpent) -> Vec<SessionEvent> {
        if self.running.as_ref().is_some_and(|running| running.exhausted.is_some()) {
            return vec![];
        }
        one(SpendEvent::BudgetExhausted { turn, spent })
    }

    fn reported(&self, report: TurnReport) -> Vec<SessionEvent> {
        match &self.running {
            // The end of a turn that the agent began by itself is not the end of a prompt's.
            Some(running) if report.unsolicited && running.initiator == Initiator::Prompt => vec![],
            Some(running) => self.ended(self.turn_ended(running, report)),
            None => vec![],
        }
    }

    fn turn_ended(&self, running: &RunningTurn, mut report: TurnReport) -> SessionEvent {
        let turn = running.turn;
        let duration_api_ms = report.total_duration_api_ms;
        let counter = AgentCounter { spend: report.total.clone(), duration_api_ms };
        let account = self.account(running, counter, report.own_spend.take());
        // The agent counts the time of its own process; with several the clock tells.
        let duration_ms = if running.attempt > 1 { 0 } else { report.duration_ms };
        let account = TurnAccount { duration_ms, ..account };
        if let (AgentOutcome::ApiError { .. }, Some(exhausted)) = (&report.outcome, &running.exhausted) {
            let (cause, detail) = (FailureCause::Budget, exhausted.message());
            return TurnEvent::Failed { turn, cause, detail, status: None, account }.into();
        }
        let failed = |cause, status| {
            TurnEvent::Failed { turn, cause, detail: report.text.clone(), status, account: account.clone() }
                .into()
        };
        let outcome = match report.outcome {
            AgentOutcome::Succeeded => self.success(running, &report, &account),
            AgentOutcome::OutputSchemaUnmet => TurnOutcome::OutputSchemaUnmet,
            AgentOutcome::MaxTurns => TurnOutcome::MaxTurns,
            AgentOutcome::MaxBudget => TurnOutcome::MaxBudget,
            AgentOutcome::Refused => TurnOutcome::Refused,
            AgentOutcome::Aborted => {
                let cause = running.interrupt_requested.unwrap_or(InterruptCause::AgentAborted);
                return TurnEvent::Interrupted { turn, cause, account }.into();
            }
            AgentOutcome::ApiError { status } => return failed(FailureCause::ModelApiError, status),
            AgentOutcome::Failed => return failed(FailureCause::AgentFailed, None),
        };
        TurnEvent::Completed(TurnCompleted {
            turn,
            outcome,
            result: report.text,
            stop_reason: report.stop_reason,
            structured_output: report.structured_output,
            agent_turns: report.agent_turns,
            denials: report.denials,
            account,
        })
        .into()
    }

    /// What a turn that the agent calls a success is for the person who asked.
    fn success(&self, running: &RunningTurn, report: &TurnReport, account: &TurnAccount) -> TurnOutcome {
        let is_asked = running.initiator == Initiator::Prompt;
        let wants_output = self.opened().is_some_and(|opened| opened.options.output_schema.is_some());
        if is_asked && report.agent_turns == 0 && account.spend.usage() == Usage::default() {
            TurnOutcome::NotSentToModel
        } else if is_asked && wants_output && report.structured_output.is_none() {
            TurnOutcome::OutputSchemaUnmet
        } else {
            TurnOutcome::Success
        }
    }
}

fn one(event: impl Into<SessionEvent>) -> Vec<SessionEvent> {
    vec![event.into()]
}

fn tool_returned(turn: TurnId, returned: ToolReturn) -> Vec<SessionEvent> {
    let ToolReturn { tool_use_id, is_error, content, structured, file_change, allowed_by } = returned;
    let decided_by = allowed_by;
    let mut events =
        one(ToolEvent::Returned { turn, tool_use_id, is_error, content, structured, decided_by });
    events.extend(file_change.map(|change| SessionEvent::Files(FilesEvent::Changed { turn, change })));
    events
}
