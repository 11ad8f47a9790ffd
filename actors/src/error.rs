//! Why a session could not do what it was asked.

use runner_core::ports::{AgentError, AppendError, ReadError};
use runner_core::session::error::SessionError;
use runner_core::session::revoked::Revoked;
use runner_core::session::view::RequestView;
use thiserror::Error;

use crate::agent_proofs::Unproven;

/// What the outside branches on; everything else is [`RunnerError::Unexpected`].
#[derive(Debug, Error)]
pub enum RunnerError {
    #[error("there is no such session")]
    NotFound,
    #[error(transparent)]
    Refused(#[from] SessionError),
    /// No agent may work in this session's name; nothing was changed.
    #[error(transparent)]
    Revoked(#[from] Revoked),
    #[error("the command id was used for a different request")]
    CommandReused,
    #[error("as many sessions are busy as this server may run")]
    Overloaded,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("there is no such request")]
    RequestNotFound,
    /// The request was settled before, or needs no answer any more.
    #[error("the request is closed")]
    RequestClosed(Box<RequestView>),
    #[error("{0}")]
    NothingToRewind(String),
    #[error("{0}")]
    AgentUnavailable(String),
    /// The agent's program is not known to keep what the session relies on.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// The log cannot be written just now; nothing was changed.
    #[error("the event log is not available")]
    LogUnavailable(#[source] AppendError),
    #[error("the session could not be reached")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<AppendError> for RunnerError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::CommandReused => Self::CommandReused,
            AppendError::Overloaded => Self::Overloaded,
            AppendError::Unavailable(_) => Self::LogUnavailable(error),
            AppendError::Conflict { .. } => Self::Unexpected(error.into()),
        }
    }
}

impl From<AgentError> for RunnerError {
    fn from(error: AgentError) -> Self {
        Self::AgentUnavailable(error.to_string())
    }
}

impl From<ReadError> for RunnerError {
    fn from(error: ReadError) -> Self {
        Self::Unexpected(error.into())
    }
}

impl From<actix::MailboxError> for RunnerError {
    fn from(error: actix::MailboxError) -> Self {
        Self::Unexpected(error.into())
    }
}
