//! Every use of a tool has somebody or something that allowed or refused it, also where nobody was asked, and
//! the audit trail names both in one request.

use std::path::Path;

use reqwest::StatusCode;
use runner_tests::processes::wait_for_command;
use runner_tests::server::{Answer, Server};
use runner_tests::{claudes, script};
use serde_json::{Value, json};

fn call(tool: &str, input: Value) -> Value {
    json!({ "tool_use": { "name": tool, "input": input } })
}

fn bash(command: &str) -> Value {
    call("Bash", json!({ "command": command, "description": "a command" }))
}

fn write(name: &str) -> Value {
    call("Write", json!({ "file_path": format!("{{{{cwd}}}}/{name}"), "content": "x" }))
}

fn read() -> Value {
    call("Read", json!({ "file_path": "{{cwd}}/there.txt" }))
}

fn calling(calls: &[Value]) -> String {
    let replies: Vec<Value> = calls.iter().cloned().chain([json!({ "text": "done" })]).collect();
    script("Call.", &json!(replies))
}

async fn start(claude: &Path) -> Server {
    let server =
        Server::start_with(&[("IS_SANDBOX", "1"), ("CLAUDE_BIN", &claude.display().to_string())]).await;
    std::fs::write(server.workspace().join("there.txt"), "x").unwrap();
    server
}

/// What the log says about each use of a tool, in order: the types of what decided, with who it was.
async fn deciders(server: &Server, session: &str) -> Vec<String> {
    let events = server.events(session).await;
    let decisions = events.iter().filter_map(|event| {
        let (kind, by) = (event["type"].as_str().unwrap(), &event["data"]["decided_by"]);
        let tells = kind == "tool_returned" || !by.is_null();
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        tells.then(|| format!("{kind} {} {}", text(&by["kind"]), text(&by["name"])))
    });
    decisions.collect()
}

#[tokio::test]
async fn what_nobody_was_asked_about_has_a_decider_in_every_mode() {
    for claude in claudes() {
        let server = start(&claude).await;
        for (mode, calls, expected) in [
            (
                "bypassPermissions",
                vec![bash("touch a"), write("a.txt"), read()],
                vec!["tool_returned mode bypassPermissions"; 3],
            ),
            (
                "acceptEdits",
                vec![write("b.txt"), bash("touch b"), read()],
                vec![
                    "tool_returned mode acceptEdits",
                    "tool_returned agent acceptEdits",
                    "tool_returned agent acceptEdits",
                ],
            ),
            ("default", vec![bash("ls"), read()], vec!["tool_returned agent default"; 2]),
            (
                "dontAsk",
                vec![bash("ls"), bash("touch c"), write("c.txt")],
                vec![
                    "tool_returned agent dontAsk",
                    "policy_applied mode dontAsk",
                    "tool_returned - -",
                    "policy_applied mode dontAsk",
                    "tool_returned - -",
                ],
            ),
            (
                "plan",
                vec![read(), write("d.txt")],
                vec!["tool_returned agent plan", "policy_applied mode plan", "tool_returned - -"],
            ),
        ] {
            let task = server.task(&json!({ "prompt": calling(&calls), "permission_mode": mode })).await;

            let told = deciders(&server, task["session_id"].as_str().unwrap()).await;

            assert_eq!(told, expected, "{mode} on {}", claude.display());
        }
    }
}

#[tokio::test]
async fn what_was_decided_in_an_event_of_its_own_is_not_said_twice() {
    for claude in claudes() {
        let server = start(&claude).await;
        let calls = [write("a.txt"), write("a.txt"), call("Unheard", json!({}))];
        let (session, request) = server.ask(&json!({ "prompt": calling(&calls) })).await;
        server.decide(&session, &request, &json!({ "decision": "allow", "remember": "session" })).await;
        server.wait_for_status(&session, "idle").await;

        let told = deciders(&server, &session).await;

        let remembered = "permission_decided remembered local";
        assert_eq!(
            told,
            [
                "permission_decided user local",
                "tool_returned - -",
                remembered,
                "tool_returned - -",
                "tool_returned - -"
            ],
            "{}",
            claude.display()
        );
    }
}

#[tokio::test]
async fn mode_that_held_at_the_gate_is_the_decider_whatever_comes_later() {
    let server = start(&claudes()[0]).await;
    let calls = [call("EnterPlanMode", json!({})), read()];
    let body = json!({ "prompt": calling(&calls), "permission_mode": "bypassPermissions" });

    let task = server.task(&body).await;

    let told = deciders(&server, task["session_id"].as_str().unwrap()).await;
    assert_eq!(told, ["tool_returned mode bypassPermissions", "tool_returned agent plan"]);
}

