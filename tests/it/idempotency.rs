//! `Idempotency-Key`: a retry gets the first answer, across restarts, and does nothing twice.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use runner_tests::sse::Frames;
use serde_json::{Value, json};

async fn post_keyed(server: &Server, path: &str, key: &str, body: &Value) -> Answer {
    answer(server.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn a_task_sent_again_is_answered_again_and_runs_once() {
    let mut server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "only once" }])) });
    let first = post_keyed(&server, "/api/task", "key-1", &body).await;

    server.kill_9().await;
    server.restart().await;
    let second = post_keyed(&server, "/api/task", "key-1", &body).await;

    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.is_replay(), second.is_replay()), (false, true));
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_failed_task_sent_again_is_the_same_failure() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Fail.", &json!([{ "error": { "status": 400 } }])) });

    let first = post_keyed(&server, "/api/task", "key-5", &body).await;
    let second = post_keyed(&server, "/api/task", "key-5", &body).await;

    assert_eq!((first.status, first.is_replay()), (StatusCode::BAD_GATEWAY, false));
    assert_eq!((second.status, second.is_replay()), (StatusCode::BAD_GATEWAY, true));
    assert!(first.body["session_id"].is_string());
    assert_eq!(first.body["turn_id"], second.body["turn_id"]);
}

#[tokio::test]
async fn a_key_is_good_for_one_request_only() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "1" }])) });
    post_keyed(&server, "/api/task", "key-1", &body).await;

    for (path, other) in [("/api/task", json!({ "prompt": "Other." })), ("/api/sessions", json!({}))] {
        let refused = post_keyed(&server, path, "key-1", &other).await;
        let expected = (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
        assert_eq!((refused.status, refused.code()), expected, "{path}");
    }
}

#[tokio::test]
async fn twenty_equal_requests_at_once_open_one_session() {
    let server = Server::start().await;
    let body = json!({ "title": "The one" });

    let answers = join_all((0..20).map(|_| post_keyed(&server, "/api/sessions", "key-2", &body))).await;

    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::CREATED, &answers[0].body));
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_prompt_sent_again_is_submitted_once() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/prompts");
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "1" }])) });

    let answers = join_all((0..5).map(|_| post_keyed(&server, &path, "key-3", &body))).await;
    server.wait_for(&session, "turn_completed").await;
    let late = post_keyed(&server, &path, "key-3", &body).await;

    assert!(answers.iter().all(|answer| answer.body == late.body && answer.status == StatusCode::ACCEPTED));
    let types = server.event_types(&session).await;
    assert_eq!(types.iter().filter(|name| *name == "prompt_submitted").count(), 1);
}

#[tokio::test]
async fn a_stream_asked_for_again_shows_the_same_turn() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "shown twice" }])) });
    let stream = async || {
        let request = server.request(Method::POST, "/api/task/stream").header("idempotency-key", "key-4");
        Frames::new(request.json(&body).send().await.unwrap()).rest().await
    };

    let (first, second) = (stream().await, stream().await);

    assert_eq!(first.last().unwrap().data, second.last().unwrap().data);
    assert_eq!(first[0].data["turn_id"], second[0].data["turn_id"]);
    assert_eq!(first[0].data["metadata"]["resumed"], second[0].data["metadata"]["resumed"]);
}

#[tokio::test]
async fn keys_must_be_visible_ascii() {
    let server = Server::start().await;

    for key in ["", "with space", &"x".repeat(256), "tab\there"] {
        let refused = post_keyed(&server, "/api/sessions", key, &json!({})).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "idempotency_key_invalid"),
            "{key:.20}"
        );
    }
}
