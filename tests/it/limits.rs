//! Limits of a turn, and work that goes on beside the conversation.

use std::time::Duration;

use reqwest::StatusCode;
use runner_tests::processes::wait_until_gone;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

fn bash(command: &str) -> Value {
    json!({ "tool_use": { "name": "Bash", "input": { "command": command, "description": "a command" } } })
}

fn in_background(command: &str) -> Value {
    let input = json!({ "command": command, "description": "beside", "run_in_background": true });
    json!({ "tool_use": { "name": "Bash", "input": input } })
}

#[tokio::test]
async fn a_turn_that_works_too_long_is_stopped_with_its_tools() {
    let server = Server::start().await;
    let replies = json!([bash("true; sleep 804"), { "text": "never" }]);
    let body = json!({ "prompt": script("Sleep.", &replies), "max_duration_ms": 2500 });

    let task = server.task(&body).await;

    assert_eq!((&task["success"], &task["error"]["code"]), (&json!(false), &json!("max_duration")));
    let session = task["session_id"].as_str().unwrap();
    let events = server.events(session).await;
    assert_eq!(events.last().unwrap()["data"]["cause"], "deadline");
    wait_until_gone(&server.data_dir(), "sleep 804").await;
    let next = json!({ "prompt": script("Next.", &json!([{ "text": "usable" }])), "resume": session });
    assert_eq!(server.task(&next).await["message"], "usable");
}

#[tokio::test]
async fn the_clock_stands_still_while_a_person_thinks() {
    let server = Server::start().await;
    let replies = json!([bash("touch {{cwd}}/a.txt"), { "text": "in time" }]);
    let body = json!({ "prompt": script("Ask.", &replies), "max_duration_ms": 15_000 });
    let (session, request) = server.ask(&body).await;

    tokio::time::sleep(Duration::from_millis(15_200)).await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!(server.wait_for_status(&session, "idle").await["turns"][0]["result"], "in time");
}

#[tokio::test]
async fn a_budget_is_each_turns_own() {
    let server = Server::start().await;
    let expensive = json!({ "input_tokens": 1_000_000, "output_tokens": 10 });
    let replies = json!([
        { "tool_use": { "name": "Bash", "input": { "command": "ls", "description": "ls" } }, "usage": expensive },
        { "text": "never" },
    ]);
    let body = json!({ "prompt": script("Spend.", &replies), "max_budget_usd": 0.5 });
    let first = server.task(&body).await;
    assert_eq!(first["error"]["code"], "budget", "{first}");

    let next =
        json!({ "prompt": script("Next.", &json!([{ "text": "fresh" }])), "resume": first["session_id"] });
    let second = server.task(&next).await;

    assert_eq!((&second["success"], &second["message"]), (&json!(true), &json!("fresh")));
}

#[tokio::test]
async fn work_in_the_background_outlives_its_turn_and_begins_one_of_its_own() {
    let server = Server::start_with(&[("AGENT_IDLE_SECONDS", "1"), ("IS_SANDBOX", "1")]).await;
    let replies = json!([in_background("sleep 2.5; echo > {{cwd}}/done.txt"), { "text": "begun" }]);
    let body = json!({ "prompt": script("Work.", &replies), "permission_mode": "bypassPermissions" });

    let task = server.task(&body).await;

    assert_eq!(task["message"], "begun");
    let session = task["session_id"].as_str().unwrap();
    let finished = server.wait_for(session, "subagent_finished").await;
    assert_eq!(finished["data"]["status"], "completed", "it was not parked meanwhile");
    for _ in 0..200 {
        let view = server.view(session).await;
        if view["turns"].as_array().unwrap().len() == 2 && view["status"] == "idle" {
            let second = &view["turns"][1];
            assert_eq!((&second["prompt"], &second["status"]), (&Value::Null, &json!("completed")));
            assert_eq!(second["task_id"], finished["data"]["task_id"], "why it began: {second}");
            assert!(server.workspace().join("done.txt").exists());
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the agent did not take it up: {}", server.view(session).await);
}

#[tokio::test]
async fn a_stop_ends_background_work_and_says_so() {
    let mut server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let replies = json!([in_background("sleep 805"), { "text": "begun" }]);
    let body = json!({ "prompt": script("Work.", &replies), "permission_mode": "bypassPermissions" });
    let task = server.task(&body).await;
    let session = task["session_id"].as_str().unwrap().to_owned();
    assert_eq!(server.view(&session).await["subagents"][0]["status"], "running");

    server.stop().await; // Asserts that no process is left.
    server.restart().await;

    let view = server.view(&session).await;
    assert_eq!((&view["subagents"][0]["status"], &view["status"]), (&json!("stopped"), &json!("idle")));
}

#[tokio::test]
async fn limits_out_of_range_are_refused_by_name() {
    let server = Server::start().await;
    for (field, value) in
        [("max_duration_ms", json!(0)), ("max_duration_ms", json!(-1)), ("max_turns", json!(0))]
    {
        let refused = server.post("/api/task", &json!({ "prompt": "x", field: value })).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{field}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], format!("/{field}"), "{}", refused.body);
    }
}
