//! The server dies or is told to stop in the middle of a turn.

use reqwest::StatusCode;
use runner_tests::processes::{agents_of, command_lines, wait_for_command};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::projections::rebuild;

/// A tool that leaves children of several kinds behind, and then waits.
fn stubborn() -> Value {
    let command = "setsid sleep 801 & nohup sleep 802 >/dev/null 2>&1 & (trap '' TERM; exec sleep 803)";
    let input = json!({ "command": command, "description": "children", "timeout": 300_000 });
    json!([{ "tool_use": { "name": "Bash", "input": input } }, { "text": "never" }])
}

async fn begin_stubborn_turn(server: &Server) -> (String, Value) {
    let body = json!({
        "prompt": script("Leave children behind.", &stubborn()),
        "permission_mode": "bypassPermissions", "timeout_ms": 1,
    });
    let task = server.post("/api/task", &body).await;
    assert_eq!(task.status, StatusCode::ACCEPTED, "{}", task.body);
    for child in ["sleep 801", "sleep 802", "sleep 803"] {
        wait_for_command(&server.data_dir(), child).await;
    }
    (task.body["session_id"].as_str().unwrap().to_owned(), task.body["turn_id"].clone())
}

#[tokio::test]
async fn after_kill_9_the_turn_is_interrupted_once_and_the_session_goes_on() {
    let mut server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let (session, turn) = begin_stubborn_turn(&server).await;
    let queued = script("Queued.", &json!([{ "text": "I was not forgotten." }]));
    let accepted =
        server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": queued })).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    let before = server.events(&session).await;

    server.kill_9().await;
    server.restart().await;

    let completed = server.wait_for(&session, "turn_completed").await;
    assert_eq!(completed["data"]["turn"], accepted.body["turn_id"], "the queued prompt was acknowledged");
    let after = server.events(&session).await;
    assert_eq!(after[..before.len()], before, "what was acknowledged is still there");
    let interrupted: Vec<_> = after.iter().filter(|event| event["type"] == "turn_interrupted").collect();
    assert_eq!(interrupted.len(), 1);
    assert_eq!(interrupted[0]["data"]["turn"], turn);
    assert_eq!(interrupted[0]["data"]["cause"], "server_crashed");
    let left = command_lines(&agents_of(&server.data_dir()));
    assert!(!left.iter().any(|line| line.contains("sleep 80")), "swept at the start: {left:?}");
    server.verify(&session).await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_second_crash_interrupts_nothing_twice() {
    let mut server = Server::start().await;
    let prompt = script("Hang.", &json!([{ "hang": true }]));
    let task = server.post("/api/task", &json!({ "prompt": prompt, "timeout_ms": 1 })).await.body;
    let session = task["session_id"].as_str().unwrap();

    for _ in 0..2 {
        server.kill_9().await;
        server.restart().await;
        server.wait_for(session, "turn_interrupted").await;
    }

    let types = server.event_types(session).await;
    assert_eq!(types.iter().filter(|name| *name == "turn_interrupted").count(), 1, "{types:?}");
}

#[tokio::test]
async fn a_stop_ends_the_turn_in_order_and_leaves_nothing_behind() {
    let mut server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let (session, turn) = begin_stubborn_turn(&server).await;

    let status = server.stop().await; // Asserts that no process is left.

    assert_eq!(status.code(), Some(0), "{}", server.log().await);
    server.restart().await;
    let events = server.events(&session).await;
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["data"]["turn"]), (&json!("turn_interrupted"), &turn));
    assert_eq!(last["data"]["cause"], "server_stopped");
}

/// What lists and days tell is folded from the same account.
async fn assert_paid(server: &mut Server, session: &str, cause: &str) {
    let last = server.wait_for(session, "turn_interrupted").await;
    assert_eq!(last["data"]["cause"], cause, "{last}");
    let calls = server.model_calls(session).await;
    let sum = |pointer: &str| -> u64 {
        calls.iter().map(|call| call.pointer(pointer).and_then(Value::as_u64).unwrap()).sum()
    };
    let (cost, input, output) =
        (sum("/cost_micros"), sum("/usage/input_tokens"), sum("/usage/output_tokens"));
    assert!(cost > 0 && input > 0, "{calls:?}");
    let view = server.view(session).await;
    let listed = server.get("/api/sessions").await.body["sessions"][0].clone();
    for told in [&view, &view["turns"][0], &listed] {
        assert_eq!((told["cost_usd"].as_f64().unwrap() * 1e6).round() as u64, cost, "{told}");
        let usage = &told["usage"];
        assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(input), &json!(output)));
    }
    server.stop().await;
    let rebuilt = rebuild(server).await;
    let said = String::from_utf8_lossy(&rebuilt.stderr);
    assert!(said.contains("the read models were right"), "{said}");
    let database = format!("sqlite://{}", server.data_dir().join("runner.db").display());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    let of_days: i64 = sqlx::query_scalar(
        "SELECT sum(cost_micros) FROM stats_by_day WHERE dimension = 'all' AND owner = ''",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(of_days, i64::try_from(cost).unwrap());
}

#[tokio::test]
async fn a_turn_that_is_cut_short_costs_the_calls_it_made() {
    for cause in ["server_stopped", "server_crashed"] {
        let mut server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
        let (session, _) = begin_stubborn_turn(&server).await;

        match cause {
            "server_stopped" => drop(server.stop().await),
            _ => server.kill_9().await,
        }
        server.restart().await;

        assert_paid(&mut server, &session, cause).await;
    }
}

#[tokio::test]
async fn a_turn_that_is_nearly_done_may_finish_before_the_stop() {
    let mut server = Server::start_with(&[("SHUTDOWN_GRACE_SECONDS", "30")]).await;
    let warm = server.task(&json!({ "prompt": script("Warm up.", &json!([{ "text": "ok" }])) })).await;
    let prompt = script("Soon.", &json!([{ "text": "Just in time.", "delay_ms": 700 }]));
    let body = json!({ "prompt": prompt, "resume": warm["session_id"], "timeout_ms": 1 });
    server.post("/api/task", &body).await;

    server.stop().await;
    server.restart().await;

    let view = server.view(warm["session_id"].as_str().unwrap()).await;
    assert_eq!(view["turns"][1]["result"], "Just in time.");
}

#[tokio::test]
async fn a_second_server_cannot_take_the_same_data_folder() {
    let server = Server::start().await;

    let second = tokio::process::Command::new(runner_tests::program("claude-runner"))
        .env("DATA_DIR", server.data_dir())
        .env("WORKING_DIR", server.workspace())
        .env("PORT", "0")
        .env("OFFLINE", "true")
        .output()
        .await
        .unwrap();

    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another server"), "{second:?}");
    assert_eq!(server.get("/ready").await.status, StatusCode::OK);
}
