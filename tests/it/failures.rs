//! What can go wrong behind the server: the model's API, the agent's program, its start.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use reqwest::StatusCode;
use runner_tests::processes::{agents_of, command_lines, wait_for_command};
use runner_tests::server::Server;
use runner_tests::{claudes, script};
use serde_json::json;

#[tokio::test]
async fn an_error_of_the_models_api_is_a_502_with_its_status() {
    let server = Server::start().await;

    for status in [400, 401, 529] {
        let prompt = script("Fail.", &json!([{ "error": { "status": status } }]));
        let answer = server.post("/api/task", &json!({ "prompt": prompt })).await;

        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_GATEWAY, "model_api_error"),
            "{}",
            answer.body
        );
        assert_eq!(answer.body["upstream_status"], status, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_passing_error_is_retried_and_recorded() {
    let server = Server::start().await;
    let replies = json!([{ "error": { "status": 529, "times": 1 } }, { "text": "After all." }]);

    let answer = server.task(&json!({ "prompt": script("Try.", &replies) })).await;

    assert_eq!(answer["message"], "After all.");
    let events = server.events(answer["session_id"].as_str().unwrap()).await;
    let retried = events.iter().find(|event| event["type"] == "api_retried").unwrap();
    assert_eq!((&retried["data"]["attempt"], &retried["data"]["status"]), (&json!(1), &json!(529)));
}

#[tokio::test]
async fn a_session_goes_on_after_its_model_failed() {
    let server = Server::start().await;
    let prompt = script("Fail.", &json!([{ "error": { "status": 400 } }]));
    server.post("/api/task", &json!({ "prompt": prompt })).await;
    let session = server.get("/api/sessions").await.body["sessions"][0]["id"].clone();

    let next = server
        .task(&json!({ "prompt": script("Again.", &json!([{ "text": "Now." }])), "resume": session }))
        .await;

    assert_eq!(next["message"], "Now.");
    let view = server.view(session.as_str().unwrap()).await;
    assert_eq!(view["turns"][0]["error"]["code"], "model_api_error");
    assert_eq!(view["turns"][1]["outcome"], "success");
}

#[tokio::test]
async fn a_killed_agent_fails_its_turn_and_the_session_gets_a_new_one() {
    let server = Server::start().await;
    let input = json!({ "command": "true; sleep 778", "description": "sleep", "timeout": 300_000 });
    let replies = json!([{ "tool_use": { "name": "Bash", "input": input } }, { "text": "x" }]);
    let body =
        json!({ "prompt": script("Sleep.", &replies), "permission_mode": "acceptEdits", "timeout_ms": 1 });
    let session = server.post("/api/task", &body).await.body["session_id"].as_str().unwrap().to_owned();
    wait_for_command(&server.data_dir(), "sleep 778").await;
    let agent = wait_for_command(&server.data_dir(), "--input-format=stream-json").await;

    kill(agent, Signal::SIGKILL).unwrap();

    let failed = server.wait_for(&session, "turn_failed").await;
    assert_eq!(failed["data"]["cause"], "agent_died");
    let left = command_lines(&agents_of(&server.data_dir()));
    assert_eq!(left, Vec::<String>::new(), "the tool outlived its agent");
    let next = server
        .task(&json!({ "prompt": script("Next.", &json!([{ "text": "Here." }])), "resume": session }))
        .await;
    assert_eq!(next["message"], "Here.");
}

#[tokio::test]
async fn prompts_that_waited_behind_a_killed_agent_are_answered_by_the_next() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Hang.", &json!([{ "hang": true }])), "timeout_ms": 1 });
    let session = server.post("/api/task", &body).await.body["session_id"].as_str().unwrap().to_owned();
    for number in 1..=2 {
        let prompt = script("Next.", &json!([{ "text": number.to_string() }]));
        server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": prompt })).await;
    }
    let agent = wait_for_command(&server.data_dir(), "--input-format=stream-json").await;

    kill(agent, Signal::SIGKILL).unwrap();

    let view = server.wait_for_status(&session, "idle").await;
    let results: Vec<_> =
        view["turns"].as_array().unwrap().iter().map(|turn| turn["result"].clone()).collect();
    assert_eq!(results, [json!(null), json!("1"), json!("2")]);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_named_and_nothing_is_stored() {
    let server = Server::start().await;
    std::fs::create_dir(server.workspace().join("passing")).unwrap();
    let body = json!({ "prompt": script("One.", &json!([{ "text": "1" }])), "working_dir": "passing" });
    let session = server.task(&body).await["session_id"].as_str().unwrap().to_owned();
    let before = server.event_types(&session).await;

    std::fs::remove_dir(server.workspace().join("passing")).unwrap();
    let task = server.post("/api/task", &json!({ "prompt": "Two.", "resume": session })).await;
    let prompt = server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": "Two." })).await;

    for refused in [task, prompt] {
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "working_dir_missing"));
    }
    assert_eq!(server.event_types(&session).await, before);
}

