//! Permission modes against the real program: what runs, what asks, what is refused, and by whom.

use std::path::Path;

use reqwest::{Method, StatusCode};
use runner_tests::server::{Server, answer};
use runner_tests::{claude, older_claude, script};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Runs,
    Asks,
    Refused,
    /// The program does not take the call, before anybody could decide about it.
    Void,
}
use Outcome::{Asks, Refused, Runs, Void};

const MODES: [&str; 5] = ["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"];

/// One call, with the calls that have to come before it, and what becomes of it in each mode.
struct Row {
    tool: &'static str,
    input: Value,
    after: Vec<(&'static str, Value)>,
    expected: [Outcome; 5],
}

fn row(tool: &'static str, input: Value, expected: [Outcome; 5]) -> Row {
    Row { tool, input, after: vec![], expected }
}

fn bash(command: &str) -> Value {
    json!({ "command": command, "description": "a command" })
}

/// Files, commands and pages, inside of the folder and outside.
fn by_target() -> Vec<Row> {
    let write = |path: &str| json!({ "file_path": path, "content": "x" });
    let page = json!({ "url": "http://127.0.0.1:9/", "prompt": "x" });
    vec![
        row("Read", json!({ "file_path": "{{cwd}}/there.txt" }), [Runs, Runs, Runs, Runs, Runs]),
        row("Bash", bash("ls"), [Runs, Runs, Runs, Runs, Runs]),
        row("Read", json!({ "file_path": "/etc/hostname" }), [Asks, Asks, Asks, Refused, Runs]),
        // Where the program asks while planning, we refuse: nothing is changed before the plan is approved.
        row("Write", write("{{cwd}}/{{mode}}.txt"), [Asks, Runs, Refused, Refused, Runs]),
        row("Write", write("{{outside}}/{{mode}}.txt"), [Asks, Asks, Refused, Refused, Runs]),
        row("Write", write("{{cwd}}/.claude/{{mode}}.txt"), [Asks, Asks, Refused, Refused, Runs]),
        row("Bash", bash("touch {{mode}}-touched.txt"), [Asks, Runs, Refused, Refused, Runs]),
        row("Bash", bash("mkdir {{outside}}/{{mode}}"), [Asks, Asks, Refused, Refused, Runs]),
        row("WebFetch", page, [Asks, Asks, Asks, Refused, Runs]),
    ]
}

/// The other tools that some version lists. What only one of them has is void in the other.
fn by_tool() -> Vec<Row> {
    let options = json!([{ "label": "a", "description": "a" }, { "label": "b", "description": "b" }]);
    let question = json!({ "question": "Which?", "header": "H", "options": options, "multiSelect": false });
    let (text, book) = ("{{cwd}}/{{mode}}-edited.txt", "{{cwd}}/{{mode}}.ipynb");
    let look = |path: &str| vec![("Read", json!({ "file_path": path }))];
    let inner = script("Say.", &json!([{ "text": "from below" }]));
    let agent = |more: Value| {
        let mut input = json!({ "description": "sub", "prompt": inner, "subagent_type": "general-purpose",
                                "run_in_background": false });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let edit = json!({ "file_path": text, "old_string": "old", "new_string": "new" });
    let cell = json!({ "notebook_path": book, "cell_id": "a", "new_source": "2" });
    let monitor =
        json!({ "description": "see", "timeout_ms": 3000, "command": "touch seen", "persistent": false });
    let workflow =
        json!({ "script": "export const meta = { name: 'w', description: 'w', phases: [] }\nreturn 1" });
    vec![
        Row { after: look(text), ..row("Edit", edit, [Asks, Runs, Refused, Refused, Runs]) },
        Row { after: look(book), ..row("NotebookEdit", cell, [Asks, Runs, Refused, Refused, Runs]) },
        row("AskUserQuestion", json!({ "questions": [question] }), [Asks, Asks, Asks, Refused, Asks]),
        row("Agent", agent(json!({})), [Runs, Runs, Runs, Runs, Runs]),
        row("Agent", agent(json!({ "isolation": "worktree" })), [Asks, Asks, Refused, Refused, Void]),
        row("EnterWorktree", json!({ "name": "{{mode}}" }), [Asks, Asks, Refused, Refused, Void]),
        row("Monitor", monitor, [Asks, Asks, Refused, Refused, Runs]),
        row("ReportFindings", json!({ "findings": [] }), [Runs, Runs, Runs, Runs, Runs]),
        row(
            "SendMessage",
            json!({ "to": "x", "message": "x", "summary": "x" }),
            [Void, Void, Void, Void, Void],
        ),
        row("Skill", json!({ "skill": "init" }), [Runs, Runs, Refused, Refused, Runs]),
        row("TaskCreate", json!({ "subject": "a", "description": "b" }), [Runs, Runs, Runs, Runs, Runs]),
        row("TaskList", json!({}), [Runs, Runs, Runs, Runs, Runs]),
        row("TaskGet", json!({ "taskId": "1" }), [Runs, Runs, Runs, Runs, Runs]),
        row("TaskUpdate", json!({ "taskId": "1", "status": "completed" }), [Runs, Runs, Runs, Runs, Runs]),
        row(
            "ToolSearch",
            json!({ "query": "select:WebFetch", "max_results": 1 }),
            [Runs, Runs, Runs, Runs, Runs],
        ),
        row("WebSearch", json!({ "query": "rust" }), [Asks, Asks, Asks, Refused, Runs]),
        row("Workflow", workflow, [Asks, Asks, Refused, Refused, Runs]),
        row("CronList", json!({}), [Void, Void, Void, Void, Void]),
        row(
            "ScheduleWakeup",
            json!({ "delaySeconds": 60, "reason": "x", "prompt": "x" }),
            [Void, Void, Void, Void, Void],
        ),
        row("ListAgents", json!({}), [Void, Void, Void, Void, Void]),
        row("Unheard", json!({}), [Void, Void, Void, Void, Void]),
        // These two change the mode: nothing comes after them.
        row("ExitPlanMode", json!({ "plan": "p" }), [Void, Void, Asks, Void, Void]),
        row("EnterPlanMode", json!({}), [Runs, Runs, Runs, Runs, Runs]),
    ]
}

/// Tools of which every call is void without something else that was begun before.
const NEEDS_MORE: [&str; 3] = ["ExitWorktree", "TaskStop", "TaskOutput"];

/// Tools that fail here once they run.
const NEEDS_NETWORK: [&str; 2] = ["WebFetch", "WebSearch"];

async fn matrix_on(claude: &Path, only_elsewhere: &[&str]) {
    let server =
        Server::start_with(&[("IS_SANDBOX", "1"), ("CLAUDE_BIN", &claude.display().to_string())]).await;
    let (workspace, outside) = (server.workspace(), tempfile::tempdir().unwrap());
    std::fs::write(workspace.join("there.txt"), "x").unwrap();
    let notebook = json!({ "cells": [{ "cell_type": "code", "id": "a", "source": "1", "metadata": {}, "outputs": [],
        "execution_count": null }], "metadata": {}, "nbformat": 4, "nbformat_minor": 5 });
    let rows: Vec<Row> = by_target().into_iter().chain(by_tool()).collect();
    let mut wrong = vec![];
    for (index, mode) in MODES.into_iter().enumerate() {
        std::fs::write(workspace.join(format!("{mode}-edited.txt")), "old").unwrap();
        std::fs::write(workspace.join(format!("{mode}.ipynb")), notebook.to_string()).unwrap();
        let opened = server.post("/api/sessions", &json!({ "permission_mode": mode })).await.body;
        for row in &rows {
            let fill = |input: &Value| -> Value {
                let outside = outside.path().display().to_string();
                let text = input.to_string().replace("{{outside}}", &outside).replace("{{mode}}", mode);
                serde_json::from_str(&text).unwrap()
            };
            let calls = row.after.iter().map(|(tool, input)| (*tool, fill(input)));
            let calls: Vec<_> = calls.chain([(row.tool, fill(&row.input))]).collect();
            let got = outcome(&server, &opened["id"], &calls).await;
            let expected = if only_elsewhere.contains(&row.tool) { Void } else { row.expected[index] };
            if got != expected {
                wrong.push(format!(
                    "{mode}: {} {}: {got:?}, not {expected:?}",
                    row.tool,
                    calls.last().unwrap().1
                ));
            }
        }
        if index == 0 {
            let listed = listed_tools(&server, opened["id"].as_str().unwrap()).await;
            let known = |tool: &str| rows.iter().any(|row| row.tool == tool) || NEEDS_MORE.contains(&tool);
            let unknown: Vec<_> = listed.iter().filter(|tool| *tool != "Task" && !known(tool)).collect();
            assert!(unknown.is_empty(), "the matrix has no row for {unknown:?}");
            let withheld = ["CronList", "ScheduleWakeup", "ListAgents", "SendMessage"];
            assert!(!listed.iter().any(|tool| withheld.contains(&&**tool)), "{listed:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the program says it offers.
async fn listed_tools(server: &Server, session: &str) -> Vec<String> {
    let events = server.events(session).await;
    let profile = events.iter().find(|event| event["type"] == "agent_initialized").unwrap();
    serde_json::from_value(profile["data"]["tools"].clone()).unwrap()
}

#[tokio::test]
async fn every_mode_of_the_older_version_treats_every_kind_of_call_as_documented() {
    let only_elsewhere = ["Monitor", "ToolSearch"];
    matrix_on(&older_claude(), &only_elsewhere).await;
}

#[tokio::test]
async fn every_mode_treats_every_kind_of_call_as_documented() {
    // The suite runs on the older version as well.
    if claude() != older_claude() {
        let only_elsewhere = ["TaskCreate", "TaskList", "TaskGet", "TaskUpdate"];
        matrix_on(&claude(), &only_elsewhere).await;
    }
}

/// Lets the model make these calls and says what became of the last one; what asks is denied.
async fn outcome(server: &Server, session: &Value, calls: &[(&str, Value)]) -> Outcome {
    let replies = calls.iter().map(|(tool, input)| json!({ "tool_use": { "name": tool, "input": input } }));
    let replies: Vec<Value> = replies.chain([json!({ "text": "done" })]).collect();
    let body = json!({ "prompt": script("Call.", &json!(replies)), "resume": session });
    let session = session.as_str().unwrap();
    // What was begun beside the conversation may have just been told of, in a turn of its own.
    let task = loop {
        let task = server.post("/api/task", &body).await;
        if task.code() != "session_busy" {
            break task;
        }
        server.wait_for_status(session, "idle").await;
    };
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
        let is_decision = event["type"] == "policy_applied" || event["type"] == "permission_decided";
        is_decision && event["data"]["decision"] == "deny"
    });
    let returned = of_turn().rfind(|event| event["type"] == "tool_returned").unwrap();
    let text = returned["data"]["content"].to_string();
    let last = calls.last().unwrap().0;
    let is_void = ["No such tool", "exists but is not", "not in plan mode", "git repo", "No task"];
    match refused {
        true => Refused,
        false if is_void.iter().any(|words| text.contains(words)) => Void,
        false if returned["data"]["is_error"] == true && !NEEDS_NETWORK.contains(&last) => {
            panic!("{calls:?} fails: {text}")
        }
        false => Runs,
    }
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
