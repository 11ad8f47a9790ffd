//! Durable appends of many writers, against what SQLite itself can do with multi-row inserts.

use std::sync::Arc;
use std::time::Instant;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::money::MicroDollars;
use runner_core::ports::EventLog;
use runner_core::session::Session;
use runner_core::session::event::{
    AgentCounter, AgentEvent, Initiator, PromptEvent, SessionEvent, TurnAccount, TurnCompleted, TurnEvent,
    TurnOutcome,
};
use runner_core::spend::{ModelUse, Spend, Usage};
use runner_tests::opened::opened;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::{report, report_ratio};

const ROUNDS: usize = 15;
const WRITERS: usize = 256;
const EVENTS_PER_WRITER: usize = 80;
const EVENTS_PER_TURN: usize = 40;
const ROWS_PER_INSERT: usize = 128;

pub(crate) async fn measure() {
    println!("\n# Durable appends: {WRITERS} writers, events of about 0.5 KiB, synchronous=FULL");
    let (mut streams, mut turns, mut between) = (vec![], vec![], vec![]);
    let (mut raw, mut guarded) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        raw.push(insert(Table::Plain).await);
        guarded.push(insert(Table::Guarded).await);
        turns.push(append(Written::Turns).await);
        streams.push(append(Written::WithoutReadModel).await);
        between.push(append(Written::BetweenTurns).await);
    }
    let raw = report("raw inserts of 128 rows into a plain table", "events/s", raw);
    let guarded = report("raw inserts of 128 rows into the event store's table", "events/s", guarded);
    println!("  = {:.2} x raw inserts into a plain table: what its guard leaves", guarded / raw);
    for (what, goal, rates) in [
        ("turns of 40 events in sessions, with all read models", "at least 0.9", turns),
        ("streams without a read model", "at least 0.9", streams),
        ("sessions between turns, each event changes the index", "none, the worst case", between),
    ] {
        let rate = report(&format!("event store, {what}"), "events/s", rates);
        report_ratio("raw inserts into the same table", rate / guarded, goal);
        println!("  = {:.2} x raw inserts into a plain table", rate / raw);
    }
}

fn payload(number: usize) -> serde_json::Value {
    json!({ "number": number, "text": "x".repeat(460) })
}

#[derive(Clone, Copy)]
enum Written {
    WithoutReadModel,
    /// What sessions consist of: a prompt, what the agent says and does, the end of the turn.
    Turns,
    BetweenTurns,
}

impl Written {
    fn event(self, number: usize) -> SessionEvent {
        let turn = TurnId(Uuid::from_u128((number / EVENTS_PER_TURN) as u128));
        match (self, number % EVENTS_PER_TURN) {
            (Self::Turns, 0) => {
                let text = "Find out why the build fails on a new machine, and mend it.".to_owned();
                SessionEvent::Prompt(PromptEvent::Submitted {
                    turn,
                    text,
                    attachments: vec![],
                    author: "ada".into(),
                })
            }
            (Self::Turns, 1) => SessionEvent::Turn(TurnEvent::Started {
                turn,
                initiator: Initiator::Prompt,
                process: ProcessId(Uuid::nil()),
                runtime_version: "2.1.197".into(),
                node: "local".into(),
                task_id: None,
            }),
            (Self::Turns, number) if number == EVENTS_PER_TURN - 1 => completed(turn),
            (Self::Turns, _) => {
                SessionEvent::Agent(AgentEvent::Unknown { turn: Some(turn), raw: payload(number) })
            }
            (Self::WithoutReadModel | Self::BetweenTurns, _) => {
                SessionEvent::Agent(AgentEvent::Unknown { turn: None, raw: payload(number) })
            }
        }
    }
}

/// In a folder of its own, which is gone when the next is measured: nobody pays for what another left to
/// write.
async fn append(written: Written) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("runner.db");
    let store = EventStore::open(&database, Arc::new(SystemClock::default())).await.unwrap();
    let mut writers = vec![];
    for _ in 0..WRITERS {
        let session = SessionId(Uuid::now_v7());
        let first = match written {
            Written::WithoutReadModel => 0,
            Written::Turns | Written::BetweenTurns => append_one(&store, (session, 0), opened(session)).await,
        };
        writers.push((session, first));
    }
    let begun = Instant::now();
    let writers = writers
        .into_iter()
        .map(|(session, first)| tokio::spawn(write(store.clone(), (session, first), written)));
    for writer in futures_util::future::join_all(writers).await {
        writer.unwrap();
    }
    let rate = (WRITERS * EVENTS_PER_WRITER) as f64 / begun.elapsed().as_secs_f64();
    store.close().await;
    rate
}