#[tokio::test]
async fn a_program_that_is_installed_later_needs_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("claude");
    let server = Server::start_with(&[("CLAUDE_BIN", program.to_str().unwrap())]).await;
    assert_eq!(server.post("/api/sessions", &json!({})).await.status, StatusCode::SERVICE_UNAVAILABLE);

    std::os::unix::fs::symlink(runner_tests::claude(), &program).unwrap();

    let answer = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
    assert_eq!(answer["message"], "hi");
}

#[tokio::test]
async fn a_missing_program_is_a_503_that_says_how_to_install_it() {
    let server = Server::start_with(&[("CLAUDE_BIN", "/nonexistent/claude")]).await;

    for path in ["/api/task", "/api/task/stream"] {
        let refused = server.post(path, &json!({ "prompt": "Hello" })).await;

        assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "agent_unavailable"));
        assert!(refused.body["detail"].as_str().unwrap().contains("npm install"), "{}", refused.body);
    }
    assert_eq!(server.get("/api/sessions").await.body["sessions"], json!([]), "nothing half-begun is left");
    assert!(server.get("/api/status").await.body["agent"]["problem"].is_string());
}

#[tokio::test]
async fn a_program_that_does_not_start_fails_the_turn_with_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("claude");
    let text = "#!/bin/sh\n[ \"$1\" = --version ] && echo '2.1.332 (Claude Code)' && exit\necho 'error: broken on purpose' >&2\nexit 3\n";
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let server = Server::start_with(&[("CLAUDE_BIN", program.to_str().unwrap())]).await;

    let answer = server.post("/api/task", &json!({ "prompt": "Hello" })).await;

    assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "agent_unavailable"));
    assert!(answer.body["detail"].as_str().unwrap().contains("broken on purpose"), "{}", answer.body);
}

#[tokio::test]
async fn an_idle_session_gives_up_its_process_and_comes_back() {
    let server = Server::start_with(&[("AGENT_IDLE_SECONDS", "1")]).await;
    let first = server.task(&json!({ "prompt": script("One.", &json!([{ "text": "1" }])) })).await;

    for _ in 0..200 {
        if agents_of(&server.data_dir()).is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    assert_eq!(command_lines(&agents_of(&server.data_dir())), Vec::<String>::new());
    let replies = json!([{ "text": "2" }]);
    let second =
        server.task(&json!({ "prompt": script("Two.", &replies), "resume": first["session_id"] })).await;
    assert_eq!(second["message"], "2");
}

#[tokio::test]
async fn a_conversation_that_grew_too_long_is_compacted_and_goes_on() {
    let mut server = Server::start().await;
    let say = |text: &str| script("Say something.", &json!([{ "text": text }]));
    let first = server.task(&json!({ "prompt": say("one") })).await;
    let session = first["session_id"].as_str().unwrap().to_owned();
    for text in ["two", "three", "four"] {
        server.task(&json!({ "prompt": say(text), "resume": session })).await;
    }

    let compacted = server.task(&json!({ "prompt": "/compact", "resume": session })).await;

    assert_eq!(compacted["success"], true, "{compacted}");
    let events = server.events(&session).await;
    let event = events.iter().find(|event| event["type"] == "context_compacted").unwrap();
    assert_eq!(
        (&event["data"]["trigger"], &event["data"]["turn"]),
        (&json!("manual"), &compacted["turn_id"])
    );
    assert_eq!(server.model_calls(&session).await.len(), 5, "its summary is paid for like every call");
    // What was said before is still there to be read, and another process takes the conversation up.
    server.kill_9().await;
    server.restart().await;
    let after = server.task(&json!({ "prompt": say("five"), "resume": session })).await;
    assert_eq!(after["message"], "five");
    let said: Vec<_> = server.events(&session).await;
    let said = said.iter().filter(|event| event["type"] == "assistant_text");
    let said: Vec<_> = said.map(|event| event["data"]["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(said, ["one", "two", "three", "four", "five"]);
    server.verify(&session).await;
}

#[tokio::test]
async fn an_api_that_nobody_reaches_fails_a_task_within_seconds() {
    for claude in claudes() {
        let settings = [
            ("CLAUDE_BIN", claude.to_str().unwrap()),
            ("OFFLINE", "false"),
            ("ANTHROPIC_API_KEY", "sk-ant-of-somebody"),
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:1"),
            // As it is where nobody sets it.
            ("MAX_API_RETRIES", "5"),
        ];
        let server = Server::start_with(&settings).await;
        let began = Instant::now();

        let failed = server.post("/api/task", &json!({ "prompt": "Hello?" })).await;

        let took = began.elapsed();
        assert_eq!(
            (failed.status, failed.code()),
            (StatusCode::BAD_GATEWAY, "model_api_error"),
            "{}",
            failed.body
        );
        assert!(failed.body.to_string().contains("cannot be reached"), "{}", failed.body);
        assert!(took < Duration::from_secs(10), "{took:?} with {}", claude.display());
    }
}
