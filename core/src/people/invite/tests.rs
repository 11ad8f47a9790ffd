//! The rules of an invitation.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Created, Invite, InviteCommand, InviteEvent, InviteRefusal, MAX_LIFETIME_MS};
use crate::ids::InviteId;
use crate::log::{Aggregate, Digest};
use crate::people::account::username::Username;
use crate::people::principal::Role;
use crate::time::Timestamp;

const HOUR_MS: u64 = 60 * 60 * 1000;

#[test]
fn invitation_makes_one_account() {
    let used = decide(&[InviteEvent::InviteCreated(created())], use_as("bob", 1)).unwrap();

    assert_eq!(used, [InviteEvent::InviteUsed { username: "bob".into(), at: at(1) }]);
    let after = [vec![InviteEvent::InviteCreated(created())], used].concat();
    assert_eq!(decide(&after, use_as("carl", 2)), Err(InviteRefusal::Closed));
}

#[test]
fn invitation_that_was_taken_is_still_good_for_who_took_it() {
    let taken = InviteEvent::InviteUsed { username: "bob".into(), at: at(1) };
    let events = [InviteEvent::InviteCreated(created()), taken];

    assert_eq!(decide(&events, use_as("bob", 2)), Ok(vec![]));
    assert_eq!(decide(&events, use_as("carl", 2)), Err(InviteRefusal::Closed));
    assert_eq!(decide(&events, use_as("bob", HOUR_MS)), Err(InviteRefusal::Closed));
}

#[test]
fn wrong_code_late_use_and_revoked_invitations_are_refused() {
    let made = [InviteEvent::InviteCreated(created())];
    let InviteCommand::Use { username, at: time, .. } = use_as("bob", 1) else { panic!("it is used") };
    let wrong = InviteCommand::Use { hash: Digest([9; 32]), username, at: time };

    assert_eq!(decide(&[], use_as("bob", 1)), Err(InviteRefusal::Unknown));
    assert_eq!(decide(&made, wrong), Err(InviteRefusal::Unknown));
    assert_eq!(decide(&made, use_as("bob", HOUR_MS)), Err(InviteRefusal::Closed));
    let revoked = [made[0].clone(), InviteEvent::InviteRevoked { by: "root".into() }];
    assert_eq!(decide(&revoked, use_as("bob", 1)), Err(InviteRefusal::Closed));
}

#[test]
fn invitation_of_somebody_is_for_nobody_else() {
    let made = [InviteEvent::InviteCreated(Created { username: Some("bob".into()), ..created() })];

    assert!(decide(&made, use_as("BOB", 1)).is_ok());
    assert_eq!(decide(&made, use_as("carl", 1)), Err(InviteRefusal::ForAnotherName));
}

#[test]
fn invitation_is_open_for_ninety_days_at_most() {
    for (lifetime, is_allowed) in
        [(0, false), (1, true), (MAX_LIFETIME_MS, true), (MAX_LIFETIME_MS + 1, false)]
    {
        let created = Created { expires_at: at(lifetime), ..created() };
        assert_eq!(decide(&[], InviteCommand::Create(created)).is_ok(), is_allowed, "{lifetime}");
    }
}

#[test]
fn revoking_twice_changes_nothing_and_what_was_used_cannot_be_revoked() {
    let revoke = || InviteCommand::Revoke { by: "root".into() };
    let made = InviteEvent::InviteCreated(created());
    let revoked = InviteEvent::InviteRevoked { by: "root".into() };
    let used = InviteEvent::InviteUsed { username: "bob".into(), at: at(1) };

    assert_eq!(decide(std::slice::from_ref(&made), revoke()), Ok(vec![revoked.clone()]));
    assert_eq!(decide(&[made.clone(), revoked], revoke()), Ok(vec![]));
    assert_eq!(decide(&[made, used], revoke()), Err(InviteRefusal::Closed));
}

#[test]
fn events_are_stored_like_this_for_ever() {
    let lines = [
        json!({"type": "invite_created", "data": {
            "invite": "00000000-0000-0000-0000-000000000009", "tenant": "default", "role": "member",
            "username": null, "hash": "0707070707070707070707070707070707070707070707070707070707070707",
            "at": "2026-11-22T10:24:13.000Z", "expires_at": "2026-11-22T11:24:13.000Z", "by": "root"}}),
        json!({"type": "invite_used", "data": {"username": "bob", "at": "2026-11-22T10:24:13.001Z"}}),
        json!({"type": "invite_revoked", "data": {"by": "root"}}),
    ];
    let events = [
        InviteEvent::InviteCreated(created()),
        InviteEvent::InviteUsed { username: "bob".into(), at: at(1) },
        InviteEvent::InviteRevoked { by: "root".into() },
    ];

    let written: Vec<Value> = events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    assert_eq!(written, lines);
    let read: Vec<InviteEvent> =
        lines.into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
    assert_eq!(read, events);
}

fn decide(events: &[InviteEvent], command: InviteCommand) -> Result<Vec<InviteEvent>, InviteRefusal> {
    let mut invite = Invite::default();
    events.iter().cloned().for_each(|event| invite.apply(event));
    invite.events_of(command)
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_795_343_053_000_000).plus_millis(millis)
}

fn created() -> Created {
    Created {
        invite: InviteId(Uuid::from_u128(9)),
        tenant: "default".into(),
        role: Role::Member,
        username: None,
        hash: Digest([7; 32]),
        at: at(0),
        expires_at: at(HOUR_MS),
        by: "root".into(),
    }
}

fn use_as(name: &str, millis: u64) -> InviteCommand {
    let username = Username::try_from(name.to_owned()).unwrap();
    InviteCommand::Use { hash: Digest([7; 32]), username, at: at(millis) }
}
