//! The monitor of subagents: those of all one's sessions, while they work and afterwards, and as it happens;
//! and what the processes of agents take.

use std::path::Path;

use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::server::{Server, answer};
use runner_tests::sse::Frames;
use runner_tests::{claudes, script};
use serde_json::{Value, json};

use crate::projections::rebuild;

const PATH: &str = "/api/agents/subagents";

/// A turn that ends while a subagent works on, which then wants to write a file.
fn launch() -> Value {
    let write = json!({ "file_path": "{{cwd}}/a.txt", "content": "hi" });
    let inner = json!([{ "tool_use": { "name": "Write", "input": write } }, { "text": "sub done" }]);
    let input = json!({
        "description": "look around", "prompt": script("Look around.", &inner),
        "subagent_type": "general-purpose", "run_in_background": true,
    });
    let replies = json!([{ "tool_use": { "name": "Agent", "input": input } }, { "text": "launched" }]);
    json!({ "prompt": script("Launch.", &replies) })
}

async fn server(claude: &Path) -> Server {
    Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await
}

async fn listed(server: &Server, query: &str) -> Vec<Value> {
    let page = server.get(&format!("{PATH}?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body["subagents"].as_array().unwrap().clone()
}

async fn watch(server: &Server, query: &str, last_event_id: Option<u64>) -> Frames {
    let mut request =
        server.request(Method::GET, &format!("{PATH}?{query}")).header("accept", "text/event-stream");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    Frames::new(response)
}

/// Reads until a subagent is in a state; returns the place of that, and what was told.
async fn until(frames: &mut Frames, state: &str) -> (Option<u64>, Value) {
    loop {
        let frame = frames.next().await.unwrap();
        if frame.data["state"] == state {
            return (frame.id, frame.data);
        }
    }
}

#[tokio::test]
async fn a_subagent_shows_while_it_works_and_after_its_end_with_what_it_did_and_cost() {
    for claude in claudes() {
        let mut server = server(&claude).await;
        let mut frames = watch(&server, "state=running", None).await;
        let done = server.task(&launch()).await;
        let session = done["session_id"].as_str().unwrap().to_owned();
        let request = server.wait_for_request(&session).await;

        let running = listed(&server, "state=running").await;
        let [one] = &running[..] else { panic!("{running:?}") };
        assert_eq!((&one["session_id"], &one["turn_id"]), (&json!(session), &done["turn_id"]));
        assert_eq!((&one["subagent_type"], &one["ended_at"]), (&json!("general-purpose"), &Value::Null));
        assert_eq!(server.get("/api/agents").await.body["subagents"][0]["id"], one["id"]);
        assert_eq!(until(&mut frames, "running").await.1["id"], one["id"]);
        assert_eq!(listed(&server, "state=ended").await, Vec::<Value>::new());
        let mut late = watch(&server, "", None).await;
        assert_eq!(late.next().await.unwrap().data["id"], one["id"], "what goes on is told first");

        server.decide(&session, &request, &json!({ "decision": "allow" })).await;

        let (place, told) = until(&mut frames, "completed").await;
        assert_eq!(until(&mut late, "completed").await.1["id"], one["id"]);
        assert_eq!((&told["id"], &told["tool_calls"]), (&one["id"], &json!(1)), "{told}");
        server.wait_for_status(&session, "idle").await;
        let ended = listed(&server, &format!("state=completed&session={session}")).await;
        let [one] = &ended[..] else { panic!("{ended:?}") };
        let calls = server.model_calls(&session).await;
        let own: Vec<_> = calls.iter().filter(|call| call["subagent"] == one["id"]).collect();
        let micros: f64 = own.iter().map(|call| call["cost_micros"].as_f64().unwrap()).sum();
        assert!((one["cost_usd"].as_f64().unwrap() - micros / 1e6).abs() < 1e-9 && micros > 0.0, "{one}");
        assert_eq!(one["model_calls"], own.len(), "{one}");
        assert!(one["usage"]["output_tokens"].as_u64().unwrap() > 0, "{one}");
        assert!(one["duration_ms"].as_u64().unwrap() > 0 && one["summary"].is_string(), "{one}");
        let mut resumed = watch(&server, "", Some(place.unwrap() - 1)).await;
        assert_eq!(resumed.next().await.unwrap().data["id"], one["id"]);

        assert!(server.stop().await.success());
        let rebuilt = rebuild(&server).await;
        let said = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
        assert!(said.contains("the read models were right"), "{said}");
        server.restart().await;
        assert_eq!(listed(&server, "state=ended").await, ended);
    }
}

#[tokio::test]
async fn what_lost_its_process_in_a_crash_is_shown_as_parked_until_it_is_over() {
    let mut server = Server::start().await;
    let done = server.task(&launch()).await;
    let session = done["session_id"].as_str().unwrap();
    let request = server.wait_for_request(session).await;
    assert_eq!(listed(&server, "state=running").await.len(), 1, "{done}");

    server.kill_9().await;
    server.restart().await;

    server.wait_for(session, "subagent_parked").await;
    assert_eq!(listed(&server, "state=running").await, Vec::<Value>::new());
    assert_eq!(listed(&server, "state=parked").await.len(), 1);
    server.decide(session, &request, &json!({ "decision": "deny" })).await;
    server.wait_for(session, "subagent_taken_up").await;
    assert_eq!(listed(&server, "state=parked").await, Vec::<Value>::new());
    assert_eq!(listed(&server, "state=stopped").await.len(), 1);
}

#[tokio::test]
async fn pages_of_subagents_are_ones_own_and_what_is_wrong_with_a_query_is_named() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;
    let grace = Person::register(&server, "grace").await;
    let linus = Person::register(&server, "linus").await;
    let mut sessions = vec![];
    for person in [&grace, &grace, &linus] {
        sessions.push(person.task(&launch()).await["session_id"].clone());
    }

    let of = async |person: &Person<'_>, query: &str| {
        let page = person.get(&format!("{PATH}?{query}")).await.body;
        let ids = page["subagents"].as_array().unwrap().iter().map(|one| one["session_id"].clone());
        (ids.collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    let (first, cursor) = of(&grace, "limit=1").await;
    assert_eq!(first, [sessions[1].clone()]);
    let next = format!("limit=1&cursor={}", cursor.as_str().unwrap());
    assert_eq!(of(&grace, &next).await, (vec![sessions[0].clone()], Value::Null));
    assert_eq!(of(&ada, "").await.0.len(), 3);
    let foreign = format!("session={}", sessions[2].as_str().unwrap());
    for (query, code) in [
        (foreign.as_str(), "session_not_found"),
        ("session=x", "session_not_found"),
        ("state=nonsense", "query_invalid"),
        ("limit=0", "query_invalid"),
        ("cursor=x", "query_invalid"),
        ("typo=1", "query_invalid"),
    ] {
        let refused = answer(grace.request(Method::GET, &format!("{PATH}?{query}"))).await;
        assert_eq!(refused.code(), code, "{query}: {}", refused.body);
    }
}

#[tokio::test]
async fn a_subagent_that_works_is_stopped_and_its_session_goes_on() {
    for claude in claudes() {
        let server = server(&claude).await;
        let done = server.task(&launch()).await;
        let session = done["session_id"].as_str().unwrap();
        server.wait_for_request(session).await;
        let id = listed(&server, "state=running").await[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/agents/{id}/stop");
        let keyed = || server.request(Method::POST, &path).header("idempotency-key", "stop-1");

        let stopped = answer(keyed()).await;

        assert_eq!(stopped.status, StatusCode::ACCEPTED, "{}", stopped.body);
        assert_eq!(stopped.body, json!({ "id": id, "session_id": session }));
        let requested = server.wait_for(session, "subagent_stop_requested").await;
        assert_eq!((&requested["data"]["task_id"], &requested["data"]["by"]), (&json!(id), &json!("local")));
        server.wait_for(session, "subagent_finished").await;
        let ended = listed(&server, "state=stopped").await;
        assert_eq!((&ended[0]["id"], ended.len()), (&json!(id), 1));
        assert_eq!(server.view(session).await["pending"], json!([]));
        assert!(!server.workspace().join("a.txt").exists());
        let again = answer(keyed()).await;
        assert!(again.is_replay() && again.body == stopped.body, "{}", again.body);
        let late = server.post(&path, &json!({})).await;
        assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "subagent_not_running"));
        assert_eq!(server.post("/api/agents/nobody/stop", &json!({})).await.code(), "subagent_not_found");
        server.wait_for_status(session, "idle").await;
        let next = json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) });
        let prompts = format!("/api/sessions/{session}/prompts");
        assert!(server.post(&prompts, &next).await.status.is_success());
        server.verify(session).await;
    }
}

