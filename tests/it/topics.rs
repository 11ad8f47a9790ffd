//! Many topics in one stream.

use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::Server;
use runner_tests::sse::{Frame, Frames};
use serde_json::{Value, json};

/// A stream of topics, from where a client had come to.
async fn follow(server: &Server, topics: &str, last_event_id: Option<&str>) -> Frames {
    let mut request = server.request(Method::GET, &format!("/api/stream?topics={topics}"));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    Frames::new(response)
}

/// Reads up to and including the first frame that fits.
async fn until(frames: &mut Frames, fits: impl Fn(&Value) -> bool) -> Vec<Frame> {
    let mut read = vec![];
    while let Some(frame) = frames.next().await {
        let found = fits(&frame.data);
        read.push(frame);
        if found {
            return read;
        }
    }
    panic!("the stream ended: {read:?}");
}

/// Reads until everything of these topics was told.
async fn until_live(frames: &mut Frames, topics: &[&str]) -> Vec<Frame> {
    let mut read: Vec<Frame> = vec![];
    while !topics.iter().all(|topic| read.iter().any(|frame| is_live(&frame.data, topic))) {
        read.push(frames.next().await.expect("the stream goes on"));
    }
    read
}

/// Whether everything of a topic until then was told.
fn is_live(frame: &Value, topic: &str) -> bool {
    frame["topic"] == topic && frame.as_object().unwrap().keys().all(|key| key == "topic" || key == "cursor")
}

async fn open(server: &Server) -> String {
    server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned()
}

fn write_a_file() -> String {
    let input = json!({ "file_path": "{{cwd}}/a.txt", "content": "x" });
    script("Write.", &json!([{ "tool_use": { "name": "Write", "input": input } }, { "text": "written" }]))
}

fn versions<'a>(frames: &'a [Frame], topic: &'a str) -> impl Iterator<Item = u64> + 'a {
    let of_topic = frames.iter().filter(move |frame| frame.data["topic"] == topic);
    of_topic.filter_map(|frame| frame.data["event"]["version"].as_u64())
}

#[tokio::test]
async fn one_stream_tells_of_lists_requests_and_a_session() {
    let server = Server::start().await;
    let session = open(&server).await;
    let topic = format!("session:{session}");
    let mut frames = follow(&server, &format!("sessions,requests,{topic}@0"), None).await;
    until(&mut frames, |frame| is_live(frame, &topic)).await;

    let prompt = json!({ "prompt": write_a_file() });
    server.post(&format!("/api/sessions/{session}/prompts"), &prompt).await;
    let asked = until(&mut frames, |frame| frame["waiting"]["requests"][0].is_object()).await;
    let waiting = &asked.last().unwrap().data["waiting"];
    assert_eq!(
        (&waiting["session_id"], &waiting["requests"][0]["tool_name"]),
        (&json!(session), &json!("Write"))
    );
    let decision = json!({ "decision": "allow" });
    server.decide(&session, &waiting["requests"][0], &decision).await;
    let is_idle = |frame: &Value| frame["session"]["status"] == "idle" && frame["session"]["turns"] == 1;
    let mut rest = until(&mut frames, is_idle).await;
    let is_decided = |frame: &Value| frame["waiting"]["requests"] == json!([]);
    if !rest.iter().any(|frame| is_decided(&frame.data)) {
        rest.extend(until(&mut frames, is_decided).await);
    }
    let end = server.view(&session).await["version"].as_u64().unwrap();
    let mut told = [asked, rest].concat();
    if versions(&told, &topic).max() < Some(end) {
        told.extend(until(&mut frames, |frame| frame["event"]["version"] == end).await);
    }

    let statuses = told.iter().filter_map(|frame| frame.data["session"]["status"].as_str());
    assert!(statuses.into_iter().any(|status| status == "waiting"), "{told:?}");
    assert!(told.iter().any(|frame| frame.data["delta"]["type"] == "text_delta"), "live pieces are shown");
}

