//! What becomes of refusals, and how they are stored.

use serde_json::{Value, json};
use uuid::Uuid;

use super::ledger::{Denial, Ledger, MAX_RECORDED, MAX_RECORDED_EACH, Noted, WINDOW_MS};
use super::{ANONYMOUS, AccessDenied, AuditEntry, AuditEvent, KIND, Outcome};
use crate::ids::{StreamId, TenantId};
use crate::log::AggregateEvent;
use crate::time::Timestamp;

#[test]
fn first_refusal_is_told_at_once_and_equal_ones_as_a_number() {
    let mut ledger = Ledger::default();

    let first = ledger.note(denial("a"), at(0));
    let repeats: Vec<_> = (1..=9).filter_map(|second| ledger.note(denial("a"), at(second * 1000))).collect();
    let early = ledger.settle(at(WINDOW_MS - 1));
    let told = ledger.settle(at(WINDOW_MS));

    assert_eq!(first, Some(Noted { http_request_id: Some("r1".into()), ..denied("a", 1, (0, 0)) }));
    assert_eq!((repeats, early), (vec![], vec![]));
    assert_eq!(told, [denied("a", 9, (1000, 9000))]);
    assert_eq!(ledger.settle(at(2 * WINDOW_MS)), []);
}

#[test]
fn refusals_that_differ_are_not_counted_together() {
    let mut ledger = Ledger::default();
    let denials = [
        denial("a"),
        denial("b"),
        Denial { address: Some("192.0.2.8".into()), ..denial("a") },
        Denial { object: Some("session:1".into()), ..denial("a") },
        Denial { operation: "GET /api/stats".into(), ..denial("a") },
        Denial { tenant: TenantId("other".into()), ..denial("a") },
        Denial { reason: "unauthenticated".into(), ..denial("a") },
    ];

    let told: Vec<_> = denials.into_iter().filter_map(|denial| ledger.note(denial, at(0))).collect();

    assert_eq!(told.len(), 7);
}

#[test]
fn after_its_window_a_refusal_is_told_at_once_again() {
    let mut ledger = Ledger::default();
    ledger.note(denial("a"), at(0));

    let again = ledger.note(denial("a"), at(WINDOW_MS));

    assert_eq!(again.map(|noted| noted.times()), Some(1));
}

#[test]
fn a_flood_is_recorded_as_a_number() {
    let mut ledger = Ledger::default();
    let flood = |number: u64| Denial { object: Some(format!("session:{number}")), ..denial(ANONYMOUS) };

    let told = (0..100_000).filter_map(|number| ledger.note(flood(number), at(number / 100))).count();
    let known = ledger.note(denial("ada"), at(2000));
    let settled = ledger.settle(at(2 * WINDOW_MS));

    assert_eq!(told, MAX_RECORDED_EACH as usize);
    assert!(known.is_some(), "strangers do not drown those who are known");
    let times = 100_000 - u64::from(MAX_RECORDED_EACH);
    let event = AuditEvent::DenialsOmitted { times, first_at: at(0), last_at: at(999) };
    let actor = ANONYMOUS.into();
    assert_eq!(settled, [Noted { actor, event, ..denied("a", 1, (0, 0)) }]);
}

#[test]
fn who_makes_noise_drowns_nobody_else() {
    let mut ledger = Ledger::default();
    let noise = |actor: &str, number: u32| Denial { object: Some(number.to_string()), ..denial(actor) };
    let from =
        |address: &str, number: u32| Denial { address: Some(address.into()), ..noise(ANONYMOUS, number) };
    for number in 0..1000 {
        ledger.note(noise("user:eve", number), at(0));
        ledger.note(noise("user:eve/token:1", number), at(0));
        ledger.note(from("2001:db8::1", number), at(0));
        ledger.note(from(&format!("2001:db8::{number:x}"), number), at(0));
    }

    assert!(ledger.note(noise("user:ada", 1), at(0)).is_some());
    assert!(ledger.note(from("2001:db8:0:1::1", 1), at(0)).is_some());
    let mut omitted: Vec<_> = ledger
        .close()
        .into_iter()
        .map(|noted| (noted.actor.clone(), noted.address.clone(), noted.times()))
        .collect();
    omitted.sort();
    let times = 2000 - u64::from(MAX_RECORDED_EACH);
    assert_eq!(
        omitted,
        [
            // `2001:db8::1` was refused the second time for the same thing.
            (ANONYMOUS.to_owned(), Some("2001:db8::".to_owned()), times - 1),
            (ANONYMOUS.to_owned(), Some("2001:db8::1".to_owned()), 1),
            ("user:eve".to_owned(), None, times),
        ]
    );
}

