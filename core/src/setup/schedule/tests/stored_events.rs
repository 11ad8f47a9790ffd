//! Events as they are stored for ever.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{at, created, session};
use crate::ids::TurnId;
use crate::log::AggregateEvent as _;
use crate::setup::schedule::definition::ConcurrencyPolicy;
use crate::setup::schedule::event::{
    DisableReason, RunEnded, RunOutcome, RunStarted, ScheduleEvent, Trigger,
};

#[test]
fn events_are_stored_like_this_for_ever() {
    let definition = json!({
        "name": "nightly", "prompt": "look", "cron": "0 * * * *", "time_zone": "UTC",
        "concurrency_policy": "queue", "working_dir": "/srv", "permission_mode": "dontAsk"
    });
    let (time, id) = ("2026-11-22T13:00:00.000Z", "00000000-0000-0000-0000-000000000007");
    let lines = [
        (
            "schedule_created",
            json!({ "schedule": id, "owner": "ada", "definition": definition,
            "at": "2026-11-22T12:05:00.000Z" }),
        ),
        ("schedule_changed", json!({ "definition": definition, "at": time })),
        ("schedule_changed", json!({ "definition": definition, "restored_from": 1, "at": time })),
        ("schedule_enabled", json!({ "at": time })),
        ("schedule_disabled", json!({ "reason": "requested", "at": time })),
        ("schedule_disabled", json!({ "reason": "repeated_failures", "at": time })),
        ("schedule_removed", json!({ "at": time })),
        (
            "schedule_run_started",
            json!({ "session": id, "turn": id, "trigger": "schedule",
            "due_at": time, "at": time }),
        ),
        (
            "schedule_run_started",
            json!({ "session": id, "turn": id, "trigger": "catch_up",
            "due_at": time, "missed": 2, "at": time }),
        ),
        ("schedule_run_skipped", json!({ "due_at": time, "earlier": 1, "session": id, "at": time })),
        ("schedule_run_ended", json!({ "session": id, "outcome": "succeeded", "at": time })),
        (
            "schedule_run_ended",
            json!({ "session": id, "outcome": "failed", "code": "overloaded",
            "detail": "too busy", "at": time }),
        ),
    ];

    let written: Vec<(String, Value)> = events()
        .iter()
        .map(|event| {
            let encoded = event.to_encoded().unwrap();
            (encoded.type_name.to_string(), serde_json::from_str(&encoded.data).unwrap())
        })
        .collect();
    let read = lines.clone().map(|(name, data)| ScheduleEvent::decode_data(name, &data.to_string()).unwrap());

    assert_eq!(written, lines.map(|(name, data)| (name.to_owned(), data)));
    assert_eq!(read.as_slice(), events());
}

fn events() -> Vec<ScheduleEvent> {
    let at = at("13:00:00");
    let created = created(ConcurrencyPolicy::Queue);
    let definition = Box::new(created.definition.clone());
    let run = RunStarted {
        session: session(7),
        turn: TurnId(Uuid::from_u128(7)),
        trigger: Trigger::Schedule,
        due_at: at,
        missed: 0,
        at,
    };
    let succeeded =
        RunEnded { session: session(7), outcome: RunOutcome::Succeeded, code: None, detail: None, at };
    vec![
        ScheduleEvent::Created(Box::new(created)),
        ScheduleEvent::Changed { definition: definition.clone(), restored_from: None, at },
        ScheduleEvent::Changed { definition, restored_from: Some(1), at },
        ScheduleEvent::Enabled { at },
        ScheduleEvent::Disabled { reason: DisableReason::Requested, at },
        ScheduleEvent::Disabled { reason: DisableReason::RepeatedFailures, at },
        ScheduleEvent::Removed { at },
        ScheduleEvent::RunStarted(run.clone()),
        ScheduleEvent::RunStarted(RunStarted { trigger: Trigger::CatchUp, missed: 2, ..run }),
        ScheduleEvent::RunSkipped { due_at: at, earlier: 1, session: session(7), at },
        ScheduleEvent::RunEnded(succeeded.clone()),
        ScheduleEvent::RunEnded(RunEnded {
            outcome: RunOutcome::Failed,
            code: Some("overloaded".into()),
            detail: Some("too busy".into()),
            ..succeeded
        }),
    ]
}
