//! What the log says of the calls that agents make, whoever makes them and however they end.

use runner_tests::processes::wait_until_gone;
use runner_tests::server::Server;
use runner_tests::{claudes, script};
use serde_json::{Value, json};

/// What a call of the offline model uses if nothing else is said, at the price of an unknown model or not.
fn cost(calls: &[Value]) -> u64 {
    calls.iter().map(|call| call["cost_micros"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn each_call_of_a_turn_is_in_the_log_with_its_tokens_and_its_cost() {
    let server = Server::start().await;
    let usage = json!({ "input_tokens": 1000, "output_tokens": 200, "cache_read_input_tokens": 5000 });
    let bash = json!({ "command": "true", "description": "nothing" });
    let replies = json!([
        { "tool_use": { "name": "Bash", "input": bash }, "usage": usage },
        { "text": "done", "usage": usage },
    ]);

    let done = server.task(&json!({ "prompt": script("Work.", &replies), "model": "claude-opus-4-8" })).await;

    let session = done["session_id"].as_str().unwrap();
    let calls = server.model_calls(session).await;
    assert_eq!(calls.len(), 2, "{calls:?}");
    for call in &calls {
        assert_eq!((&call["turn"], &call["outcome"]), (&done["turn_id"], &json!("completed")));
        assert_eq!((&call["model"], &call["status"]), (&json!("claude-opus-4-8"), &json!(200)));
        assert_eq!(call["usage"]["cache_read_input_tokens"], 5000);
        assert_eq!(call["cost_micros"], 1000 * 5 + 200 * 25 + 5000 / 2);
        assert!(call["api_request_id"].as_str().unwrap().starts_with("req_offline_"), "{call}");
    }
    then_turns_pay_for(&calls, &server.view(session).await);
    server.verify(session).await;
}

#[tokio::test]
async fn calls_of_a_subagent_are_in_the_log_of_its_session() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let inner = script("Say it.", &json!([{ "text": "From inside." }]));
    let agent = json!({ "description": "sub", "prompt": inner, "subagent_type": "general-purpose",
        "run_in_background": false });
    let replies = json!([{ "tool_use": { "name": "Agent", "input": agent } }, { "text": "done" }]);
    let body = json!({ "prompt": script("Delegate.", &replies), "permission_mode": "bypassPermissions" });

    let done = server.task(&body).await;

    let calls = server.model_calls(done["session_id"].as_str().unwrap()).await;
    assert_eq!(done["message"], "done", "{done}");
    assert_eq!(calls.len(), 3, "two of the conversation, one of the subagent: {calls:?}");
    assert!(calls.iter().all(|call| call["turn"] == done["turn_id"]), "{calls:?}");
}

#[tokio::test]
async fn calls_that_fail_or_are_cut_off_are_in_the_log_too() {
    let server = Server::start().await;
    let failing = json!([{ "error": { "status": 529, "times": 1 } }, { "text": "after all" }]);
    let failed = server.task(&json!({ "prompt": script("Try.", &failing) })).await;
    let usage = json!({ "input_tokens": 70, "output_tokens": 9 });
    let hanging = json!([{ "text": "twelve bytes and four", "usage": usage, "hang": true }]);

    let mut frames = server.stream_task(&json!({ "prompt": script("Hang.", &hanging) })).await;
    let told = frames.until("text_delta").await;
    let task = &told[0].data;
    let session = task["session_id"].as_str().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await; // Until it has been told all that comes.
    server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
    server.wait_for(session, "model_called").await;

    let calls = server.model_calls(failed["session_id"].as_str().unwrap()).await;
    let outcomes: Vec<_> = calls.iter().map(|call| (&call["outcome"], &call["status"])).collect();
    assert_eq!(outcomes, [(&json!("failed"), &json!(529)), (&json!("completed"), &json!(200))]);
    let cut = server.model_calls(session).await.remove(0);
    assert_eq!((&cut["outcome"], &cut["turn"]), (&json!("cut_off"), &task["turn_id"]));
    // 21 bytes were written, which is estimated, and what was asked is known.
    assert_eq!((&cut["usage"]["input_tokens"], &cut["usage"]["output_tokens"]), (&json!(70), &json!(6)));
    let view = server.wait_for_status(session, "idle").await;
    assert_eq!(
        (&cut["cost_is_estimate"], &view["turns"][0]["cost_is_estimate"]),
        (&json!(true), &json!(true))
    );
    then_turns_pay_for(&[cut], &view);
}

#[tokio::test]
async fn the_cost_of_a_model_without_a_known_price_is_marked_as_an_estimate() {
    let server = Server::start().await;
    let prompt = script("Say.", &json!([{ "text": "hi" }]));

    for (model, is_estimate) in [("claude-opus-5-5", false), ("claude-of-the-future-9", true)] {
        let done = server.task(&json!({ "prompt": prompt, "model": model })).await;
        let view = server.view(done["session_id"].as_str().unwrap()).await;

        let marks = (&view["cost_is_estimate"], &view["turns"][0]["cost_is_estimate"]);
        assert_eq!(marks, (&json!(is_estimate), &json!(is_estimate)), "{model}: {view}");
        assert!(view["cost_usd"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn a_call_under_way_when_the_server_is_killed_is_paid_by_its_turn() {
    let mut server = Server::start().await;
    let usage = json!({ "input_tokens": 70, "output_tokens": 9 });
    let replies = json!([{ "text": "twelve bytes and four", "usage": usage, "hang": true }]);
    let mut frames = server.stream_task(&json!({ "prompt": script("Hang.", &replies) })).await;
    let told = frames.until("text_delta").await;
    let (session, turn) = (told[0].data["session_id"].clone(), told[0].data["turn_id"].clone());
    let session = session.as_str().unwrap();

    for _ in 0..2 {
        server.kill_9().await;
        server.restart().await;
        server.wait_for(session, "model_called").await;
    }

    let calls = server.model_calls(session).await;
    assert_eq!(calls.len(), 1, "it is told once, also after another start: {calls:?}");
    assert_eq!((&calls[0]["outcome"], &calls[0]["turn"]), (&json!("cut_off"), &turn));
    assert!(calls[0]["usage"]["input_tokens"].as_u64() > Some(1000), "what was asked: {calls:?}");
    assert!(calls[0]["cost_micros"].as_u64() > Some(0), "{calls:?}");
    then_turns_pay_for(&calls, &server.wait_for_status(session, "idle").await);
    // What was told before the kill is not told again.
    let done = server
        .task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])), "resume": session }))
        .await;
    server.kill_9().await;
    server.restart().await;
    server.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])), "resume": session })).await;
    let calls = server.model_calls(session).await;
    assert_eq!(calls.iter().filter(|call| call["turn"] == done["turn_id"]).count(), 1, "{calls:?}");
    then_turns_pay_for(&calls, &server.view(session).await);
}

