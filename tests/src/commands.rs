//! Commands of an agent, as a hostile one would run them.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::script;
use crate::server::Server;

/// A session in which everything is allowed.
pub async fn open(server: &Server, options: Value) -> String {
    let mut body = json!({ "permission_mode": "bypassPermissions" });
    body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let opened = server.post("/api/sessions", &body).await;
    assert_eq!(opened.status, StatusCode::CREATED, "{}", opened.body);
    opened.body["id"].as_str().unwrap().to_owned()
}

/// A reply of the model that runs a command.
pub fn bash(command: &str) -> Value {
    let input = json!({ "command": command, "description": "look", "timeout": 300_000 });
    json!({ "tool_use": { "name": "Bash", "input": input } })
}

/// Runs a command in a session and returns what it printed.
pub async fn run(server: &Server, session: &str, command: &str) -> String {
    let replies = json!([bash(command), { "text": "done" }]);
    let done = server.task(&json!({ "prompt": script("Run.", &replies), "resume": session })).await;
    let events = server.events(session).await;
    let returned = events
        .iter()
        .rfind(|event| event["type"] == "tool_returned" && event["data"]["turn"] == done["turn_id"]);
    let content = &returned.unwrap()["data"]["content"];
    content.as_str().map_or_else(|| content.to_string(), str::to_owned)
}

/// Begins a command without waiting for its end.
pub async fn begin(server: &Server, session: &str, command: &str) {
    let replies = json!([bash(command), { "text": "never" }]);
    let body = json!({ "prompt": script("Run.", &replies), "resume": session, "timeout_ms": 1 });
    let task = server.post("/api/task", &body).await;
    assert_eq!(task.status, StatusCode::ACCEPTED, "{}", task.body);
}
