//! How events are stored. What once was stored is read for ever: a line of `golden_events.jsonl` is
//! never changed, and an event of a new type brings a line of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema as _};

use cqrs_es::DomainEvent;

use super::every_event::every_event;
use super::samples::{decided, opened, settlement, turn};
use crate::request::Decision;
use crate::session::event::{
    AgentCounter, AgentEvent, BackgroundEvent, CostBasis, FailureCause, FilesEvent, HookEvent,
    LifecycleEvent, MessageEvent, PromptEvent, RequestEvent, SessionEvent, SettingEvent, SpendEvent,
    ToolEvent, TurnAccount, TurnEvent,
};

const GOLDEN: &str = include_str!("golden_events.jsonl");

#[derive(Deserialize)]
struct Golden {
    #[serde(rename = "type")]
    type_name: String,
    schema: u32,
    data: Box<RawValue>,
}

#[test]
fn every_event_reads_back_as_it_was_written() {
    for event in every_event() {
        let data = event.encode().unwrap();

        assert_eq!(SessionEvent::decode(event.type_name(), &data).unwrap(), event);
    }
}

#[test]
fn golden_lines_still_read_as_what_they_meant() {
    let read: Vec<SessionEvent> =
        golden().iter().map(|line| SessionEvent::decode(&line.type_name, line.data.get()).unwrap()).collect();

    assert_eq!(read, every_event());
}

#[test]
fn golden_lines_are_what_is_written_today() {
    let lines: Vec<(String, u32, serde_json::Value)> = golden()
        .iter()
        .map(|line| (line.type_name.clone(), line.schema, serde_json::from_str(line.data.get()).unwrap()))
        .collect();

    let written: Vec<_> = every_event()
        .iter()
        .map(|event| {
            let data = serde_json::from_str(&event.encode().unwrap()).unwrap();
            (event.type_name().to_owned(), event.schema(), data)
        })
        .collect();
    assert_eq!(lines, written);
}

#[test]
fn every_type_has_a_golden_line() {
    let known: BTreeSet<String> = golden().into_iter().map(|line| line.type_name).collect();

    assert_eq!(known, type_names());
}

#[test]
fn golden_line_is_read_and_written_as_one_document_as_well() {
    for event in every_event() {
        let document = serde_json::to_string(&event).unwrap();

        assert_eq!(serde_json::from_str::<SessionEvent>(&document).unwrap(), event);
    }
}

#[test]
fn contract_shows_every_type_with_its_data() {
    let RefOr::T(Schema::OneOf(event)) = <SessionEvent as PartialSchema>::schema() else {
        panic!("one of the types")
    };
    let mut components = vec![];
    SessionEvent::schemas(&mut components);
    let components: BTreeMap<String, RefOr<Schema>> = components.into_iter().collect();

    let shown = event.discriminator.unwrap().mapping;

    assert_eq!(shown.keys().cloned().collect::<BTreeSet<_>>(), type_names());
    for (type_name, location) in shown {
        let name = location.strip_prefix("#/components/schemas/").unwrap();
        let component = serde_json::to_value(&components[name]).unwrap();
        assert_eq!(component["properties"]["type"]["enum"], json!([type_name]));
        assert!(component["properties"]["data"].is_object(), "{component}");
    }
}

#[test]
fn name_of_an_event_is_its_tag() {
    for event in every_event() {
        let json = serde_json::to_value(&event).unwrap();

        assert_eq!(json["type"], event.type_name());
        assert_eq!((event.event_type(), event.event_version()), (event.type_name().into(), "1".into()));
    }
}

#[test]
fn absent_fields_are_not_written_and_read_as_absent() {
    for (event, data) in [
        (SessionEvent::Agent(AgentEvent::Unknown { turn: None, raw: json!(1) }), r#"{"raw":1}"#.to_owned()),
        (
            decided(settlement("r1", Decision::Allow)),
            format!(
                r#"{{"turn":"{}","request_id":"r1","decision":"allow","decided_by":{{"kind":"user","id":"ada","name":"ada"}}}}"#,
                turn(1)
            ),
        ),
        (
            opened(),
            format!(
                r#"{{"session":"{}","owner":"ada","working_dir":"/srv","permission_mode":"acceptEdits","origin":"api","offline":false}}"#,
                super::samples::session()
            ),
        ),
    ] {
        assert_eq!(event.encode().unwrap(), data);
        assert_eq!(read(event.type_name(), &data), event);
    }
}

#[test]
fn spaces_and_unknown_fields_of_a_newer_program_do_not_matter() {
    let data = r#" { "detail" : "d", "later": [1], "turn": "00000000-0000-0000-0000-000000000001",
        "cause": "agent_died", "spend": { "models": {}, "cost_micros": 1 }, "duration_ms": 2,
        "duration_api_ms": 3, "counter": { "spend": { "cost_micros": 1, "models": {} },
        "duration_api_ms": 3 } } "#;

    let spend = || crate::spend::Spend { cost_micros: crate::money::MicroDollars(1), ..Default::default() };
    let account = TurnAccount {
        spend: spend(),
        duration_ms: 2,
        duration_api_ms: 3,
        counter: AgentCounter { spend: spend(), duration_api_ms: 3 },
        cost_basis: CostBasis::Counted,
    };
    assert_eq!(
        read("turn_failed", data),
        SessionEvent::Turn(TurnEvent::Failed {
            turn: turn(1),
            cause: FailureCause::AgentDied,
            detail: "d".into(),
            status: None,
            account,
        })
    );
}

#[test]
fn unknown_type_is_an_error_that_names_it() {
    let error = SessionEvent::decode("session_teleported", "{}").unwrap_err().to_string();

    assert!(error.starts_with("unknown variant `session_teleported`"), "{error}");
}

fn golden() -> Vec<Golden> {
    GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read(type_name: &str, data: &str) -> SessionEvent {
    SessionEvent::decode(type_name, data).unwrap()
}

/// The names of all types, as serde lists them when it meets an unknown one.
fn type_names() -> BTreeSet<String> {
    let subjects = [
        names::<LifecycleEvent>(),
        names::<PromptEvent>(),
        names::<TurnEvent>(),
        names::<AgentEvent>(),
        names::<MessageEvent>(),
        names::<ToolEvent>(),
        names::<FilesEvent>(),
        names::<RequestEvent>(),
        names::<BackgroundEvent>(),
        names::<SpendEvent>(),
        names::<SettingEvent>(),
        names::<HookEvent>(),
    ];
    subjects.into_iter().flatten().collect()
}

fn names<E: DeserializeOwned + Debug>() -> Vec<String> {
    let error = serde_json::from_str::<E>(r#"{"type":"?","data":{}}"#).unwrap_err().to_string();
    let (_, expected) = error.split_once("expected ").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
