//! What it costs to say who allowed a tool: the growth of the database over calls that nobody was asked
//! about, as it is and without the deciders, in the same run.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::agent::PermissionMode;
use runner_core::ids::{CommandId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::money::MicroDollars;
use runner_core::people::audit::{AuditFilter, Scope};
use runner_core::ports::{AuditLog as _, EventLog as _};
use runner_core::request::DecidedBy;
use runner_core::session::Session;
use runner_core::session::event::{SessionEvent, SpendEvent, ToolEvent};
use runner_core::spend::{CallOutcome, ModelCall, Usage};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::reading::opened;

const CALLS: usize = 10_000;

/// The calls of one turn.
const STEPS: usize = 20;

#[derive(Clone, Copy)]
enum Deciders {
    Told,
    Untold,
}

pub(crate) async fn measure() {
    println!("\n# Who allowed a tool: growth of the database over {CALLS} calls that nobody was asked about");
    let told = grown(Deciders::Told).await;
    let untold = grown(Deciders::Untold).await;
    println!("with deciders: {:.0} bytes for each call", told / CALLS as f64);
    println!("without: {:.0} bytes for each call", untold / CALLS as f64);
    println!("  = {:.1} % more (goal: less than 5 %)", (told / untold - 1.0) * 100.0);
}

/// The bytes of the database after the calls, less those before.
async fn grown(deciders: Deciders) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("runner.db");
    let open = || EventStore::open(&database, Arc::new(SystemClock::default()));
    let store = open().await.unwrap();
    let session = SessionId(Uuid::now_v7());
    let mut version = append(&store, (session, 0), &[opened(session)]).await;
    store.close().await;
    let before = bytes(&database).await;
    let store = open().await.unwrap();
    for first in (0..CALLS).step_by(STEPS) {
        let events: Vec<_> = (first..first + STEPS).flat_map(|number| call(number, deciders)).collect();
        version = append(&store, (session, version), &events).await;
    }
    if let Deciders::Told = deciders {
        search(&store).await;
    }
    store.close().await;
    bytes(&database).await - before
}

/// What the log has of one step of a turn that runs a command: as the real program tells it with the offline
/// model. Results differ in length, because rows of one length fill pages well or badly, and all are short:
/// longer ones make the share of the decider smaller.
fn call(number: usize, deciders: Deciders) -> [SessionEvent; 3] {
    let turn = TurnId(Uuid::from_u128((number / STEPS) as u128));
    let printed = "a.txt\n".repeat(number % 16);
    let tool_use_id = format!("toolu_{number:024}");
    let decided_by = match deciders {
        Deciders::Told => Some(DecidedBy::mode(PermissionMode::BypassPermissions.as_str())),
        Deciders::Untold => None,
    };
    let call = ModelCall {
        call_id: Some(Uuid::now_v7()),
        model: "claude-opus-5-5".into(),
        outcome: CallOutcome::Completed,
        usage: Usage { input_tokens: 100, output_tokens: 20, ..Usage::default() },
        cost_micros: MicroDollars(800),
        cost_is_estimate: false,
        key: None,
        status: Some(200),
        duration_ms: 37,
        api_request_id: Some(format!("req_{number:024}")),
        subagent: None,
    };
    [
        SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn), call }),
        SessionEvent::Tool(ToolEvent::Used {
            turn,
            tool_use_id: tool_use_id.clone(),
            name: "Bash".into(),
            input: json!({ "command": "ls", "description": "List the files of the folder" }),
            parent_tool_use_id: None,
        }),
        SessionEvent::Tool(ToolEvent::Returned {
            turn,
            tool_use_id,
            is_error: false,
            content: printed.as_str().into(),
            structured: Some(json!({
                "interrupted": false, "isImage": false, "noOutputExpected": false, "stderr": "",
                "stdout": printed,
            })),
            decided_by,
        }),
    ]
}

/// The worst case of a search: every decision is looked at, and none has the text.
async fn search(store: &EventStore) {
    let (tenant, scope, text) = (TenantId::first(), Scope::Everything, Some("absent".to_owned()));
    let filter = AuditFilter { tenant, scope, text, limit: 50, ..AuditFilter::default() };
    let begun = Instant::now();
    let page = store.read_audit(filter).await.unwrap();
    assert!(page.entries.is_empty() && page.next.is_none(), "all of it was looked at");
    println!("a text that occurs in none of them is looked for in {:.2} s", begun.elapsed().as_secs_f64());
}

/// Returns the version that the stream has now.
async fn append(store: &EventStore, (session, version): (SessionId, u64), events: &[SessionEvent]) -> u64 {
    let stream = LogStream::of::<Session>(session, TenantId::first());
    let append = Append::to(stream, version, events, Provenance::agent(CommandId(Uuid::now_v7())));
    store.append(append.unwrap()).await.unwrap().last_version
}

/// The pages that are in use, wherever they lie.
async fn bytes(database: &Path) -> f64 {
    let mut connection = connect(database).await;
    let pages = "SELECT (page_count - freelist_count) * page_size
                 FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let bytes: i64 = sqlx::query_scalar(pages).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    bytes as f64
}

async fn connect(database: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database)).await.unwrap()
}
