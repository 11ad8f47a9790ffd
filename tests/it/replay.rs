//! Stored events once more, in the time they took.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use runner_core::time::Timestamp;
use runner_tests::script;
use runner_tests::server::Server;
use runner_tests::sse::Frames;
use serde_json::{Value, json};

/// A session whose model thinks for a while before it answers.
async fn slow_session(server: &Server) -> (String, Vec<Value>) {
    let replies = json!([{ "text": "at last", "delay_ms": 1500 }]);
    let answer = server.task(&json!({ "prompt": script("Slowly.", &replies) })).await;
    let session = answer["session_id"].as_str().unwrap().to_owned();
    let events = server.events(&session).await;
    (session, events)
}

async fn replay(server: &Server, session: &str, query: &str) -> Frames {
    let request = server.request(Method::GET, &format!("/api/sessions/{session}/replay?{query}"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Frames::new(response)
}

/// Reads a whole replay; how long it took is part of the answer.
async fn timed(server: &Server, session: &str, query: &str) -> (Vec<Value>, Duration) {
    let begun = Instant::now();
    let frames = replay(server, session, query).await.rest().await;
    for frame in &frames {
        assert_eq!(frame.id, frame.data["version"].as_u64());
    }
    (frames.into_iter().map(|frame| frame.data).collect(), begun.elapsed())
}

fn span(events: &[Value]) -> Duration {
    let at = |event: &Value| serde_json::from_value::<Timestamp>(event["recorded_at"].clone()).unwrap();
    Duration::from_micros(at(events.last().unwrap()).micros_since(at(&events[0])))
}

#[tokio::test]
async fn events_come_with_the_time_between_them() {
    let server = Server::start().await;
    let (session, events) = slow_session(&server).await;
    let span = span(&events);

    let (as_it_was, took) = timed(&server, &session, "").await;
    let (faster, took_faster) = timed(&server, &session, "speed=5").await;
    let (at_once, took_at_once) = timed(&server, &session, "speed=max").await;

    assert_eq!((&as_it_was, &faster, &at_once), (&events, &events, &events));
    assert!(took > span.mul_f64(0.95) && took < span + Duration::from_secs(2), "{took:?} for {span:?}");
    assert!(took_faster > span.mul_f64(0.19) && took_faster < span.mul_f64(0.8), "{took_faster:?}");
    assert!(took_at_once < span.mul_f64(0.5), "{took_at_once:?}");
}

#[tokio::test]
async fn a_part_is_replayed_and_taken_up_after_a_cut() {
    let server = Server::start().await;
    let (session, events) = slow_session(&server).await;
    let url = format!("/api/sessions/{session}/replay?speed=max&from=2&to=4");

    let (part, _) = timed(&server, &session, "speed=max&from=2&to=4").await;
    let resumed = server.request(Method::GET, &url).header("last-event-id", 3).send().await.unwrap();
    let resumed = Frames::new(resumed).rest().await;
    let before = server.request(Method::GET, &url).header("last-event-id", 1).send().await.unwrap();
    let before = Frames::new(before).rest().await;
    let over = server.request(Method::GET, &url).header("last-event-id", 4).send().await.unwrap();

    assert_eq!(part, events[1..4]);
    assert_eq!(resumed.iter().map(|frame| frame.id).collect::<Vec<_>>(), [Some(4)]);
    assert_eq!(before.len(), 3);
    assert_eq!(over.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_replay_ends_with_the_server_and_says_when_to_come_back() {
    let mut server = Server::start().await;
    let (session, events) = slow_session(&server).await;
    let mut frames = replay(&server, &session, "speed=0.1").await;
    frames.next().await.unwrap();

    let (status, rest) = tokio::join!(server.stop(), frames.rest());

    assert!(status.success());
    assert!(rest.len() < events.len() - 1, "the replay was cut short");
    assert!(frames.asides.iter().any(|aside| aside.starts_with("retry:")), "{:?}", frames.asides);
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();

    for (asked, pointer) in [
        ("speed=0", "?speed"),
        ("speed=101", "?speed"),
        ("speed=NaN", "?speed"),
        ("speed=fast", "?speed"),
        ("from=0", "?from"),
        ("from=2", "?from"),
        ("to=2", "?to"),
        ("to=-1", "?to"),
        ("at=1", "?at"),
    ] {
        let refused = server.get(&format!("/api/sessions/{session}/replay?{asked}")).await;
        let named = refused.body["errors"][0]["pointer"].as_str();
        assert_eq!(
            (refused.status, refused.code(), named),
            (StatusCode::BAD_REQUEST, "query_invalid", Some(pointer))
        );
    }
    let missing = server.get(&format!("/api/sessions/{}/replay", uuid::Uuid::now_v7())).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "session_not_found"));
}
