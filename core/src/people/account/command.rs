//! What can be asked of an account. Commands carry every fact a rule needs: time, ids, what was looked up.

use super::event::{NewLogin, ResetCode, ServiceToken, Tokens, Via};
use super::username::Username;
use crate::ids::{LoginId, ServiceTokenId, TenantId};
use crate::log::Digest;
use crate::money::MicroDollars;
use crate::people::principal::Role;
use crate::time::Timestamp;

/// A request to change an account. Never stored. Where it takes a password, that has been checked before.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountCommand {
    /// Somebody gets an account and is logged in.
    Register {
        username: Username,
        tenant: TenantId,
        role: Role,
        via: Via,
        login: NewLogin,
    },
    /// The password was checked when the account had this `authority`.
    LogIn {
        login: NewLogin,
        authority: u64,
    },
    /// A refresh token is exchanged for the next one.
    Refresh {
        login: LoginId,
        generation: u32,
        at: Timestamp,
        address: String,
    },
    LogOut {
        login: LoginId,
    },
    RevokeLogin {
        login: LoginId,
    },
    RevokeOtherLogins {
        kept: LoginId,
    },
    /// Every login ends; a new one begins. The old password was checked as for [`Self::LogIn`].
    ChangePassword {
        login: NewLogin,
        authority: u64,
        tokens: Tokens,
    },
    IssuePasswordReset(ResetCode),
    /// Every login ends; a new one begins. The code stands for the password that was forgotten.
    ResetPassword {
        hash: Digest,
        login: NewLogin,
        tokens: Tokens,
    },
    ChangeRole {
        role: Role,
        by: String,
    },
    Disable {
        by: String,
    },
    Enable {
        by: String,
    },
    Remove {
        by: String,
    },
    ChangeBudget {
        monthly_budget: Option<MicroDollars>,
        by: String,
    },
    CreateToken(ServiceToken),
    RevokeToken {
        token: ServiceTokenId,
        by: String,
    },
    /// A token was used; noted once an hour.
    NoteTokenUse {
        token: ServiceTokenId,
        at: Timestamp,
        address: String,
    },
}
