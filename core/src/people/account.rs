//! An account: a person's name, role, logins and service tokens; its rules (`decide.rs`) and how
//! events change it.
//!
//! A person registers once and never loses the name, not even when the account is removed: the log tells
//! what was done under it, and whoever had it next would seem to have done that. Each login is a
//! family of refresh tokens that are exchanged one for the next; a token that comes a second time ends the
//! family. Whatever changes what a person may do moves the account's `authority`, by which access tokens
//! issued before are known to be out of date. What has ended drops out of the state; the log remembers it.
//!
//! Rules about several accounts (the first is an admin, the last admin stays) are with whoever sees them
//! all: `runner-actors`.

pub mod command;
mod decide;
pub mod event;
pub mod password;
pub mod refusal;
#[cfg(test)]
mod tests;
pub mod username;
pub mod view;

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::log::{Aggregate, AggregateEvent, Digest, Effects, stream_of_name};

use crate::ids::{LoginId, ServiceTokenId, StreamId, TenantId};
use crate::money::MicroDollars;
use crate::people::principal::{Permission, Role};
use crate::session::revoked::Revoked;
use crate::time::Timestamp;
use command::AccountCommand;
use event::{AccountEvent, NewLogin, ResetCode, ServiceToken, Tokens};
use refusal::AccountRefusal;
use username::Username;

/// A refresh token is good for this long after it was issued.
pub const REFRESH_LIFETIME_MS: u64 = 30 * DAY_MS;
/// However often it is refreshed, a login ends after this.
pub const LOGIN_LIFETIME_MS: u64 = 90 * DAY_MS;
/// A code for a new password is good for this long.
pub const RESET_LIFETIME_MS: u64 = DAY_MS;
/// The longest that a service token lives.
pub const MAX_TOKEN_LIFETIME_MS: u64 = 366 * DAY_MS;
/// The most logins and service tokens of one account.
pub const MAX_LOGINS: usize = 50;
pub const MAX_TOKENS: usize = 100;
pub const MAX_TOKEN_NAME_CHARS: usize = 100;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// An account as far as its rules need to know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    profile: Option<Profile>,
    /// Counts what changed what this person may do.
    authority: u64,
    logins: BTreeMap<LoginId, Login>,
    tokens: BTreeMap<ServiceTokenId, TokenInUse>,
    /// The code with which a new password can be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset: Option<ResetCode>,
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub username: String,
    pub tenant: TenantId,
    pub role: Role,
    /// Also of a removed account.
    pub disabled: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    pub registered_at: Timestamp,
    pub monthly_budget: Option<MicroDollars>,
    pub last_login_at: Option<Timestamp>,
}

/// A login that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// How often it was refreshed: the refresh token that counts.
    pub generation: u32,
    pub began_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    pub address: String,
    pub agent: String,
}

/// A service token that was not revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenInUse {
    #[serde(flatten)]
    pub token: ServiceToken,
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
}

impl Account {
    /// The stream of whoever has a name; the log lets only one begin it.
    pub fn stream(username: &Username) -> StreamId {
        stream_of_name(Self::KIND, username.as_str())
    }

    /// How the audit trail calls the account of whoever has a name.
    pub fn object(username: &Username) -> String {
        format!("{}:{username}", Self::KIND)
    }

