//! How a turn ended, in words.

use super::TurnError;
use crate::session::event::{FailureCause, InterruptCause, TurnOutcome};

pub(super) const fn outcome_name(outcome: TurnOutcome) -> &'static str {
    match outcome {
        TurnOutcome::Success => "success",
        TurnOutcome::MaxTurns => "max_turns",
        // As where the gateway finds it spent.
        TurnOutcome::MaxBudget => FailureCause::Budget.code(),
        TurnOutcome::Refused => "refused",
        TurnOutcome::OutputSchemaUnmet => "output_schema_unmet",
        TurnOutcome::NotSentToModel => "not_sent_to_model",
    }
}

pub(super) fn shortfall(outcome: TurnOutcome, result: &str) -> Option<TurnError> {
    let detail = match outcome {
        TurnOutcome::Success => return None,
        TurnOutcome::MaxTurns | TurnOutcome::MaxBudget | TurnOutcome::Refused => result,
        TurnOutcome::OutputSchemaUnmet => "the model gave no answer that fits `output_schema`",
        TurnOutcome::NotSentToModel => {
            "the model was not asked: Claude Code takes a prompt that begins with `/` for a command of its own; \
             to ask the model, put a space, or a word, before the `/`"
        }
    };
    Some(TurnError { code: outcome_name(outcome).to_owned(), detail: detail.to_owned(), status: None })
}

pub(super) fn failure(cause: FailureCause, detail: &str, status: Option<u16>) -> TurnError {
    TurnError { code: cause.code().to_owned(), detail: detail.to_owned(), status }
}

pub(super) fn withdrawal(by: &str) -> TurnError {
    let detail = format!("the prompt was taken back by {by} before its turn began");
    TurnError { code: "withdrawn".to_owned(), detail, status: None }
}

pub(super) fn interruption(cause: InterruptCause) -> TurnError {
    let detail = match cause {
        InterruptCause::User => "the turn was interrupted on request",
        InterruptCause::ServerStopped => "the server was stopped while the turn ran",
        InterruptCause::ServerCrashed => "the server ended without warning while the turn ran",
        InterruptCause::StoreUnavailable => {
            "what happened in the turn could not be stored; the server's log says why"
        }
        InterruptCause::Deadline => "the turn took longer than it may",
        InterruptCause::AgentAborted => "the agent stopped by itself",
        InterruptCause::Forked => "the session was forked in the middle of the turn",
        InterruptCause::OwnerDisabled => "the account of the session's owner was disabled",
        InterruptCause::OwnerNotPermitted => {
            "the session's owner got a role that does not allow to run tasks"
        }
        InterruptCause::SessionArchived => "the session was archived",
        InterruptCause::TrustRevoked => {
            "the session's folder is no longer trusted, and the agent had loaded it"
        }
    };
    TurnError { code: cause.code().to_owned(), detail: detail.to_owned(), status: None }
}
