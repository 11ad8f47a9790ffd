//! A decision outlives the process that asked for it: a crash, a stop, an idle limit, a lost disk.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use runner_tests::processes::agents_of;
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};

/// Adds a line to a file, so that doing it twice is seen.
fn append_once() -> Value {
    let input = json!({ "command": "echo once >> {{cwd}}/log.txt", "description": "append" });
    json!({ "tool_use": { "name": "Bash", "input": input } })
}

fn task(replies: &Value) -> Value {
    json!({ "prompt": script("Ask and wait.", replies) })
}

fn lines(server: &Server) -> usize {
    let text = std::fs::read_to_string(server.workspace().join("log.txt")).unwrap_or_default();
    text.lines().count()
}

async fn count(server: &Server, session: &str, event_type: &str) -> usize {
    server.event_types(session).await.iter().filter(|name| *name == event_type).count()
}

#[tokio::test]
async fn after_kill_9_a_tool_call_still_waits_and_then_runs_exactly_once() {
    let mut server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "done" }]))).await;

    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.wait_for_request(&session).await, request, "it waits as it was");
    let decided = server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(
        (&view["turns"][0]["status"], &view["turns"][0]["result"]),
        (&json!("completed"), &json!("done"))
    );
    assert_eq!(lines(&server), 1);
    assert_eq!(count(&server, &session, "turn_resumed").await, 1);
    server.verify(&session).await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn the_database_alone_is_enough_to_go_on() {
    let mut server = Server::start().await;
    let first = server.task(&task(&json!([{ "text": "remember the number 4711" }]))).await;
    let body = json!({
        "prompt": script("Ask.", &json!([append_once(), { "text": "done" }])), "resume": first["session_id"],
    });
    let (session, request) = server.ask(&body).await;

    server.kill_9().await;
    std::fs::remove_dir_all(server.data_dir().join("agents")).unwrap();
    server.restart().await;
    let mut input = request["input"].clone();
    input["command"] = json!("echo changed >> log.txt");
    server.decide(&session, &request, &json!({ "decision": "allow", "updated_input": input })).await;

    server.wait_for_status(&session, "idle").await;
    let text = std::fs::read_to_string(server.workspace().join("log.txt")).unwrap();
    assert_eq!(text, "changed\n");
    // The turn after that is another call of the model, with everything before it.
    let next = json!({ "prompt": script("Go on.", &json!([{ "text": "still here" }])), "resume": session });
    assert_eq!(server.task(&next).await["message"], "still here");
    let transcript = transcript_of(&server.data_dir(), &session);
    assert!(transcript.contains("4711"), "the conversation from before came along");
}

fn transcript_of(data_dir: &Path, session: &str) -> String {
    let projects = data_dir.join("agents").join(session).join("projects");
    let mut folders = std::fs::read_dir(projects).unwrap().flatten().map(|entry| entry.path());
    let path =
        folders.find_map(|folder| Some(folder.join(format!("{session}.jsonl"))).filter(|path| path.exists()));
    std::fs::read_to_string(path.unwrap()).unwrap()
}

#[tokio::test]
async fn after_kill_9_a_question_is_still_answered() {
    let mut server = Server::start().await;
    let options = json!([{ "label": "Red", "description": "r" }, { "label": "Blue", "description": "b" }]);
    let question = json!({ "question": "Which?", "header": "H", "options": options, "multiSelect": false });
    let ask = json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": [question] } } });
    let (session, request) = server.ask(&task(&json!([ask, { "text": "done" }]))).await;

    server.kill_9().await;
    server.restart().await;
    let answer = json!({ "decision": "allow", "answers": { "Which?": "Blue" } });
    assert_eq!(server.decide(&session, &request, &answer).await.status, StatusCode::OK);

    assert_eq!(server.wait_for_status(&session, "idle").await["turns"][0]["result"], "done");
    let returned = server.wait_for(&session, "tool_returned").await;
    assert!(returned["data"]["content"].as_str().unwrap().contains(r#""Which?"="Blue""#), "{returned}");
}

#[tokio::test]
async fn after_kill_9_a_plan_is_still_approved_or_refused() {
    let plan = json!({ "tool_use": { "name": "ExitPlanMode", "input": { "plan": "# Plan" } } });
    for (decision, mode) in [("allow", "default"), ("deny", "plan")] {
        let mut server = Server::start().await;
        let body = json!({
            "prompt": script("Plan.", &json!([plan, { "text": "done" }])), "permission_mode": "plan",
        });
        let (session, request) = server.ask(&body).await;

        server.kill_9().await;
        server.restart().await;
        server.decide(&session, &request, &json!({ "decision": decision, "message": "because" })).await;

        let view = server.wait_for_status(&session, "idle").await;
        assert_eq!((&view["turns"][0]["result"], &view["permission_mode"]), (&json!("done"), &json!(mode)));
        let returned = server.wait_for(&session, "tool_returned").await;
        assert_eq!(returned["data"]["is_error"], json!(decision == "deny"), "{returned}");
    }
}

#[tokio::test]
async fn an_idle_limit_takes_the_process_but_not_the_question() {
    let mut server = Server::start_with(&[("AGENT_IDLE_SECONDS", "1")]).await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "done" }]))).await;

    let parked = server.wait_for(&session, "turn_parked").await;
    assert_eq!(parked["data"]["cause"], "idle");
    wait_for_no_agent(&server).await;
    assert_eq!(server.view(&session).await["status"], "waiting");
    server.decide(&session, &request, &json!({ "decision": "deny", "message": "no" })).await;

    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!((&view["turns"][0]["status"], lines(&server)), (&json!("completed"), 0));
    assert!(server.stop().await.success());
}

