//! Server-sent events: a task as it happens, a session's log across cuts.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use runner_tests::commands::bash;
use runner_tests::script;
use runner_tests::server::{Server, answer};
use runner_tests::sse::{Frame, Frames, kinds};
use runner_tests::stalled::StalledReader;
use serde_json::{Value, json};

/// The kinds of frames that a newer agent does not add to, without those that are only live.
fn stored(frames: &[Frame]) -> Vec<&str> {
    kinds(frames).into_iter().filter(|kind| !kind.ends_with("_delta") && *kind != "agent_message").collect()
}

#[tokio::test]
async fn a_task_is_shown_step_by_step_and_ends_with_its_answer() {
    let server = Server::start().await;
    let replies = json!([
        { "blocks": [
            { "thinking": "A file?" },
            { "text": "I look." },
            { "tool_use": { "name": "Bash", "input": { "command": "ls", "description": "list" } } },
        ] },
        { "text": "Nothing here." },
    ]);

    let mut frames = server.stream_task(&json!({ "prompt": script("Look.", &replies) })).await;
    let frames = frames.rest().await;

    let expected =
        ["session", "status", "status", "thinking", "text", "tool_use", "tool_result", "text", "complete"];
    assert_eq!(stored(&frames), expected);
    let first = &frames[0].data;
    assert_eq!((&first["metadata"]["resumed"], &first["metadata"]["offline"]), (&json!(false), &json!(true)));
    let last = &frames.last().unwrap().data;
    assert_eq!(last["metadata"]["message"], "Nothing here.");
    assert_eq!(last["metadata"]["session_id"], first["session_id"]);
    for frame in &frames {
        let is_live = frame.kind().ends_with("_delta");
        assert_eq!(frame.id.is_none(), is_live, "{frame:?}");
        for field in ["content", "timestamp", "session_id", "turn_id"] {
            assert!(!frame.data[field].is_null(), "{field} of {frame:?}");
        }
    }
}

#[tokio::test]
async fn text_is_shown_while_it_is_written() {
    let server = Server::start().await;
    let replies = json!([{ "text": "one two three four five six seven eight", "chunk_delay_ms": 20 }]);

    let mut frames = server.stream_task(&json!({ "prompt": script("Count.", &replies) })).await;
    let frames = frames.rest().await;

    let deltas = frames.iter().filter(|frame| frame.kind() == "text_delta");
    let pieces: String = deltas.map(|frame| frame.data["content"].as_str().unwrap()).collect();
    assert_eq!(pieces, "one two three four five six seven eight");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_turn() {
    let server = Server::start().await;
    let prompt = script("Slowly.", &json!([{ "text": "Done anyway.", "delay_ms": 1000 }]));
    let mut frames = server.stream_task(&json!({ "prompt": prompt })).await;
    let session = frames.next().await.unwrap().data["session_id"].as_str().unwrap().to_owned();

    drop(frames);

    let completed = server.wait_for(&session, "turn_completed").await;
    assert_eq!(completed["data"]["result"], "Done anyway.");
}

#[tokio::test]
async fn a_cut_stream_is_resumed_without_gap_or_repeat() {
    let server = Server::start().await;
    let look =
        json!({ "tool_use": { "name": "Bash", "input": { "command": "echo x", "description": "echo" } } });
    let prompt = script("Several steps.", &json!([look, look, look, { "text": "end" }]));
    let opened = server.post("/api/sessions", &json!({})).await.body;
    let session = opened["id"].as_str().unwrap().to_owned();
    server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": prompt })).await;

    let mut seen: Vec<Value> = vec![];
    loop {
        // Two frames, then the line is cut.
        let after = seen.last().map_or(0, |event| event["version"].as_u64().unwrap());
        let mut frames = server.stream_events(&session, after).await;
        for _ in 0..2 {
            seen.push(frames.next().await.unwrap().data);
        }
        if seen.iter().any(|event| event["type"] == "turn_completed") {
            break;
        }
    }

    let stored = server.events(&session).await;
    assert_eq!(seen, stored[..seen.len()]);
}

#[tokio::test]
async fn a_stream_goes_on_across_a_restart() {
    let mut server = Server::start().await;
    let first = server.task(&json!({ "prompt": script("One.", &json!([{ "text": "1" }])) })).await;
    let session = first["session_id"].as_str().unwrap().to_owned();
    let last = server.view(&session).await["version"].as_u64().unwrap();
    let mut cut = server.stream_events(&session, last).await;

    let status = server.stop().await;
    assert!(cut.next().await.is_none(), "nothing came that was not stored");
    server.restart().await;
    server.task(&json!({ "prompt": script("Two.", &json!([{ "text": "2" }])), "resume": session })).await;
    let next = server.stream_events(&session, last).await.next().await.unwrap();

    assert!(status.success());
    assert!(cut.asides.iter().any(|aside| aside.starts_with("retry:")), "{:?}", cut.asides);
    assert_eq!((next.id, next.kind()), (Some(last + 1), "prompt_submitted"));
}

#[tokio::test]
async fn deltas_are_shown_beside_stored_events_when_asked_for() {
    let server = Server::start().await;
    let opened = server.post("/api/sessions", &json!({})).await.body;
    let session = opened["id"].as_str().unwrap();
    let path = format!("/api/sessions/{session}/events?deltas=true&types=turn_completed");
    let request = server.request(Method::GET, &path).header("accept", "text/event-stream");
    let mut frames = runner_tests::sse::Frames::new(request.send().await.unwrap());

    let prompt = script("Count.", &json!([{ "text": "one two three", "chunk_delay_ms": 10 }]));
    server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": prompt })).await;
    let frames = frames.until("turn_completed").await;

    let mut expected = vec!["text_delta"; frames.len() - 1];
    expected.push("turn_completed");
    assert_eq!(kinds(&frames), expected);
    assert!(frames.len() > 1);
}

#[tokio::test]
async fn a_stream_whose_client_left_is_let_go_within_a_second() {
    let server = Server::start().await;
    let opened = server.post("/api/sessions", &json!({})).await.body;
    let session = opened["id"].as_str().unwrap();
    let before = sockets(&server);
    let streams = futures_util::future::join_all((0..20).map(|_| server.stream_events(session, 1))).await;
    let during = sockets(&server);

    drop(streams);

    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = sockets(&server);
    assert!(during >= before + 15, "{before} {during}");
    assert!(after <= before + 2, "{before} {during} {after}");
}

/// How many sockets the server has open.
fn sockets(server: &Server) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().flatten();
    let targets = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[tokio::test]
async fn whoever_refuses_a_stream_gets_a_page_and_nobody_goes_on_behind_the_end() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/events");
    let kind = async |accept: &str| {
        let response = server.request(Method::GET, &path).header("accept", accept).send().await.unwrap();
        response.headers()["content-type"].to_str().unwrap().to_owned()
    };

    for (accept, expected) in [
        ("text/event-stream;q=0, application/json", "application/json"),
        ("text/event-stream;q=0.5, application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("application/json;q=0.5, text/event-stream", "text/event-stream"),
    ] {
        assert_eq!(kind(accept).await, expected, "{accept}");
    }
    for (query, header, code) in
        [("?after=99", None, "query_invalid"), ("", Some("99"), "last_event_id_invalid")]
    {
        let request = server.request(Method::GET, &format!("{path}{query}"));
        let mut request = request.header("accept", "text/event-stream");
        if let Some(version) = header {
            request = request.header("last-event-id", version);
        }
        let refused = answer(request).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, code));
    }
}

