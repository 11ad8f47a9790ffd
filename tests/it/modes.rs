//! Permission modes against the real program: what runs, what asks, what is refused, and by whom.

use reqwest::{Method, StatusCode};
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Runs,
    Asks,
    Refused,
}
use Outcome::{Asks, Refused, Runs};

const MODES: [&str; 5] = ["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"];

fn calls() -> Vec<(&'static str, Value, [Outcome; 5])> {
    let bash = |command: &str| json!({ "command": command, "description": "a command" });
    let write = |path: &str| json!({ "file_path": path, "content": "x" });
    vec![
        ("Read", json!({ "file_path": "{{cwd}}/there.txt" }), [Runs, Runs, Runs, Runs, Runs]),
        ("Bash", bash("ls"), [Runs, Runs, Runs, Runs, Runs]),
        ("Read", json!({ "file_path": "/etc/hostname" }), [Asks, Asks, Asks, Refused, Runs]),
        // Where the program asks while planning, we refuse: nothing is changed before the plan is approved.
        ("Write", write("{{cwd}}/{{mode}}.txt"), [Asks, Runs, Refused, Refused, Runs]),
        ("Write", write("{{outside}}/{{mode}}.txt"), [Asks, Asks, Refused, Refused, Runs]),
        ("Write", write("{{cwd}}/.claude/{{mode}}.txt"), [Asks, Asks, Refused, Refused, Runs]),
        ("Bash", bash("touch {{mode}}-touched.txt"), [Asks, Runs, Refused, Refused, Runs]),
        ("Bash", bash("mkdir {{outside}}/{{mode}}"), [Asks, Asks, Refused, Refused, Runs]),
        (
            "WebFetch",
            json!({ "url": "http://127.0.0.1:9/", "prompt": "x" }),
            [Asks, Asks, Asks, Refused, Runs],
        ),
    ]
}

