//! Hooks that ask a program: what it is told, what its answers do, and what is left of it when nobody waits
//! for it any more.

use std::time::Duration;

use reqwest::StatusCode;
use runner_tests::claudes;
use runner_tests::person::Person;
use runner_tests::processes::{agents_of, command_lines};
use runner_tests::server::Server;
use serde_json::{Value, json};

use super::{PATH, add, bash, start, task, told, write};

fn program(command: &str) -> Value {
    json!({ "name": "asks", "event": "PreToolUse", "action": "command", "command": command,
            "conditions": [{ "field": "tool_name", "operator": "in", "value": ["Bash", "Write"] }] })
}

/// A program that reads what it is told and answers with JSON.
fn saying(answer: &Value) -> Value {
    program(&format!("cat > told.json; cat <<'END'\n{answer}\nEND"))
}

fn decision(decision: &str, more: &Value) -> Value {
    let mut said = json!({ "hookEventName": "PreToolUse", "permissionDecision": decision,
                           "permissionDecisionReason": "by program" });
    said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "hookSpecificOutput": said })
}

fn exists(server: &Server, name: &str) -> bool {
    server.workspace().join(name).exists()
}

#[tokio::test]
async fn a_program_is_told_what_claude_codes_own_hooks_are_and_its_answer_holds() {
    for claude in claudes() {
        let server = start(&claude).await;
        add(&server, &saying(&decision("deny", &json!({})))).await;

        let done = server.task(&task(&[bash("touch a.txt")], "bypassPermissions")).await;

        let session = &done["session_id"];
        assert!(!exists(&server, "a.txt"), "{done}");
        let said: Value =
            serde_json::from_slice(&std::fs::read(server.workspace().join("told.json")).unwrap()).unwrap();
        let used = &told(&server, session, "tool_used").await[0];
        assert_eq!(
            said,
            json!({
                "session_id": session, "cwd": server.workspace(), "permission_mode": "bypassPermissions",
                "hook_event_name": "PreToolUse", "tool_name": "Bash",
                "tool_input": { "command": "touch a.txt", "description": "a command" },
                "tool_use_id": used["tool_use_id"],
            })
        );
        let types = server.event_types(session.as_str().unwrap()).await;
        let at = |name: &str| types.iter().position(|kind| kind == name).unwrap();
        assert!(
            at("hook_called") < at("hook_evaluated") && at("hook_evaluated") < at("policy_applied"),
            "{types:?}"
        );
        let refused = told(&server, session, "policy_applied").await;
        assert_eq!(
            (&refused[0]["message"], &refused[0]["decided_by"]["name"]),
            (&json!("by program"), &json!("asks"))
        );
        server.verify(session.as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn a_program_changes_what_a_tool_is_used_with() {
    for claude in claudes() {
        let server = start(&claude).await;
        let other = json!({ "command": "touch other.txt", "description": "another command" });
        let alone = json!({ "hookSpecificOutput": { "hookEventName": "PreToolUse", "updatedInput": other } });
        add(&server, &saying(&alone)).await;
        let done = server.task(&task(&[bash("touch a.txt")], "bypassPermissions")).await;
        let what = format!("{}: {done}", claude.display());
        assert!(exists(&server, "other.txt") && !exists(&server, "a.txt"), "{what}");
        let evaluated = told(&server, &done["session_id"], "hook_evaluated").await;
        assert_eq!((&evaluated[0]["updated_input"], &evaluated[0]["outcome"]), (&other, &json!("none")));

        std::fs::remove_file(server.workspace().join("other.txt")).unwrap();
        let allowing = decision("allow", &json!({ "updatedInput": other }));
        server
            .request(reqwest::Method::PUT, &format!("{PATH}/asks"))
            .json(&saying(&allowing))
            .send()
            .await
            .unwrap();
        let done = server.task(&task(&[bash("touch a.txt")], "default")).await;
        assert!(exists(&server, "other.txt") && !exists(&server, "a.txt"), "{what} {done}");
        let returned = told(&server, &done["session_id"], "tool_returned").await;
        assert_eq!(returned[0]["decided_by"]["name"], "asks");

        let asking = decision("ask", &json!({ "updatedInput": other }));
        server
            .request(reqwest::Method::PUT, &format!("{PATH}/asks"))
            .json(&saying(&asking))
            .send()
            .await
            .unwrap();
        let (_, request) = server.ask(&task(&[bash("touch a.txt")], "bypassPermissions")).await;
        assert_eq!((&request["input"], &request["reason"]), (&other, &json!("by program")), "{what}");
    }
}

#[tokio::test]
async fn what_a_program_makes_of_an_input_does_not_get_past_what_is_blocked() {
    let server = start(&claudes()[1]).await;
    let worse = json!({ "command": "rm -rf .", "description": "worse" });
    add(&server, &saying(&decision("allow", &json!({ "updatedInput": worse })))).await;
    let block = json!({ "name": "no-rm", "event": "PreToolUse", "action": "block", "order": -1,
                        "conditions": [{ "field": "tool_input.command", "operator": "contains", "value": "rm -rf" }] });
    add(&server, &block).await;
    std::fs::create_dir_all(server.workspace().join("heap")).unwrap();

    let done = server.task(&task(&[bash("ls")], "bypassPermissions")).await;

    let refused = told(&server, &done["session_id"], "policy_applied").await;
    assert_eq!(refused[0]["decided_by"]["name"], "no-rm", "{done}");
    assert!(exists(&server, "heap"));
}

#[tokio::test]
async fn a_program_blocks_by_its_exit_code_and_where_it_fails_or_is_late() {
    let server = start(&claudes()[1]).await;
    add(&server, &program("true")).await;
    for (command, timeout_ms, message) in [
        ("echo 'Not so.' >&2; exit 2", 10_000, "Not so."),
        ("echo broken >&2; exit 3", 10_000, "ended with 3: broken"),
        ("echo '{ no json'", 10_000, "no valid JSON"),
        ("sleep 806", 300, "longer than 300 ms"),
        ("sleep 806 & exit 2", 10_000, "The hook `asks` blocks this."),
    ] {
        let mut hook = program(command);
        hook["timeout_ms"] = json!(timeout_ms);
        let put = server.request(reqwest::Method::PUT, &format!("{PATH}/asks")).json(&hook);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::OK);

        let done = server.task(&task(&[bash("touch a.txt")], "bypassPermissions")).await;

        assert!(!exists(&server, "a.txt"), "{command}: {done}");
        let refused = told(&server, &done["session_id"], "policy_applied").await;
        assert!(refused[0]["message"].as_str().unwrap().contains(message), "{command}: {refused:?}");
        when_no_program_is_left(&server).await;
    }
}

#[tokio::test]
async fn a_program_that_leaves_it_to_others_is_followed_by_the_next_hook() {
    let server = start(&claudes()[1]).await;
    add(&server, &program("echo looked at it")).await;
    add(&server, &json!({ "name": "later", "event": "PreToolUse", "action": "block", "order": 1 })).await;

    let done = server.task(&task(&[write("a.txt")], "acceptEdits")).await;

    let evaluated = told(&server, &done["session_id"], "hook_evaluated").await;
    let told: Vec<_> = evaluated.iter().map(|one| (&one["hook"]["name"], &one["outcome"])).collect();
    assert_eq!(told, [(&json!("asks"), &json!("none")), (&json!("later"), &json!("block"))]);
}

/// A command line has the whole script in it before the script runs, so its first deed is waited for.
async fn when_it_has_begun(server: &Server) {
    for _ in 0..2400 {
        if exists(server, "began") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the program never began");
}

async fn when_no_program_is_left(server: &Server) {
    for _ in 0..400 {
        let left = command_lines(&agents_of(&server.data_dir()));
        if !left.iter().any(|line| line.contains("sleep 806")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("left behind: {:?}", command_lines(&agents_of(&server.data_dir())));
}

#[tokio::test]
async fn a_call_that_waits_for_a_program_is_interrupted_by_people_and_by_a_crash() {
    for by in ["people", "kill -9"] {
        let mut server = start(&claudes()[1]).await;
        add(&server, &program("touch began; sleep 806; touch over")).await;
        let mut body = task(&[bash("touch a.txt")], "bypassPermissions");
        body["timeout_ms"] = json!(1);
        let session = server.post("/api/task", &body).await.body["session_id"].clone();
        let session = session.as_str().unwrap();
        when_it_has_begun(&server).await;

        if by == "people" {
            server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
        } else {
            server.kill_9().await;
            server.restart().await;
        }

        let interrupted = server.wait_for(session, "turn_interrupted").await;
        let cause = if by == "people" { "user" } else { "server_crashed" };
        assert_eq!(interrupted["data"]["cause"], cause, "{by}");
        when_no_program_is_left(&server).await;
        let there = ["began", "over", "a.txt"].map(|name| exists(&server, name));
        assert_eq!(there, [true, false, false], "{by}");
        let types = server.event_types(session).await;
        assert_eq!(types.iter().filter(|kind| *kind == "hook_called").count(), 1, "{by}: {types:?}");
        for absent in ["hook_evaluated", "tool_abandoned"] {
            assert!(!types.iter().any(|kind| kind == absent), "{by}: {types:?}");
        }
        server.verify(session).await;
    }
}

#[tokio::test]
async fn programs_are_for_admins_and_see_what_agents_see() {
    let server = start(&claudes()[1]).await;
    let admin = Person::register(&server, "ada").await;
    let bob = Person::register(&server, "bob").await;
    let data = server.data_dir();
    let look = program(&format!("test -e '{}/runner.db' || exit 0; echo seen >&2; exit 2", data.display()));

    let refused = bob.post(PATH, &look).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "extension_not_allowed"));
    assert_eq!(admin.post(PATH, &look).await.status, StatusCode::CREATED);
    let done = admin.task(&task(&[write("a.txt")], "acceptEdits")).await;
    assert!(exists(&server, "a.txt"), "{done}");
    for (body, pointer) in [
        (json!({ "event": "PreToolUse", "action": "command" }), "/command"),
        (json!({ "event": "PreToolUse", "action": "command", "command": " " }), "/command"),
        (json!({ "event": "PreToolUse", "action": "block", "command": "ls" }), "/command"),
        (json!({ "event": "PreToolUse", "action": "block", "timeout_ms": 1000 }), "/timeout_ms"),
        (
            json!({ "event": "PreToolUse", "action": "command", "command": "ls", "timeout_ms": 1 }),
            "/timeout_ms",
        ),
    ] {
        let refused = admin.post(PATH, &body).await;
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
    }
}
