//! Waiting for a turn: on a stream with a limit, and for one that began earlier.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

/// Longer than whatever is not to be waited for.
const LONG: Duration = Duration::from_secs(30);

fn slow() -> Value {
    json!({ "prompt": script("Slowly.", &json!([{ "text": "Done.", "delay_ms": 3000 }])) })
}

fn asking() -> Value {
    let write = json!({ "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "hi\n" } });
    json!({ "prompt": script("Write.", &json!([{ "tool_use": write }, { "text": "Written." }])) })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn path_of(unfinished: &Value) -> String {
    format!("/api/sessions/{}/turns/{}", text(&unfinished["session_id"]), text(&unfinished["turn_id"]))
}

#[tokio::test]
async fn a_stream_with_a_limit_ends_with_how_the_turn_stands() {
    let server = Server::start().await;
    // A busy machine may take long until somebody is asked.
    for (body, limit_ms, status) in [(slow(), 2000, "running"), (asking(), 20_000, "waiting")] {
        let mut frames = server.stream_task(&with(body, "timeout_ms", limit_ms)).await;
        let frames = tokio::time::timeout(LONG, frames.rest()).await.expect("the stream ends");

        let last = frames.last().unwrap();
        let unfinished = &last.data["metadata"];
        assert_eq!((last.kind(), &unfinished["status"]), ("complete", &json!(status)), "{unfinished}");
        assert_eq!(last.id, None, "it can be asked for again");
        let session = text(&unfinished["session_id"]);
        let pending = server.view(&session).await["pending"].clone();
        assert_eq!(unfinished["pending"], pending);
        assert_eq!(unfinished["turn_id"], frames[0].data["turn_id"]);
    }
}

#[tokio::test]
async fn a_stream_with_a_limit_shows_a_turn_that_is_over_before_as_any_other() {
    let server = Server::start().await;
    let body = with(asking(), "permission_mode", "acceptEdits");

    let mut frames = server.stream_task(&with(body, "timeout_ms", 60_000)).await;
    let frames = frames.rest().await;

    let answer = &frames.last().unwrap().data["metadata"];
    assert_eq!((&answer["success"], &answer["message"]), (&json!(true), &json!("Written.")));
}

#[tokio::test]
async fn the_end_of_a_turn_can_be_waited_for() {
    let server = Server::start().await;
    let unfinished = server.post("/api/task", &with(slow(), "timeout_ms", 1)).await;
    assert_eq!(unfinished.status, StatusCode::ACCEPTED);
    let path = path_of(&unfinished.body);
    assert_eq!(unfinished.headers["location"], path);

    let now = server.get(&path).await;
    let soon = server.get(&format!("{path}?wait_ms=1")).await;
    let ended = server.get(&format!("{path}?wait_ms=60000")).await;

    for unfinished in [now, soon] {
        let status = text(&unfinished.body["status"]);
        assert!(["queued", "running"].contains(&&*status), "{}", unfinished.body);
    }
    let result = (&ended.body["status"], &ended.body["result"]);
    assert_eq!((ended.status, result), (StatusCode::OK, (&json!("completed"), &json!("Done."))));
    let asked = Instant::now();
    let again = server.get(&format!("{path}?wait_ms=600000")).await;
    assert!(asked.elapsed() < LONG, "it is over");
    assert_eq!(again.body, ended.body);
    let session = text(&unfinished.body["session_id"]);
    assert_eq!(server.view(&session).await["turns"], json!([ended.body]));
}

#[tokio::test]
async fn waiting_goes_on_while_a_person_decides() {
    let server = Server::start().await;
    let (session, request) = server.ask(&asking()).await;
    let path = format!("/api/sessions/{session}/turns/{}", text(&request["turn_id"]));

    let asked = Instant::now();
    let undecided = server.get(&format!("{path}?wait_ms=500")).await.body;
    assert!(asked.elapsed() >= Duration::from_millis(500));
    let whole = format!("{path}?wait_ms=60000");
    let waiting = server.get(&whole);
    let allow = json!({ "decision": "allow" });
    let deciding = server.decide(&session, &request, &allow);
    let (ended, decided) = tokio::join!(waiting, deciding);

    assert_eq!(undecided["status"], "running");
    assert_eq!(decided.status, StatusCode::OK);
    assert_eq!((&ended.body["status"], &ended.body["result"]), (&json!("completed"), &json!("Written.")));
}

#[tokio::test]
async fn what_is_no_turn_of_the_session_and_no_time_to_wait_is_named() {
    let server = Server::start().await;
    let answer = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "Hi." }])) })).await;
    let other = server.post("/api/sessions", &json!({})).await.body;
    let (session, turn) = (text(&answer["session_id"]), text(&answer["turn_id"]));
    let of_another = format!("/api/sessions/{}/turns/{turn}?wait_ms=60000", text(&other["id"]));
    let none = format!("/api/sessions/{turn}/turns/{turn}");
    let not_an_id = format!("/api/sessions/{session}/turns/first");

    for (path, code) in
        [(of_another, "turn_not_found"), (not_an_id, "turn_not_found"), (none, "session_not_found")]
    {
        let refused = server.get(&path).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, code), "{path}");
    }
    for wait in ["600001", "-1", "long", ""] {
        let refused = server.get(&format!("/api/sessions/{session}/turns/{turn}?wait_ms={wait}")).await;
        let named = (refused.code(), &refused.body["errors"][0]["pointer"]);
        assert_eq!((refused.status, named), (StatusCode::BAD_REQUEST, ("query_invalid", &json!("?wait_ms"))));
    }
}

#[tokio::test]
async fn a_prompt_that_was_taken_back_is_a_turn_that_has_ended() {
    let server = Server::start().await;
    let (session, request) = server.ask(&asking()).await;
    let prompts = format!("/api/sessions/{session}/prompts");
    let queued = text(&server.post(&prompts, &json!({ "prompt": "Next." })).await.body["turn_id"]);
    let taken = server.request(reqwest::Method::DELETE, &format!("{prompts}/{queued}"));
    assert_eq!(taken.send().await.unwrap().status(), StatusCode::NO_CONTENT);

    let ended = server.get(&format!("/api/sessions/{session}/turns/{queued}?wait_ms=60000")).await;

    assert_eq!((&ended.body["status"], &ended.body["outcome"]), (&json!("interrupted"), &json!("withdrawn")));
    server.decide(&session, &request, &json!({ "decision": "deny" })).await;
}
