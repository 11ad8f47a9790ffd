//! Stopping a turn: the tool dies, the turn is closed, the session goes on.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use reqwest::{Method, StatusCode};
use runner_tests::processes::{agents_of, wait_for_command, wait_until_gone};
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::json;

fn sleeping(seconds: u32) -> serde_json::Value {
    let input =
        json!({ "command": format!("true; sleep {seconds}"), "description": "sleep", "timeout": 300_000 });
    json!([{ "tool_use": { "name": "Bash", "input": input } }, { "text": "woke up" }])
}

#[tokio::test]
async fn an_interrupted_tool_dies_and_the_session_stays_usable() {
    let server = Server::start().await;
    // `sleep` needs no permission only where edits and commands are allowed by a rule; python asks, ls does
    // not.
    let body = json!({ "prompt": script("Sleep.", &sleeping(777)), "permission_mode": "acceptEdits", "timeout_ms": 1 });
    let task = server.post("/api/task", &body).await.body;
    let session = task["session_id"].as_str().unwrap();
    wait_for_command(&server.data_dir(), "sleep 777").await;

    let interrupted = server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;

    assert_eq!(interrupted.status, StatusCode::ACCEPTED);
    let ended = server.wait_for(session, "turn_interrupted").await;
    assert_eq!((&ended["data"]["cause"], &ended["data"]["turn"]), (&json!("user"), &task["turn_id"]));
    wait_until_gone(&server.data_dir(), "sleep 777").await;
    let next = server
        .task(&json!({ "prompt": script("Next.", &json!([{ "text": "Here." }])), "resume": session }))
        .await;
    assert_eq!(next["message"], "Here.");
    server.verify(session).await;
}

#[tokio::test]
async fn a_turn_whose_model_hangs_can_be_interrupted() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Hang.", &json!([{ "text": "I begin", "hang": true }])) });
    let mut frames = server.stream_task(&body).await;
    let session = frames.until("text_delta").await[0].data["session_id"].as_str().unwrap().to_owned();

    server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
    let frames = frames.rest().await;

    let answer = &frames.last().unwrap().data["metadata"];
    assert_eq!((&answer["success"], &answer["error"]["code"]), (&json!(false), &json!("interrupted")));
}

#[tokio::test]
async fn an_interrupt_right_after_the_prompt_is_not_lost() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Hang.", &json!([{ "hang": true }])), "timeout_ms": 1 });
    let task = server.post("/api/task", &body).await.body;
    let session = task["session_id"].as_str().unwrap();

    // The agent has not even started: it must be told again.
    let interrupted = server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;

    assert_eq!(interrupted.status, StatusCode::ACCEPTED);
    server.wait_for(session, "turn_interrupted").await;
}

#[tokio::test]
async fn a_turn_that_waits_for_its_place_is_taken_back() {
    let server = Server::start_with(&[("MAX_TURNS", "1"), ("MAX_SESSIONS", "4")]).await;
    let hang = json!({ "prompt": script("Hang.", &json!([{ "hang": true }])), "timeout_ms": 1 });
    let busy = server.post("/api/task", &hang).await.body["session_id"].as_str().unwrap().to_owned();
    server.wait_for(&busy, "turn_started").await;
    let say = json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])), "timeout_ms": 1 });
    let task = || {
        let keyed = server.request(Method::POST, "/api/task").header("idempotency-key", "waits");
        answer(keyed.json(&say))
    };
    let waiting = task().await.body["session_id"].as_str().unwrap().to_owned();
    let mut frames = server.stream_task(&json!({ "prompt": say["prompt"] })).await;
    let watched = frames.until("session").await[0].data["session_id"].as_str().unwrap().to_owned();

    let interrupted = server.post(&format!("/api/sessions/{waiting}/interrupt"), &json!({})).await;
    let again = server.post(&format!("/api/sessions/{waiting}/interrupt"), &json!({})).await;

    assert_eq!(interrupted.status, StatusCode::ACCEPTED, "{}", interrupted.body);
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "nothing_running"));
    assert_eq!(server.event_types(&waiting).await.last().unwrap(), "prompt_withdrawn");
    server.post(&format!("/api/sessions/{watched}/interrupt"), &json!({})).await;
    let last = frames.rest().await.pop().unwrap().data;
    assert_eq!(
        (&last["type"], &last["metadata"]["error"]["code"]),
        (&json!("complete"), &json!("withdrawn"))
    );
    let told = task().await;
    assert_eq!((told.status, &told.body["error"]["code"]), (StatusCode::OK, &json!("withdrawn")));
    assert_eq!(told.body["message"], "the prompt was taken back by local before its turn began");
    assert_eq!(server.view(&waiting).await["status"], "idle");
}

#[tokio::test]
async fn where_nothing_runs_nothing_can_be_interrupted() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();

    let refused = server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;

    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "nothing_running"));
    assert_eq!(server.event_types(&session).await, ["session_opened"]);
}

/// An agent that answers nothing held its session's mailbox for 30 seconds once, and with it everybody.
#[tokio::test]
async fn people_are_answered_while_the_agent_answers_nothing() {
    let server = Server::start().await;
    let replies =
        json!([{ "tool_use": { "name": "Bash", "input": { "command": "touch x", "description": "x" } } }]);
    let (session, request) = server.ask(&json!({ "prompt": script("Touch.", &replies) })).await;
    let agents = agents_of(&server.data_dir());
    agents.iter().for_each(|agent| kill(*agent, Signal::SIGSTOP).unwrap());
    let path = format!("/api/sessions/{session}");

    let answers = async {
        let mode = json!({ "permission_mode": "acceptEdits" });
        let changed = answer(server.request(Method::PATCH, &path).json(&mode)).await;
        let decided = server.decide(&session, &request, &json!({ "decision": "allow" })).await;
        let interrupted = server.post(&format!("{path}/interrupt"), &json!({})).await;
        [changed.status, decided.status, interrupted.status]
    };
    let answered = tokio::time::timeout(Duration::from_secs(20), answers).await;

    assert_eq!(answered.unwrap(), [StatusCode::OK, StatusCode::OK, StatusCode::ACCEPTED]);
    // It does not stop its turn, so it is ended.
    server.wait_for(&session, "turn_interrupted").await;
    wait_until_gone(&server.data_dir(), "").await;
    let next = script("Next.", &json!([{ "text": "Here." }]));
    assert_eq!(server.task(&json!({ "prompt": next, "resume": session })).await["message"], "Here.");
}