async fn wait_for_no_agent(server: &Server) {
    for _ in 0..2400 {
        if agents_of(&server.data_dir()).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("an agent is left");
}

#[tokio::test]
async fn a_stop_leaves_the_session_waiting_and_no_process() {
    let mut server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "done" }]))).await;

    server.stop().await; // Asserts that no process is left.
    server.restart().await;
    assert_eq!(server.wait_for(&session, "turn_parked").await["data"]["cause"], "server_stopped");
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    server.wait_for_status(&session, "idle").await;
    assert_eq!((lines(&server), count(&server, &session, "turn_interrupted").await), (1, 0));
}

#[tokio::test]
async fn others_may_take_the_room_of_a_waiting_session() {
    let server = Server::start_with(&[("MAX_SESSIONS", "1")]).await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "done" }]))).await;

    let other = server.task(&task(&json!([{ "text": "in between" }]))).await;
    assert_eq!(other["message"], "in between");
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    server.wait_for_status(&session, "idle").await;
    assert_eq!(lines(&server), 1);
}

#[tokio::test]
async fn a_killed_agent_leaves_its_question_open() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "done" }]))).await;

    runner_tests::processes::kill_all(&agents_of(&server.data_dir()));
    assert_eq!(server.wait_for(&session, "turn_parked").await["data"]["cause"], "agent_died");
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    server.wait_for_status(&session, "idle").await;
    assert_eq!(lines(&server), 1);
}

#[tokio::test]
async fn a_parked_turn_is_interrupted_without_a_process() {
    let mut server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "never" }]))).await;
    server.kill_9().await;
    server.restart().await;

    let path = format!("/api/sessions/{session}/interrupt");
    assert_eq!(server.post(&path, &json!({})).await.status, StatusCode::ACCEPTED);

    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(view["turns"][0]["status"], "interrupted");
    let late = server.decide(&session, &request, &json!({ "decision": "allow" })).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "request_withdrawn"));
    let next = json!({ "prompt": script("Next.", &json!([{ "text": "goes on" }])), "resume": session });
    assert_eq!(server.task(&next).await["message"], "goes on");
    assert_eq!(lines(&server), 0);
}

#[tokio::test]
async fn of_two_open_calls_the_decided_one_goes_on_and_the_log_says_what_was_dropped() {
    let mut server = Server::start().await;
    let read = |path: &str| json!({ "tool_use": { "name": "Read", "input": { "file_path": path } } });
    let both = json!({ "blocks": [read("/etc/hostname"), read("/etc/os-release")] });
    let (session, _) = server.ask(&task(&json!([both, { "text": "done" }]))).await;
    let waiting = loop {
        let view = server.view(&session).await;
        if view["pending"].as_array().unwrap().len() == 2 {
            break view["pending"].clone();
        }
    };

    server.kill_9().await;
    server.restart().await;
    server.decide(&session, &waiting[0], &json!({ "decision": "allow" })).await;

    server.wait_for_status(&session, "idle").await;
    assert_eq!(server.wait_for(&session, "turn_resumed").await["data"]["fallback"], "open_calls_dropped");
    let late = server.decide(&session, &waiting[1], &json!({ "decision": "allow" })).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "request_withdrawn"));
    assert_eq!(count(&server, &session, "tool_returned").await, 1);
}

