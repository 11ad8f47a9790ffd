//! The rules for what the agent says: which of it becomes an event, and of which turn.

use crate::agent::{AgentOutcome, AgentOutput, TurnReport};
use crate::ids::TurnId;
use crate::session::command::Recording;
use crate::session::event::{
    AgentCounter, DecidedBy, DeciderKind, Decision, FailureCause, Initiator, InterruptCause, SessionEvent,
    TurnAccount, TurnCompleted, TurnOutcome,
};
use crate::session::{RunningTurn, Session};

/// What the agent is told when it asks and nobody can answer.
const NO_ONE_TO_ASK: &str = "Nobody is there to decide about this tool call, so it was refused. \
     Go on without it, or say what you would need.";

impl Session {
    pub(super) fn record(&self, recording: Recording) -> Vec<SessionEvent> {
        let Recording { output, process, runtime_version, node, spare_turn } = recording;
        let mut events = Vec::new();
        let turn = match (&self.running, self.last_turn, &output) {
            (Some(running), _, _) => running.turn,
            // Background work has ended and the agent takes it up by itself.
            (None, _, AgentOutput::Initialized(_)) => {
                let initiator = Initiator::Agent;
                let turn = spare_turn;
                events.push(SessionEvent::TurnStarted { turn, initiator, process, runtime_version, node });
                turn
            }
            (None, Some(last), _) => last,
            (None, None, AgentOutput::Other { raw }) => {
                return vec![SessionEvent::AgentMessage { turn: None, raw: raw.clone() }];
            }
            (None, None, _) => return vec![],
        };
        self.record_of_turn(turn, output, &mut events);
        events
    }

    fn record_of_turn(&self, turn: TurnId, output: AgentOutput, events: &mut Vec<SessionEvent>) {
        match output {
            AgentOutput::Initialized(profile) => {
                if self.profile.as_ref() != Some(&profile) {
                    events.push(SessionEvent::AgentInitialized { turn, profile });
                }
            }
            AgentOutput::Text { message_id, text, parent_tool_use_id } => {
                events.push(SessionEvent::AssistantText { turn, message_id, text, parent_tool_use_id });
            }
            AgentOutput::Thinking { message_id, text, parent_tool_use_id } => {
                events.push(SessionEvent::AssistantThinking { turn, message_id, text, parent_tool_use_id });
            }
            AgentOutput::ToolUsed { tool_use_id, name, input, parent_tool_use_id } => {
                events.push(SessionEvent::ToolUsed { turn, tool_use_id, name, input, parent_tool_use_id });
            }
            AgentOutput::ToolReturned(returned) => {
                let (tool_use_id, is_error) = (returned.tool_use_id, returned.is_error);
                let (content, structured) = (returned.content, returned.structured);
                events.push(SessionEvent::ToolReturned { turn, tool_use_id, is_error, content, structured });
                if let Some(change) = returned.file_change {
                    events.push(SessionEvent::FileChanged { turn, change });
                }
            }
            AgentOutput::PermissionRequested(request) => {
                let request_id = request.request_id.clone();
                events.push(SessionEvent::PermissionRequested { turn, request });
                events.push(refusal_for_want_of_people(turn, request_id));
            }
            AgentOutput::ApiRetried { attempt, max_attempts, delay_ms, status, error } => {
                events.push(SessionEvent::ApiRetried {
                    turn,
                    attempt,
                    max_attempts,
                    delay_ms,
                    status,
                    error,
                });
            }
            AgentOutput::RateLimited { info } => events.push(SessionEvent::RateLimited { turn, info }),
            AgentOutput::ContextCompacted { trigger, tokens_before, tokens_after } => {
                events.push(SessionEvent::ContextCompacted { turn, trigger, tokens_before, tokens_after });
            }
            AgentOutput::Other { raw } => events.push(SessionEvent::AgentMessage { turn: Some(turn), raw }),
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

    fn turn_ended(&self, running: &RunningTurn, report: TurnReport) -> SessionEvent {
        let turn = running.turn;
        let account = self.account(running, &report);
        let failed = |cause, status| SessionEvent::TurnFailed {
            turn,
            cause,
            detail: report.text.clone(),
            status,
            account: account.clone(),
        };
        let outcome = match report.outcome {
            AgentOutcome::Succeeded => TurnOutcome::Success,
            AgentOutcome::MaxTurns => TurnOutcome::MaxTurns,
            AgentOutcome::MaxBudget => TurnOutcome::MaxBudget,
            AgentOutcome::Refused => TurnOutcome::Refused,
            AgentOutcome::Aborted => {
                let cause = match running.interrupt_requested {
                    true => InterruptCause::User,
                    false => InterruptCause::AgentAborted,
                };
                return SessionEvent::TurnInterrupted { turn, cause, account };
            }
            AgentOutcome::ApiError { status } => return failed(FailureCause::ModelApiError, status),
            AgentOutcome::Failed => return failed(FailureCause::AgentFailed, None),
        };
        SessionEvent::TurnCompleted(TurnCompleted {
            turn,
            outcome,
            result: report.text,
            stop_reason: report.stop_reason,
            structured_output: report.structured_output,
            agent_turns: report.agent_turns,
            denials: report.denials,
            account,
        })
    }

    fn account(&self, running: &RunningTurn, report: &TurnReport) -> TurnAccount {
        let before = self.counter_of(running.process);
        TurnAccount {
            spend: report.total.since(&before.spend),
            duration_ms: report.duration_ms,
            duration_api_ms: report.total_duration_api_ms.saturating_sub(before.duration_api_ms),
            counter: AgentCounter {
                spend: report.total.clone(),
                duration_api_ms: report.total_duration_api_ms,
            },
        }
    }
}

fn refusal_for_want_of_people(turn: TurnId, request_id: String) -> SessionEvent {
    SessionEvent::PermissionDecided {
        turn,
        request_id,
        decision: Decision::Deny,
        decided_by: DecidedBy { kind: DeciderKind::System, name: Some("no one to ask".to_owned()) },
        message: Some(NO_ONE_TO_ASK.to_owned()),
    }
}
