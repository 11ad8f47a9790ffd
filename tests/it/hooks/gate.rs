//! What hooks block, have people asked about, and let through at the gate, in every mode and on both versions
//! of the real program.

use reqwest::StatusCode;
use runner_tests::claudes;
use runner_tests::person::Person;
use runner_tests::server::Server;
use serde_json::json;

use super::{PATH, add, bash, no_rm, start, task, told, write};

const MODES: [&str; 5] = ["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"];

#[tokio::test]
async fn a_blocked_command_does_not_run_in_any_mode() {
    for claude in claudes() {
        let server = start(&claude).await;
        let hook = add(&server, &no_rm("block")).await;
        for mode in MODES {
            let precious = server.workspace().join("precious");
            std::fs::create_dir_all(&precious).unwrap();

            let done = server.task(&task(&[bash("true; rm -rf precious")], mode)).await;

            let what = format!("{mode} on {}: {done}", claude.display());
            assert!(precious.exists(), "{what}");
            let session = &done["session_id"];
            let evaluated = told(&server, session, "hook_evaluated").await;
            assert_eq!(
                evaluated[0]["hook"],
                json!({ "id": hook["id"], "name": "no-rm", "version": 1 }),
                "{what}"
            );
            assert_eq!((&evaluated[0]["outcome"], evaluated.len()), (&json!("block"), 1), "{what}");
            let refused = told(&server, session, "policy_applied").await;
            assert_eq!(refused[0]["decided_by"]["name"], "no-rm", "{what}");
            let returned = told(&server, session, "tool_returned").await;
            assert!(returned[0].to_string().contains("Nothing is removed here."), "{what}: {returned:?}");
            server.verify(session.as_str().unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_person_is_asked_where_the_mode_would_have_let_it_pass() {
    for claude in claudes() {
        let server = start(&claude).await;
        add(&server, &no_rm("ask")).await;
        for mode in ["default", "acceptEdits", "bypassPermissions"] {
            let heap = server.workspace().join("heap");
            std::fs::create_dir_all(&heap).unwrap();

            let (session, request) = server.ask(&task(&[bash("rm -rf heap")], mode)).await;

            assert_eq!(request["reason"], "Nothing is removed here.", "{mode} {request}");
            assert!(heap.exists());
            server.decide(&session, &request, &json!({ "decision": "deny" })).await;
            server.wait_for_status(&session, "idle").await;
            assert!(heap.exists());
            let (session, request) = server.ask(&task(&[bash("rm -rf heap")], mode)).await;
            server.decide(&session, &request, &json!({ "decision": "allow" })).await;
            server.wait_for_status(&session, "idle").await;
            assert!(!heap.exists(), "{mode} on {}", claude.display());
        }
        let refused = server.task(&task(&[bash("rm -rf heap")], "dontAsk")).await;
        let outcome = told(&server, &refused["session_id"], "hook_evaluated").await;
        assert_eq!(outcome[0]["outcome"], "block", "nobody is asked there");
    }
}

#[tokio::test]
async fn a_person_who_was_asked_by_a_hook_decides_after_a_restart_as_well() {
    let mut server = start(&claudes()[1]).await;
    add(&server, &no_rm("ask")).await;
    std::fs::create_dir_all(server.workspace().join("heap")).unwrap();
    let (session, request) = server.ask(&task(&[bash("rm -rf heap")], "bypassPermissions")).await;

    server.kill_9().await;
    server.restart().await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    server.wait_for_status(&session, "idle").await;
    assert!(!server.workspace().join("heap").exists());
    server.verify(&session).await;
}

#[tokio::test]
async fn what_is_allowed_spares_a_question_and_lifts_nothing_that_the_mode_refuses() {
    for claude in claudes() {
        let server = start(&claude).await;
        let hook = json!({ "name": "anything", "event": "PreToolUse", "action": "allow" });
        add(&server, &hook).await;

        let done = server.task(&task(&[write("a.txt"), bash("touch b.txt")], "default")).await;

        assert!(server.workspace().join("b.txt").exists(), "{done}");
        let returned = told(&server, &done["session_id"], "tool_returned").await;
        assert!(returned.iter().all(|one| one["decided_by"]["name"] == "anything"), "{returned:?}");
        for mode in ["plan", "dontAsk"] {
            let calls = [write("c.txt"), bash("touch d.txt")];
            let done = server.task(&task(&calls, mode)).await;
            let what = format!("{mode} on {}: {done}", claude.display());
            assert!(!server.workspace().join("c.txt").exists(), "{what}");
            assert!(!server.workspace().join("d.txt").exists(), "{what}");
        }
        let options = json!([{ "label": "a", "description": "a" }, { "label": "b", "description": "b" }]);
        let question =
            json!({ "question": "Which?", "header": "H", "options": options, "multiSelect": false });
        let asking =
            json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": [question] } } });
        server.ask(&task(&[asking], "default")).await;
    }
}

#[tokio::test]
async fn a_hook_of_the_folder_and_one_of_the_owner_are_judged_apart_and_the_stricter_holds() {
    let server = start(&claudes()[1]).await;
    let admin = Person::register(&server, "ada").await;
    let bob = Person::register(&server, "bob").await;
    let everybodys = json!({
        "name": "x", "event": "PreToolUse", "action": "block", "scope": "workspace", "working_dir": ".",
        "conditions": [{ "field": "user", "operator": "not_equals", "value": "ada" },
                       { "field": "tool_name", "operator": "equals", "value": "Write" }],
    });
    assert_eq!(bob.post(PATH, &everybodys).await.code(), "extension_not_allowed");
    assert_eq!(admin.post(PATH, &everybodys).await.status, StatusCode::CREATED);
    let own = json!({ "name": "x", "event": "PreToolUse", "action": "allow",
                      "conditions": [{ "field": "tool_name", "operator": "in", "value": ["Read"] }] });
    assert_eq!(bob.post(PATH, &own).await.status, StatusCode::CREATED, "of one name as well");

    let done = bob.task(&task(&[write("a.txt")], "acceptEdits")).await;
    assert!(!server.workspace().join("a.txt").exists(), "{done}");
    let done = admin.task(&task(&[write("a.txt")], "acceptEdits")).await;
    assert!(server.workspace().join("a.txt").exists(), "{done}");
}

#[tokio::test]
async fn more_than_reading_is_allowed_by_those_who_may_have_agents_work_without_asking() {
    let settings = [("BYPASS_PERMISSIONS", "members"), ("IS_SANDBOX", "1"), ("AUTH", "local")];
    let mut server = Server::start_with(&settings).await;
    Person::register(&server, "ada").await;
    let hook = json!({ "name": "all", "event": "PreToolUse", "action": "allow" });
    {
        let bob = Person::register(&server, "bob").await;
        assert_eq!(bob.post(PATH, &hook).await.status, StatusCode::CREATED);
        let done = bob.task(&task(&[write("a.txt")], "default")).await;
        assert!(server.workspace().join("a.txt").exists(), "{done}");
    }
    server.set("BYPASS_PERMISSIONS", "admins");
    server.stop().await;
    server.restart().await;
    let bob = Person::log_in(&server, "bob").await;

    let asked = bob.post("/api/task", &task(&[write("b.txt")], "default")).await;

    assert_eq!(
        (asked.status, &asked.body["status"]),
        (StatusCode::ACCEPTED, &json!("waiting")),
        "{}",
        asked.body
    );
    let refused = bob.post(PATH, &json!({ "event": "PreToolUse", "action": "allow" })).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "bypass_not_allowed"));
    assert_eq!(refused.body["errors"][0]["pointer"], "/action");
    let on = bob.patch(&format!("{PATH}/all"), &json!({ "enabled": true })).await;
    assert_eq!(on.code(), "bypass_not_allowed");
    let reading = json!({ "event": "PreToolUse", "action": "allow",
                          "conditions": [{ "field": "tool_name", "operator": "in", "value": ["Read", "Grep"] }] });
    assert_eq!(bob.post(PATH, &reading).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn nobody_approves_a_call_with_what_a_hook_blocks() {
    let server = start(&claudes()[1]).await;
    add(&server, &no_rm("block")).await;
    let (session, request) = server.ask(&task(&[bash("touch a.txt")], "default")).await;
    let worse = json!({ "command": "rm -rf .", "description": "worse" });

    let refused =
        server.decide(&session, &request, &json!({ "decision": "allow", "updated_input": worse })).await;

    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert_eq!(refused.body["errors"][0]["pointer"], "/updated_input");
    let decided = server.decide(&session, &request, &json!({ "decision": "allow" })).await;
    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
}