#[tokio::test]
async fn a_subagent_that_waited_begins_again_and_the_decision_holds_for_it() {
    let mut server = Server::start().await;
    let inner = script("Sub.", &json!([append_once(), { "text": "sub done" }]));
    let input = json!({ "description": "sub", "prompt": inner, "subagent_type": "general-purpose",
        "run_in_background": false });
    let replies = json!([{ "tool_use": { "name": "Agent", "input": input } }, { "text": "done" }]);
    let (session, request) = server.ask(&task(&replies)).await;

    server.kill_9().await;
    server.restart().await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!(server.wait_for_status(&session, "idle").await["turns"][0]["result"], "done");
    assert_eq!(lines(&server), 1);
    assert_eq!(server.wait_for(&session, "turn_resumed").await["data"]["fallback"], "subagent_restarted");
    let all = server.get(&format!("/api/sessions/{session}/requests?status=all")).await.body;
    assert_eq!(all["requests"][1]["decided_by"]["kind"], "remembered", "{all}");
}

#[tokio::test]
async fn what_a_turn_cost_before_and_after_it_waited_adds_up() {
    let mut server = Server::start().await;
    let usage = |tokens: u64| json!({ "input_tokens": tokens, "output_tokens": 10 });
    let mut ask = append_once();
    ask["usage"] = usage(1000);
    let replies = json!([ask, { "text": "done", "usage": usage(5000) }]);
    let (session, request) = server.ask(&task(&replies)).await;

    server.kill_9().await;
    server.restart().await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(view["turns"][0]["usage"]["input_tokens"], 6000, "{}", view["turns"][0]);
    assert_eq!(view["usage"]["output_tokens"], 20);
}

#[tokio::test]
async fn a_decision_holds_whatever_mode_the_session_was_given_meanwhile() {
    let mut server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    for mode in ["acceptEdits", "bypassPermissions", "dontAsk"] {
        let path = format!("{{{{cwd}}}}/{mode}.txt");
        let write =
            json!({ "tool_use": { "name": "Write", "input": { "file_path": path, "content": "x" } } });
        let (session, request) = server.ask(&task(&json!([write, { "text": "done" }]))).await;
        server.kill_9().await;
        server.restart().await;

        let patch = server.request(Method::PATCH, &format!("/api/sessions/{session}"));
        answer(patch.json(&json!({ "permission_mode": mode }))).await;
        let denial = json!({ "decision": "deny", "message": "a person said no" });
        server.decide(&session, &request, &denial).await;

        let view = server.wait_for_status(&session, "idle").await;
        assert!(!server.workspace().join(format!("{mode}.txt")).exists(), "{mode}");
        assert_eq!((&view["turns"][0]["result"], &view["permission_mode"]), (&json!("done"), &json!(mode)));
        let returned = server.wait_for(&session, "tool_returned").await;
        assert_eq!(returned["data"]["content"], "a person said no", "{mode}");
    }
}

#[tokio::test]
async fn what_was_said_to_a_waiting_turn_reaches_the_process_that_takes_it_up() {
    let mut server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([append_once(), { "text": "done" }]))).await;
    let path = format!("/api/sessions/{session}/prompts?mode=steer");
    let say = |text: &str| json!({ "prompt": script(text, &json!([{ "text": "noted" }])) });
    let before = server.post(&path, &say("Mind the apples.")).await;
    server.kill_9().await;
    server.restart().await;
    let parked = server.post(&path, &say("Mind the pears.")).await;

    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!((before.status, parked.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    server.wait_for_status(&session, "idle").await;
    for _ in 0..2400 {
        let transcript = transcript_of(&server.data_dir(), &session);
        if transcript.contains("Mind the apples.") && transcript.contains("Mind the pears.") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}", transcript_of(&server.data_dir(), &session));
}

#[tokio::test]
async fn calls_that_were_not_asked_about_yet_are_named_as_dropped_too() {
    let mut server = Server::start().await;
    let both = json!({ "blocks": [append_once(), append_once()] });
    let (session, request) = server.ask(&task(&json!([both, { "text": "done" }]))).await;
    let used = |types: Vec<String>| types.iter().filter(|name| *name == "tool_used").count();
    while used(server.event_types(&session).await) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    server.kill_9().await;
    server.restart().await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    server.wait_for_status(&session, "idle").await;
    assert_eq!(server.wait_for(&session, "turn_resumed").await["data"]["fallback"], "open_calls_dropped");
    assert_eq!(lines(&server), 1);
}
