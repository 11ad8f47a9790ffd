//! A year of a team's turns, added up by everything they can be grouped by.

use std::sync::Arc;
use std::time::Instant;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::money::MicroDollars;
use runner_core::people::principal::Reach;
use runner_core::ports::{EventLog, StatisticsRecord};
use runner_core::session::Session;
use runner_core::session::event::{
    Initiator, LifecycleEvent, SessionEvent, SpendEvent, ToolEvent, TurnAccount, TurnCompleted, TurnEvent,
    TurnOutcome,
};
use runner_core::spend::{CallOutcome, ModelCall, Usage};
use runner_core::statistics::{Grouping, StatisticsFilter, StatisticsView};
use runner_core::time::{Day, Timestamp};
use runner_tests::opened::opening;
use serde_json::json;
use uuid::Uuid;

use crate::{millis, report};

const ROUNDS: usize = 9;
const TURNS: usize = 100_000;
const TURNS_PER_SESSION: usize = 50;
const PEOPLE: usize = 20;
const FOLDERS: usize = 30;
const MODELS: [&str; 3] = ["claude-opus", "claude-sonnet", "claude-haiku"];
const TOOLS: [&str; 8] = ["Read", "Bash", "Edit", "Grep", "Glob", "Write", "Task", "WebFetch"];

/// The first of 365 days.
const BEGIN_MICROS: i64 = 1_767_225_600_000_000;
const YEAR_MICROS: i64 = 365 * 24 * 60 * 60 * 1_000_000;

pub(crate) async fn measure() {
    println!("\n# Statistics of a year of {TURNS} turns: {PEOPLE} people, {FOLDERS} folders");
    let folder = tempfile::tempdir().unwrap();
    let store =
        EventStore::open(&folder.path().join("runner.db"), Arc::new(SystemClock::default())).await.unwrap();
    let sessions = TURNS / TURNS_PER_SESSION;
    for first in (0..sessions).step_by(64) {
        let filled = (first..sessions.min(first + 64)).map(|number| fill(&store, number));
        futures_util::future::join_all(filled).await;
    }
    let day = |micros| Day::of(Timestamp::from_micros(micros));
    let (from, to) = (day(BEGIN_MICROS), day(BEGIN_MICROS + YEAR_MICROS - 1));
    for grouping in
        [Grouping::Day, Grouping::Model, Grouping::User, Grouping::Tool, Grouping::WorkingDir, Grouping::Key]
    {
        let reach = Reach { tenant: TenantId::first(), owner: None };
        let filter = StatisticsFilter { reach, from, to, grouping };
        let mut times = vec![];
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let view = StatisticsView::new(&filter, store.read_statistics(&filter).await.unwrap());
            times.push(begun.elapsed());
            assert_eq!(view.totals.turns.map(|turns| turns.total), Some(TURNS as u64));
        }
        report(&format!("by {} (goal: under 50)", grouping.as_str()), "ms", millis(&times));
    }
    store.close().await;
}

async fn fill(store: &EventStore, number: usize) {
    let session = SessionId(Uuid::now_v7());
    let mut opening = opening(session);
    opening.owner = format!("person-{}", number % PEOPLE);
    opening.working_dir = format!("/srv/projects/project-{}", number % FOLDERS);
    opening.options.model = Some(MODELS[number % MODELS.len()].to_owned());
    let opening = SessionEvent::Lifecycle(LifecycleEvent::Opened(opening));
    let mut events = vec![(BEGIN_MICROS, opening)];
    for place in 0..TURNS_PER_SESSION {
        // Each session is spread over the year.
        let turn = place * (TURNS / TURNS_PER_SESSION) + number;
        let at = BEGIN_MICROS + YEAR_MICROS / TURNS as i64 * turn as i64;
        events.extend(events_of_turn(turn).into_iter().map(|event| (at, event)));
    }
    let (times, events): (Vec<i64>, Vec<SessionEvent>) = events.into_iter().unzip();
    let stream = LogStream::of::<Session>(session, TenantId::first());
    let mut append = Append::to(stream, 0, &events, Provenance::agent(CommandId(Uuid::now_v7()))).unwrap();
    let happened = append.events.into_iter().zip(times);
    append.events = happened.map(|(event, at)| event.happened(Timestamp::from_micros(at))).collect();
    store.append(append).await.unwrap();
}

/// A start, a call, three uses of tools, an end.
fn events_of_turn(number: usize) -> Vec<SessionEvent> {
    let turn = TurnId(Uuid::from_u128(number as u128));
    let mut events = vec![
        SessionEvent::Turn(TurnEvent::Started {
            turn,
            initiator: Initiator::Prompt,
            process: ProcessId(Uuid::nil()),
            runtime_version: "2.1.197".into(),
            node: "bench".into(),
            task_id: None,
        }),
        SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn), call: call(number) }),
    ];
    events.extend((0..3).map(|step| {
        SessionEvent::Tool(ToolEvent::Used {
            turn,
            tool_use_id: format!("toolu_{number}_{step}"),
            name: TOOLS[(number + step) % TOOLS.len()].to_owned(),
            input: json!({}),
            parent_tool_use_id: None,
        })
    }));
    events.push(SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
        turn,
        outcome: TurnOutcome::Success,
        result: String::new(),
        stop_reason: None,
        structured_output: None,
        agent_turns: 1,
        denials: vec![],
        account: TurnAccount {
            duration_ms: 1_000 + (number * 7_919 % 300_000) as u64,
            ..TurnAccount::default()
        },
    })));
    events
}

fn call(number: usize) -> ModelCall {
    ModelCall {
        call_id: None,
        model: MODELS[number % MODELS.len()].to_owned(),
        outcome: CallOutcome::Completed,
        usage: Usage { input_tokens: 9_000, output_tokens: 900, ..Usage::default() },
        cost_micros: MicroDollars(40_500),
        cost_is_estimate: false,
        key: Some(Uuid::from_u128((number % 2) as u128)),
        status: Some(200),
        duration_ms: 2_000,
        api_request_id: None,
        subagent: None,
    }
}
