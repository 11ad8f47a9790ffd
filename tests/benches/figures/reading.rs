//! A long session read back: folded from the store, and asked for over HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::agent::PermissionMode;
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::ports::EventLog;
use runner_core::session::Session;
use runner_core::session::event::{
    AgentEvent, Initiator, LifecycleEvent, MessageEvent, Origin, PromptEvent, SessionEvent, SessionOpened,
    ToolEvent, TurnCompleted, TurnEvent, TurnOutcome,
};
use runner_core::session::view::SessionView;
use runner_tests::server::Server;
use serde_json::json;
use uuid::Uuid;

use crate::{millis, report};

const ROUNDS: usize = 9;
const EVENTS: usize = 10_000;

/// Events of a turn: prompt, start, sixteen steps of tool use and result, text, end.
const STEPS: usize = 16;

pub(crate) async fn measure() {
    println!("\n# A session of {EVENTS} events");
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("runner.db");
    let store = EventStore::open(&database, Arc::new(SystemClock::default())).await.unwrap();
    let session = fill(&store, EVENTS).await;
    let mut folded = vec![];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let view = fold(&store, session).await;
        folded.push(begun.elapsed());
        assert_eq!(view.head.version, EVENTS as u64);
    }
    store.close().await;
    report("read back and folded (goal: under 150)", "ms", millis(&folded));

    let url = format!("sqlite://{}", database.display());
    let server = Server::start_with(&[("DATABASE_URL", &url)]).await;
    let (mut cold, mut warm) = (vec![], vec![]);
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        let view = server.view(&session.to_string()).await;
        let times = if round == 0 { &mut cold } else { &mut warm };
        times.push(begun.elapsed());
        assert_eq!(view["version"], EVENTS);
    }
    report("GET /api/sessions/{id}, first", "ms", millis(&cold));
    report("GET /api/sessions/{id}, warm (goal: under 50)", "ms", millis(&warm));
}

async fn fold(store: &EventStore, session: SessionId) -> SessionView {
    let mut view: Option<SessionView> = None;
    let mut after = 0;
    loop {
        let page = store.read(session.into(), after, 1000).await.unwrap();
        for recorded in &page {
            let event = recorded.decode().unwrap();
            match &mut view {
                Some(view) => view.apply(recorded, &event),
                None => view = SessionView::open(&event, recorded.recorded_at),
            }
            after = recorded.version;
        }
        if page.len() < 1000 {
            return view.unwrap();
        }
    }
}

/// Stores a session of a given length in an empty database.
pub(crate) async fn fill(store: &EventStore, length: usize) -> SessionId {
    let session = SessionId(Uuid::now_v7());
    let mut events = vec![opened(session)];
    // Whole turns only: one that is left open would be closed by the server.
    loop {
        let turn = turn();
        if events.len() + turn.len() > length {
            break;
        }
        events.extend(turn);
    }
    let rest = SessionEvent::Agent(AgentEvent::Unknown { turn: None, raw: json!({ "type": "filler" }) });
    events.resize(length, rest);
    let mut expected_version = 0;
    for chunk in events.chunks(500) {
        let stream = LogStream::of::<Session>(session, TenantId::first());
        let provenance = Provenance::agent(CommandId(Uuid::now_v7()));
        let append = Append::to(stream, expected_version, chunk, provenance);
        expected_version = store.append(append.unwrap()).await.unwrap().last_version;
    }
    session
}

pub(crate) fn opened(session: SessionId) -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: "local".to_owned(),
        working_dir: Path::new("/").display().to_string(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: true,
        title: Some("A session".to_owned()),
        parent: None,
        schedule: None,
        options: Default::default(),
    }))
}

fn turn() -> Vec<SessionEvent> {
    let turn = TurnId(Uuid::now_v7());
    let mut events = vec![
        SessionEvent::Prompt(PromptEvent::Submitted {
            turn,
            text: "Do it.".repeat(20),
            attachments: vec![],
            author: "local".into(),
        }),
        SessionEvent::Turn(TurnEvent::Started {
            turn,
            initiator: Initiator::Prompt,
            process: ProcessId(Uuid::now_v7()),
            runtime_version: "2.1.197".to_owned(),
            node: "bench".to_owned(),
            task_id: None,
        }),
    ];
    for step in 0..STEPS {
        let tool_use_id = format!("toolu_{turn}_{step}");
        let input = json!({ "command": "cargo test --workspace", "description": "Runs the tests" });
        events.push(SessionEvent::Tool(ToolEvent::Used {
            turn,
            tool_use_id: tool_use_id.clone(),
            name: "Bash".to_owned(),
            input,
            parent_tool_use_id: None,
        }));
        let content = json!("test result: ok. ".repeat(30));
        events.push(SessionEvent::Tool(ToolEvent::Returned {
            turn,
            tool_use_id,
            is_error: false,
            content,
            structured: None,
            decided_by: None,
        }));
    }
    events.push(SessionEvent::Message(MessageEvent::Text {
        turn,
        message_id: format!("msg_{turn}"),
        text: "All tests pass. ".repeat(10),
        parent_tool_use_id: None,
    }));
    events.push(SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
        turn,
        outcome: TurnOutcome::Success,
        result: "All tests pass. ".repeat(10),
        stop_reason: None,
        structured_output: None,
        agent_turns: 17,
        denials: vec![],
        account: Default::default(),
    })));
    events
}
