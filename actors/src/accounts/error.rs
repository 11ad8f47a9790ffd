//! Why somebody was not let in, or an account was not changed.

use runner_core::people::account::password::PasswordError;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::username::UsernameError;
use runner_core::people::credentials::CredentialError;
use runner_core::people::invite::InviteRefusal;
use runner_core::people::tenant::TenantRefusal;
use runner_core::ports::{AppendError, ReadError};
use thiserror::Error;

use crate::store::ChangeError;

/// What the outside branches on; everything else is [`AccountError::Unexpected`].
#[derive(Debug, Error)]
pub enum AccountError {
    #[error("the username {0}")]
    Username(#[from] UsernameError),
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Refused(AccountRefusal),
    /// Neither says which of both is wrong.
    #[error("the username or the password is wrong")]
    CredentialsWrong,
    #[error("the password is wrong")]
    PasswordWrong,
    /// The token is none of ours, too old, or its rights have changed.
    #[error("the token is not valid")]
    TokenInvalid,
    #[error("nobody can register here")]
    RegistrationClosed,
    #[error("registering needs a code")]
    CodeRequired,
    #[error("the code is wrong, used, or too old")]
    CodeInvalid,
    #[error(transparent)]
    Invite(#[from] InviteRefusal),
    #[error(transparent)]
    Tenant(#[from] TenantRefusal),
    /// It was carried out before, and what was answered is kept nowhere.
    #[error("this was done under the same key, and what was answered is shown only once")]
    ShownOnce,
    #[error("the last admin cannot be demoted or disabled")]
    LastAdmin,
    /// What others do for somebody, nobody does for themselves.
    #[error("this cannot be done to one's own account")]
    OwnAccount,
    #[error("there is no such user")]
    UserUnknown,
    /// The local user is nobody in particular.
    #[error("the local user has no account; register first")]
    NoAccount,
    #[error("too many attempts")]
    Throttled { retry_after_ms: u64 },
    #[error("too many passwords are being checked")]
    Overloaded,
    /// The request's key was used for something else.
    #[error("the key was used for a different request")]
    CommandReused,
    /// The log cannot be written just now; nothing was changed.
    #[error("the event log is not available")]
    LogUnavailable(#[source] AppendError),
    #[error("an account could not be reached")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl AccountError {
    /// Whether the server could not answer, whatever was asked.
    pub(super) const fn is_of_the_server(&self) -> bool {
        matches!(self, Self::Overloaded | Self::LogUnavailable(_) | Self::Unexpected(_))
    }

    pub(super) fn unexpected(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unexpected(source.into())
    }
}

impl From<AccountRefusal> for AccountError {
    fn from(refusal: AccountRefusal) -> Self {
        match refusal {
            AccountRefusal::NotRegistered => Self::UserUnknown,
            AccountRefusal::CredentialsOutdated => Self::CredentialsWrong,
            AccountRefusal::ResetCodeInvalid => Self::CodeInvalid,
            AccountRefusal::UsernameTaken
            | AccountRefusal::Disabled
            | AccountRefusal::LoginEnded
            | AccountRefusal::LoginUnknown
            | AccountRefusal::TokenUnknown
            | AccountRefusal::TokenNameTaken
            | AccountRefusal::TooManyTokens { .. }
            | AccountRefusal::NoScope
            | AccountRefusal::TokenNameMalformed
            | AccountRefusal::ScopeBeyondRole(_)
            | AccountRefusal::TokenLifetime => Self::Refused(refusal),
        }
    }
}

impl<R: Into<Self>> From<ChangeError<R>> for AccountError {
    fn from(error: ChangeError<R>) -> Self {
        match error {
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Append(error) => error.into(),
            ChangeError::Read(error) => error.into(),
        }
    }
}

impl From<CredentialError> for AccountError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Overloaded => Self::Overloaded,
            CredentialError::Unexpected(_) => Self::unexpected(error),
        }
    }
}

impl From<AppendError> for AccountError {
    fn from(error: AppendError) -> Self {
        match error {
            // Too many changed the same at once.
            AppendError::Overloaded | AppendError::Conflict { .. } => Self::Overloaded,
            AppendError::Unavailable(_) => Self::LogUnavailable(error),
            AppendError::CommandReused => Self::CommandReused,
        }
    }
}

impl From<ReadError> for AccountError {
    fn from(error: ReadError) -> Self {
        Self::unexpected(error)
    }
}
