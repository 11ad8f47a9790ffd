//! People decide about what the agent asks, while its process waits.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::server::{Server, answer};
use runner_tests::sse::kinds;
use runner_tests::{claudes, script};
use serde_json::{Value, json};

fn write_a(content: &str) -> Value {
    json!({ "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": content } } })
}

fn task(replies: &Value) -> Value {
    json!({ "prompt": script("Ask.", replies) })
}

fn colours() -> Value {
    let options = json!([{ "label": "Red", "description": "r" }, { "label": "Blue", "description": "b" }]);
    let colour =
        json!({ "question": "Which colour?", "header": "Colour", "options": options, "multiSelect": false });
    let sizes = json!([{ "label": "S, or less", "description": "s" }, { "label": "M", "description": "m" }]);
    let size = json!({ "question": "Which sizes?", "header": "Size", "options": sizes, "multiSelect": true });
    json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": [colour, size] } } })
}

#[tokio::test]
async fn a_tool_call_waits_for_a_person_and_runs_when_allowed() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "written" }]))).await;
    assert_eq!((&request["kind"], &request["tool_name"]), (&json!("permission"), &json!("Write")));
    assert!(!server.workspace().join("a.txt").exists());

    let decided = server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
    assert_eq!(decided.body["decided_by"], json!({ "kind": "user", "id": "local", "name": "local" }));
    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(view["turns"][0]["result"], "written");
    assert_eq!(std::fs::read_to_string(server.workspace().join("a.txt")).unwrap(), "hi");
    server.verify(&session).await;
}

#[tokio::test]
async fn a_denied_call_does_not_run_and_the_model_reads_why() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "I see." }]))).await;

    let denial = json!({ "decision": "deny", "message": "not in this folder" });
    server.decide(&session, &request, &denial).await;

    server.wait_for_status(&session, "idle").await;
    assert!(!server.workspace().join("a.txt").exists());
    let returned = server.wait_for(&session, "tool_returned").await;
    assert_eq!(
        (&returned["data"]["is_error"], &returned["data"]["content"]),
        (&json!(true), &json!("not in this folder"))
    );
}

#[tokio::test]
async fn a_call_runs_with_the_input_that_a_person_put_in_its_place() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "ok" }]))).await;

    let mut input = request["input"].clone();
    input["content"] = json!("changed by a person");
    server.decide(&session, &request, &json!({ "decision": "allow", "updated_input": input })).await;

    server.wait_for_status(&session, "idle").await;
    let written = std::fs::read_to_string(server.workspace().join("a.txt")).unwrap();
    assert_eq!(written, "changed by a person");
}