    /// Who it belongs to; absent before somebody registered.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    pub fn is_active(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| !profile.disabled)
    }

    /// Why no agent may work in this person's name; absent if one may.
    pub fn revoked(&self) -> Option<Revoked> {
        let profile = self.profile.as_ref()?;
        if profile.disabled {
            Some(Revoked::OwnerDisabled)
        } else if !profile.role.allows(Permission::RunTasks) {
            Some(Revoked::OwnerNotPermitted)
        } else {
            None
        }
    }

    pub fn is_active_admin(&self) -> bool {
        self.is_active() && self.profile.as_ref().is_some_and(|profile| profile.role == Role::Admin)
    }

    pub const fn authority(&self) -> u64 {
        self.authority
    }

    /// A login that is still good at a time.
    pub fn find_login(&self, login: LoginId, now: Timestamp) -> Option<&Login> {
        self.logins.get(&login).filter(|login| self.is_active() && login.expires_at > now)
    }

    /// The service token with a hash, if it is still good at a time.
    pub fn find_token(&self, hash: Digest, now: Timestamp) -> Option<&ServiceToken> {
        let mut tokens = self.tokens.values().map(|used| &used.token);
        tokens.find(|token| token.hash == hash && token.expires_at > now && self.is_active())
    }

    /// The code for a new password with a hash, if it is still good at a time.
    pub fn find_reset(&self, hash: Digest, now: Timestamp) -> Option<&ResetCode> {
        self.reset.as_ref().filter(|code| code.hash == hash && code.expires_at > now)
    }

    /// Whether a service token is still good at a time.
    pub fn has_token(&self, token: ServiceTokenId, now: Timestamp) -> bool {
        let used = self.tokens.get(&token);
        self.is_active() && used.is_some_and(|used| used.token.expires_at > now)
    }

    fn log_in(&mut self, new: NewLogin) {
        let NewLogin { login, at, expires_at, address, agent } = new;
        self.logins.retain(|_, login| login.expires_at > at);
        if let Some(profile) = &mut self.profile {
            profile.last_login_at = Some(at);
        }
        let began = Login { generation: 0, began_at: at, last_used_at: at, expires_at, address, agent };
        self.logins.insert(login, began);
    }

    /// A new password: whatever was shown for the one before is of no use any more.
    fn replace_password(&mut self, tokens: Tokens) {
        self.logins.clear();
        match tokens {
            Tokens::Kept => {}
            Tokens::Ended => self.tokens.clear(),
        }
        self.reset = None;
        self.authority += 1;
    }

    fn shut_out(&mut self) {
        self.logins.clear();
        self.reset = None;
        self.change_profile(|profile| profile.disabled = true);
    }

    fn change_profile(&mut self, change: impl FnOnce(&mut Profile)) {
        if let Some(profile) = &mut self.profile {
            change(profile);
            self.authority += 1;
        }
    }
}

impl AggregateEvent for AccountEvent {
    fn concerns_agents(&self) -> bool {
        match self {
            Self::RoleChanged { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::UserRemoved { .. } => true,
            Self::UserRegistered { .. }
            | Self::LoggedIn(_)
            | Self::LoginRefreshed { .. }
            | Self::LoginRevoked { .. }
            | Self::RefreshReused { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordResetIssued(_)
            | Self::PasswordReset { .. }
            | Self::BudgetChanged { .. }
            | Self::ServiceTokenCreated(_)
            | Self::ServiceTokenUsed { .. }
            | Self::ServiceTokenRevoked { .. } => false,
        }
    }
}

impl Aggregate for Account {
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Action = Infallible;
    type Refusal = AccountRefusal;

    const KIND: &'static str = "account";

    fn decide(&self, command: AccountCommand) -> Result<Effects<AccountEvent, Infallible>, AccountRefusal> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::UserRegistered { username, tenant, role, via: _, at } => {
                self.profile = Some(Profile {
                    username,
                    tenant: TenantId(tenant),
                    role,
                    disabled: false,
                    removed: false,
                    registered_at: at,
                    monthly_budget: None,
                    last_login_at: None,
                });
            }
            AccountEvent::LoggedIn(new) => self.log_in(new),
            AccountEvent::LoginRefreshed { login, generation, at, address, expires_at } => {
                if let Some(login) = self.logins.get_mut(&login) {
                    (login.generation, login.last_used_at, login.expires_at) = (generation, at, expires_at);
                    login.address = address;
                }
            }
            AccountEvent::LoginRevoked { login, reason: _ } => drop(self.logins.remove(&login)),
            AccountEvent::RefreshReused { .. } => {}
            AccountEvent::PasswordChanged { at: _, tokens }
            | AccountEvent::PasswordReset { at: _, tokens } => {
                self.replace_password(tokens);
            }
            AccountEvent::PasswordResetIssued(code) => self.reset = Some(code),
            AccountEvent::RoleChanged { role, by: _ } => self.change_profile(|profile| profile.role = role),
            AccountEvent::UserDisabled { by: _ } => self.shut_out(),
            AccountEvent::UserRemoved { by: _ } => {
                self.shut_out();
                self.tokens.clear();
                self.change_profile(|profile| profile.removed = true);
            }
            AccountEvent::UserEnabled { by: _ } => self.change_profile(|profile| profile.disabled = false),
            AccountEvent::BudgetChanged { monthly_budget_micros, by: _ } => {
                if let Some(profile) = &mut self.profile {
                    profile.monthly_budget = monthly_budget_micros;
                }
            }
            AccountEvent::ServiceTokenCreated(token) => {
                self.tokens.retain(|_, used| used.token.expires_at > token.created_at);
                let id = token.token;
                self.tokens.insert(id, TokenInUse { token, last_used_at: None, last_used_from: None });
            }
            AccountEvent::ServiceTokenUsed { token, at, address } => {
                if let Some(used) = self.tokens.get_mut(&token) {
                    (used.last_used_at, used.last_used_from) = (Some(at), Some(address));
                }
            }
            AccountEvent::ServiceTokenRevoked { token, by: _ } => drop(self.tokens.remove(&token)),
        }
    }
}
