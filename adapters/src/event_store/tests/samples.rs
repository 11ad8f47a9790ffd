//! What the tests are made of: a database in a folder of its own, and events to put into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, Appended, Digest, LogStream, Provenance, RecordedEvent};
use runner_core::money::MicroDollars;
use runner_core::people::principal::Reach;
use runner_core::ports::{AppendError, Clock, EventLog};
use runner_core::request::{AgentRequest, RequestKind, ToolEffect};
use runner_core::session::Session;
use runner_core::session::event::{
    AgentCounter, AgentEvent, Asked, Initiator, LifecycleEvent, Origin, PromptEvent, RequestEvent,
    SessionEvent, SessionOpened, TurnAccount, TurnCompleted, TurnEvent, TurnOutcome,
};
use runner_core::spend::{ModelUse, Spend, Usage};
use runner_core::time::Timestamp;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::event_store::EventStore;

/// A folder that goes away with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("event-store-{}", Uuid::now_v7()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.0.join("runner.db")
    }

    pub(super) async fn open(&self) -> EventStore {
        EventStore::open(&self.database(), Arc::new(TickingClock::default())).await.unwrap()
    }

    /// Whether one of the texts, or the end of one, stands in any of the files.
    pub(super) fn holds(&self, texts: &[&Vec<u8>]) -> bool {
        let files = std::fs::read_dir(&self.0).unwrap();
        let files: Vec<_> = files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        let mut ends = texts.iter().map(|text| &text[text.len() - 20..]);
        ends.any(|end| files.iter().any(|file| file.windows(end.len()).any(|window| window == end)))
    }

    /// What somebody has who can reach the file.
    pub(super) async fn raw(&self) -> SqliteConnection {
        connect(&self.database()).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the folder for temporary files.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

/// A clock that goes on by a millisecond whenever it is looked at: no two batches get the same time.
#[derive(Default)]
pub(super) struct TickingClock {
    looks: AtomicI64,
}

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        let millis = self.looks.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_micros(1_795_343_053_000_000 + 1000 * millis)
    }
}

/// What an admin of the first team sees.
pub(super) fn everybody() -> Reach {
    Reach { tenant: TenantId::first(), owner: None }
}

pub(super) const fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

pub(super) const fn turn(number: u128) -> TurnId {
    TurnId(Uuid::from_u128(number))
}

pub(super) const fn command(number: u128) -> CommandId {
    CommandId(Uuid::from_u128(number))
}

pub(super) fn append(session: SessionId, expected_version: u64, events: Vec<SessionEvent>) -> Append {
    let stream = LogStream::of::<Session>(session, TenantId::first());
    let provenance = Provenance::of("user:ada", CommandId(Uuid::now_v7()));
    Append::to(stream, expected_version, &events, provenance).unwrap()
}

/// The same as a command that a client may send again.
pub(super) fn retriable(append: Append, command: CommandId, request_hash: u8) -> Append {
    let request_hash = Some(Digest([request_hash; 32]));
    Append { provenance: Provenance { command, request_hash, ..append.provenance }, ..append }
}

pub(super) fn opened(session: SessionId) -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(opening(session)))
}

pub(super) fn opening(session: SessionId) -> SessionOpened {
    SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: "ada".into(),
        working_dir: "/srv".into(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: false,
        title: None,
        parent: None,
        schedule: None,
        options: AgentOptions { model: Some("opus".into()), ..AgentOptions::default() },
    }
}

pub(super) fn tagged(tags: &[&str]) -> SessionEvent {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    SessionEvent::Lifecycle(LifecycleEvent::Tagged { tags, by: "ada".into() })
}

pub(super) fn handed_over(to: &str) -> SessionEvent {
    let (from, to, by) = ("ada".into(), to.into(), "root".into());
    SessionEvent::Lifecycle(LifecycleEvent::HandedOver { from, to, by, offline: true })
}

pub(super) fn prompted(number: u128, text: &str) -> SessionEvent {
    let (turn, text) = (turn(number), text.to_owned());
    SessionEvent::Prompt(PromptEvent::Submitted { turn, text, attachments: vec![], author: "ada".into() })
}

pub(super) fn started(number: u128) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Started {
        turn: turn(number),
        initiator: Initiator::Prompt,
        process: ProcessId(Uuid::from_u128(1)),
        runtime_version: "2.1".into(),
        node: "n1".into(),
        task_id: None,
    })
}

/// Words of the agent, of which the index of sessions shows nothing.
pub(super) fn said(number: u128) -> SessionEvent {
    SessionEvent::Agent(AgentEvent::Unknown { turn: Some(turn(number)), raw: json!({ "type": "system" }) })
}

pub(super) fn completed(number: u128, result: &str, micros: u64) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
        turn: turn(number),
        outcome: TurnOutcome::Success,
        result: result.into(),
        stop_reason: None,
        structured_output: None,
        agent_turns: 1,
        denials: vec![],
        account: account(micros),
    }))
}

fn account(micros: u64) -> TurnAccount {
    let usage = Usage { input_tokens: micros * 3, output_tokens: micros, ..Usage::default() };
    let cost_micros = MicroDollars(micros);
    let spend = Spend { cost_micros, models: [("opus".into(), ModelUse { usage, cost_micros })].into() };
    let counter = AgentCounter { spend: spend.clone(), duration_api_ms: 5 };
    TurnAccount { spend, duration_ms: 10, duration_api_ms: 5, counter, ..TurnAccount::default() }
}

pub(super) fn requested(request_id: &str) -> SessionEvent {
    let request = AgentRequest {
        request_id: request_id.into(),
        tool_name: "Bash".into(),
        tool_use_id: format!("tool-{request_id}"),
        input: json!({ "command": "ls" }),
        description: "a command".into(),
        reason: None,
        suggestions: vec![],
        subagent: None,
        effect: ToolEffect::RunsCommands,
        target: Some("ls".into()),
    };
    SessionEvent::Request(RequestEvent::Asked(Asked {
        kind: RequestKind::Permission,
        turn: turn(1),
        request,
    }))
}

/// A whole session: opened, one prompt, and what came of it.
pub(super) fn whole_session(session: SessionId, prompt: &str, micros: u64) -> Vec<SessionEvent> {
    vec![opened(session), prompted(1, prompt), started(1), completed(1, "done", micros)]
}

pub(super) async fn put(store: &EventStore, session: SessionId, events: Vec<SessionEvent>) -> Appended {
    let version = read(store, session).await.len() as u64;
    store.append(append(session, version, events)).await.unwrap()
}

pub(super) async fn read(store: &EventStore, session: SessionId) -> Vec<RecordedEvent> {
    store.read(session.into(), 0, u32::MAX).await.unwrap()
}

pub(super) async fn read_events(store: &EventStore, session: SessionId) -> Vec<SessionEvent> {
    read(store, session).await.iter().map(|recorded| recorded.decode().unwrap()).collect()
}

/// The outcome of an append as something that can be compared.
pub(super) fn outcome(result: Result<Appended, AppendError>) -> Result<Appended, String> {
    result.map_err(|error| error.to_string())
}

/// What one person of the first team sees.
pub(super) fn reach(owner: &str) -> Reach {
    Reach { tenant: TenantId::first(), owner: Some(owner.into()) }
}