#[tokio::test]
async fn answers_to_questions_reach_the_model_one_by_one() {
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        let (session, request) = server.ask(&task(&json!([colours(), { "text": "ok" }]))).await;
        assert_eq!(request["kind"], "question");

        let answers = json!({ "Which colour?": "Blue", "Which sizes?": ["S, or less", "M"] });
        server.decide(&session, &request, &json!({ "decision": "allow", "answers": answers })).await;

        server.wait_for_status(&session, "idle").await;
        let returned = server.wait_for(&session, "tool_returned").await;
        let read = returned["data"]["content"].as_str().unwrap();
        assert!(read.starts_with("Your questions have been answered: "), "{read}");
        assert!(read.contains(r#""Which colour?"="Blue""#), "{read}");
        assert!(read.contains(r#""Which sizes?"=""S, or less", M""#), "{read}");
    }
}

#[tokio::test]
async fn an_approved_plan_is_carried_out_and_a_refused_one_goes_on_being_planned() {
    let server = Server::start().await;
    let plan = |text: &str| json!({ "tool_use": { "name": "ExitPlanMode", "input": { "plan": text } } });
    let replies = json!([plan("first"), plan("second"), { "text": "planned" }]);
    let body = json!({ "prompt": script("Plan.", &replies), "permission_mode": "plan" });
    let (session, first) = server.ask(&body).await;
    assert_eq!((&first["kind"], &first["input"]["plan"]), (&json!("plan"), &json!("first")));

    server.decide(&session, &first, &json!({ "decision": "deny", "message": "shorter" })).await;
    let second = server.wait_for_request(&session).await;
    assert_eq!(second["input"]["plan"], "second");
    assert_eq!(server.view(&session).await["permission_mode"], "plan");
    server.decide(&session, &second, &json!({ "decision": "allow" })).await;

    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(
        (&view["permission_mode"], &view["turns"][0]["result"]),
        (&json!("default"), &json!("planned"))
    );
}

#[tokio::test]
async fn of_fifty_answers_at_once_one_wins_and_the_others_are_told_which() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "ok" }]))).await;

    let decisions = (0..50).map(|number| {
        let (server, session, request) = (&server, &session, &request);
        let decision = if number % 2 == 0 { "allow" } else { "deny" };
        async move { server.decide(session, request, &json!({ "decision": decision })).await }
    });
    let answers = join_all(decisions).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((won.len(), lost.len()), (1, 49));
    for answer in lost {
        assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "request_already_decided"));
        assert_eq!(answer.body["request"]["decision"], won[0].body["decision"]);
    }
    server.wait_for_status(&session, "idle").await;
    assert_eq!(server.workspace().join("a.txt").exists(), won[0].body["decision"] == "allow");
    let types = server.event_types(&session).await;
    assert_eq!(types.iter().filter(|name| *name == "permission_decided").count(), 1);
}

#[tokio::test]
async fn a_remembered_decision_holds_for_the_same_call_and_names_who_made_it() {
    let server = Server::start().await;
    let touch = |name: &str| {
        let input = json!({ "command": format!("touch {name}"), "description": "touch" });
        json!({ "tool_use": { "name": "Bash", "input": input } })
    };
    let replies = json!([touch("one"), touch("one"), touch("two"), { "text": "ok" }]);
    let (session, first) = server.ask(&task(&replies)).await;

    server.decide(&session, &first, &json!({ "decision": "allow", "remember": "session" })).await;
    let other = server.wait_for_request(&session).await;

    assert_eq!(other["input"]["command"], "touch two", "the same command was not asked about again");
    server.decide(&session, &other, &json!({ "decision": "deny" })).await;
    server.wait_for_status(&session, "idle").await;
    let all = server.get(&format!("/api/sessions/{session}/requests?status=all")).await.body;
    let by = |index: usize| all["requests"][index]["decided_by"].clone();
    assert_eq!(by(1), json!({ "kind": "remembered", "id": first["request_id"], "name": "local" }));
    assert_eq!((&by(0)["kind"], &by(2)["kind"]), (&json!("user"), &json!("user")));
}

#[tokio::test]
async fn a_denial_may_end_the_turn() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "never" }]))).await;

    server.decide(&session, &request, &json!({ "decision": "deny", "interrupt": true })).await;

    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(view["turns"][0]["status"], "interrupted");
    let events = server.events(&session).await;
    assert_eq!(events.last().unwrap()["data"]["cause"], "user");
    let next = server
        .task(&json!({ "prompt": script("Go on.", &json!([{ "text": "usable" }])), "resume": session }))
        .await;
    assert_eq!(next["message"], "usable");
}

#[tokio::test]
async fn several_requests_of_one_message_are_decided_one_by_one_in_any_order() {
    let server = Server::start().await;
    let read = |path: &str| json!({ "tool_use": { "name": "Read", "input": { "file_path": path } } });
    let both = json!({ "blocks": [read("/etc/hostname"), read("/etc/os-release")] });
    let (session, _) = server.ask(&task(&json!([both, { "text": "read" }]))).await;
    let waiting = loop {
        let waiting = server.get(&format!("/api/sessions/{session}/requests")).await.body["requests"].clone();
        if waiting.as_array().unwrap().len() == 2 {
            break waiting;
        }
    };
    assert_eq!(server.get("/api/requests").await.body["requests"], waiting);

    for index in [1, 0] {
        let decided = server.decide(&session, &waiting[index], &json!({ "decision": "allow" })).await;
        assert_eq!(decided.status, StatusCode::OK);
    }

    assert_eq!(server.wait_for_status(&session, "idle").await["turns"][0]["result"], "read");
    assert_eq!(server.get("/api/requests").await.body["requests"], json!([]));
}