#[tokio::test]
async fn what_an_agents_processes_take_is_shown_to_its_owner_and_to_admins_until_it_has_ended() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;
    let grace = Person::register(&server, "grace").await;
    let linus = Person::register(&server, "linus").await;
    let path = "/api/agents/processes";
    let done = grace.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
    let session = done["session_id"].as_str().unwrap();
    let watched = grace.request(Method::GET, path).header("accept", "text/event-stream");
    let mut frames = Frames::new(watched.send().await.unwrap());

    for person in [&grace, &ada] {
        let listed = person.get(path).await.body;
        let [one] = &listed["processes"].as_array().unwrap()[..] else { panic!("{listed}") };
        assert_eq!((&one["session_id"], &one["owner"]), (&json!(session), &json!("grace")), "{one}");
        assert!(one["processes"].as_u64().unwrap() >= 1 && one["cpu_ms"].as_u64().unwrap() > 0, "{one}");
        assert!(one["memory_bytes"].as_u64().unwrap() > 10_000_000, "{one}");
        assert!(["control_group", "system"].contains(&one["measured_by"].as_str().unwrap()), "{one}");
    }
    assert_eq!(linus.get(path).await.body["processes"], json!([]));
    assert_eq!(frames.next().await.unwrap().data["processes"][0]["session_id"], session);

    let archived = grace.patch(&format!("/api/sessions/{session}"), &json!({ "archived": true })).await;

    assert!(archived.status.is_success(), "{}", archived.body);
    while frames.next().await.unwrap().data["processes"] != json!([]) {}
    assert_eq!(grace.get(path).await.body["processes"], json!([]));
}
