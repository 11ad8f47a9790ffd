//! Why an account refuses a command.

use thiserror::Error;

use super::MAX_TOKEN_NAME_CHARS;

use crate::people::principal::Permission;

/// A rule said no. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccountRefusal {
    #[error("there is no such account")]
    NotRegistered,
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the account is disabled")]
    Disabled,
    #[error("the account has changed since the password was checked")]
    CredentialsOutdated,
    #[error("the code for a new password is wrong, used, or too old")]
    ResetCodeInvalid,
    #[error("the login has ended")]
    LoginEnded,
    #[error("there is no such login")]
    LoginUnknown,
    #[error("there is no such service token")]
    TokenUnknown,
    #[error("there is a service token of that name")]
    TokenNameTaken,
    #[error("{limit} service tokens exist already")]
    TooManyTokens { limit: usize },
    #[error(
        "the name of a service token has 1 to {MAX_TOKEN_NAME_CHARS} visible characters, each word in one script"
    )]
    TokenNameMalformed,
    #[error("a service token needs at least one scope")]
    NoScope,
    #[error("the role does not allow a token of scope `{}`", .0.as_str())]
    ScopeBeyondRole(Permission),
    #[error("a service token expires after it is made, and at the latest a year later")]
    TokenLifetime,
}
