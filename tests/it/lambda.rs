//! The Lambda function: the same routes, in process, with a streamed body.

use std::time::Duration;

use hyper::Request;
use runner_tests::lambda_emulator::{DOMAIN, LambdaEmulator};
use runner_tests::person::PASSWORD;
use runner_tests::script;
use serde_json::json;

async fn start(folder: &std::path::Path) -> LambdaEmulator {
    std::fs::create_dir(folder.join("workspace")).unwrap();
    let setting = |name: &str, value: &std::path::Path| (name.to_owned(), value.display().to_string());
    let settings = [
        setting("WORKING_DIR", &folder.join("workspace")),
        setting("DATA_DIR", &folder.join("data")),
        setting("HOME", folder),
        setting("CLAUDE_BIN", &runner_tests::claude()),
        ("OFFLINE".to_owned(), "true".to_owned()),
        ("ALLOWED_HOSTS".to_owned(), DOMAIN.to_owned()),
    ];
    let mut lambda = LambdaEmulator::start(&runner_tests::program("runner-lambda"), &settings).await.unwrap();
    lambda.invocation_timeout = Duration::from_secs(60);
    lambda
}

/// Registers the first user, with the code that the function wrote; returns what goes into `Authorization`.
async fn register(lambda: &LambdaEmulator, folder: &std::path::Path) -> String {
    let code = std::fs::read_to_string(folder.join("data/setup-code")).unwrap();
    let body = json!({ "username": "ada", "password": PASSWORD, "code": code.trim() }).to_string();
    let request = Request::post("/api/auth/register").header("content-type", "application/json");
    let admitted = lambda.invoke(request.body(body).unwrap()).await.unwrap();
    assert_eq!(admitted.status, 201);
    format!("Bearer {}", admitted.json().await.unwrap()["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn the_routes_of_the_server_answer_in_a_function() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start(folder.path()).await;

    let stranger = lambda.invoke(Request::get("/api/status").body("").unwrap()).await.unwrap();
    let ada = register(&lambda, folder.path()).await;
    let get = |path: &str| Request::get(path).header("authorization", &ada).body("").unwrap();
    let status = lambda.invoke(get("/api/status")).await.unwrap();
    let missing = lambda.invoke(get("/api/sessions/x")).await.unwrap();

    assert_eq!((stranger.status.as_u16(), status.status.as_u16()), (401, 200));
    assert_eq!(status.json().await.unwrap()["agent"]["offline"], true);
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json().await.unwrap()["code"], "session_not_found");
    assert!(lambda.shutdown().await.unwrap().success());
}

#[tokio::test]
async fn a_task_is_streamed_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let lambda = start(folder.path()).await;
    let prompt = script("Count.", &json!([{ "text": "one two three four", "chunk_delay_ms": 50 }]));
    let ada = register(&lambda, folder.path()).await;
    let request = Request::post("/api/task/stream").header("content-type", "application/json");
    let request = request.header("authorization", ada);

    let body = json!({ "prompt": prompt }).to_string();
    let mut response = lambda.invoke(request.body(body).unwrap()).await.unwrap();
    let mut chunks = vec![];
    while let Some(chunk) = response.next_chunk().await.unwrap() {
        chunks.push(String::from_utf8(chunk.to_vec()).unwrap());
    }

    assert_eq!(response.headers["content-type"], "text/event-stream");
    assert!(chunks.len() > 5, "frame by frame: {}", chunks.len());
    assert!(chunks[0].contains("\"type\":\"session\""), "{}", chunks[0]);
    assert!(chunks.last().unwrap().contains("one two three four"));
    assert!(lambda.shutdown().await.unwrap().success());
}

#[tokio::test]
async fn a_stream_ends_by_itself_before_the_function_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut lambda = start(folder.path()).await;
    let ada = register(&lambda, folder.path()).await;
    let request = Request::post("/api/sessions").header("content-type", "application/json");
    let opened = request.header("authorization", &ada).body("{}".to_owned()).unwrap();
    let session = lambda.invoke(opened).await.unwrap().json().await.unwrap();
    let path = format!("/api/sessions/{}/events", session["id"].as_str().unwrap());
    lambda.invocation_timeout = Duration::from_secs(6);

    let request = Request::get(path).header("accept", "text/event-stream").header("authorization", &ada);
    let mut stream = lambda.invoke(request.body("").unwrap()).await.unwrap();
    let mut text = String::new();
    while let Some(chunk) = stream.next_chunk().await.expect("the stream is not cut off") {
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }

    assert!(text.contains("session_opened") && text.ends_with("retry: 1000\n"), "{text}");
    assert!(lambda.shutdown().await.unwrap().success());
}
