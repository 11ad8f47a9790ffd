//! Subagents that work on after the turn that started them: they ask whenever they need to, and what they do
//! is paid by that turn.

use std::path::Path;

use reqwest::StatusCode;
use runner_tests::server::Server;
use runner_tests::{claude, claudes, script};
use serde_json::{Value, json};

fn write_a() -> Value {
    json!({ "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "hi" } } })
}

/// A turn that ends while a subagent works on, which then wants to write a file.
fn launch() -> Value {
    let inner = script("Look around.", &json!([write_a(), { "text": "sub done" }]));
    let input = json!({
        "description": "look around", "prompt": inner, "subagent_type": "general-purpose",
        "run_in_background": true,
    });
    let replies = json!([{ "tool_use": { "name": "Agent", "input": input } }, { "text": "launched" }]);
    json!({ "prompt": script("Launch.", &replies) })
}

async fn server(claude: &Path) -> Server {
    Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await
}

/// A session whose turn is over while its subagent waits for a person.
async fn waiting_after_the_turn(server: &Server) -> (String, Value) {
    let answer = server.task(&launch()).await;
    assert_eq!((&answer["success"], &answer["message"]), (&json!(true), &json!("launched")), "{answer}");
    assert_eq!(answer["background"], 1, "{answer}");
    let session = answer["session_id"].as_str().unwrap().to_owned();
    let request = server.wait_for_request(&session).await;
    (session, request)
}

/// Allows it, with a word that has the offline model make the same call if it comes to the conversation.
async fn allow(server: &Server, session: &str, request: &Value) {
    let message = script("Go on.", &json!([write_a(), { "text": "taken up" }]));
    let decided = server.decide(session, request, &json!({ "decision": "allow", "message": message })).await;
    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
}

fn costs(view: &Value) -> Vec<f64> {
    view["turns"].as_array().unwrap().iter().map(|turn| turn["cost_usd"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn what_a_subagent_asks_is_decided_after_its_turn_and_paid_by_it() {
    for claude in claudes() {
        let server = server(&claude).await;
        let (session, request) = waiting_after_the_turn(&server).await;
        let waiting = server.view(&session).await;
        assert_eq!(
            (&waiting["status"], &waiting["turns"][0]["status"]),
            (&json!("waiting"), &json!("completed"))
        );
        assert_eq!(request["turn_id"], waiting["turns"][0]["id"]);

        allow(&server, &session, &request).await;

        let view = server.wait_for_status(&session, "idle").await;
        assert_eq!(std::fs::read_to_string(server.workspace().join("a.txt")).unwrap(), "hi");
        assert_eq!(view["subagents"][0]["status"], "completed");
        assert!(costs(&view)[0] > costs(&waiting)[0], "{view}");
        let calls = server.model_calls(&session).await;
        let called: f64 = calls.iter().map(|call| call["cost_micros"].as_f64().unwrap() / 1e6).sum();
        assert!((costs(&view).iter().sum::<f64>() - called).abs() < 1e-9, "{view}");
        assert!((view["cost_usd"].as_f64().unwrap() - called).abs() < 1e-9, "{view}");
        let by_subagent = calls.iter().filter(|call| call["subagent"] == request["subagent"]);
        assert!(
            by_subagent.clone().count() >= 2
                && by_subagent.clone().all(|call| call["turn"] == request["turn_id"])
        );
    }
}

#[tokio::test]
async fn what_a_subagent_asks_outlives_the_server() {
    for crash in [true, false] {
        let mut server = server(&claude()).await;
        let (session, request) = waiting_after_the_turn(&server).await;

        if crash {
            server.kill_9().await;
        } else {
            server.stop().await;
        }
        server.restart().await;

        let view = server.view(&session).await;
        assert_eq!((&view["status"], &view["pending"][0]), (&json!("waiting"), &request));
        allow(&server, &session, &request).await;
        let view = server.wait_for_status(&session, "idle").await;
        let told = &view["turns"].as_array().unwrap().last().unwrap();
        assert!(told["prompt"].as_str().unwrap().contains("That has now been allowed."), "{told}");
        assert_eq!((&told["result"], &told["status"]), (&json!("taken up"), &json!("completed")), "{view}");
        assert_eq!(std::fs::read_to_string(server.workspace().join("a.txt")).unwrap(), "hi");
        assert_eq!(view["subagents"][0]["status"], "stopped");
        server.verify(&session).await;
    }
}