#[tokio::test]
async fn command_that_never_came_back_has_a_decider() {
    for (ended_by, expected) in [
        ("kill -9", "tool_abandoned agent bypassPermissions"),
        ("stop", "tool_abandoned mode bypassPermissions"),
        ("interrupt", "tool_returned mode bypassPermissions"),
    ] {
        let mut server = start(&claudes()[0]).await;
        let body = json!({
            "prompt": calling(&[bash("sleep 805")]), "permission_mode": "bypassPermissions", "timeout_ms": 1,
        });
        let task = server.post("/api/task", &body).await;
        assert_eq!(task.status, StatusCode::ACCEPTED, "{}", task.body);
        let session = task.body["session_id"].as_str().unwrap();
        wait_for_command(&server.data_dir(), "sleep 805").await;

        match ended_by {
            "interrupt" => {
                server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
            }
            "kill -9" => {
                server.kill_9().await;
                server.restart().await;
            }
            _ => drop(server.stop().await),
        }
        if ended_by == "stop" {
            server.restart().await;
        }
        server.wait_for(session, "turn_interrupted").await;

        let told = deciders(&server, session).await;
        assert_eq!(told, [expected], "{ended_by}");
        server.verify(session).await;
    }
}

async fn found(server: &Server, query: &str) -> Answer {
    server.get(&format!("/api/audit/events?{query}")).await
}

fn told(answer: &Value) -> Vec<Value> {
    let shown = |event: &Value| {
        let fields = ["type", "tool_name", "target", "effect", "decision"];
        let fields: serde_json::Map<_, _> =
            fields.iter().map(|name| ((*name).to_owned(), event[*name].clone())).collect();
        let by = &event["decided_by"];
        json!([fields, format!("{} {}", by["kind"].as_str().unwrap(), by["name"].as_str().unwrap())])
    };
    answer["events"].as_array().unwrap().iter().map(shown).collect()
}

#[tokio::test]
async fn one_request_answers_who_allowed_a_command() {
    let server = start(&claudes()[0]).await;
    let asked = calling(&[bash("rm -rf build"), read()]);
    let (session, request) = server.ask(&json!({ "prompt": asked })).await;
    let changed = json!({ "command": "rm -rf build/tmp", "description": "less" });
    server.decide(&session, &request, &json!({ "decision": "allow", "updated_input": changed })).await;
    server.wait_for_status(&session, "idle").await;
    let bypassed =
        json!({ "prompt": calling(&[bash("rm -rf other")]), "permission_mode": "bypassPermissions" });
    server.task(&bypassed).await;
    let refused = json!({ "prompt": calling(&[bash("rm there.txt")]), "permission_mode": "dontAsk" });
    server.task(&refused).await;

    let all = found(&server, "tool=Bash&q=RM").await;

    let row = |kind: &str, target: &str, decision: &str, by: &str| {
        json!([{ "type": kind, "tool_name": "Bash", "target": target, "effect": "runs_commands",
                 "decision": decision }, by])
    };
    let rows = [
        row("policy_applied", "rm there.txt", "deny", "mode dontAsk"),
        row("tool_returned", "rm -rf other", "allow", "mode bypassPermissions"),
        row("permission_decided", "rm -rf build/tmp", "allow", "user local"),
    ];
    assert_eq!(told(&all.body), rows);
    assert_eq!(told(&found(&server, "q=build/tmp").await.body), rows[2..]);
    assert_eq!(told(&found(&server, "q=rm%20-rf&limit=1").await.body), rows[1..2]);
    assert_eq!(told(&found(&server, &format!("q=rm&session={session}")).await.body), rows[2..]);
    assert_eq!(told(&found(&server, "tool=Bash&actor=user:local").await.body), rows[2..]);
    assert_eq!(told(&found(&server, "tool=Bash&type=tool_returned").await.body), rows[1..2]);
    assert_eq!(told(&found(&server, "tool=Bash&all=false").await.body), rows[2..]);
    assert_eq!(told(&found(&server, "tool=Read").await.body).len(), 1);
    for nothing in ["q=%25", "q=r_", "tool=bash", "tool=Write", "q=nothing%20of%20it"] {
        assert_eq!(told(&found(&server, nothing).await.body), [] as [Value; 0], "{nothing}");
    }
    let decided = found(&server, "type=permission_decided").await;
    assert_eq!(told(&decided.body), rows[2..], "without a filter of its own as well");
    for wrong in ["tool=", "q=%20", "q=%00"] {
        let refused = found(&server, wrong).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "query_invalid"), "{wrong}");
    }
}
