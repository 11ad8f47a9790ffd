//! Why a session refuses a command.

use thiserror::Error;

use crate::request::Mismatch;

/// A rule said no. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    #[error("the session does not exist")]
    NotOpened,
    #[error("the session exists already")]
    AlreadyOpened,
    #[error("a turn is running")]
    TurnInProgress,
    #[error("no turn is running")]
    NothingRunning,
    #[error("no prompt is waiting")]
    NothingQueued,
    #[error("{limit} prompts are waiting already")]
    QueueFull { limit: usize },
    #[error("the prompt does not wait any more")]
    PromptNotWaiting,
    #[error("the subagent does not run any more")]
    SubagentNotRunning,
    #[error("the request {0} does not wait for a decision")]
    RequestNotWaiting(String),
    #[error("the answer does not fit the request: {} {}", .0.pointer, .0.detail)]
    AnswerInvalid(Mismatch),
    #[error("the session is archived")]
    Archived,
    #[error("the log to begin with does not open a session")]
    NotALog,
}