#[tokio::test]
async fn a_cut_stream_goes_on_in_all_topics_across_a_restart() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let topic = format!("session:{session}");
    let topics = format!("sessions,requests,{topic}@0");
    let mut frames = follow(&server, &topics, None).await;
    let mut seen = until_live(&mut frames, &["sessions", "requests", &topic]).await;
    let last = seen.iter().rev().find_map(|frame| frame.last_event_id.clone()).unwrap();
    drop(frames);

    let prompt = json!({ "prompt": write_a_file() });
    server.post(&format!("/api/sessions/{session}/prompts"), &prompt).await;
    server.wait_for_request(&session).await;
    server.kill_9().await;
    server.restart().await;
    let mut frames = follow(&server, &topics, Some(&last)).await;
    let missed = until_live(&mut frames, &["sessions", "requests", &topic]).await;

    let waiting = missed.iter().find(|frame| frame.data["topic"] == "requests").unwrap();
    assert_eq!(waiting.data["waiting"]["requests"][0]["tool_name"], "Write");
    assert!(missed.iter().any(|frame| frame.data["session"]["id"] == json!(session)));
    seen.extend(missed);
    let told: Vec<u64> = versions(&seen, &topic).collect();
    let expected: Vec<u64> = (1..=told.len() as u64).collect();
    assert_eq!(told, expected, "no gap and no repeat");
}

#[tokio::test]
async fn who_missed_too_much_or_has_a_cursor_of_another_log_is_told_to_load_anew() {
    let server = Server::start().await;
    let session = open(&server).await;
    let topic = format!("session:{session}");

    let mut frames = follow(&server, &format!("sessions@900000,{topic}@900000"), None).await;
    let told = [
        until(&mut frames, |frame| frame["reset"] == true).await,
        until(&mut frames, |frame| frame["reset"] == true).await,
    ]
    .concat();

    for topic in ["sessions", &topic] {
        let reset = told.iter().find(|frame| frame.data["topic"] == topic && frame.data["reset"] == true);
        let cursor = reset.unwrap().data["cursor"].as_str().unwrap();
        assert!(cursor.parse::<u64>().unwrap() < 900_000, "{cursor}");
    }
}

#[tokio::test]
async fn others_sessions_are_not_there_and_the_other_topics_go_on() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    let secret = root.open_session().await;
    let own = ada.open_session().await;
    let topics = format!("session:{secret}@0,session:{own}@0,sessions@0");
    let stream = ada.request(Method::GET, &format!("/api/stream?topics={topics}"));
    let mut frames = Frames::new(stream.send().await.unwrap());

    let mut told = until(&mut frames, |frame| is_live(frame, "sessions")).await;
    for topic in [&secret, &own].map(|session| format!("session:{session}")) {
        let is_known = |frame: &Frame| {
            frame.data["topic"] == *topic
                && (is_live(&frame.data, &topic) || frame.data["problem"].is_object())
        };
        if !told.iter().any(is_known) {
            told.extend(
                until(&mut frames, |frame| {
                    frame["topic"] == *topic && (is_live(frame, &topic) || frame["problem"].is_object())
                })
                .await,
            );
        }
    }

    let of_secret: Vec<_> =
        told.iter().filter(|frame| frame.data["topic"] == format!("session:{secret}")).collect();
    assert_eq!(of_secret.len(), 1, "{of_secret:?}");
    assert_eq!(of_secret[0].data["problem"]["code"], "session_not_found");
    let listed = told.iter().filter_map(|frame| frame.data["session"]["id"].as_str());
    assert_eq!(listed.collect::<Vec<_>>(), [own.as_str()]);
}

#[tokio::test]
async fn what_is_no_topic_is_refused_by_name() {
    let server = Server::start().await;
    for query in ["", "?topics=", "?topics=everything", "?topics=sessions,sessions", "?topics=session:x"] {
        let answer = server.get(&format!("/api/stream{query}")).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "query_invalid"), "{query}");
        assert_eq!(answer.body["errors"][0]["pointer"], "?topics", "{query}");
    }
    let request = server.request(Method::GET, "/api/stream?topics=sessions").header("last-event-id", "seven");
    let answer = runner_tests::server::answer(request).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "last_event_id_invalid"));
}
