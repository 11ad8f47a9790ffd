//! Rules about what agents do: what they block, have people asked about, and let through, in every mode and
//! on both versions of the real program.

mod gate;
mod managing;
mod programs;
mod simulation;

use std::path::Path;

use reqwest::StatusCode;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

const PATH: &str = "/api/claude/hooks";

async fn start(claude: &Path) -> Server {
    Server::start_with(&[("IS_SANDBOX", "1"), ("CLAUDE_BIN", &claude.display().to_string())]).await
}

fn bash(command: &str) -> Value {
    json!({ "tool_use": { "name": "Bash", "input": { "command": command, "description": "a command" } } })
}

fn write(name: &str) -> Value {
    let input = json!({ "file_path": format!("{{{{cwd}}}}/{name}"), "content": "x" });
    json!({ "tool_use": { "name": "Write", "input": input } })
}

fn task(calls: &[Value], mode: &str) -> Value {
    let replies: Vec<Value> = calls.iter().cloned().chain([json!({ "text": "done" })]).collect();
    json!({ "prompt": script("Work.", &json!(replies)), "permission_mode": mode })
}

async fn add(server: &Server, hook: &Value) -> Value {
    let added = server.post(PATH, hook).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    added.body
}

fn no_rm(action: &str) -> Value {
    json!({
        "name": "no-rm", "event": "PreToolUse", "action": action, "message": "Nothing is removed here.",
        "conditions": [
            { "field": "tool_name", "operator": "equals", "value": "Bash" },
            { "field": "tool_input.command", "operator": "matches", "value": r"\brm\s+-rf\b" },
        ],
    })
}

/// The events of some types of a session, as their data.
async fn told(server: &Server, session: &Value, types: &str) -> Vec<Value> {
    let path = format!("/api/sessions/{}/events?limit=200&types={types}", session.as_str().unwrap());
    let events = server.get(&path).await.body["events"].as_array().unwrap().clone();
    events.into_iter().map(|event| event["data"].clone()).collect()
}
