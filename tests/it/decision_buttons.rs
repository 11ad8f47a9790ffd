//! A person decides in a session, with the mouse, in a real browser.

use runner_tests::browser::Browser;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

/// Begins a session on the start page, up to where it asks.
async fn run_task(browser: &mut Browser, mode: &str, replies: &Value) {
    browser.write("document.querySelector('#new-prompt')", &script("Go.", replies)).await;
    browser.write("document.querySelector('[aria-label=\"Permission mode\"]')", mode).await;
    browser.press("Start").await;
    browser.wait_for("document.querySelector('[data-request]')").await;
}

/// Waits for the end of the turn; returns the session.
async fn wait_for_end(browser: &mut Browser, server: &Server) -> String {
    browser.wait_for("document.querySelector('[role=log]').innerText.includes('Turn finished')").await;
    browser.wait_for("!document.querySelector('[data-request]')").await;
    server.get("/api/sessions").await.body["sessions"][0]["id"].as_str().unwrap().to_owned()
}

fn write_file() -> Value {
    json!([
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "hi" } } },
        { "text": "The end." },
    ])
}

#[tokio::test]
async fn allow_lets_the_tool_run() {
    let server = Server::start().await;
    let mut browser = Browser::open(&server.url("/")).await;
    run_task(&mut browser, "default", &write_file()).await;
    assert!(!server.workspace().join("a.txt").exists());

    browser.press("Allow").await;

    wait_for_end(&mut browser, &server).await;
    assert_eq!(std::fs::read_to_string(server.workspace().join("a.txt")).unwrap(), "hi");
    let page = browser.evaluate("document.querySelector('[role=log]').innerText").await;
    assert!(page.as_str().unwrap().contains("Allowed by local"), "{page}");
}

#[tokio::test]
async fn deny_keeps_the_tool_from_running_and_takes_the_message_along() {
    let server = Server::start().await;
    let mut browser = Browser::open(&server.url("/")).await;
    run_task(&mut browser, "default", &write_file()).await;

    browser.press("Deny with a message").await;
    browser.write("document.querySelector('[data-request] [name=message]')", "not here").await;
    browser.press("Deny").await;

    let session = wait_for_end(&mut browser, &server).await;
    assert!(!server.workspace().join("a.txt").exists());
    let decided = server.wait_for(&session, "permission_decided").await;
    assert_eq!(
        (&decided["data"]["decision"], &decided["data"]["message"]),
        (&json!("deny"), &json!("not here"))
    );
}

#[tokio::test]
async fn answers_are_chosen_and_given() {
    let server = Server::start().await;
    let mut browser = Browser::open(&server.url("/")).await;
    let options = json!([{ "label": "Red", "description": "r" }, { "label": "Blue", "description": "b" }]);
    let question =
        json!({ "question": "Which colour?", "header": "Colour", "options": options, "multiSelect": false });
    let ask = json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": [question] } } });
    run_task(&mut browser, "default", &json!([ask, { "text": "The end." }])).await;

    browser.click("[...document.querySelectorAll('[data-request] label')].find((node) => node.innerText.includes('Blue'))").await;
    browser.press("Answer").await;

    let session = wait_for_end(&mut browser, &server).await;
    let answered = server.wait_for(&session, "question_answered").await;
    assert_eq!(answered["data"]["answers"], json!({ "Which colour?": "Blue" }));
}

#[tokio::test]
async fn plans_are_sent_back_and_approved() {
    let server = Server::start().await;
    let mut browser = Browser::open(&server.url("/")).await;
    let plan = |text: &str| json!({ "tool_use": { "name": "ExitPlanMode", "input": { "plan": text } } });
    run_task(&mut browser, "plan", &json!([plan("first"), plan("second"), { "text": "The end." }])).await;

    browser.press("Keep planning").await;
    let requests = "document.querySelectorAll('[data-request]')";
    browser.wait_for(&format!("[...{requests}].some((node) => node.innerText.includes('second'))")).await;
    browser.press("Approve the plan").await;

    let session = wait_for_end(&mut browser, &server).await;
    let events = server.events(&session).await;
    let decided = events.iter().filter(|event| event["type"] == "plan_decided");
    let decisions: Vec<_> = decided.map(|event| event["data"]["decision"].clone()).collect();
    assert_eq!(decisions, [json!("deny"), json!("allow")]);
}