async fn write(store: EventStore, (session, first): (SessionId, u64), written: Written) {
    for number in 0..EVENTS_PER_WRITER {
        append_one(&store, (session, first + number as u64), written.event(number)).await;
    }
}

/// Returns the version that the stream has now.
async fn append_one(store: &EventStore, (session, version): (SessionId, u64), event: SessionEvent) -> u64 {
    let stream = LogStream::of::<Session>(session, TenantId::first());
    let append = Append::to(stream, version, &[event], Provenance::agent(CommandId(Uuid::now_v7())));
    store.append(append.unwrap()).await.unwrap().last_version
}

fn completed(turn: TurnId) -> SessionEvent {
    let usage = Usage { input_tokens: 9_000, output_tokens: 900, ..Usage::default() };
    let cost_micros = MicroDollars(40_500);
    let spend = Spend { cost_micros, models: [("opus".into(), ModelUse { usage, cost_micros })].into() };
    let counter = AgentCounter { spend: spend.clone(), duration_api_ms: 60_000 };
    SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
        turn,
        outcome: TurnOutcome::Success,
        result: "The build failed where a package was missing; make test installs it now.".into(),
        stop_reason: None,
        structured_output: None,
        agent_turns: 12,
        denials: vec![],
        account: TurnAccount {
            spend,
            duration_ms: 90_000,
            duration_api_ms: 60_000,
            counter,
            ..TurnAccount::default()
        },
    }))
}

#[derive(Clone, Copy)]
enum Table {
    Plain,
    /// As the event store makes it.
    Guarded,
}

/// The same number of rows of the same width, each insert a transaction of its own.
async fn insert(table: Table) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("raw.db");
    let options = SqliteConnectOptions::new()
        .filename(&database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    if let Table::Guarded = table {
        EventStore::open(&database, Arc::new(SystemClock::default())).await.unwrap().close().await;
    }
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY, stream BLOB NOT NULL,
         kind TEXT NOT NULL, tenant TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL,
         schema INTEGER NOT NULL, recorded_at INTEGER NOT NULL, command_id BLOB NOT NULL, actor TEXT NOT NULL,
         http_request_id TEXT, address TEXT, layout INTEGER NOT NULL, codec INTEGER NOT NULL,
         payload_hash BLOB NOT NULL, hash BLOB NOT NULL, payload BLOB NOT NULL, UNIQUE (stream, version)) STRICT",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let streams: Vec<Uuid> = (0..WRITERS).map(|_| Uuid::now_v7()).collect();
    let total = WRITERS * EVENTS_PER_WRITER;
    let begun = Instant::now();
    for first in (0..total).step_by(ROWS_PER_INSERT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (position, stream, kind, tenant, version, type, schema, recorded_at, command_id,
             actor, http_request_id, address, layout, codec, payload_hash, hash, payload) ",
        );
        insert.push_values(first..(first + ROWS_PER_INSERT).min(total), |mut row, number| {
            row.push_bind(number as i64 + 1)
                .push_bind(streams[number % WRITERS])
                .push_bind("session")
                .push_bind("default")
                .push_bind((number / WRITERS) as i64 + 1)
                .push_bind("agent_message")
                .push_bind(1)
                .push_bind(1_795_343_053_083_000_i64)
                .push_bind(Uuid::now_v7())
                .push_bind("agent")
                .push_bind(None::<String>)
                .push_bind(None::<String>)
                .push_bind(1)
                .push_bind(0)
                .push_bind(vec![7_u8; 32])
                .push_bind(vec![8_u8; 32])
                .push_bind(json!({ "raw": payload(number) }).to_string().into_bytes());
        });
        insert.build().execute(&mut connection).await.unwrap();
    }
    let rate = total as f64 / begun.elapsed().as_secs_f64();
    connection.close().await.unwrap();
    rate
}
