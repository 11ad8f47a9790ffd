//! The rules for what the agent says: which of it becomes an event, and of which turn.

use crate::agent::{AgentOutcome, AgentOutput, PermissionMode, TurnReport};
use crate::ids::{ProcessId, TurnId};
use crate::request::{DecidedBy, DeciderKind, Decision};
use crate::session::command::Recording;
use crate::session::event::{
    AgentCounter, AgentEvent, BackgroundEvent, FailureCause, FilesEvent, Initiator, InterruptCause,
    MessageEvent, RequestEvent, SessionEvent, SpendEvent, ToolEvent, TurnCompleted, TurnEvent, TurnOutcome,
    WithdrawReason,
};
use crate::session::{RunningTurn, Session};
use crate::time::Timestamp;

impl Session {
    pub(super) fn record(&self, recording: Recording) -> Vec<SessionEvent> {
        let Recording { output, process, runtime_version, node, spare_turn } = recording;
        let mut events = Vec::new();
        let turn = match (&self.running, self.last_turn(), &output) {
            (Some(running), _, _) => running.turn,
            // Background work has ended and the agent takes it up by itself.
            (None, _, AgentOutput::Initialized(_)) => {
                let initiator = Initiator::Agent;
                let turn = spare_turn;
                events.push(TurnEvent::Started { turn, initiator, process, runtime_version, node }.into());
                turn
            }
            (None, Some(last), _) => last,
            (None, None, AgentOutput::Other { raw }) => {
                return vec![AgentEvent::Unknown { turn: None, raw: raw.clone() }.into()];
            }
            (None, None, AgentOutput::ModelCalled(_) | AgentOutput::BudgetExhausted(_)) => {
                return self.paid(None, output).into_iter().collect();
            }
            (None, None, _) => return vec![],
        };
        self.record_of_turn(turn, process, output, &mut events);
        events
    }

    fn record_of_turn(
        &self,
        turn: TurnId,
        process: ProcessId,
        output: AgentOutput,
        events: &mut Vec<SessionEvent>,
    ) {
        match output {
            AgentOutput::Initialized(profile) => {
                if self.profile.as_ref() != Some(&profile) {
                    events.push(AgentEvent::Initialized { turn, profile }.into());
                }
            }
            AgentOutput::Text { .. } | AgentOutput::Thinking { .. } | AgentOutput::ToolUsed { .. } => {
                events.extend(said(turn, output));
            }
            AgentOutput::ToolReturned(returned) => {
                let (tool_use_id, is_error) = (returned.tool_use_id, returned.is_error);
                let (content, structured) = (returned.content, returned.structured);
                events.push(ToolEvent::Returned { turn, tool_use_id, is_error, content, structured }.into());
                if let Some(change) = returned.file_change {
                    events.push(FilesEvent::Changed { turn, change }.into());
                }
            }
            AgentOutput::Asked { kind, request } => {
                events.extend(self.asked(turn, kind, request, process));
            }
            AgentOutput::RequestWithdrawn { request_id } => {
                if self.waiting().iter().any(|open| open.request.request_id == request_id) {
                    let reason = WithdrawReason::AgentWithdrew;
                    events.push(RequestEvent::Withdrawn { turn, request_id, reason }.into());
                }
            }
            AgentOutput::ToolGated(gate) => events.extend(self.gated(turn, gate, process)),
            AgentOutput::ToolRefused { tool_use_id, tool_name, reason, message } => {
                let (decision, decided_by) = (Decision::Deny, self.refuser(reason));
                events.push(
                    ToolEvent::PolicyApplied { turn, tool_use_id, tool_name, decision, decided_by, message }
                        .into(),
                );
            }
            // A process that was not started to bypass permissions never says that it does.
            AgentOutput::ModeChanged { mode: PermissionMode::Default }
                if self.mode == PermissionMode::BypassPermissions => {}
            AgentOutput::ModeChanged { mode } => {
                let by = DecidedBy { kind: DeciderKind::System, id: None, name: Some("agent".to_owned()) };
                events.extend(self.changed_mode(mode, by));
            }
            AgentOutput::Metered { total: spend, total_duration_api_ms: duration_api_ms } => {
                let counter = AgentCounter { spend, duration_api_ms };
                if counter != self.last_reading(process) {
                    events.push(SpendEvent::UsageReported { turn, process, counter }.into());
                }
            }
            AgentOutput::ModelCalled(_) | AgentOutput::BudgetExhausted(_) => {
                events.extend(self.paid(Some(turn), output));
            }
            AgentOutput::TaskStarted(_)
            | AgentOutput::TaskProgressed { .. }
            | AgentOutput::TaskFinished { .. }
            | AgentOutput::TaskListChanged(_) => events.extend(self.beside(turn, output)),
            AgentOutput::ApiRetried { .. }
            | AgentOutput::RateLimited { .. }
            | AgentOutput::ContextCompacted { .. } => events.extend(trouble(turn, output)),
            AgentOutput::Other { raw } => events.push(AgentEvent::Unknown { turn: Some(turn), raw }.into()),
            // Shown live; the whole block is stored when it comes.
            AgentOutput::Delta(_) => {}
            AgentOutput::TurnEnded(report) => {
                // The end of a turn that the agent began by itself is not the end of a prompt's.
                if let Some(running) = &self.running
                    && !(report.unsolicited && running.initiator == Initiator::Prompt)
                {
                    events.push(self.turn_ended(running, *report));
                }
            }
        }
    }

