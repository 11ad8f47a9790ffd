//! Budgets: the next call is not made, the turn says why it failed, and a restart forgets nothing.

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::projections::rebuild;

/// A prompt whose replies cost six thousandths of a dollar each, by the price of the model that is asked.
fn costly(calls: usize) -> Value {
    let usage = json!({ "input_tokens": 1180, "output_tokens": 4 });
    let bash = json!({ "name": "Bash", "input": { "command": "true", "description": "nothing" } });
    let mut replies = vec![json!({ "tool_use": bash, "usage": usage }); calls - 1];
    replies.push(json!({ "text": "done", "usage": usage }));
    json!({ "prompt": script("Spend.", &json!(replies)), "model": "claude-opus-4-8" })
}

fn resumed(session: &Value, calls: usize) -> Value {
    let prompt = costly(calls)["prompt"].clone();
    json!({ "prompt": prompt, "resume": session })
}

async fn exhausted(server: &Server, session: &str) -> Vec<Value> {
    let events = server.events(session).await;
    let exhausted = events.into_iter().filter(|event| event["type"] == "budget_exhausted");
    exhausted.map(|event| event["data"].clone()).collect()
}

fn assert_spent(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (StatusCode::PAYMENT_REQUIRED, "budget"), "{}", answer.body);
}

#[tokio::test]
async fn a_month_ends_within_one_call_and_a_restart_changes_nothing() {
    let mut server = Server::start_with(&[("MONTHLY_BUDGET_USD", "0.01")]).await;

    let stopped = server.post("/api/task", &costly(5)).await;

    assert_spent(&stopped);
    let detail = stopped.body["detail"].as_str().unwrap();
    let says = "the budget of its owner for this month is spent: $0.0120 of $0.0100. It resets at ";
    assert!(detail.starts_with(says), "{detail}");
    let session = stopped.body["session_id"].as_str().unwrap();
    assert_eq!(server.model_calls(session).await.len(), 2, "the second one was the last");
    let told = exhausted(&server, session).await;
    assert_eq!((told.len(), &told[0]["budget"]), (1, &json!("month")));
    assert_eq!((&told[0]["spent_micros"], &told[0]["limit_micros"]), (&json!(12_000), &json!(10_000)));
    let failed = server.wait_for(session, "turn_failed").await;
    assert_eq!(failed["data"]["cause"], "budget");
    server.verify(session).await;

    server.kill_9().await;
    server.restart().await;
    let afterwards = server.post("/api/task", &costly(1)).await;

    assert_spent(&afterwards);
    let session = afterwards.body["session_id"].as_str().unwrap();
    assert_eq!(server.model_calls(session).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_user_has_a_budget_of_his_own_which_an_admin_changes_at_any_time() {
    let server = Server::start_with(&[("MONTHLY_BUDGET_USD", "50")]).await;
    let (admin, user) = (Person::register(&server, "ada").await, Person::register(&server, "grace").await);
    let budget = json!({ "monthly_budget_usd": 0.01 });
    assert_eq!(admin.patch("/api/users/grace", &budget).await.body["monthly_budget_usd"], 0.01);

    let stopped = user.post("/api/task", &costly(5)).await;
    let of_another = admin.post("/api/task", &costly(3)).await;
    let raised = admin.patch("/api/users/grace", &json!({ "monthly_budget_usd": null })).await;
    let afterwards = user.post("/api/task", &costly(1)).await;

    assert_spent(&stopped);
    assert!(stopped.body["detail"].as_str().unwrap().contains("$0.0120 of $0.0100"), "{}", stopped.body);
    assert_eq!(of_another.body["success"], true, "{}", of_another.body);
    assert_eq!((raised.status, &raised.body["monthly_budget_usd"]), (StatusCode::OK, &Value::Null));
    assert_eq!(afterwards.body["success"], true, "{}", afterwards.body);
}

#[tokio::test]
async fn a_session_has_a_budget_for_all_its_turns() {
    let mut server = Server::start_with(&[("SESSION_BUDGET_USD", "0.01")]).await;
    let first = server.task(&costly(1)).await;
    let session = first["session_id"].clone();

    server.stop().await;
    server.restart().await;
    let second = server.post("/api/task", &resumed(&session, 3)).await;
    let third = server.post("/api/task", &resumed(&session, 1)).await;
    let other = server.task(&costly(1)).await;

    assert_eq!(first["success"], true);
    assert_spent(&second);
    assert_spent(&third);
    assert_eq!(other["success"], true, "another session has its own");
    assert_eq!(server.model_calls(session.as_str().unwrap()).await.len(), 2);
    let told = exhausted(&server, session.as_str().unwrap()).await;
    assert!(told.iter().all(|spent| spent["budget"] == "session") && told.len() == 2, "{told:?}");
}

#[tokio::test]
async fn a_program_that_asks_with_the_agents_token_cannot_spend_more_than_the_turn_may() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let question = json!({
        "model": "claude-opus-4-8", "max_tokens": 100,
        "messages": [{ "role": "user", "content": costly(1)["prompt"] }],
    });
    std::fs::write(server.workspace().join("question.json"), question.to_string()).unwrap();
    // Claude Code itself does not know of these: only the gateway can count them.
    let ask = "token=$(tr '\\0' '\\n' < /proc/$PPID/environ | sed -n s/^ANTHROPIC_API_KEY=//p); \
        for i in 1 2 3 4; do curl -s --noproxy '*' -o answer.$i -w '%{http_code} ' -d @question.json \
        -H \"x-api-key: $token\" -H 'content-type: application/json' \
        $ANTHROPIC_BASE_URL/v1/messages >> statuses; done";
    let bash = json!({ "name": "Bash", "input": { "command": ask, "description": "ask" } });
    let little = json!({ "input_tokens": 10, "output_tokens": 1 });
    let replies = json!([{ "tool_use": bash, "usage": little }, { "text": "never", "usage": little }]);
    let body = json!({
        "prompt": script("Ask.", &replies), "permission_mode": "bypassPermissions",
        "model": "claude-opus-4-8", "max_budget_usd": 0.01,
    });

    let stopped = server.post("/api/task", &body).await;

    assert_spent(&stopped);
    let statuses = std::fs::read_to_string(server.workspace().join("statuses")).unwrap();
    assert_eq!(statuses.trim(), "200 200 402 402");
    let refused = std::fs::read_to_string(server.workspace().join("answer.3")).unwrap();
    assert!(refused.contains("the budget of this turn is spent: $0.0121 of $0.0100."), "{refused}");
    let session = stopped.body["session_id"].as_str().unwrap();
    let told = exhausted(&server, session).await;
    assert_eq!((told.len(), &told[0]["budget"]), (1, &json!("turn")), "{told:?}");
    assert_eq!(server.model_calls(session).await.len(), 3, "one of the agent's, two of the program's");
}

#[tokio::test]
async fn people_see_beside_each_budget_what_was_spent_of_it_to_the_last_call() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let first = root.task(&costly(2)).await["session_id"].clone();
    let second = root.task(&costly(1)).await["session_id"].clone();
    let mut micros = 0;
    for session in [first, second] {
        let path = format!("/api/sessions/{}/events?types=model_called", session.as_str().unwrap());
        let events = root.get(&path).await.body["events"].clone();
        micros += events.as_array().unwrap().iter().map(cost_of).sum::<u64>();
    }

    let users = root.get("/api/users").await.body;
    let (own, of_ada) = (root.get("/api/auth/me").await.body, ada.get("/api/auth/me").await.body);

    assert!(micros >= 18_000, "{micros}");
    let spent = json!(micros as f64 / 1e6);
    assert_eq!((&own["username"], &own["spent_this_month_usd"]), (&json!("root"), &spent));
    assert_eq!(of_ada["spent_this_month_usd"], 0.0);
    let told = [&users["users"][0]["spent_this_month_usd"], &users["users"][1]["spent_this_month_usd"]];
    assert_eq!(told, [&json!(0.0), &spent]);
    let resets_at = own["spend_resets_at"].as_str().unwrap();
    assert!(resets_at.ends_with("-01T00:00:00.000Z"), "{resets_at}");
    let changed = root.patch("/api/users/root", &json!({ "monthly_budget_usd": 5 })).await.body;
    assert_eq!((&changed["spent_this_month_usd"], &changed["monthly_budget_usd"]), (&spent, &json!(5.0)));
}

