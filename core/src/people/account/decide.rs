//! The rules of an account.

use super::command::AccountCommand;
use super::event::{AccountEvent, NewLogin, RevokeReason, ServiceToken};
use super::refusal::AccountRefusal;
use super::{
    Account, LOGIN_LIFETIME_MS, MAX_LOGINS, MAX_TOKEN_LIFETIME_MS, MAX_TOKEN_NAME_CHARS, MAX_TOKENS, Profile,
    REFRESH_LIFETIME_MS,
};
use crate::ids::{LoginId, ServiceTokenId};
use crate::money::MicroDollars;
use crate::people::confusable_names::is_legible;
use crate::time::Timestamp;

/// The use of a service token is noted this often.
const TOKEN_USE_NOTED_AFTER_MS: u64 = 60 * 60 * 1000;

type Decided = Result<Vec<AccountEvent>, AccountRefusal>;

/// When a refresh token expires that is issued now, of a login that began some time ago.
pub(super) fn expiry(began_at: Timestamp, now: Timestamp) -> Timestamp {
    now.plus_millis(REFRESH_LIFETIME_MS).min(began_at.plus_millis(LOGIN_LIFETIME_MS))
}

impl Account {
    /// When the refresh token of a login that begins at a time expires.
    pub fn first_expiry(at: Timestamp) -> Timestamp {
        expiry(at, at)
    }

    /// What a command leads to, of whoever has registered or not.
    pub(super) fn events_of(&self, command: AccountCommand) -> Decided {
        match (&self.profile, command) {
            (None, AccountCommand::Register { username, tenant, role, via, login }) => {
                let (username, tenant, at) = (username.to_string(), tenant.0, login.at);
                let registered = AccountEvent::UserRegistered { username, tenant, role, via, at };
                Ok(vec![registered, AccountEvent::LoggedIn(login)])
            }
            (Some(_), AccountCommand::Register { .. }) => Err(AccountRefusal::UsernameTaken),
            (None, _) => Err(AccountRefusal::NotRegistered),
            (Some(profile), AccountCommand::Remove { by }) => {
                Ok(if profile.removed { vec![] } else { vec![AccountEvent::UserRemoved { by }] })
            }
            (Some(profile), _) if profile.removed => Err(AccountRefusal::NotRegistered),
            (Some(profile), AccountCommand::Enable { by }) => {
                Ok(if profile.disabled { vec![AccountEvent::UserEnabled { by }] } else { vec![] })
            }
            (Some(profile), command) => self.decide_registered(profile, command),
        }
    }

    fn decide_registered(&self, profile: &Profile, command: AccountCommand) -> Decided {
        match command {
            AccountCommand::Register { .. }
            | AccountCommand::Enable { .. }
            | AccountCommand::Remove { .. } => Ok(vec![]),
            AccountCommand::LogIn { login, authority } => {
                refuse_disabled(profile)?;
                self.refuse_outdated(authority)?;
                Ok(self.log_in_events(login))
            }
            AccountCommand::Refresh { login, generation, at, address } => {
                self.refresh(login, generation, at, address)
            }
            AccountCommand::LogOut { login } => {
                let logins = self.logins.contains_key(&login).then_some(login);
                Ok(logins.map(|login| revoked(login, RevokeReason::LoggedOut)).into_iter().collect())
            }
            AccountCommand::RevokeLogin { login } => {
                self.logins.get(&login).ok_or(AccountRefusal::LoginUnknown)?;
                Ok(vec![revoked(login, RevokeReason::Revoked)])
            }
            AccountCommand::RevokeOtherLogins { kept } => {
                let others = self.logins.keys().filter(|login| **login != kept);
                Ok(others.map(|login| revoked(*login, RevokeReason::Revoked)).collect())
            }
            AccountCommand::ChangePassword { login, authority, tokens } => {
                refuse_disabled(profile)?;
                self.refuse_outdated(authority)?;
                let changed = AccountEvent::PasswordChanged { at: login.at, tokens };
                Ok(vec![changed, AccountEvent::LoggedIn(login)])
            }
            AccountCommand::IssuePasswordReset(code) => {
                refuse_disabled(profile)?;
                Ok(vec![AccountEvent::PasswordResetIssued(code)])
            }
            AccountCommand::ResetPassword { hash, login, tokens } => {
                self.find_reset(hash, login.at).ok_or(AccountRefusal::ResetCodeInvalid)?;
                refuse_disabled(profile)?;
                let reset = AccountEvent::PasswordReset { at: login.at, tokens };
                Ok(vec![reset, AccountEvent::LoggedIn(login)])
            }
            AccountCommand::ChangeRole { role, by } => Ok(match profile.role == role {
                true => vec![],
                false => vec![AccountEvent::RoleChanged { role, by }],
            }),
            AccountCommand::Disable { by } => Ok(match profile.disabled {
                true => vec![],
                false => vec![AccountEvent::UserDisabled { by }],
            }),
            AccountCommand::ChangeBudget { monthly_budget, by } => {
                Ok(change_budget(profile, monthly_budget, by))
            }
            AccountCommand::CreateToken(token) => self.create_token(profile, token),
            AccountCommand::RevokeToken { token, by } => {
                self.tokens.get(&token).ok_or(AccountRefusal::TokenUnknown)?;
                Ok(vec![AccountEvent::ServiceTokenRevoked { token, by }])
            }
            AccountCommand::NoteTokenUse { token, at, address } => self.note_use(token, at, address),
        }
    }

