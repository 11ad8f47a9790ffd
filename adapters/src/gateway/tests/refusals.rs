//! Requests that are not let through, and their answers.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Set, pass};

#[tokio::test]
async fn only_a_token_that_is_good_now_is_let_in() {
    let set = Set::answering("").await;
    let expired = pass(&set.gateway, 2).token().to_owned();
    let longer = format!("{}0", set.pass.token());
    let other_case = set.pass.token().to_uppercase();

    for token in ["", "sk-ant-session-", &expired, &longer, &other_case, super::KEY] {
        let call = set.request(Method::POST, "/v1/messages").header("x-api-key", token).body("{}");
        let answer = call.send().await.unwrap();

        assert_eq!(answer.status(), 401, "{token}");
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["type"], "authentication_error");
    }
    let without =
        set.request(Method::POST, "/v1/messages").bearer_auth(set.pass.token()).send().await.unwrap();
    assert_eq!(without.status(), 401);
    assert_eq!(set.upstream.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let set = Set::answering("").await;

    for (method, path, status) in [
        (Method::GET, "/v1/messages", 405),
        (Method::PUT, "/v1/messages", 405),
        (Method::OPTIONS, "/v1/messages", 405),
        (Method::POST, "/v1/messages/", 404),
        (Method::POST, "/v1//messages", 404),
        (Method::POST, "/v1/messages?beta=true&x=1", 404),
        (Method::POST, "/v1/messages/batches", 404),
        (Method::GET, "/v1/models", 404),
        (Method::POST, "/v1/files", 404),
        (Method::POST, "/", 404),
        (Method::DELETE, "/", 404),
        (Method::GET, "/api/oauth/profile", 404),
    ] {
        let call = set.request(method.clone(), path).header("x-api-key", set.pass.token());
        let answer = call.send().await.unwrap();

        assert_eq!(answer.status(), status, "{method} {path}");
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["type"], "error", "{method} {path}");
        assert!(error["error"]["message"].is_string(), "{method} {path}");
    }
    assert_eq!(set.upstream.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn it_is_no_proxy_and_has_no_other_name() {
    let set = Set::answering("").await;
    let address = set.gateway.base_url().replace("http://", "");
    let token = format!("x-api-key: {}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", set.pass.token());

    for head in [
        format!("CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: {address}\r\n"),
        format!("POST http://{address}/v1/messages HTTP/1.1\r\nhost: {address}\r\n"),
        format!("POST https://api.anthropic.com/v1/messages HTTP/1.1\r\nhost: {address}\r\n"),
        "POST /v1/messages HTTP/1.1\r\nhost: evil.test\r\n".to_owned(),
        "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1.evil.test:80\r\n".to_owned(),
        "POST /v1/messages HTTP/1.1\r\n".to_owned(),
    ] {
        let mut agent = TcpStream::connect(&address).await.unwrap();
        agent.write_all(format!("{head}{token}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        agent.read_to_string(&mut answer).await.unwrap();

        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
        assert!(answer.contains("invalid_request_error"), "{head}: {answer}");
    }
    assert_eq!(set.upstream.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn request_that_is_too_large_is_refused_before_it_is_read() {
    let set = Set::answering("").await;
    let address = set.gateway.base_url().replace("http://", "");
    let mut agent = TcpStream::connect(&address).await.unwrap();

    let head =
        format!("POST /v1/messages HTTP/1.1\r\nhost: {address}\r\nx-api-key: {}\r\n", set.pass.token());
    agent.write_all(format!("{head}content-length: 33554433\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    agent.read_exact(&mut answer).await.unwrap();

    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn process_that_lets_its_requests_hang_takes_no_memory_from_others() {
    let set = Set::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
    let address = set.gateway.base_url().replace("http://", "");
    let (greedy, other) = (pass(&set.gateway, 2), pass(&set.gateway, 3));
    let mut hanging = vec![];
    for _ in 0..20 {
        let mut agent = TcpStream::connect(&address).await.unwrap();
        let head =
            format!("POST /v1/messages HTTP/1.1\r\nhost: {address}\r\nx-api-key: {}\r\n", greedy.token());
        agent.write_all(format!("{head}content-length: 33554432\r\n\r\n{{").as_bytes()).await.unwrap();
        hanging.push(agent);
    }
    let call = set.request(Method::POST, "/v1/messages").header("x-api-key", other.token()).body("{}");
    assert_eq!(call.send().await.unwrap().status(), 200, "others are answered meanwhile");

    let ends = hanging.iter_mut().map(|agent| async {
        let mut said = [0; 12];
        agent.read_exact(&mut said).await.unwrap();
        String::from_utf8_lossy(&said).into_owned()
    });
    let ends: BTreeSet<String> = join_all(ends).await.into_iter().collect();
    // Requests that had memory end because they stall; the others are told to come again.
    assert_eq!(ends, ["HTTP/1.1 400", "HTTP/1.1 429"].map(str::to_owned).into());
}

#[tokio::test]
async fn upstream_that_is_not_there_is_a_502_that_does_not_tell_where_it_would_be() {
    let set = Set::answering("").await;
    let upstream = set.upstream.base_url();
    let Set { upstream: gone, gateway, pass, .. } = set;
    drop(gone);
    tokio::task::yield_now().await;

    let call = super::client().post(format!("{}/v1/messages", gateway.base_url()));
    let answer = call.header("x-api-key", pass.token()).body("{}").send().await.unwrap();

    assert_eq!(answer.status(), 502);
    let error: Value = answer.json().await.unwrap();
    let message = "the model's API cannot be reached";
    assert_eq!(error, json!({"type": "error", "error": {"type": "api_error", "message": message}}));
    assert!(!error.to_string().contains(&upstream));
}

#[tokio::test]
async fn answer_in_an_encoding_that_cannot_be_counted_is_not_passed_on() {
    let set = Set::answering(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\nconnection: close\r\n\r\nxx",
    )
    .await;

    assert_eq!(set.call().send().await.unwrap().status(), 502);
}

#[tokio::test]
async fn stream_ends_when_the_pass_does() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let set = Set::before(super::Upstream::playing(move |_| vec![head, "data: {}\n\n", "…"]).await).await;

    let mut answer = set.call().send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    let Set { upstream, gateway: _gateway, pass, .. } = set;
    drop(pass);

    assert!(answer.chunk().await.is_err());
    upstream.until_left().await;
}
