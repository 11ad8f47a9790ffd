//! Calls that are passed on: byte for byte and at once, but for the caller's identity.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::upstream::Upstream;
use super::{KEY, Set};

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\
    set-cookie: a=b\r\nconnection: close, x-own\r\nx-own: 1\r\n\r\n";

#[tokio::test]
async fn request_goes_on_with_the_real_key_and_nothing_that_the_agent_said_of_itself() {
    let set = Set::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
    let body = r#"{ "model" : "m",  "messages":[] }"#;

    let call = set.call().body(body).header("anthropic-beta", "one,two").header("user-agent", "claude-cli/2");
    let call = call.header("x-stainless-retry-count", "0").header("x-claude-code-session-id", "s");
    let call =
        call.header("helicone-target-url", "https://evil.test").header("x-forwarded-host", "evil.test");
    let call = call.header("forwarded", "for=1.2.3.4").header("x-http-method-override", "GET");
    let call =
        call.header("traceparent", "00-1-1-01").header("x-api-key-2", "k").header("anthropic-hop", "1");
    let call = call.header("authorization", "Bearer own").header("cookie", "c=1");
    let answer = call.header("connection", "keep-alive, anthropic-hop").send().await.unwrap();

    assert_eq!(answer.text().await.unwrap(), "{}");
    let asked = set.upstream.asked().remove(0);
    let (head, sent) = asked.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines().map(str::to_owned);
    assert_eq!(lines.next().unwrap(), "POST /v1/messages?beta=true HTTP/1.1");
    let mut headers: Vec<_> = lines.collect();
    headers.sort();
    let host = format!("host: {}", set.upstream.base_url().replace("http://", ""));
    let expected = [
        "accept-encoding: identity",
        "accept: */*",
        "anthropic-beta: one,two",
        "content-length: 33",
        &host,
        "user-agent: claude-cli/2",
        &format!("x-api-key: {KEY}"),
        "x-claude-code-session-id: s",
        "x-stainless-retry-count: 0",
    ];
    assert_eq!(headers, expected);
    assert_eq!(sent, body);
}

#[tokio::test]
async fn stream_comes_as_it_is_written_and_byte_for_byte() {
    let pieces = vec![STREAM_HEAD, "event: ping\ndata: {}\n\n", "data: {\"a\":\r\n \"ü", "\"}\n\n\n"];
    let expected = pieces[1..].concat();
    let set = Set::before(Upstream::playing(move |_| pieces.clone()).await).await;

    let begun = Instant::now();
    let mut answer = set.call().send().await.unwrap();
    let headers = answer.headers().clone();
    let (mut times, mut read) = (vec![], vec![]);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        times.push(begun.elapsed());
        read.extend_from_slice(&chunk);
    }

    assert_eq!(String::from_utf8(read).unwrap(), expected);
    assert_eq!(times.len(), 3, "{times:?}");
    assert!(times[0] + Duration::from_millis(250) < times[2], "{times:?}");
    assert_eq!(
        (&headers["content-type"], &headers["request-id"]),
        (&HeaderValue::from_static("text/event-stream"), &HeaderValue::from_static("req_1"))
    );
    assert!(!headers.contains_key("set-cookie") && !headers.contains_key("x-own"), "{headers:?}");
}

#[tokio::test]
async fn agent_that_leaves_ends_the_call_upstream() {
    let set = Set::before(Upstream::playing(|_| vec![STREAM_HEAD, "data: {}\n\n", "…"]).await).await;

    let mut answer = set.call().send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);

    set.upstream.until_left().await;
}

#[tokio::test]
async fn agent_that_leaves_before_the_answer_ends_the_call_too() {
    let set = Set::before(Upstream::playing(|_| vec!["…"]).await).await;

    let address = set.gateway.base_url().replace("http://", "");
    let mut agent = TcpStream::connect(&address).await.unwrap();
    let token = set.pass.token();
    let head = format!("POST /v1/messages HTTP/1.1\r\nhost: {address}\r\nx-api-key: {token}\r\n");
    agent.write_all(format!("{head}content-length: 2\r\n\r\n{{}}").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(agent);

    set.upstream.until_left().await;
}

#[tokio::test]
async fn error_of_the_api_is_passed_on_as_it_is() {
    let set = Set::answering(
        "HTTP/1.1 529 Overloaded\r\nretry-after: 7\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"any\": true}",
    )
    .await;

    let answer = set.call().send().await.unwrap();

    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (529, &HeaderValue::from_static("7"))
    );
    assert_eq!(answer.bytes().await.unwrap(), r#"{"any": true"#);
}

#[tokio::test]
async fn answer_that_redirects_is_neither_followed_nor_passed_on() {
    let set = Set::answering(
        "HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )
    .await;

    assert_eq!(set.call().send().await.unwrap().status(), 502);
}

#[tokio::test]
async fn probe_is_answered_without_asking_anybody() {
    let set = Set::answering("").await;

    let mut agent = TcpStream::connect(set.gateway.base_url().replace("http://", "")).await.unwrap();
    agent.write_all(b"HEAD / HTTP/1.1\r\nhost: localhost:1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    agent.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(set.request(Method::GET, "/").send().await.unwrap().status(), 200);
    assert_eq!(set.upstream.asked(), Vec::<String>::new());
}