#[tokio::test]
async fn a_subagents_request_is_decided_like_any_other() {
    let server = Server::start().await;
    let inner = script("Sub.", &json!([write_a("from the subagent"), { "text": "sub done" }]));
    let input = json!({ "description": "sub", "prompt": inner, "subagent_type": "general-purpose",
        "run_in_background": false });
    let replies = json!([{ "tool_use": { "name": "Agent", "input": input } }, { "text": "done" }]);
    let (session, request) = server.ask(&task(&replies)).await;
    assert!(request["subagent"].is_string(), "{request}");

    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    let view = server.wait_for_status(&session, "idle").await;
    assert_eq!(std::fs::read_to_string(server.workspace().join("a.txt")).unwrap(), "from the subagent");
    let subagent = &view["subagents"][0];
    assert_eq!((&subagent["status"], &subagent["tools_used"]), (&json!("completed"), &json!(["Write"])));
    assert!(subagent["usage"]["total_tokens"].as_u64().unwrap() > 0, "{subagent}");
}

#[tokio::test]
async fn an_interrupt_closes_what_waited_and_a_late_answer_is_told_so() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "never" }]))).await;

    server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
    server.wait_for_status(&session, "idle").await;
    let late = server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "request_withdrawn"));
    assert!(late.body["request"]["withdrawn"].is_string(), "{}", late.body);
    assert!(!server.workspace().join("a.txt").exists());
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused_by_name_and_change_nothing() {
    let server = Server::start().await;
    let (session, question) = server.ask(&task(&json!([colours(), { "text": "ok" }]))).await;
    for (body, pointer) in [
        (json!({}), "/decision"),
        (json!({ "decision": "perhaps" }), "/decision"),
        (json!({ "decision": "allow" }), "/answers"),
        (json!({ "decision": "allow", "answers": {} }), "/answers"),
        (json!({ "decision": "allow", "answers": { "Why?": "x" } }), "/answers/Why?"),
        (
            json!({ "decision": "allow", "answers": { "Which colour?": ["Red", "Blue"] } }),
            "/answers/Which colour?",
        ),
        (json!({ "decision": "allow", "answers": { "Which colour?": 7 } }), "/answers/Which colour?"),
        (json!({ "decision": "allow", "updated_input": {} }), "/updated_input"),
        (json!({ "decision": "deny", "answers": { "Which colour?": "Red" } }), "/answers"),
        (json!({ "decision": "deny", "remember": "session" }), "/remember"),
        (json!({ "decision": "deny", "remember": "for ever" }), "/remember"),
        (json!({ "decision": "deny", "colour": "Red" }), "/colour"),
    ] {
        let refused = server.decide(&session, &question, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
    }
    let unknown =
        server.decide(&session, &json!({ "request_id": "no-such" }), &json!({ "decision": "allow" })).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "request_not_found"));
    assert_eq!(server.wait_for_request(&session).await, question, "it still waits");
}

#[tokio::test]
async fn answers_to_a_permission_that_do_not_fit_are_refused() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "ok" }]))).await;
    for (body, pointer) in [
        (json!({ "decision": "allow", "answers": { "Which colour?": "Red" } }), "/answers"),
        (json!({ "decision": "allow", "updated_input": "text" }), "/updated_input"),
        (json!({ "decision": "allow", "updated_input": {} }), "/updated_input"),
        (json!({ "decision": "allow", "updated_input": { "a": 1 }, "remember": "session" }), "/remember"),
        (
            json!({ "decision": "allow", "updated_input": { "file_path": 5, "content": "x" } }),
            "/updated_input/file_path",
        ),
        (json!({ "decision": "allow", "updated_input": { "file_path": "b.txt" } }), "/updated_input/content"),
        (json!({ "decision": "deny", "updated_input": {} }), "/updated_input"),
        (json!({ "decision": "allow", "interrupt": true }), "/interrupt"),
    ] {
        let refused = server.decide(&session, &request, &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "answer_invalid"), "{body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(server.wait_for_request(&session).await, request, "it still waits");
}

