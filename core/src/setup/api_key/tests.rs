use uuid::Uuid;

use super::event::{ApiKeyEvent, Exhaustion, Refusal, StoredKey};
use super::{ApiKey, ApiKeyCommand, ApiKeyRefusal, KeyChange, REFUSED_FOR_MS};
use crate::ids::{ApiKeyId, SecretId};
use crate::log::{Aggregate, AggregateEvent};
use crate::money::MicroDollars;
use crate::setup::api_key::Network;
use crate::time::Timestamp;

#[test]
fn key_is_stored_once_and_enabled() {
    let stored = given([ApiKeyEvent::ApiKeyStored(key())]);

    assert!(stored.is_usable(at(1)));
    assert_eq!(stored.events_of(ApiKeyCommand::Store(key())), Err(ApiKeyRefusal::AlreadyStored));
}

#[test]
fn key_that_is_not_there_cannot_be_changed() {
    let removed = given([ApiKeyEvent::ApiKeyStored(key()), ApiKeyEvent::ApiKeyRemoved {}]);

    for key in [ApiKey::default(), removed] {
        assert_eq!(key.events_of(ApiKeyCommand::Remove), Err(ApiKeyRefusal::NoSuchKey));
        assert_eq!(key.events_of(rotate()), Err(ApiKeyRefusal::NoSuchKey));
        assert_eq!(key.stored(), None);
        assert!(!key.is_usable(at(1)));
    }
}

#[test]
fn only_what_differs_is_an_event() {
    let key = given([ApiKeyEvent::ApiKeyStored(key())]);
    let changes = vec![
        KeyChange::Name("main".into()),
        KeyChange::Enabled,
        KeyChange::Priority(3),
        KeyChange::MonthlyBudget(Some(MicroDollars(5))),
    ];

    let events = key.events_of(ApiKeyCommand::Change(changes)).unwrap();

    let budget = ApiKeyEvent::ApiKeyBudgetChanged { monthly_budget_micros: Some(MicroDollars(5)) };
    assert_eq!(events, [ApiKeyEvent::ApiKeyPrioritized { priority: 3 }, budget]);
}

#[test]
fn refused_key_rests_until_its_time_is_over_or_it_is_rotated_or_enabled() {
    let refused = || vec![ApiKeyEvent::ApiKeyStored(key()), ApiKeyEvent::ApiKeyRefused(refusal(1))];
    let rotated =
        ApiKeyEvent::ApiKeyRotated { secret: secret(2), last_four: "wxyz".into(), checked: None, at: at(2) };
    let again = [ApiKeyEvent::ApiKeyDisabled {}, ApiKeyEvent::ApiKeyEnabled {}];

    assert!(!given(refused()).is_usable(at(2)));
    assert!(given(refused()).is_usable(at(1 + REFUSED_FOR_MS)));
    assert!(given(refused().into_iter().chain([rotated])).is_usable(at(3)));
    assert!(given(refused().into_iter().chain(again)).is_usable(at(3)));
}

#[test]
fn same_refusal_is_noted_once_while_the_key_rests() {
    let refused = given([ApiKeyEvent::ApiKeyStored(key()), ApiKeyEvent::ApiKeyRefused(refusal(1))]);

    assert_eq!(refused.events_of(ApiKeyCommand::NoteRefusal(secret(1), refusal(2))), Ok(vec![]));
    let later = ApiKeyCommand::NoteRefusal(secret(1), refusal(1 + REFUSED_FOR_MS));
    assert_eq!(refused.events_of(later).unwrap().len(), 1);
}

#[test]
fn refusal_of_a_value_that_was_replaced_meanwhile_is_not_noted() {
    let rotated =
        ApiKeyEvent::ApiKeyRotated { secret: secret(2), last_four: "wxyz".into(), checked: None, at: at(2) };
    let key = given([ApiKeyEvent::ApiKeyStored(key()), rotated]);

    assert_eq!(key.events_of(ApiKeyCommand::NoteRefusal(secret(1), refusal(3))), Ok(vec![]));
    assert_eq!(key.events_of(ApiKeyCommand::NoteRefusal(secret(2), refusal(3))).unwrap().len(), 1);
}

#[test]
fn spent_budget_is_noted_once_for_a_month_and_a_limit() {
    let key =
        given([ApiKeyEvent::ApiKeyStored(key()), ApiKeyEvent::ApiKeyExhausted(exhaustion("2026-11", 5))]);
    let noted =
        |month, limit| key.events_of(ApiKeyCommand::NoteExhaustion(exhaustion(month, limit))).unwrap().len();

    assert_eq!([noted("2026-11", 5), noted("2026-12", 5), noted("2026-11", 9)], [0, 1, 1]);
}

#[test]
fn rotation_names_the_new_secret() {
    let mut key = given([ApiKeyEvent::ApiKeyStored(key())]);

    key.events_of(rotate()).unwrap().into_iter().for_each(|event| key.apply(event));

    let stored = key.stored().unwrap();
    assert_eq!((stored.secret, stored.last_four.as_str()), (secret(2), "wxyz"));
    assert_eq!(key.rotated_at, Some(at(9)));
}

#[test]
fn events_read_back_as_they_were_written() {
    for event in [
        ApiKeyEvent::ApiKeyStored(key()),
        ApiKeyEvent::ApiKeyRenamed { name: "b".into() },
        ApiKeyEvent::ApiKeyEnabled {},
        ApiKeyEvent::ApiKeyDisabled {},
        ApiKeyEvent::ApiKeyPrioritized { priority: 1 },
        ApiKeyEvent::ApiKeyBudgetChanged { monthly_budget_micros: None },
        ApiKeyEvent::ApiKeyRotated { secret: secret(2), last_four: "wxyz".into(), checked: None, at: at(2) },
        ApiKeyEvent::ApiKeyRefused(refusal(1)),
        ApiKeyEvent::ApiKeyExhausted(exhaustion("2026-11", 5)),
        ApiKeyEvent::ApiKeyRemoved {},
    ] {
        let encoded = event.to_encoded().unwrap();

        assert_eq!(encoded.decode::<ApiKeyEvent>().unwrap(), event);
    }
}

fn given(events: impl IntoIterator<Item = ApiKeyEvent>) -> ApiKey {
    let mut key = ApiKey::default();
    events.into_iter().for_each(|event| key.apply(event));
    key
}

fn key() -> StoredKey {
    StoredKey {
        key: ApiKeyId(Uuid::from_u128(1)),
        owner: "ada".into(),
        name: "main".into(),
        secret: secret(1),
        last_four: "abcd".into(),
        checked: None,
        base_url: None,
        network: Network::Public,
        priority: 0,
        monthly_budget_micros: None,
        at: at(0),
    }
}

fn rotate() -> ApiKeyCommand {
    ApiKeyCommand::Rotate { secret: secret(2), last_four: "wxyz".into(), checked: None, at: at(9) }
}

fn refusal(millis: u64) -> Refusal {
    Refusal { status: 401, at: at(millis) }
}

fn exhaustion(month: &str, limit: u64) -> Exhaustion {
    Exhaustion { month: month.into(), spent_micros: MicroDollars(9), limit_micros: MicroDollars(limit) }
}

const fn secret(number: u128) -> SecretId {
    SecretId(Uuid::from_u128(number))
}

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_795_343_053_000_000 + 1000 * millis.cast_signed())
}