#[tokio::test]
async fn every_mode_treats_every_kind_of_call_as_documented() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    std::fs::write(server.workspace().join("there.txt"), "x").unwrap();
    let outside = tempfile::tempdir().unwrap();
    let mut wrong = vec![];
    for (index, mode) in MODES.into_iter().enumerate() {
        let opened = server.post("/api/sessions", &json!({ "permission_mode": mode })).await.body;
        for (tool, input, expected) in calls() {
            let outside = outside.path().display().to_string();
            let input = input.to_string().replace("{{outside}}", &outside).replace("{{mode}}", mode);
            let input: Value = serde_json::from_str(&input).unwrap();
            let got = outcome(&server, &opened["id"], tool, &input).await;
            if got != expected[index] {
                wrong.push(format!("{mode}: {tool} {input}: {got:?}, not {:?}", expected[index]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Lets the model make one call and says what became of it; what asks is denied.
async fn outcome(server: &Server, session: &Value, tool: &str, input: &Value) -> Outcome {
    let replies = json!([{ "tool_use": { "name": tool, "input": input } }, { "text": "done" }]);
    let body = json!({ "prompt": script("Call.", &replies), "resume": session });
    let task = server.post("/api/task", &body).await;
    let session = session.as_str().unwrap();
    if task.status == StatusCode::ACCEPTED {
        server.decide(session, &task.body["pending"][0], &json!({ "decision": "deny" })).await;
        server.wait_for_status(session, "idle").await;
        return Asks;
    }
    assert_eq!(task.status, StatusCode::OK, "{}", task.body);
    let events = server.events(session).await;
    let turn = &task.body["turn_id"];
    let of_turn = || events.iter().filter(|event| event["data"]["turn"] == *turn);
    let refused = of_turn().any(|event| {
        let is_refusal = event["type"] == "policy_applied" || event["type"] == "permission_decided";
        is_refusal && event["data"]["decided_by"]["kind"] == "mode"
    });
    if refused { Refused } else { Runs }
}

#[tokio::test]
async fn questions_and_plans_reach_people_even_where_everything_else_is_allowed() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let options = json!([{ "label": "a", "description": "a" }, { "label": "b", "description": "b" }]);
    let question = json!({ "question": "Which?", "header": "H", "options": options, "multiSelect": false });
    let ask = json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": [question] } } });
    let body = json!({
        "prompt": script("Ask.", &json!([ask, { "text": "ok" }])), "permission_mode": "bypassPermissions",
    });

    let (_, request) = server.ask(&body).await;

    assert_eq!(request["kind"], "question");
}

#[tokio::test]
async fn nothing_is_written_while_planning_even_in_a_session_that_may_do_everything() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let call = |tool: &str, input: Value| json!({ "tool_use": { "name": tool, "input": input } });
    let replies = json!([
        call("EnterPlanMode", json!({})),
        call("Write", json!({ "file_path": "{{cwd}}/planned.txt", "content": "x" })),
        call("Bash", json!({ "command": "touch touched.txt", "description": "touch" })),
        { "text": "only planned" },
    ]);
    let body = json!({ "prompt": script("Plan.", &replies), "permission_mode": "bypassPermissions" });

    let done = server.task(&body).await;

    assert_eq!(done["message"], "only planned");
    assert!(
        !server.workspace().join("planned.txt").exists() && !server.workspace().join("touched.txt").exists()
    );
    let session = done["session_id"].as_str().unwrap();
    assert_eq!(server.view(session).await["permission_mode"], "plan");
    let events = server.events(session).await;
    let refusals = events.iter().filter(|event| event["type"] == "policy_applied");
    assert!(refusals.clone().all(|event| event["data"]["decided_by"]["name"] == "plan"));
    assert_eq!(refusals.count(), 2);
}

#[tokio::test]
async fn a_mode_changed_in_the_middle_of_a_turn_holds_from_the_next_call_on() {
    let server = Server::start().await;
    let write = |name: &str| {
        let input = json!({ "file_path": format!("{{{{cwd}}}}/{name}"), "content": "x" });
        json!({ "tool_use": { "name": "Write", "input": input } })
    };
    let replies = json!([write("asked.txt"), write("unasked.txt"), { "text": "done" }]);
    let (session, request) = server.ask(&json!({ "prompt": script("Write.", &replies) })).await;

    let path = format!("/api/sessions/{session}");
    let body = json!({ "permission_mode": "acceptEdits" });
    let changed = answer(server.request(Method::PATCH, &path).json(&body)).await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!((changed.status, &changed.body["permission_mode"]), (StatusCode::OK, &json!("acceptEdits")));
    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(view["turns"][0]["result"], "done");
    let all = server.get(&format!("/api/sessions/{session}/requests?status=all")).await.body;
    assert_eq!(all["requests"].as_array().unwrap().len(), 1, "the second was not asked about");
}

#[tokio::test]
async fn a_session_may_be_let_do_everything_in_the_middle_of_a_turn() {
    let server = Server::start_with(&[("SANDBOX", "off"), ("IS_SANDBOX", "1")]).await;
    let outside = tempfile::tempdir().unwrap();
    let write = |path: String| json!({ "tool_use": { "name": "Write", "input": { "file_path": path, "content": "x" } } });
    let second = outside.path().join("b.txt");
    let replies =
        json!([write("{{cwd}}/a.txt".to_owned()), write(second.display().to_string()), { "text": "done" }]);
    let (session, request) = server.ask(&json!({ "prompt": script("Write.", &replies) })).await;

    let path = format!("/api/sessions/{session}");
    let body = json!({ "permission_mode": "bypassPermissions" });
    let changed = answer(server.request(Method::PATCH, &path).json(&body)).await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!((second.exists(), &view["permission_mode"]), (true, &json!("bypassPermissions")));
    let all = server.get(&format!("/api/sessions/{session}/requests?status=all")).await.body;
    assert_eq!(all["requests"][1]["decided_by"]["name"], "bypassPermissions", "{all}");
}
