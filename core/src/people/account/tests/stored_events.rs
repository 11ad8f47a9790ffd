//! How the events of accounts are stored. A line of `golden_events.jsonl` is never changed, and an event of
//! a new type brings a line of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::samples::{at, disabled, logged_in, login, refreshed, registered, reset_code, revoked};
use crate::ids::{InviteId, ServiceTokenId};
use crate::log::Digest;
use crate::money::MicroDollars;
use crate::people::account::event::{AccountEvent, ResetCode, RevokeReason, ServiceToken, Tokens, Via};
use crate::people::principal::{Permission, Role};

const GOLDEN: &str = include_str!("golden_events.jsonl");

#[test]
fn golden_lines_mean_and_are_what_is_written_today() {
    let written: Vec<Value> =
        every_event().iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let lines: Vec<Value> = GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, written);

    let read: Vec<AccountEvent> = GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, every_event());
}

#[test]
fn every_type_has_a_golden_line() {
    let known: BTreeSet<String> = GOLDEN
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();

    let error = serde_json::from_value::<AccountEvent>(json!({ "type": "?" })).unwrap_err().to_string();
    let (_, expected) = error.split_once("expected one of ").unwrap();
    let all: BTreeSet<String> = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(known, all);
}

fn every_event() -> Vec<AccountEvent> {
    let (token, by) = (ServiceTokenId(Uuid::from_u128(7)), "root".to_owned());
    vec![
        registered(),
        AccountEvent::UserRegistered {
            username: "小明".into(),
            tenant: "default".into(),
            role: Role::Viewer,
            via: Via::Invite { invite: InviteId(Uuid::from_u128(9)) },
            at: at(0),
        },
        logged_in(1),
        refreshed(1, 1),
        revoked(1, RevokeReason::LoggedOut),
        revoked(1, RevokeReason::Revoked),
        revoked(1, RevokeReason::RefreshReused),
        revoked(1, RevokeReason::Superseded),
        AccountEvent::RefreshReused { login: login(1), generation: 0, at: at(2), address: "::1".into() },
        AccountEvent::PasswordChanged { at: at(3), tokens: Tokens::Kept },
        AccountEvent::PasswordChanged { at: at(3), tokens: Tokens::Ended },
        AccountEvent::RoleChanged { role: Role::Admin, by: by.clone() },
        disabled(),
        AccountEvent::UserEnabled { by: by.clone() },
        AccountEvent::BudgetChanged { monthly_budget_micros: Some(MicroDollars(5)), by: by.clone() },
        AccountEvent::BudgetChanged { monthly_budget_micros: None, by: by.clone() },
        AccountEvent::ServiceTokenCreated(ServiceToken {
            token,
            name: "ci".into(),
            scopes: BTreeSet::from([
                Permission::ReadSessions,
                Permission::WriteSessions,
                Permission::RunTasks,
                Permission::ManageKeys,
                Permission::Administer,
            ]),
            hash: Digest([0xab; 32]),
            created_at: at(4),
            expires_at: at(5),
        }),
        AccountEvent::ServiceTokenUsed { token, at: at(6), address: "10.0.0.1".into() },
        AccountEvent::ServiceTokenRevoked { token, by },
        AccountEvent::PasswordResetIssued(reset_code(0xab)),
        AccountEvent::PasswordResetIssued(ResetCode { by: None, ..reset_code(0xab) }),
        AccountEvent::PasswordReset { at: at(7), tokens: Tokens::Kept },
        AccountEvent::PasswordReset { at: at(7), tokens: Tokens::Ended },
        AccountEvent::UserRemoved { by: "root".into() },
    ]
}
