//! Why a session refuses a command.

use thiserror::Error;

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
}
