//! What the tests are made of: an account `ada`, logins and tokens by number, time in milliseconds.

use uuid::Uuid;

use crate::ids::{LoginId, TenantId};
use crate::log::{Aggregate, Digest};
use crate::people::account::Account;
use crate::people::account::command::AccountCommand;
use crate::people::account::event::{AccountEvent, NewLogin, ResetCode, RevokeReason, Tokens, Via};
use crate::people::account::refusal::AccountRefusal;
use crate::people::account::username::Username;
use crate::people::account::{REFRESH_LIFETIME_MS, decide};
use crate::people::principal::Role;
use crate::time::Timestamp;

/// An account to which something has happened.
pub(super) struct Given(Account);

/// What it said to a command.
pub(super) struct Answered(Result<Vec<AccountEvent>, AccountRefusal>);

pub(super) fn given(events: impl IntoIterator<Item = AccountEvent>) -> Given {
    Given(account(&events.into_iter().collect::<Vec<_>>()))
}

impl Given {
    pub(super) fn when(self, command: AccountCommand) -> Answered {
        Answered(self.0.events_of(command))
    }
}

impl Answered {
    pub(super) fn then_expect(self, events: impl IntoIterator<Item = AccountEvent>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    pub(super) fn then_refuse(self, refusal: AccountRefusal) {
        assert_eq!(self.0, Err(refusal));
    }
}

pub(super) fn account(events: &[AccountEvent]) -> Account {
    let mut account = Account::default();
    events.iter().cloned().for_each(|event| account.apply(event));
    account
}

pub(super) const fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_795_343_053_000_000 + 1000 * millis.cast_signed())
}

pub(super) const fn login(number: u128) -> LoginId {
    LoginId(Uuid::from_u128(number))
}

pub(super) fn new_login(number: u128) -> NewLogin {
    new_login_at(number, at(0))
}

pub(super) fn new_login_at(number: u128, at: Timestamp) -> NewLogin {
    let expires_at = at.plus_millis(REFRESH_LIFETIME_MS);
    NewLogin { login: login(number), at, expires_at, address: "127.0.0.1".into(), agent: "curl/8".into() }
}

pub(super) fn register(name: &str) -> AccountCommand {
    AccountCommand::Register {
        username: Username::try_from(name.to_owned()).unwrap(),
        tenant: TenantId::first(),
        role: Role::Member,
        via: Via::OpenRegistration,
        login: new_login(1),
    }
}

pub(super) fn log_in(number: u128, authority: u64) -> AccountCommand {
    AccountCommand::LogIn { login: new_login(number), authority }
}

pub(super) fn change_password(number: u128, authority: u64) -> AccountCommand {
    AccountCommand::ChangePassword { login: new_login(number), authority, tokens: Tokens::Ended }
}

pub(super) fn password_changed(tokens: Tokens) -> AccountEvent {
    AccountEvent::PasswordChanged { at: at(0), tokens }
}

/// A code by its number, good for ten milliseconds.
pub(super) fn reset_code(number: u8) -> ResetCode {
    let (at, expires_at) = (at(0), at(10));
    ResetCode { hash: Digest([number; 32]), at, expires_at, by: Some("root".into()) }
}

pub(super) fn reset_password(code: u8, millis: u64) -> AccountCommand {
    let login = new_login_at(9, at(millis));
    AccountCommand::ResetPassword { hash: Digest([code; 32]), login, tokens: Tokens::Ended }
}

pub(super) fn password_reset(millis: u64) -> AccountEvent {
    AccountEvent::PasswordReset { at: at(millis), tokens: Tokens::Ended }
}

pub(super) fn registered() -> AccountEvent {
    AccountEvent::UserRegistered {
        username: "ada".into(),
        tenant: "default".into(),
        role: Role::Member,
        via: Via::OpenRegistration,
        at: at(0),
    }
}

pub(super) fn logged_in(number: u128) -> AccountEvent {
    AccountEvent::LoggedIn(new_login(number))
}

/// Registered and logged in.
pub(super) fn began() -> Vec<AccountEvent> {
    vec![registered(), logged_in(1)]
}

pub(super) fn disabled() -> AccountEvent {
    AccountEvent::UserDisabled { by: "root".into() }
}

pub(super) fn refresh(number: u128, generation: u32) -> AccountCommand {
    AccountCommand::Refresh { login: login(number), generation, at: at(1), address: "::1".into() }
}

pub(super) fn refreshed(number: u128, generation: u32) -> AccountEvent {
    AccountEvent::LoginRefreshed {
        login: login(number),
        generation,
        at: at(1),
        address: "::1".into(),
        expires_at: decide::expiry(at(0), at(1)),
    }
}

pub(super) fn revoked(number: u128, reason: RevokeReason) -> AccountEvent {
    AccountEvent::LoginRevoked { login: login(number), reason }
}