#[test]
fn what_many_are_refused_is_limited_together() {
    let mut ledger = Ledger::default();

    let told = (0..10_000).filter(|number| ledger.note(denial(&format!("user:{number}")), at(0)).is_some());

    assert_eq!(told.count(), MAX_RECORDED as usize);
    let closed = ledger.close();
    let omitted: Vec<_> = closed.iter().map(|noted| (noted.actor.as_str(), noted.times())).collect();
    assert_eq!(omitted, [("system", 10_000 - u64::from(MAX_RECORDED))]);
}

#[test]
fn what_was_lost_is_counted() {
    let mut ledger = Ledger::default();

    ledger.omit(TenantId::first(), 3, at(5));
    ledger.omit(TenantId::first(), 4, at(7));

    let closed = ledger.close();
    assert_eq!(closed.iter().map(Noted::times).collect::<Vec<_>>(), [7]);
    assert_eq!(ledger.close(), []);
}

#[test]
fn stored_form_is_frozen() {
    let events = [
        denied("a", 2, (0, 1000)).event,
        AuditEvent::DenialsOmitted { times: 7, first_at: at(0), last_at: at(1) },
    ];

    let stored: Vec<_> = events.iter().map(|event| event.to_encoded().unwrap()).collect();

    let data: Vec<Value> = stored.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
    assert_eq!(
        data,
        [
            json!({
                "operation": "GET /api/users", "reason": "forbidden", "times": 2,
                "first_at": "1970-01-01T00:00:00.000Z", "last_at": "1970-01-01T00:00:01.000Z",
            }),
            json!({ "times": 7, "first_at": "1970-01-01T00:00:00.000Z", "last_at": "1970-01-01T00:00:00.001Z" }),
        ]
    );
    let names: Vec<_> = stored.iter().map(|event| (&*event.type_name, event.schema)).collect();
    assert_eq!(names, [("access_denied", 1), ("denials_omitted", 1)]);
    for (event, stored) in events.iter().zip(&stored) {
        assert_eq!(stored.decode::<AuditEvent>().unwrap(), *event);
        assert_eq!(Outcome::of(&stored.type_name), Outcome::Denied);
    }
}

#[test]
fn object_is_what_a_refusal_names_or_what_the_stream_is_of() {
    let stream = StreamId(Uuid::from_u128(1));
    let named = r#"{"object":"session:x"}"#;

    assert_eq!(AuditEntry::object_of(KIND, stream, Some(named)), Some("session:x".into()));
    assert_eq!(AuditEntry::object_of(KIND, stream, Some("{}")), None);
    assert_eq!(AuditEntry::object_of("lamp", stream, None), Some(format!("lamp:{stream}")));
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(millis).unwrap() * 1000)
}

fn denial(actor: &str) -> Denial {
    Denial {
        tenant: TenantId::first(),
        actor: actor.into(),
        address: Some("192.0.2.7".into()),
        http_request_id: Some("r1".into()),
        operation: "GET /api/users".into(),
        object: None,
        reason: "forbidden".into(),
    }
}

fn denied(actor: &str, times: u64, (first, last): (u64, u64)) -> Noted {
    Noted {
        tenant: TenantId::first(),
        actor: actor.into(),
        address: Some("192.0.2.7".into()),
        http_request_id: None,
        event: AuditEvent::AccessDenied(AccessDenied {
            operation: "GET /api/users".into(),
            object: None,
            reason: "forbidden".into(),
            times,
            first_at: at(first),
            last_at: at(last),
        }),
    }
}