    /// A password that was right a moment ago may have been changed since.
    const fn refuse_outdated(&self, authority: u64) -> Result<(), AccountRefusal> {
        if self.authority == authority { Ok(()) } else { Err(AccountRefusal::CredentialsOutdated) }
    }

    /// A login beyond the limit costs the one that was idle longest.
    fn log_in_events(&self, login: NewLogin) -> Vec<AccountEvent> {
        let live = self.logins.iter().filter(|(_, old)| old.expires_at > login.at);
        let mut by_use: Vec<_> = live.map(|(id, old)| (old.last_used_at, *id)).collect();
        by_use.sort_unstable();
        let surplus = (by_use.len() + 1).saturating_sub(MAX_LOGINS);
        let superseded = by_use.into_iter().take(surplus);
        let mut events: Vec<_> = superseded.map(|(_, id)| revoked(id, RevokeReason::Superseded)).collect();
        events.push(AccountEvent::LoggedIn(login));
        events
    }

    fn refresh(&self, id: LoginId, generation: u32, at: Timestamp, address: String) -> Decided {
        let login = self.find_login(id, at).ok_or(AccountRefusal::LoginEnded)?;
        if generation < login.generation {
            let reused = AccountEvent::RefreshReused { login: id, generation, at, address };
            return Ok(vec![reused, revoked(id, RevokeReason::RefreshReused)]);
        }
        if generation > login.generation {
            // A token of ours that this log has not issued: it has been put back to an earlier state.
            return Err(AccountRefusal::LoginEnded);
        }
        let (generation, expires_at) = (generation + 1, expiry(login.began_at, at));
        Ok(vec![AccountEvent::LoginRefreshed { login: id, generation, at, address, expires_at }])
    }

    fn create_token(&self, profile: &Profile, token: ServiceToken) -> Decided {
        refuse_disabled(profile)?;
        let is_blank = token.name.trim().is_empty();
        let is_long = token.name.chars().count() > MAX_TOKEN_NAME_CHARS;
        if is_blank || is_long || !is_legible(&token.name) {
            return Err(AccountRefusal::TokenNameMalformed);
        }
        let mut live = self.tokens.values().filter(|used| used.token.expires_at > token.created_at);
        if live.clone().count() >= MAX_TOKENS {
            return Err(AccountRefusal::TooManyTokens { limit: MAX_TOKENS });
        }
        if live.any(|used| used.token.name == token.name) {
            return Err(AccountRefusal::TokenNameTaken);
        }
        if token.scopes.is_empty() {
            return Err(AccountRefusal::NoScope);
        }
        if let Some(scope) = token.scopes.iter().find(|scope| !profile.role.allows(**scope)) {
            return Err(AccountRefusal::ScopeBeyondRole(*scope));
        }
        let lifetime = token.expires_at.millis_since(token.created_at);
        if lifetime == 0 || lifetime > MAX_TOKEN_LIFETIME_MS {
            return Err(AccountRefusal::TokenLifetime);
        }
        Ok(vec![AccountEvent::ServiceTokenCreated(token)])
    }

    fn note_use(&self, token: ServiceTokenId, at: Timestamp, address: String) -> Decided {
        let used = self.tokens.get(&token).ok_or(AccountRefusal::TokenUnknown)?;
        let is_fresh = used.last_used_at.is_some_and(|last| at.millis_since(last) < TOKEN_USE_NOTED_AFTER_MS);
        Ok(if is_fresh { vec![] } else { vec![AccountEvent::ServiceTokenUsed { token, at, address }] })
    }
}

fn refuse_disabled(profile: &Profile) -> Result<(), AccountRefusal> {
    if profile.disabled { Err(AccountRefusal::Disabled) } else { Ok(()) }
}

fn revoked(login: LoginId, reason: RevokeReason) -> AccountEvent {
    AccountEvent::LoginRevoked { login, reason }
}

fn change_budget(profile: &Profile, monthly_budget: Option<MicroDollars>, by: String) -> Vec<AccountEvent> {
    if profile.monthly_budget == monthly_budget {
        return vec![];
    }
    vec![AccountEvent::BudgetChanged { monthly_budget_micros: monthly_budget, by }]
}