fn cost_of(called: &Value) -> u64 {
    called["data"]["cost_micros"].as_u64().unwrap()
}

#[tokio::test]
async fn totals_are_right_after_a_crash_in_the_middle() {
    let mut server = Server::start().await;
    let done = server.task(&costly(2)).await;
    let usage = json!({ "input_tokens": 1180, "output_tokens": 4 });
    let bash = json!({ "name": "Bash", "input": { "command": "true", "description": "nothing" } });
    let replies = json!([{ "tool_use": bash, "usage": usage }, { "text": "half", "hang": true }]);
    let body = json!({
        "prompt": script("Hang.", &replies), "model": "claude-opus-4-8", "timeout_ms": 1,
    });
    let task = server.post("/api/task", &body).await.body;
    server.wait_for(task["session_id"].as_str().unwrap(), "model_called").await;

    server.kill_9().await;
    let rebuilt = rebuild(&server).await;
    let said = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    let database = format!("sqlite://{}", server.data_dir().join("runner.db").display());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    let (calls, cost): (i64, i64) = sqlx::query_as("SELECT calls, cost_micros FROM model_spend")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    server.restart().await;

    assert!(said.contains("the read models were right"), "{said}");
    let mut told = server.model_calls(done["session_id"].as_str().unwrap()).await;
    told.extend(server.model_calls(task["session_id"].as_str().unwrap()).await);
    let costs: i64 = told.iter().map(|call| call["cost_micros"].as_i64().unwrap()).sum();
    assert_eq!((calls, cost), (3, 18_000));
    assert_eq!((told.len(), costs), (3, 18_000));
}

#[tokio::test]
async fn a_budget_that_cannot_be_kept_is_refused_at_the_start() {
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    let folder = tempfile::tempdir().unwrap();
    command.current_dir(folder.path()).env_clear().env("CLAUDE_CODE_OAUTH_TOKEN", "t");
    command.env("PORT", "0").env("MONTHLY_BUDGET_USD", "5");

    let output = command.output().await.unwrap();

    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("MONTHLY_BUDGET_USD and SESSION_BUDGET_USD need ANTHROPIC_API_KEY"), "{said}");
}
