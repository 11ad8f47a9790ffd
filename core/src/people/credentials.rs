//! What people and programs show to be let in, and the ports that make and check it.
//!
//! A person logs in with a password and gets two signed texts: an access token, good for minutes, and a
//! refresh token, good for one exchange. A program has a service token; somebody who is invited, or who
//! forgot the password, has a code: an id to find it by, and a secret of 256 random bits of which only the
//! hash is kept.

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

use crate::ids::{LoginId, TenantId};
use crate::log::Digest;
use crate::people::account::password::Password;
use crate::people::account::username::Username;
use crate::time::Timestamp;

/// An access token is good for this long.
pub const ACCESS_LIFETIME_MS: u64 = 15 * 60 * 1000;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGrant {
    /// The token's own id.
    pub id: Uuid,
    pub username: Username,
    pub tenant: TenantId,
    pub login: LoginId,
    /// The account's authority when it was issued; it holds while that stays.
    pub authority: u64,
    /// Exact to a second, as is the other.
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a refresh token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshGrant {
    pub username: Username,
    pub login: LoginId,
    /// Which in the row of the login's tokens.
    pub generation: u32,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Signs grants, and reads those that it signed and that are good now.
pub trait GrantSigner: Send + Sync {
    fn sign_access(&self, grant: &AccessGrant) -> Result<String, CredentialError>;

    fn read_access(&self, token: &str) -> Option<AccessGrant>;

    fn sign_refresh(&self, grant: &RefreshGrant) -> Result<String, CredentialError>;

    fn read_refresh(&self, token: &str) -> Option<RefreshGrant>;
}

/// What a code is for; its first letters say so, for people and for scanners of leaked secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    ServiceToken,
    Invite,
    PasswordReset,
    /// Shows that whoever registers first owns the server.
    Setup,
}

impl CodeKind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ServiceToken => "ccr_",
            Self::Invite => "cci_",
            Self::PasswordReset => "ccp_",
            Self::Setup => "ccs_",
        }
    }
}

/// A code as it is shown once. It cannot be shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(pub String);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(code)")
    }
}

/// Makes codes of an id and a new secret, and takes them apart again.
pub trait CodeMaker: Send + Sync {
    /// The code, and the hash of its secret.
    fn make(&self, kind: CodeKind, id: Uuid) -> Result<(Code, Digest), CredentialError>;

    /// The id and the secret's hash; nothing if the text is no such code.
    fn read(&self, kind: CodeKind, text: &str) -> Option<(Uuid, Digest)>;
}

/// The code in the server's own folder that the first user needs.
pub trait SetupCode: Send + Sync {
    /// The hash of its secret.
    fn hash(&self) -> Digest;

    /// It is of no use any more.
    fn remove(&self);
}

/// Hashes passwords so that guessing is expensive. It is expensive here, too: few at a time, in order.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash, with all that checking it needs.
    async fn hash(&self, password: &Password) -> Result<Vec<u8>, CredentialError>;

    /// Whether the password is the one that was hashed. Takes as long without a hash, and says no.
    async fn verify(&self, password: &Password, hash: Option<Vec<u8>>) -> Result<bool, CredentialError>;
}

/// Why a credential could be neither made nor checked.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// Too many wait for a hash.
    #[error("too many passwords are being checked")]
    Overloaded,
    #[error("a credential could not be made")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}
