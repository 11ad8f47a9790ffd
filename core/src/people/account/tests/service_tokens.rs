//! The rules for service tokens.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::samples::{account, at, disabled, given, password_changed, registered};
use crate::ids::ServiceTokenId;
use crate::log::Digest;
use crate::people::account::command::AccountCommand;
use crate::people::account::event::{AccountEvent, ServiceToken, Tokens};
use crate::people::account::refusal::AccountRefusal;
use crate::people::account::{MAX_TOKEN_LIFETIME_MS, MAX_TOKENS};
use crate::people::principal::{Permission, Role};

const HOUR_MS: u64 = 60 * 60 * 1000;

#[test]
fn token_is_made_once_under_its_name() {
    given([registered()])
        .when(AccountCommand::CreateToken(token(1)))
        .then_expect([AccountEvent::ServiceTokenCreated(token(1))]);
    given([registered(), created(1)])
        .when(AccountCommand::CreateToken(ServiceToken { name: "token 1".into(), ..token(2) }))
        .then_refuse(AccountRefusal::TokenNameTaken);
}

#[test]
fn token_that_is_good_for_nothing_or_for_too_much_is_refused() {
    for (scopes, refusal) in [
        (vec![], AccountRefusal::NoScope),
        (
            vec![Permission::RunTasks, Permission::Administer],
            AccountRefusal::ScopeBeyondRole(Permission::Administer),
        ),
    ] {
        let scopes = scopes.into_iter().collect();
        given([registered()])
            .when(AccountCommand::CreateToken(ServiceToken { scopes, ..token(1) }))
            .then_refuse(refusal);
    }
    let viewer = AccountEvent::RoleChanged { role: Role::Viewer, by: "root".into() };
    given([registered(), viewer])
        .when(AccountCommand::CreateToken(token(1)))
        .then_refuse(AccountRefusal::ScopeBeyondRole(Permission::RunTasks));
}

#[test]
fn new_password_ends_tokens_or_keeps_them() {
    for (tokens, left) in [(Tokens::Ended, 0), (Tokens::Kept, 1)] {
        let account = account(&[registered(), created(1), password_changed(tokens)]);

        assert_eq!(account.list_tokens().len(), left);
        assert_eq!(account.find_token(token(1).hash, at(1)).is_some(), left == 1);
    }
}

#[test]
fn token_lives_for_a_year_at_most() {
    for (lifetime, is_allowed) in
        [(0, false), (1, true), (MAX_TOKEN_LIFETIME_MS, true), (MAX_TOKEN_LIFETIME_MS + 1, false)]
    {
        let token = ServiceToken { expires_at: at(lifetime), ..token(1) };
        let answered = given([registered()]).when(AccountCommand::CreateToken(token.clone()));
        match is_allowed {
            true => answered.then_expect([AccountEvent::ServiceTokenCreated(token)]),
            false => answered.then_refuse(AccountRefusal::TokenLifetime),
        }
    }
}

#[test]
fn tokens_are_limited_and_expired_ones_do_not_count() {
    let limit = u64::try_from(MAX_TOKENS).unwrap();
    let full = || [registered()].into_iter().chain((1..=limit).map(created));

    given(full())
        .when(AccountCommand::CreateToken(token(limit + 1)))
        .then_refuse(AccountRefusal::TooManyTokens { limit: MAX_TOKENS });

    let later = ServiceToken { created_at: at(HOUR_MS), expires_at: at(2 * HOUR_MS), ..token(1) };
    given(full())
        .when(AccountCommand::CreateToken(later.clone()))
        .then_expect([AccountEvent::ServiceTokenCreated(later)]);
}

#[test]
fn token_is_good_until_it_expires_is_revoked_or_its_owner_disabled() {
    let hash = token(1).hash;
    let events = vec![registered(), created(1), created(2)];
    assert_eq!(account(&events).find_token(hash, at(HOUR_MS - 1)), Some(&token(1)));
    assert_eq!(account(&events).find_token(hash, at(HOUR_MS)), None);
    assert_eq!(account(&events).find_token(token(3).hash, at(0)), None);

    let by = "ada".to_owned();
    let revoked = AccountEvent::ServiceTokenRevoked { token: token(1).token, by };
    for end in [revoked, disabled()] {
        let account = account(&[events.clone(), vec![end]].concat());
        assert_eq!(account.find_token(hash, at(0)), None);
    }
}

#[test]
fn token_that_is_not_there_cannot_be_revoked() {
    given([registered()])
        .when(AccountCommand::RevokeToken { token: token(1).token, by: "ada".into() })
        .then_refuse(AccountRefusal::TokenUnknown);
}

#[test]
fn use_of_a_token_is_noted_once_an_hour() {
    let note = |millis| AccountCommand::NoteTokenUse {
        token: token(1).token,
        at: at(millis),
        address: "10.0.0.1".into(),
    };
    let used = |millis| AccountEvent::ServiceTokenUsed {
        token: token(1).token,
        at: at(millis),
        address: "10.0.0.1".into(),
    };

    given([registered(), created(1)]).when(note(5)).then_expect([used(5)]);
    given([registered(), created(1), used(5)]).when(note(HOUR_MS + 4)).then_expect([]);
    given([registered(), created(1), used(5)]).when(note(HOUR_MS + 5)).then_expect([used(HOUR_MS + 5)]);
}

fn token(number: u64) -> ServiceToken {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    ServiceToken {
        token: ServiceTokenId(Uuid::from_u128(number.into())),
        name: format!("token {number}"),
        scopes: BTreeSet::from([Permission::RunTasks]),
        hash: Digest(hash),
        created_at: at(0),
        expires_at: at(HOUR_MS),
    }
}

fn created(number: u64) -> AccountEvent {
    AccountEvent::ServiceTokenCreated(token(number))
}
