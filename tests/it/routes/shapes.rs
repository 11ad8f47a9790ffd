//! The shape of each route's answers: status, the headers that clients go by, and the whole body.
//!
//! The snapshots beside this file are read like documentation. What differs from run to run, or from machine
//! to machine, stands in them as a word in brackets. After an intended change `INSTA_UPDATE=always` with
//! `make test T=routes::shapes` writes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use reqwest::Method;
use reqwest::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};
use uuid::Uuid;

/// The headers that clients go by. Those that every answer has are tested in `guard.rs`.
const HEADERS: [reqwest::header::HeaderName; 6] =
    [CONTENT_TYPE, CACHE_CONTROL, LOCATION, ALLOW, RETRY_AFTER, WWW_AUTHENTICATE];

const TOOL_SAYS: &str = "[what the agent's tool says]";

/// Fields that depend on the program, the machine or the time, and what stands for them.
const VARYING: &[(&str, &str)] = &[
    ("agent", "[the agent program of this machine]"),
    ("agents", "[agents of the program]"),
    ("head_hash", "[hash]"),
    ("hash", "[hash]"),
    ("payload_hash", "[hash]"),
    ("model", "[model]"),
    ("next_cursor", "[cursor]"),
    ("node", "[node]"),
    ("recorded_at", "[time]"),
    ("runtime_version", "[version of the program]"),
    ("cost_usd", "[dollars]"),
    ("version", "[version]"),
    ("versions", "[versions]"),
    ("spare_agents", "[number]"),
];

#[tokio::test]
async fn a_finished_session_is_read_like_this() {
    let server = Server::start().await;
    let write = json!({ "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "hi\n" } });
    let replies = json!([{ "tool_use": write }, { "text": "It is written." }]);
    let task = json!({
        "prompt": script("Write a file.", &replies),
        "permission_mode": "acceptEdits",
        "title": "A file",
    });
    let mut told = Told::by(&server);

    let done = told.request(Method::POST, "/api/task", Some(&task)).await;
    let session = format!("/api/sessions/{}", done["session_id"].as_str().unwrap());
    for path in ["", "/messages", "/events?limit=2", "/requests", "/changes", "/verify"] {
        told.request(Method::GET, &format!("{session}{path}"), None).await;
    }
    for path in [
        "/api/sessions",
        "/api/requests",
        "/api/audit/events?type=session_opened",
        "/api/audit/events?tool=Write&q=a.txt",
    ] {
        told.request(Method::GET, path, None).await;
    }

    insta::assert_snapshot!(told.text);
}

#[tokio::test]
async fn a_fresh_server_answers_like_this() {
    let server = Server::start().await;
    let mut told = Told::by(&server);

    for path in [
        "/health",
        "/ready",
        "/api/status",
        "/api/auth/me",
        "/api/users",
        "/api/users/invites",
        "/api/tokens",
        "/api/api-keys",
        "/api/tenants",
        "/api/workspaces/trust",
        "/api/schedules",
        "/api/sessions",
        "/api/requests",
    ] {
        told.request(Method::GET, path, None).await;
    }
    told.request(Method::POST, "/api/sessions", Some(&json!({ "title": "Mine" }))).await;

    insta::assert_snapshot!(told.text);
}

#[tokio::test]
async fn problems_are_told_like_this() {
    let server = Server::start().await;
    let opened = server.post("/api/sessions", &json!({})).await;
    let session = format!("/api/sessions/{}", opened.body["id"].as_str().unwrap());
    let nothing = "/api/sessions/01a00000-0000-7000-8000-000000000000";
    let mut told = Told::by(&server);

    let wrong = json!({ "prompt": " ", "permission_mode": "all", "question": 1 });
    told.request(Method::POST, "/api/task", Some(&wrong)).await;
    told.request(Method::GET, "/api/sessions?limit=0", None).await;
    told.request(Method::GET, "/api/sessions/7", None).await;
    told.request(Method::GET, nothing, None).await;
    told.request(Method::GET, "/api/nowhere", None).await;
    told.request(Method::DELETE, "/api/status", None).await;
    told.request(Method::POST, &format!("{session}/interrupt"), Some(&json!({}))).await;
    let decision = json!({ "decision": "allow" });
    told.request(Method::POST, &format!("{session}/requests/none"), Some(&decision)).await;

    insta::assert_snapshot!(told.text);
}

#[tokio::test]
async fn who_is_not_known_is_told_like_this() {
    let server = Server::start_with(&[("AUTH", "required")]).await;
    let mut told = Told::by(&server);

    told.request(Method::GET, "/api/sessions", None).await;
    let unknown = json!({ "username": "nobody", "password": "correct horse battery" });
    told.request(Method::POST, "/api/auth/login", Some(&unknown)).await;

    insta::assert_snapshot!(told.text);
}

/// Requests to a server and their answers, as text for a snapshot.
struct Told<'a> {
    server: &'a Server,
    workspace: PathBuf,
    text: String,
}

impl<'a> Told<'a> {
    fn by(server: &'a Server) -> Self {
        Self { server, workspace: server.workspace(), text: String::new() }
    }

    async fn request(&mut self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let request = self.server.request(method.clone(), path);
        let request = body.map_or(request.try_clone().unwrap(), |body| request.json(body));
        let answer = answer(request).await;
        writeln!(self.text, "{method} {}\n{}", self.redacted(path), answer.status).unwrap();
        for name in HEADERS {
            if let Some(value) = answer.headers.get(&name) {
                writeln!(self.text, "{name}: {}", self.redacted(value.to_str().unwrap())).unwrap();
            }
        }
        let mut shown = answer.body.clone();
        self.redact(&mut shown);
        writeln!(self.text, "{shown:#}\n").unwrap();
        answer.body
    }

    fn redact(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if fields.get("type").is_some_and(|of| of == "tool_result") {
                    fields.insert("content".to_owned(), TOOL_SAYS.into());
                }
                if fields.get("type").is_some_and(|of| of == "tool_returned") {
                    let said = &mut fields["data"];
                    (said["content"], said["structured"]) = (TOOL_SAYS.into(), TOOL_SAYS.into());
                }
                for (name, value) in fields {
                    match placeholder(name, value) {
                        Some(placeholder) if !value.is_null() => *value = placeholder.into(),
                        Some(_) | None => self.redact(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact(item)),
            Value::String(text) => *text = self.redacted(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Without ids and without the folder in which this test works.
    fn redacted(&self, text: &str) -> String {
        let text = text.replace(self.workspace.to_str().unwrap(), "[workspace]");
        let is_of_id = |character: char| character.is_ascii_hexdigit() || character == '-';
        let mut rest = text.as_str();
        let mut shown = String::new();
        while !rest.is_empty() {
            let (word, after) = rest.split_at(rest.find(|c| !is_of_id(c)).unwrap_or(rest.len()));
            shown += if Uuid::try_parse(word).is_ok() { "[id]" } else { word };
            let next = after.chars().next().map_or(0, char::len_utf8);
            shown += &after[..next];
            rest = &after[next..];
        }
        shown
    }
}

/// What stands for a field that differs from run to run.
fn placeholder(name: &str, value: &Value) -> Option<&'static str> {
    // How many events a task has, not the events of a page.
    if name == "events" && value.is_number() {
        return Some("[number]");
    }
    let endings =
        [("_at", "[time]"), ("_ms", "[milliseconds]"), ("_tokens", "[number]"), ("_version", "[version]")];
    let by_ending = endings.iter().find(|(ending, _)| name.ends_with(ending));
    VARYING.iter().find(|(varying, _)| *varying == name).or(by_ending).map(|(_, placeholder)| *placeholder)
}
