//! Many sessions that wait for people.

use std::sync::Arc;

use reqwest::StatusCode;
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::agent::PermissionMode;
use runner_core::ids::{CommandId, ProcessId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::ports::EventLog;
use runner_core::request::{AgentRequest, RequestKind, ToolEffect};
use runner_core::session::Session;
use runner_core::session::event::{
    Asked, Initiator, LifecycleEvent, Origin, PromptEvent, RequestEvent, SessionEvent, SessionOpened,
    TurnEvent,
};
use runner_tests::processes::agents_of;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};
use uuid::Uuid;

const SESSIONS: usize = 100;

/// The log of a session whose server died while it waited.
fn waiting_session() -> (SessionId, Vec<SessionEvent>) {
    let (session, turn) = (SessionId(Uuid::now_v7()), TurnId(Uuid::now_v7()));
    let opened = SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: "local".to_owned(),
        working_dir: "/".to_owned(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: true,
        title: None,
        parent: None,
        schedule: None,
        options: Default::default(),
    };
    let request = AgentRequest {
        request_id: Uuid::now_v7().to_string(),
        tool_name: "Write".to_owned(),
        tool_use_id: format!("toolu_{turn}"),
        input: json!({ "file_path": "/srv/a", "content": "x".repeat(2000) }),
        description: "a".to_owned(),
        reason: None,
        suggestions: vec![],
        subagent: None,
        effect: ToolEffect::WritesFiles,
        target: Some("/srv/a".to_owned()),
    };
    let events = vec![
        SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)),
        SessionEvent::Prompt(PromptEvent::Submitted {
            turn,
            text: "Do it.".into(),
            attachments: vec![],
            author: "local".into(),
        }),
        SessionEvent::Turn(TurnEvent::Started {
            turn,
            initiator: Initiator::Prompt,
            process: ProcessId(Uuid::now_v7()),
            runtime_version: "2.1.197".to_owned(),
            node: "test".to_owned(),
            task_id: None,
        }),
        SessionEvent::Request(RequestEvent::Asked(Asked { kind: RequestKind::Permission, turn, request })),
    ];
    (session, events)
}

#[tokio::test]
async fn a_hundred_waiting_sessions_cost_no_process_and_little_memory() {
    let mut server = Server::start().await;
    let replies = json!([
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x" } } },
        { "text": "done" },
    ]);
    let (real, request) = server.ask(&json!({ "prompt": script("Ask.", &replies) })).await;
    server.stop().await;
    server.restart().await;
    let before = resident_kib(&server);
    server.stop().await;

    let database = server.data_dir().join("runner.db");
    let store = EventStore::open(&database, Arc::new(SystemClock::default())).await.unwrap();
    for (session, events) in (1..SESSIONS).map(|_| waiting_session()) {
        let stream = LogStream::of::<Session>(session, TenantId::first());
        let provenance = Provenance::agent(CommandId(Uuid::now_v7()));
        store.append(Append::to(stream, 0, &events, provenance).unwrap()).await.unwrap();
    }
    store.close().await;
    server.restart().await;

    let waiting = server.get("/api/requests?limit=200").await.body["requests"].as_array().unwrap().len();
    assert_eq!(waiting, SESSIONS);
    let status = server.get("/api/status").await.body;
    assert_eq!(status["sessions"]["waiting"], SESSIONS, "{status}");
    assert!(agents_of(&server.data_dir()).is_empty());
    let grown = resident_kib(&server).saturating_sub(before);
    assert!(grown / SESSIONS < 1024, "{grown} KiB for {SESSIONS} sessions");
    // Among all of them the decision finds the right one.
    server.decide(&real, &request, &json!({ "decision": "allow" })).await;
    server.wait_for_status(&real, "idle").await;
    assert!(server.workspace().join("a.txt").exists());
}

fn resident_kib(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_waits_shows_its_cost_so_far_and_keeps_its_time_over_a_restart() {
    let mut server = Server::start().await;
    let (session, request) = server.ask(&json!({ "prompt": script("Ask.", &asks()) })).await;
    server.wait_for(&session, "model_called").await;

    let before = server.view(&session).await;
    server.stop().await;
    server.restart().await;
    let after = server.wait_for_status(&session, "waiting").await;
    let listed = server.get("/api/sessions").await.body["sessions"][0].clone();
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;
    let ended = server.wait_for_status(&session, "idle").await;

    let cost = |of: &Value| of["cost_usd"].as_f64().unwrap();
    assert!(cost(&before["turns"][0]) > 0.0, "{before}");
    for (seen, of) in [("view", &before), ("after the restart", &after), ("list", &listed)] {
        assert_eq!(of["cost_usd"], before["turns"][0]["cost_usd"], "{seen}: {of}");
        assert_eq!(of["updated_at"], before["updated_at"], "{seen}: {of}");
    }
    let calls = server.model_calls(&session).await;
    let paid: u64 = calls.iter().map(|call| call["cost_micros"].as_u64().unwrap()).sum();
    assert_eq!((cost(&ended["turns"][0]) * 1e6).round() as u64, paid, "{calls:?}");
    assert_eq!(ended["cost_usd"], ended["turns"][0]["cost_usd"]);
}

#[tokio::test]
async fn decision_in_a_folder_that_is_no_longer_allowed_is_refused_and_not_spent() {
    let mut server = Server::start().await;
    let (session, request) = server.ask(&json!({ "prompt": script("Ask.", &asks()) })).await;
    let (workspace, elsewhere) = (server.workspace(), server.home());
    let allow = json!({ "decision": "allow" });

    server.stop().await;
    server.set("WORKING_DIR", elsewhere.to_str().unwrap());
    server.restart().await;
    let refused = server.decide(&session, &request, &allow).await;
    let still = server.wait_for_request(&session).await;
    server.stop().await;
    server.set("WORKING_DIR", workspace.to_str().unwrap());
    server.restart().await;
    let decided = server.decide(&session, &request, &allow).await;

    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "working_dir_not_allowed"));
    assert_eq!((&still, decided.status), (&request, StatusCode::OK), "{}", decided.body);
    assert_eq!(server.wait_for_status(&session, "idle").await["turns"][0]["result"], "done");
}

/// Replies of which the first asks a person.
fn asks() -> Value {
    let input = json!({ "file_path": "{{cwd}}/a.txt", "content": "a" });
    json!([{ "tool_use": { "name": "Write", "input": input } }, { "text": "done" }])
}
