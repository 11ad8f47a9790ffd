//! Clients that generators make of the API's document: their types hold what a session needs, and it runs.

use std::path::PathBuf;
use std::process::{Command, Output};

use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

const NEEDS: &str = "`make clients` installs what it needs";

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect(NEEDS)
}

/// What a program printed that ended well.
fn printed(output: &Output) -> Value {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn document() -> PathBuf {
    runner_tests::root().join("web/openapi.json")
}

/// Makes the client in a folder of `tests/clients`, checks its types, and has it run a session.
async fn run(folder: &str, server: &Server) -> Value {
    let question = |text: &str, labels: [&str; 2], several: bool| {
        let options = labels.map(|label| json!({ "label": label, "description": label }));
        json!({ "question": text, "header": "Choice", "options": options, "multiSelect": several })
    };
    let questions =
        [question("Which colour?", ["Red", "Blue"], false), question("Which sizes?", ["S", "L"], true)];
    let ask = json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": questions } } });
    let prompt = script("Ask.", &json!([ask, { "text": "thanks" }]));
    let mut client = Command::new(runner_tests::root().join("tests/clients").join(folder).join("run"));
    client.arg(document()).args([server.url(""), prompt]);
    printed(&output(client).await)
}

/// What the client saw is what happened.
fn check(seen: &Value) {
    let types: Vec<_> = seen["types"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(types.first(), Some(&"session_opened"));
    assert!(types.contains(&"question_answered") && types.contains(&"turn_completed"), "{types:?}");
    assert_eq!(seen["texts"], json!(["thanks"]));
}

#[tokio::test]
async fn a_typescript_client_runs_a_session_without_a_cast() {
    let server = Server::start().await;

    check(&run("typescript", &server).await);
}

#[tokio::test]
async fn a_python_client_runs_a_session_without_a_cast() {
    let server = Server::start().await;

    check(&run("python", &server).await);
}

#[tokio::test]
async fn the_document_is_valid_and_every_answer_fits_it() {
    let server = Server::start().await;
    let write = json!({ "tool_use": { "name": "Write", "input": { "file_path": "a.txt", "content": "a" } } });
    let (session, request) = server
        .ask(&json!({ "prompt": script("Write.", &json!([write, { "text": "done" }])), "title": "Contract" }))
        .await;
    let folder = runner_tests::root().join("tests/clients/python");
    let contract = || {
        let mut contract = Command::new(folder.join("venv/bin/python"));
        contract.arg(folder.join("contract.py")).arg(document()).args([server.url(""), session.clone()]);
        contract
    };

    let waiting = printed(&output(contract()).await);
    server.decide(&session, &request, &json!({ "decision": "deny", "message": "no" })).await;
    server.wait_for_status(&session, "idle").await;
    let decided = printed(&output(contract()).await);

    assert!(waiting["checked"].as_u64() > Some(15) && waiting == decided, "{waiting} {decided}");
}
