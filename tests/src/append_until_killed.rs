//! Appends from many writers and says on its output what was acknowledged, until it is killed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program of the test suite")]

use std::path::PathBuf;
use std::sync::Arc;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::ports::EventLog;
use runner_core::session::Session;
use runner_core::session::event::{
    AgentEvent, FailureCause, Initiator, SessionEvent, ToolEvent, TurnAccount, TurnEvent,
};
use runner_tests::opened::opened;
use serde_json::json;
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, database, writers] = arguments.as_slice() else {
        eprintln!("usage: append-until-killed DATABASE WRITERS");
        std::process::exit(2);
    };
    let store = EventStore::open(&PathBuf::from(database), Arc::new(SystemClock::default())).await.unwrap();
    let writers: usize = writers.parse().unwrap();
    let tasks = (0..writers).map(|_| tokio::spawn(write(store.clone())));
    futures_util::future::join_all(tasks).await;
}

async fn write(store: EventStore) {
    let session = SessionId(Uuid::now_v7());
    for version in 0.. {
        let event = event(session, version);
        let stream = LogStream::of::<Session>(session, TenantId::first());
        let append = Append::to(stream, version, &[event], Provenance::system(CommandId(Uuid::now_v7())));
        let appended = store.append(append.unwrap()).await.unwrap();
        // A whole line in one write: a torn last one is no acknowledgement.
        println!("{session} {}", appended.last_version);
    }
}

/// A session, and turns in it that read models tell of.
fn event(session: SessionId, version: u64) -> SessionEvent {
    let turn = TurnId(Uuid::from_u128(u128::from(version / 4)));
    match (version, version % 4) {
        (0, _) => opened(session),
        (_, 0) => SessionEvent::Turn(TurnEvent::Started {
            turn,
            initiator: Initiator::Prompt,
            process: ProcessId(Uuid::nil()),
            runtime_version: "2.1".into(),
            node: "n1".into(),
            task_id: None,
        }),
        (_, 1) => SessionEvent::Tool(ToolEvent::Used {
            turn,
            tool_use_id: format!("t{version}"),
            name: "Bash".into(),
            input: json!({}),
            parent_tool_use_id: None,
        }),
        (_, 2) => {
            SessionEvent::Agent(AgentEvent::Unknown { turn: Some(turn), raw: json!({ "number": version }) })
        }
        (_, _) => SessionEvent::Turn(TurnEvent::Failed {
            turn,
            cause: FailureCause::AgentFailed,
            detail: String::new(),
            status: None,
            account: TurnAccount::default(),
        }),
    }
}
