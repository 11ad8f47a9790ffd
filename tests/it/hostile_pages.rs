//! Pages of others, in a real browser whose owner uses the server: they get nothing done and read nothing,
//! by whatever name and way they come.
//!
//! Each test runs one script (`hostile_pages/attack.js`) on hostile pages and then on a page of the server
//! itself, where the same script can do it all. What happened is read from the log.

use std::time::Duration;

use reqwest::StatusCode;
use runner_tests::browser::Browser;
use runner_tests::hostile_site::{ADDRESS, HostileSite};
use runner_tests::person::{PASSWORD, Person};
use runner_tests::script;
use runner_tests::server::{Answer, Server};
use serde_json::{Map, Value, json};

const SCRIPT: &str = include_str!("hostile_pages/attack.js");
const CANARY: &str = "canary-7f3a";

/// In so many pieces, each of which a slow machine can do while somebody waits.
const PARTS: usize = 4;

/// Whom the log belongs to: it is read by the same means before and after.
enum Reader<'s> {
    Local(&'s Server),
    Person(Person<'s>),
}

impl Reader<'_> {
    fn server(&self) -> &Server {
        match self {
            Self::Local(server) => server,
            Self::Person(person) => person.server,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        match self {
            Self::Local(server) => server.get(path).await,
            Self::Person(person) => person.get(path).await,
        }
    }

    /// Everything that the log has, the oldest first.
    async fn log(&self) -> Vec<Value> {
        let (mut events, mut cursor) = (vec![], String::new());
        loop {
            let page = self.get(&format!("/api/audit/events?all=true&limit=200{cursor}")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            events.extend(page.body["events"].as_array().unwrap().iter().cloned());
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        events.reverse();
        events
    }
}

fn is_refusal(event: &Value) -> bool {
    event["kind"] == "audit"
}

/// Refusals are noted beside the answers. That there are some shows that the attack got to the server.
async fn wait_for_refusal(reader: &Reader<'_>, reason: &str) {
    for _ in 0..200 {
        if reader.log().await.iter().any(|event| is_refusal(event) && event["data"]["reason"] == reason) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was refused as {reason}: the attack did not get to the server");
}

/// Names of hostile sites lead to them. The browser's own protection of loopback is off: what is tested is
/// the server.
async fn browse(url: &str) -> Browser {
    let names = format!("--host-resolver-rules=MAP evil.test {ADDRESS}");
    let open = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests";
    Browser::open_with(url, &[&names, open]).await
}

/// Calls a function of the script; returns what each attempt saw.
async fn call(browser: &mut Browser, function: &str, arguments: &Value) -> Map<String, Value> {
    let call = format!("window.{function}(...{arguments})");
    browser.evaluate(&format!("window.saw = null; {call}.then((saw) => {{ window.saw = saw }}); true")).await;
    browser.wait_for("window.saw").await;
    browser.evaluate("window.saw").await.as_object().unwrap().clone()
}

/// Everything that the script can try.
async fn try_all(browser: &mut Browser, target: &str, session: &str) -> Map<String, Value> {
    let mut saw = call(browser, "read", &json!([target, session])).await;
    for part in 0..PARTS {
        saw.extend(call(browser, "write", &json!([target, session, part, PARTS])).await);
    }
    saw
}

/// Where a hostile page is, as the browser sees it.
#[derive(Clone, Copy)]
enum Place {
    /// On the server's own address: its cookies are sent along with what the page asks for.
    OtherPort,
    OtherName,
    /// On a name and port that the browser finds the server at, once the page is there.
    Rebound,
}

impl Place {
    async fn site(self, server: &Server) -> (HostileSite, &'static str) {
        let page = format!("<!doctype html><title>A nice page</title><body><script>{SCRIPT}</script>");
        match self {
            Self::OtherPort => (HostileSite::start([127, 0, 0, 1].into(), &page).await, "127.0.0.1"),
            Self::OtherName => (HostileSite::start(ADDRESS, &page).await, "evil.test"),
            Self::Rebound => {
                let address = server.url("").trim_start_matches("http://").parse().unwrap();
                (HostileSite::rebinding_to(address, &page).await, "evil.test")
            }
        }
    }

    /// The server as the page names it, and why the server refuses.
    fn target(self, server: &Server) -> (String, &'static str) {
        match self {
            Self::OtherPort | Self::OtherName => (server.url(""), "origin_not_allowed"),
            Self::Rebound => (String::new(), "host_not_allowed"),
        }
    }
}

/// Lets the script run on a hostile page: it sees nothing, and nothing happens.
async fn attack(place: Place, browser: &mut Browser, reader: &Reader<'_>, session: &str) {
    let server = reader.server();
    let (site, host) = place.site(server).await;
    let (target, reason) = place.target(server);
    let done =
        |log: Vec<Value>| -> Vec<Value> { log.into_iter().filter(|event| !is_refusal(event)).collect() };
    let before = done(reader.log().await);

    browser.go(&site.url(host)).await;
    let saw = try_all(browser, &target, session).await;

    assert!(saw.len() > 150, "{}", saw.len());
    for (attempt, saw) in saw {
        let saw = saw.as_str().unwrap();
        let is_nothing = ["failed", "opaque", "nothing"].contains(&saw);
        // A page under the server's address may read that it is refused, and that the server is well.
        let is_well = target.is_empty() && saw.starts_with("200 ") && saw.ends_with(r#"{"status":"ok"}"#);
        let is_refused = target.is_empty() && saw.starts_with("403 ") && saw.contains("host_not_allowed");
        assert!(is_nothing || is_well || is_refused, "{attempt}: {saw}");
    }
    assert_eq!(done(reader.log().await), before, "nothing has happened");
    wait_for_refusal(reader, reason).await;
    assert_eq!(done(reader.log().await), before, "nothing has happened");
}

/// A page of the server that does nothing by itself, so that the script has the connections for itself.
const INSIDE: &str = "/health";

/// The same script on a page of the server itself.
async fn succeed_inside(browser: &mut Browser, reader: &Reader<'_>, session: &str) {
    let before = reader.log().await.len();
    browser.go(&reader.server().url(INSIDE)).await;
    browser.evaluate(&format!("{SCRIPT}; true")).await;

    let saw = try_all(browser, "", session).await;

    let saw = |attempt: &str| saw[attempt].as_str().unwrap().to_owned();
    for attempt in ["event source", "xhr", "fetch /api/sessions", "fetch /api/sessions/ID"] {
        assert!(saw(attempt).contains(CANARY), "{attempt}: {}", saw(attempt));
    }
    for (attempt, status) in [
        ("json /api/sessions", "201"),
        ("xhr json /api/sessions", "201"),
        ("json /api/sessions/ID/fork", "201"),
        ("json /api/workspaces/trust", "20"),
        // Even here a form and what looks like one are refused.
        ("text /api/sessions", "415"),
        ("multipart /api/sessions", "415"),
    ] {
        assert!(saw(attempt).starts_with(status), "{attempt}: {}", saw(attempt));
    }
    let log = reader.log().await;
    let done: Vec<_> = log[before..].iter().map(|event| event["type"].as_str().unwrap()).collect();
    for event_type in ["session_opened", "prompt_submitted", "folder_trusted"] {
        assert!(done.contains(&event_type), "{event_type} is not among {done:?}");
    }
}

/// A browser that is logged in, another means to read the log, and a session.
async fn logged_in(server: &Server) -> (Browser, Reader<'_>, String) {
    let ada = Person::register(server, "ada").await;
    let session = ada.task(&canary()).await["session_id"].as_str().unwrap().to_owned();
    let mut browser = browse(&server.url("/")).await;
    let login = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let headers = json!({ "Content-Type": "application/json" });
    let options = json!({ "method": "POST", "headers": headers, "body": login });
    let log_in = format!("fetch('/api/auth/login?cookie=true', {options})");
    browser.evaluate(&format!("{log_in}.then((answer) => {{ window.saw = answer.status }}); true")).await;
    browser.wait_for("window.saw === 200").await;
    (browser, Reader::Person(ada), session)
}

fn canary() -> Value {
    json!({ "prompt": script("Say it.", &json!([{ "text": "done" }])), "title": CANARY })
}

#[tokio::test]
async fn a_page_on_another_port_does_and_reads_nothing_with_the_cookie_that_is_sent_along() {
    let server = Server::start().await;
    let (mut browser, reader, session) = logged_in(&server).await;

    attack(Place::OtherPort, &mut browser, &reader, &session).await;

    succeed_inside(&mut browser, &reader, &session).await;
}

#[tokio::test]
async fn a_page_of_another_name_does_and_reads_nothing_of_somebody_who_is_logged_in() {
    let server = Server::start().await;
    let (mut browser, reader, session) = logged_in(&server).await;

    attack(Place::OtherName, &mut browser, &reader, &session).await;
    attack(Place::Rebound, &mut browser, &reader, &session).await;

    succeed_inside(&mut browser, &reader, &session).await;
}

#[tokio::test]
async fn pages_of_others_do_and_read_nothing_where_no_login_is_needed() {
    let server = Server::start().await;
    let session = server.task(&canary()).await["session_id"].as_str().unwrap().to_owned();
    let (mut browser, reader) = (browse(&server.url("/")).await, Reader::Local(&server));

    attack(Place::OtherPort, &mut browser, &reader, &session).await;
    attack(Place::Rebound, &mut browser, &reader, &session).await;

    browser.go(&server.url(INSIDE)).await;
    browser.evaluate(&format!("{SCRIPT}; true")).await;
    let saw = call(&mut browser, "read", &json!(["", session])).await;
    assert!(saw["fetch /api/sessions"].as_str().unwrap().contains(CANARY), "{saw:?}");
}