#[tokio::test]
async fn readers_that_take_nothing_are_cut_off_and_keep_no_task_from_going_on() {
    let server = Server::start().await;
    let fill = bash("head -c 25000 /dev/zero | tr '\\0' x");
    let mut replies = vec![fill; 20];
    replies.push(json!({ "text": "filled" }));
    let body = json!({ "prompt": script("Fill.", &json!(replies)), "permission_mode": "bypassPermissions" });
    let filled = server.task(&body).await;
    let session = filled["session_id"].as_str().unwrap();
    let mut readers = vec![];
    for _ in 0..200 {
        readers.push(StalledReader::open(&server, session, 0).await);
    }

    let again = json!({ "prompt": script("Say.", &json!([{ "text": "beside" }])), "resume": session });
    assert_eq!(server.task(&again).await["message"], "beside");
    assert!(readers.iter().all(StalledReader::is_open_at_the_server), "they were let in");

    for reader in readers {
        assert!(reader.is_cut_off_within(Duration::from_secs(90)).await, "it takes nothing and stays");
    }
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stream_that_is_posted_again_goes_on_or_is_refused_and_never_runs_twice() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "only once" }])) });
    let post = |last_event_id: u64, key: Option<&str>| {
        let request = server.request(Method::POST, "/api/task/stream").header("last-event-id", last_event_id);
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        request.json(&body)
    };
    let first = server.request(Method::POST, "/api/task/stream").header("idempotency-key", "stream-1");
    let shown = Frames::new(first.json(&body).send().await.unwrap()).rest().await;
    let middle = shown.iter().find_map(|frame| frame.id.filter(|_| frame.kind() == "text")).unwrap();

    let keyless = answer(post(middle, None)).await;
    let rest = Frames::new(post(middle, Some("stream-1")).send().await.unwrap()).rest().await;
    let after_all = shown.last().unwrap().id.unwrap();
    let nothing = Frames::new(post(after_all, Some("stream-1")).send().await.unwrap()).rest().await;
    let beyond = answer(post(1000, Some("stream-1"))).await;

    assert_eq!((keyless.status, keyless.code()), (StatusCode::CONFLICT, "stream_not_resumable"));
    assert!(keyless.body["detail"].as_str().unwrap().contains("/events"), "{}", keyless.body);
    let behind = |frame: &&Frame| frame.id.is_some_and(|id| id > middle);
    let expected: Vec<_> = shown.iter().filter(behind).map(|frame| &frame.data).collect();
    assert_eq!(rest.iter().map(|frame| &frame.data).collect::<Vec<_>>(), expected);
    assert_eq!(nothing, vec![]);
    assert_eq!((beyond.status, beyond.code()), (StatusCode::BAD_REQUEST, "last_event_id_invalid"));
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn streams_name_no_encoding_even_where_one_is_accepted() {
    let server = Server::start().await;
    let request = server.request(Method::POST, "/api/task/stream").header("accept-encoding", "gzip, br");

    let body = json!({ "prompt": script("Once.", &json!([{ "text": "plain" }])) });
    let response = request.json(&body).send().await.unwrap();

    assert_eq!(response.headers().get("content-encoding"), None);
    assert!(response.text().await.unwrap().contains("plain"));
}