    /// The agent refuses calls because of its mode, or because of a rule that it names.
    fn refuser(&self, reason: String) -> DecidedBy {
        match reason.as_str() {
            "mode" => DecidedBy::mode(self.mode.as_str()),
            _ => DecidedBy { kind: DeciderKind::Rule, id: None, name: Some(reason) },
        }
    }

    /// What calls of a model have cost, and that there is nothing left for more.
    fn paid(&self, turn: Option<TurnId>, output: AgentOutput) -> Option<SessionEvent> {
        if let AgentOutput::ModelCalled(call) = output {
            Some(SpendEvent::ModelCalled { turn, call }.into())
        } else if let AgentOutput::BudgetExhausted(spent) = output {
            // The agent may try again in several places.
            let is_known = self.running.as_ref().is_some_and(|running| running.exhausted.is_some());
            (!is_known).then_some(SpendEvent::BudgetExhausted { turn, spent }.into())
        } else {
            None
        }
    }

    /// What goes on beside the conversation.
    fn beside(&self, turn: TurnId, output: AgentOutput) -> Option<SessionEvent> {
        if let AgentOutput::TaskStarted(task) = output {
            Some(BackgroundEvent::Started { turn, work: task }.into())
        } else if let AgentOutput::TaskProgressed { task_id, description, usage } = output {
            Some(BackgroundEvent::Progressed { turn, task_id, description, usage }.into())
        } else if let AgentOutput::TaskFinished { task_id, status, summary, usage } = output {
            // Its end may be told twice.
            self.background_work(&task_id)?;
            Some(BackgroundEvent::Finished { turn, task_id, status, summary, usage }.into())
        } else if let AgentOutput::TaskListChanged(change) = output {
            Some(BackgroundEvent::TaskListChanged { turn, change }.into())
        } else {
            None
        }
    }

    fn turn_ended(&self, running: &RunningTurn, report: TurnReport) -> SessionEvent {
        let turn = running.turn;
        let duration_api_ms = report.total_duration_api_ms;
        let counter = AgentCounter { spend: report.total.clone(), duration_api_ms };
        let account = self.account(running, counter, report.duration_ms);
        if let (AgentOutcome::ApiError { .. }, Some(exhausted)) = (&report.outcome, &running.exhausted) {
            let (cause, detail) = (FailureCause::Budget, exhausted.message());
            return TurnEvent::Failed { turn, cause, detail, status: None, account }.into();
        }
        let failed = |cause, status| {
            TurnEvent::Failed { turn, cause, detail: report.text.clone(), status, account: account.clone() }
                .into()
        };
        let outcome = match report.outcome {
            AgentOutcome::Succeeded => TurnOutcome::Success,
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
}

fn said(turn: TurnId, output: AgentOutput) -> Option<SessionEvent> {
    if let AgentOutput::Text { message_id, text, parent_tool_use_id } = output {
        Some(MessageEvent::Text { turn, message_id, text, parent_tool_use_id }.into())
    } else if let AgentOutput::Thinking { message_id, text, parent_tool_use_id } = output {
        Some(MessageEvent::Thinking { turn, message_id, text, parent_tool_use_id }.into())
    } else if let AgentOutput::ToolUsed { tool_use_id, name, input, parent_tool_use_id } = output {
        Some(ToolEvent::Used { turn, tool_use_id, name, input, parent_tool_use_id }.into())
    } else {
        None
    }
}

/// What came in the way, of the model's API or of the length of the conversation.
fn trouble(turn: TurnId, output: AgentOutput) -> Option<SessionEvent> {
    if let AgentOutput::ApiRetried { attempt, max_attempts, delay_ms, status, error } = output {
        Some(AgentEvent::ApiRetried { turn, attempt, max_attempts, delay_ms, status, error }.into())
    } else if let AgentOutput::RateLimited { info, resets_at } = output {
        let resets_at_micros = resets_at.map(Timestamp::as_micros);
        Some(AgentEvent::RateLimited { turn, info, resets_at_micros }.into())
    } else if let AgentOutput::ContextCompacted { trigger, tokens_before, tokens_after } = output {
        Some(AgentEvent::ContextCompacted { turn, trigger, tokens_before, tokens_after }.into())
    } else {
        None
    }
}
