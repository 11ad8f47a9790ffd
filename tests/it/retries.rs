//! Retries under an `Idempotency-Key` after what went wrong: a failure is not kept, what was begun is waited
//! for.

use std::os::unix::fs::symlink;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::server::{Answer, Server, answer};
use runner_tests::sse::Frames;
use runner_tests::{claude, script};
use serde_json::{Value, json};

async fn post_keyed(server: &Server, body: &Value) -> Answer {
    answer(server.request(Method::POST, "/api/task").header("idempotency-key", "key").json(body)).await
}

async fn stream_keyed(server: &Server, body: &Value, last_event_id: Option<u64>) -> Frames {
    let mut request = server.request(Method::POST, "/api/task/stream").header("idempotency-key", "key");
    if let Some(version) = last_event_id {
        request = request.header("last-event-id", version);
    }
    Frames::new(request.json(body).send().await.unwrap())
}

/// A task that fails the first time.
fn failing_once() -> Value {
    let error = json!({ "error": { "status": 401, "times": 1 } });
    json!({ "prompt": script("Fail.", &json!([error, { "text": "After all." }])) })
}

async fn count(server: &Server, session: &Value, name: &str) -> usize {
    let types = server.event_types(session.as_str().unwrap()).await;
    types.iter().filter(|other| *other == name).count()
}

#[tokio::test]
async fn a_failed_task_sent_again_is_done_again_in_its_session() {
    let mut server = Server::start().await;
    let failed = post_keyed(&server, &failing_once()).await;
    assert_eq!((failed.status, failed.code()), (StatusCode::BAD_GATEWAY, "model_api_error"));

    let retried = post_keyed(&server, &failing_once()).await;
    server.kill_9().await;
    server.restart().await;
    let again = post_keyed(&server, &failing_once()).await;

    assert_eq!((retried.status, retried.is_replay()), (StatusCode::OK, false), "{}", retried.body);
    assert_eq!(retried.body["success"], true);
    assert_eq!(retried.body["session_id"], failed.body["session_id"], "the agent sees what it had done");
    assert_ne!(retried.body["turn_id"], failed.body["turn_id"]);
    assert_eq!((again.status, again.is_replay()), (StatusCode::OK, true));
    assert_eq!(again.body, retried.body);
    assert_eq!(count(&server, &failed.body["session_id"], "prompt_submitted").await, 2);
}

#[tokio::test]
async fn a_task_that_always_fails_is_done_again_each_time_and_once_for_retries_at_the_same_time() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Fail.", &json!([{ "error": { "status": 400 } }])) });
    let first = post_keyed(&server, &body).await;
    let second = post_keyed(&server, &body).await;

    let at_once = join_all((0..5).map(|_| post_keyed(&server, &body))).await;

    for failed in [&first, &second].into_iter().chain(&at_once) {
        assert_eq!(failed.status, StatusCode::BAD_GATEWAY, "{}", failed.body);
    }
    assert_ne!(first.body["turn_id"], second.body["turn_id"]);
    let turns = server.view(first.body["session_id"].as_str().unwrap()).await["turns"].clone();
    let mut distinct: Vec<_> = at_once.iter().map(|failed| failed.body["turn_id"].to_string()).collect();
    distinct.sort();
    distinct.dedup();
    // One that comes after the others' turn has failed is another retry.
    assert_eq!(turns.as_array().unwrap().len(), 2 + distinct.len());
    assert!(distinct.len() < 5, "{distinct:?}");
}

#[tokio::test]
async fn what_was_begun_is_waited_for() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Slowly.", &json!([{ "text": "Done.", "delay_ms": 3000 }])) });
    let cut_off = tokio::time::timeout(Duration::from_millis(1500), post_keyed(&server, &body)).await;
    assert!(cut_off.is_err(), "the client went away");

    let retried = post_keyed(&server, &body).await;

    assert_eq!((retried.status, &retried.body["message"]), (StatusCode::OK, &json!("Done.")));
    assert!(retried.is_replay());
    assert_eq!(count(&server, &retried.body["session_id"], "prompt_submitted").await, 1);
}

#[tokio::test]
async fn a_task_that_could_not_begin_begins_with_its_retry() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("claude");
    let server = Server::start_with(&[("CLAUDE_BIN", program.to_str().unwrap())]).await;
    let body = json!({ "prompt": script("Hi.", &json!([{ "text": "Hi." }])) });
    let refused = post_keyed(&server, &body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "agent_unavailable"));
    assert_eq!(server.get("/api/sessions").await.body["sessions"], json!([]));

    symlink(claude(), &program).unwrap();
    let retried = post_keyed(&server, &body).await;

    assert_eq!((retried.status, retried.is_replay()), (StatusCode::OK, false), "{}", retried.body);
    assert_eq!(retried.body["message"], "Hi.");
}

#[tokio::test]
async fn a_stream_goes_on_with_the_turn_that_it_showed_and_is_done_again_without_that() {
    let server = Server::start().await;
    let failed = stream_keyed(&server, &failing_once(), None).await.rest().await;
    let last_seen = failed.iter().filter_map(|frame| frame.id).nth(2);

    let rest = stream_keyed(&server, &failing_once(), last_seen).await.rest().await;
    let again = stream_keyed(&server, &failing_once(), None).await.rest().await;
    let of_first = stream_keyed(&server, &failing_once(), last_seen).await.rest().await;
    let of_second = stream_keyed(&server, &failing_once(), again[2].id).await.rest().await;

    let end = |frames: &[runner_tests::sse::Frame]| frames.last().unwrap().data.clone();
    assert_eq!(end(&failed)["metadata"]["error"]["code"], "model_api_error");
    assert_eq!((end(&rest), end(&of_first)), (end(&failed), end(&failed)));
    assert_eq!(end(&again)["metadata"]["success"], true);
    assert_eq!(again[0].data["metadata"]["resumed"], true);
    assert_eq!(end(&of_second), end(&again));
}
