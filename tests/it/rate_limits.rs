//! What one person may ask for in a minute and at once, and how those who wait get their turn.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::agent::PermissionMode;
use runner_core::ids::{CommandId, SessionId, TenantId, TurnId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::ports::EventLog;
use runner_core::session::Session;
use runner_core::session::event::{LifecycleEvent, Origin, PromptEvent, SessionEvent, SessionOpened};
use runner_tests::person::Person;
use runner_tests::processes::{agents_of, command_lines};
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};
use uuid::Uuid;

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_answer_of_the_api_says_how_much_is_left() {
    let server = Server::start().await;

    let status = server.get("/api/status").await;
    let absent = server.get("/api/nothing").await;
    let task = server.post("/api/task", &json!({ "prompt": "" })).await;
    let page = server.get("/").await;

    assert_eq!(header(&status, "ratelimit-policy"), r#""default";q=120000;w=60"#);
    assert_eq!(header(&status, "ratelimit"), r#""default";r=119999;t=1"#);
    assert!(header(&absent, "ratelimit").starts_with(r#""default";r=1199"#), "{:?}", absent.headers);
    assert_eq!(header(&task, "ratelimit-policy"), r#""default";q=120000;w=60, "turns";q=12000;w=60"#);
    assert!(header(&task, "ratelimit").ends_with(r#", "turns";r=11999;t=1"#), "{:?}", task.headers);
    assert!(!page.headers.contains_key("ratelimit"));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    // At the machine itself that is a hundred times as much.
    let server = Server::start_with(&[("RATE_LIMIT_REQUESTS_PER_MINUTE", "1")]).await;
    let mut refused = None;
    for _ in 0..10 {
        let answers = join_all((0..20).map(|_| server.get("/api/tools"))).await;
        refused = refused.or(answers.into_iter().find(|answer| answer.status != StatusCode::OK));
    }

    let refused = refused.expect("a limit");
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    let seconds: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(header(&refused, "ratelimit"), r#""default";r=0;t=60"#);
    assert_eq!(server.get("/health").await.status, StatusCode::OK, "it is no request to the API");
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let trail = server.get("/api/audit/events?outcome=denied").await;
        if trail.status == StatusCode::OK {
            assert_eq!(trail.body["events"][0]["data"]["reason"], "rate_limited", "{}", trail.body);
            return;
        }
    }
    panic!("a client that waits as long as it is told is refused all the same");
}

#[tokio::test]
async fn one_person_does_not_use_up_what_another_one_may_ask() {
    let server = Server::start_with(&[("RATE_LIMIT_REQUESTS_PER_MINUTE", "20")]).await;
    let (ada, bob) = (Person::register(&server, "ada").await, Person::register(&server, "bob").await);
    let body = json!({ "name": "ci", "scopes": ["sessions:read"] });
    let token = ada.post("/api/tokens", &body).await.body["token"].as_str().unwrap().to_owned();

    let of_ada = join_all((0..25).map(|_| ada.get("/api/tools"))).await;
    let strangers = join_all((0..25).map(|_| server.get("/api/tools"))).await;

    let refused = |answers: &[Answer]| {
        answers.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count()
    };
    assert!((5..=7).contains(&refused(&of_ada)), "{}", refused(&of_ada));
    assert!(refused(&strangers) >= 5, "{}", refused(&strangers));
    assert_eq!(bob.get("/api/tools").await.status, StatusCode::OK);
    assert_eq!(Person::with(&server, &token).get("/api/tools").await.status, StatusCode::OK);
}

#[tokio::test]
async fn turns_have_a_limit_of_their_own() {
    let server = Server::start_with(&[("RATE_LIMIT_TURNS_PER_MINUTE", "1")]).await;
    // A prompt that is refused is counted, and costs no agent.
    let empty = json!({ "prompt": "" });

    let answers = join_all((0..400).map(|_| server.post("/api/task", &empty))).await;

    let refused = answers.iter().find(|answer| answer.status != StatusCode::BAD_REQUEST).expect("a limit");
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert!(refused.body["detail"].as_str().unwrap().contains("`turns`"), "{}", refused.body);
    assert_eq!(server.get("/api/sessions").await.body["sessions"], json!([]));
}

#[tokio::test]
async fn no_limit_means_no_header() {
    let off = [("RATE_LIMIT_REQUESTS_PER_MINUTE", "0"), ("RATE_LIMIT_TURNS_PER_MINUTE", "0")];
    let server = Server::start_with(&off).await;

    let answered = server.get("/api/status").await;

    assert_eq!(answered.status, StatusCode::OK);
    assert!(
        !answered.headers.contains_key("ratelimit") && !answered.headers.contains_key("ratelimit-policy")
    );
}

#[tokio::test]
async fn streams_are_counted_while_they_are_open() {
    let server = Server::start_with(&[("MAX_STREAMS_PER_USER", "2")]).await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/events");
    let ask = || server.request(Method::GET, &path).header("accept", "text/event-stream");
    let (first, _second) = (server.stream_events(&session, 0).await, server.stream_events(&session, 0).await);

    let refused = answer(ask()).await;
    let task = server.post("/api/task/stream", &json!({ "prompt": "x" })).await;
    drop(first);

    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "too_many_streams"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(task.code(), "too_many_streams");
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
    for _ in 0..200 {
        if ask().send().await.unwrap().status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the place of a stream that ended is still taken");
}

#[tokio::test]
async fn a_turn_without_a_place_is_queued_and_begins_by_itself() {
    let server = Server::start_with(&[("MAX_SESSIONS", "1")]).await;
    let hang = script("Hang.", &json!([{ "hang": true }]));
    let first = server.post("/api/task", &json!({ "prompt": hang, "timeout_ms": 1 })).await.body;
    let first = first["session_id"].as_str().unwrap();
    server.wait_for(first, "turn_started").await;

    let prompt = script("Me too.", &json!([{ "text": "Yes." }]));
    let second = server.post("/api/task", &json!({ "prompt": prompt, "timeout_ms": 500 })).await;

    assert_eq!(second.status, StatusCode::ACCEPTED, "{}", second.body);
    let second = second.body["session_id"].as_str().unwrap();
    assert_eq!(server.view(second).await["turns"][0]["status"], "queued");
    assert_eq!(server.get("/api/status").await.body["turns"], json!({ "running": 1, "queued": 1, "max": 1 }));
    server.post(&format!("/api/sessions/{first}/interrupt"), &json!({})).await;
    let view = server.wait_for_status(second, "idle").await;
    assert_eq!(view["turns"][0]["result"], "Yes.");
    let status = server.get("/api/status").await.body;
    assert_eq!(status["turns"], json!({ "running": 0, "queued": 0, "max": 1 }));
}

#[tokio::test]
async fn people_decide_while_every_place_runs_a_turn() {
    let server = Server::start_with(&[("MAX_SESSIONS", "1")]).await;
    let write = json!({ "file_path": "{{cwd}}/a.txt", "content": "x" });
    let replies = json!([{ "tool_use": { "name": "Write", "input": write } }, { "text": "done" }]);
    let (asking, request) = server.ask(&json!({ "prompt": script("Ask.", &replies) })).await;
    let hang = script("Hang.", &json!([{ "hang": true }]));
    let busy = server.post("/api/task", &json!({ "prompt": hang, "timeout_ms": 1 })).await.body;
    let busy = busy["session_id"].as_str().unwrap();
    server.wait_for(busy, "turn_started").await;

    let decided = server.decide(&asking, &request, &json!({ "decision": "allow" })).await;
    let renamed = server.request(Method::PATCH, &format!("/api/sessions/{asking}"));
    let renamed = answer(renamed.json(&json!({ "title": "mine" }))).await;
    let forked = server.post(&format!("/api/sessions/{asking}/fork"), &json!({ "at_version": 1 })).await;

    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.body);
    assert_eq!(forked.status, StatusCode::CREATED, "{}", forked.body);
    assert!(!server.workspace().join("a.txt").exists(), "one turn at a time");
    server.post(&format!("/api/sessions/{busy}/interrupt"), &json!({})).await;
    let view = server.wait_for_status(&asking, "idle").await;
    assert_eq!((&view["turns"][0]["result"], &view["title"]), (&json!("done"), &json!("mine")));
    assert!(server.workspace().join("a.txt").exists());
}

/// The log of a session of somebody whose server died before it began with its prompt.
fn prompted(owner: &str, working_dir: &str, prompt: &str) -> (SessionId, Vec<SessionEvent>) {
    let session = SessionId(Uuid::now_v7());
    let opened = SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: owner.to_owned(),
        working_dir: working_dir.to_owned(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: true,
        title: None,
        parent: None,
        schedule: None,
        options: Default::default(),
    };
    let (turn, text) = (TurnId(Uuid::now_v7()), prompt.to_owned());
    let submitted = SessionEvent::Prompt(PromptEvent::Submitted {
        turn,
        text,
        attachments: vec![],
        author: owner.into(),
    });
    (session, vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)), submitted])
}

#[tokio::test]
async fn one_who_has_many_turns_waiting_does_not_hold_others_up() {
    let mut server = Server::start_with(&[("MAX_TURNS", "1"), ("MAX_SESSIONS", "4")]).await;
    let folder = server.workspace().to_str().unwrap().to_owned();
    server.stop().await;
    let prompt = script("Count.", &json!([{ "text": "1" }]));
    let store =
        EventStore::open(&server.data_dir().join("runner.db"), Arc::new(SystemClock::default())).await;
    let store = store.unwrap();
    let owners = [["ada"; 8].as_slice(), &["bob"; 2]].concat();
    for owner in &owners {
        let (session, events) = prompted(owner, &folder, &prompt);
        let provenance = Provenance::of(format!("user:{owner}"), CommandId(Uuid::now_v7()));
        let stream = LogStream::of::<Session>(session, TenantId::first());
        store.append(Append::to(stream, 0, &events, provenance).unwrap()).await.unwrap();
    }
    store.close().await;

    server.restart().await;

    let begun = begun(&server, owners.len()).await;
    assert_eq!(begun.len(), owners.len());
    let bobs: Vec<_> =
        begun.iter().enumerate().filter(|(_, owner)| *owner == "bob").map(|(at, _)| at).collect();
    // Ada's first has begun before Bob is read from the log, and one of hers goes before each of Bob's.
    assert!(bobs[0] <= 2 && bobs[1] <= 4, "{begun:?}");
    // In a sandbox each has processes around it.
    let mut agents = command_lines(&agents_of(&server.data_dir()));
    agents.retain(|line| line.split(' ').next().is_some_and(|program| program.ends_with("/claude")));
    assert!(agents.len() <= 4, "no more agents than live sessions: {agents:?}");
}

/// Whose turns have begun, in this order, once there are so many that have ended.
async fn begun(server: &Server, turns: usize) -> Vec<String> {
    for _ in 0..3600 {
        let trail = server.get("/api/audit/events?type=turn_started,turn_completed&limit=200").await.body;
        let trail = trail["events"].as_array().unwrap().clone();
        let of =
            |name: &str| trail.iter().filter(|event| event["type"] == name).cloned().collect::<Vec<Value>>();
        if of("turn_completed").len() == turns {
            let mut owners = vec![];
            for started in of("turn_started").iter().rev() {
                let view = server.view(started["stream"].as_str().unwrap()).await;
                owners.push(view["owner"].as_str().unwrap().to_owned());
            }
            return owners;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not all turns have ended: {}", server.get("/api/status").await.body);
}