#[tokio::test]
async fn ten_turns_cost_ten_times_one_over_any_number_of_processes() {
    for (claude, budget) in claudes().iter().flat_map(|claude| [(claude, Value::Null), (claude, json!(50.0))])
    {
        let settings = [("CLAUDE_BIN", claude.to_str().unwrap()), ("AGENT_IDLE_SECONDS", "1")];
        let mut server = Server::start_with(&settings).await;
        let usage = json!({ "input_tokens": 1000, "output_tokens": 200 });
        let prompt = script("Say.", &json!([{ "text": "hi", "usage": usage }]));
        let first = server.task(&json!({ "prompt": prompt, "max_budget_usd": budget })).await;
        let session = first["session_id"].as_str().unwrap().to_owned();
        let one = first["cost_usd"].as_f64().unwrap();
        assert!(one > 0.0, "{first}");

        for number in 2..=10 {
            match number {
                5 => wait_until_gone(&server.data_dir(), &session).await,
                6 => {
                    server.stop().await;
                    server.restart().await;
                }
                7 => {
                    server.kill_9().await;
                    server.restart().await;
                }
                _ => {} // The process is warm.
            }
            let next = server.task(&json!({ "prompt": prompt, "resume": session })).await;
            assert_eq!(next["cost_usd"], first["cost_usd"], "turn {number} with {}", claude.display());
        }

        let view = server.view(&session).await;
        assert!((view["cost_usd"].as_f64().unwrap() - 10.0 * one).abs() < 1e-9, "{view}");
        then_turns_pay_for(&server.model_calls(&session).await, &view);
    }
}

/// To the micro-dollar: turns, their session, and the calls that the gateway saw.
fn then_turns_pay_for(calls: &[Value], view: &Value) {
    let micros = |value: &Value| (value["cost_usd"].as_f64().unwrap() * 1e6).round() as u64;
    let turns: u64 = view["turns"].as_array().unwrap().iter().map(micros).sum();
    assert_eq!((turns, micros(view)), (cost(calls), cost(calls)), "{view}");
}
