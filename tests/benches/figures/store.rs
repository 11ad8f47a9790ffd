//! Durable appends of many writers, against what SQLite itself can do with multi-row inserts.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::aggregate::TenantId;
use runner_core::event_log::{Append, Provenance};
use runner_core::ids::{CommandId, SessionId};
use runner_core::ports::EventLog;
use runner_core::session::event::{Origin, SessionEvent, SessionOpened};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::{report, report_ratio};

const ROUNDS: usize = 9;
const WRITERS: usize = 256;
const EVENTS_PER_WRITER: usize = 80;
const ROWS_PER_INSERT: usize = 128;

pub(crate) async fn measure() {
    println!("\n# Durable appends: {WRITERS} writers, events of about 0.5 KiB, synchronous=FULL");
    let (mut log, mut sessions, mut raw) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        log.push(append(&folder.path().join("log.db"), Streams::Unindexed).await);
        raw.push(insert(&folder.path().join("raw.db")).await);
        sessions.push(append(&folder.path().join("sessions.db"), Streams::Sessions).await);
    }
    let raw = report("raw inserts of 128 rows, no chain, no guard, no read models", "events/s", raw);
    let log = report("event store, streams without a read model", "events/s", log);
    report_ratio("raw inserts", log / raw, "at least 0.9");
    let sessions = report("event store, sessions with their index", "events/s", sessions);
    report_ratio("raw inserts", sessions / raw, "at least 0.9");
}

fn payload(number: usize) -> serde_json::Value {
    json!({ "number": number, "text": "x".repeat(460) })
}

/// What is appended to. The index of a session changes with every event of it.
#[derive(Clone, Copy)]
enum Streams {
    Unindexed,
    Sessions,
}

async fn append(database: &Path, streams: Streams) -> f64 {
    let store = EventStore::open(database, Arc::new(SystemClock::default())).await.unwrap();
    let mut writers = vec![];
    for _ in 0..WRITERS {
        let session = SessionId(Uuid::now_v7());
        let first = match streams {
            Streams::Unindexed => 0,
            Streams::Sessions => append_one(&store, (session, 0), opened(session)).await,
        };
        writers.push((session, first));
    }
    let begun = Instant::now();
    let writers =
        writers.into_iter().map(|(session, first)| tokio::spawn(write(store.clone(), session, first)));
    futures_util::future::join_all(writers).await;
    let rate = (WRITERS * EVENTS_PER_WRITER) as f64 / begun.elapsed().as_secs_f64();
    store.close().await;
    rate
}

async fn write(store: EventStore, session: SessionId, first: u64) {
    for number in 0..EVENTS_PER_WRITER {
        let event = SessionEvent::AgentMessage { turn: None, raw: payload(number) };
        append_one(&store, (session, first + number as u64), event).await;
    }
}

/// Returns the version that the stream has now.
async fn append_one(store: &EventStore, (session, version): (SessionId, u64), event: SessionEvent) -> u64 {
    let provenance = Provenance {
        actor: "agent".to_owned(),
        request_id: None,
        address: None,
        command: CommandId(Uuid::now_v7()),
        request_hash: None,
    };
    let append = Append { session, expected_version: version, events: vec![event], provenance };
    store.append(append).await.unwrap().last_version
}

fn opened(session: SessionId) -> SessionEvent {
    SessionEvent::SessionOpened(SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: "ada".into(),
        working_dir: "/work".into(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: true,
        title: None,
        parent: None,
        options: AgentOptions::default(),
    })
}

/// The same number of rows of the same width, each insert a transaction of its own.
async fn insert(database: &Path) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(
        "CREATE TABLE events (position INTEGER PRIMARY KEY, stream BLOB NOT NULL, version INTEGER NOT NULL,
         type TEXT NOT NULL, schema INTEGER NOT NULL, recorded_at INTEGER NOT NULL, command_id BLOB NOT NULL,
         actor TEXT NOT NULL, request_id TEXT, codec INTEGER NOT NULL, payload BLOB NOT NULL,
         payload_hash BLOB NOT NULL, hash BLOB NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL,
         address TEXT, UNIQUE (stream, version)) STRICT",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let streams: Vec<Uuid> = (0..WRITERS).map(|_| Uuid::now_v7()).collect();
    let total = WRITERS * EVENTS_PER_WRITER;
    let begun = Instant::now();
    for first in (0..total).step_by(ROWS_PER_INSERT) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO events ");
        insert.push_values(first..(first + ROWS_PER_INSERT).min(total), |mut row, number| {
            row.push_bind(number as i64 + 1)
                .push_bind(streams[number % WRITERS])
                .push_bind((number / WRITERS) as i64 + 1)
                .push_bind("agent_message")
                .push_bind(1)
                .push_bind(1_795_343_053_083_000_i64)
                .push_bind(Uuid::now_v7())
                .push_bind("agent")
                .push_bind(None::<String>)
                .push_bind(0)
                .push_bind(json!({ "raw": payload(number) }).to_string().into_bytes())
                .push_bind(vec![7_u8; 32])
                .push_bind(vec![8_u8; 32])
                .push_bind("session")
                .push_bind("default")
                .push_bind(None::<String>);
        });
        insert.build().execute(&mut connection).await.unwrap();
    }
    let rate = total as f64 / begun.elapsed().as_secs_f64();
    connection.close().await.unwrap();
    rate
}
