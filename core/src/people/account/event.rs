//! What can have happened to an account. Names are frozen: once stored, an event is read for ever.
//!
//! No secret is in any of them: a password's hash is kept beside the log, of a service token only the
//! SHA-256 of 256 random bits is known, and refresh tokens are known by login and generation alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{InviteId, LoginId, ServiceTokenId};
use crate::log::Digest;
use crate::money::MicroDollars;
use crate::people::principal::{Permission, Role};
use crate::time::Timestamp;

/// A fact about an account. In JSON: `{"type": …, "data": …}`; the log keeps both apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum AccountEvent {
    UserRegistered {
        username: String,
        tenant: String,
        role: Role,
        via: Via,
        at: Timestamp,
    },
    LoggedIn(NewLogin),
    /// The refresh token of the generation before is of no use any more.
    LoginRefreshed {
        login: LoginId,
        generation: u32,
        at: Timestamp,
        address: String,
        expires_at: Timestamp,
    },
    LoginRevoked {
        login: LoginId,
        reason: RevokeReason,
    },
    /// A refresh token came that had been exchanged before: somebody has a copy.
    RefreshReused {
        login: LoginId,
        generation: u32,
        at: Timestamp,
        address: String,
    },
    /// All logins end with it, and the service tokens if it says so.
    PasswordChanged {
        at: Timestamp,
        #[serde(default, skip_serializing_if = "Tokens::are_kept")]
        tokens: Tokens,
    },
    /// A code was made with which this person sets a new password; no earlier one is good any more.
    PasswordResetIssued(ResetCode),
    /// The code was used. All logins end with it, and the service tokens if it says so.
    PasswordReset {
        at: Timestamp,
        tokens: Tokens,
    },
    RoleChanged {
        role: Role,
        by: String,
    },
    UserDisabled {
        by: String,
    },
    UserEnabled {
        by: String,
    },
    /// Nobody logs in with it any more, and nobody else gets its name.
    UserRemoved {
        by: String,
    },
    BudgetChanged {
        /// Absent: no limit of one's own.
        monthly_budget_micros: Option<MicroDollars>,
        by: String,
    },
    ServiceTokenCreated(ServiceToken),
    ServiceTokenUsed {
        token: ServiceTokenId,
        at: Timestamp,
        address: String,
    },
    ServiceTokenRevoked {
        token: ServiceTokenId,
        by: String,
    },
}

/// How somebody came to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Via {
    /// The first one of the installation.
    First,
    OpenRegistration,
    Invite {
        invite: InviteId,
    },
}

/// A login as it begins: from where, with what, and until when at the latest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLogin {
    pub login: LoginId,
    pub at: Timestamp,
    /// Refreshing moves it, up to what a login may last.
    pub expires_at: Timestamp,
    pub address: String,
    /// What the client called itself.
    pub agent: String,
}

/// What becomes of somebody's service tokens. Events that do not say are of a time when they were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    #[default]
    Kept,
    Ended,
}

impl Tokens {
    const fn are_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    LoggedOut,
    /// By its owner, from another login.
    Revoked,
    RefreshReused,
    /// There are too many; the one that was idle longest goes.
    Superseded,
}

/// A code for a new password; known by the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetCode {
    /// SHA-256 of the secret.
    pub hash: Digest,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// The admin who made it; absent for whoever runs the server, at its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A token for programs; known by the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceToken {
    pub token: ServiceTokenId,
    pub name: String,
    pub scopes: BTreeSet<Permission>,
    /// SHA-256 of the secret.
    pub hash: Digest,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}