#[tokio::test]
async fn a_decision_sent_again_under_its_key_gets_the_first_answer() {
    let server = Server::start().await;
    let (session, request) = server.ask(&task(&json!([write_a("hi"), { "text": "ok" }]))).await;
    let path = format!("/api/sessions/{session}/requests/{}", request["request_id"].as_str().unwrap());
    let send = || {
        let keyed = server.request(Method::POST, &path).header("idempotency-key", "decide-1");
        answer(keyed.json(&json!({ "decision": "allow" })))
    };

    let (first, second) = (send().await, send().await);

    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.is_replay(), second.is_replay()), (false, true));
}

#[tokio::test]
async fn a_stream_shows_what_is_asked_and_goes_on_after_the_decision() {
    let server = Server::start().await;
    let mut frames = server.stream_task(&task(&json!([write_a("hi"), { "text": "written" }]))).await;
    let seen = frames.until("permission_request").await;
    let (session, request) = (&seen[0].data["session_id"], &seen.last().unwrap().data);
    assert_eq!(request["tool_name"], "Write");

    server.decide(session.as_str().unwrap(), request, &json!({ "decision": "allow" })).await;

    let rest = frames.rest().await;
    let decision = rest.iter().find(|frame| frame.kind() == "decision").unwrap();
    assert_eq!(decision.data["request_id"], request["request_id"]);
    assert_eq!(decision.data["decided_by"]["kind"], "user");
    let kinds = kinds(&rest);
    assert!(kinds.contains(&"file_change"), "{kinds:?}");
    assert_eq!(rest.last().unwrap().data["metadata"]["message"], "written");
}

#[tokio::test]
async fn requests_of_a_session_come_page_by_page() {
    let server = Server::start().await;
    let write = |name: &str| json!({ "name": "Write", "input": { "file_path": name, "content": "x" } });
    let calls =
        json!([{ "tool_use": write("{{cwd}}/a") }, { "tool_use": write("{{cwd}}/b") }, { "text": "done" }]);
    let (session, first) = server.ask(&task(&calls)).await;
    server.decide(&session, &first, &json!({ "decision": "deny" })).await;
    let second = server.wait_for_request(&session).await;
    let path = format!("/api/sessions/{session}/requests?status=all&limit=1");

    let page = server.get(&path).await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let last = server.get(&format!("{path}&cursor={cursor}")).await.body;
    let refused = server.get(&format!("{path}0000")).await;

    assert_eq!(page["requests"].as_array().unwrap().len(), 1);
    assert_eq!(page["requests"][0]["request_id"], first["request_id"]);
    assert_eq!((&last["requests"], &last["next_cursor"]), (&json!([second]), &Value::Null));
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "query_invalid"));
}

#[tokio::test]
async fn a_stream_of_a_turn_that_waits_ends_with_the_server_and_says_that_it_waits() {
    let mut server = Server::start().await;
    let mut frames = server.stream_task(&task(&json!([write_a("hi"), { "text": "written" }]))).await;
    let seen = frames.until("permission_request").await;

    let (stopped, rest) = tokio::join!(server.stop(), frames.rest());

    assert!(stopped.success());
    let last = rest.last().unwrap();
    assert_eq!((last.id, last.kind()), (None, "complete"));
    let metadata = &last.data["metadata"];
    assert_eq!(
        (&metadata["status"], &metadata["session_id"]),
        (&json!("waiting"), &seen[0].data["session_id"])
    );
    assert_eq!(metadata["pending"][0]["request_id"], seen.last().unwrap().data["request_id"]);
    assert!(frames.asides.iter().any(|aside| aside.starts_with("retry:")), "{:?}", frames.asides);
}
