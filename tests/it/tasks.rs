//! `POST /api/task`: what the real agent does and what of it the answer tells.

use std::path::Path;

use reqwest::StatusCode;
use runner_tests::server::Server;
use runner_tests::{claude, claudes, script};
use serde_json::json;

/// A picture of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn a_text_is_answered() {
    let server = Server::start().await;

    let answer =
        server.task(&json!({ "prompt": script("Greet me.", &json!([{ "text": "Good day." }])) })).await;

    assert_eq!(answer["success"], true);
    assert_eq!(answer["message"], "Good day.");
    assert_eq!(answer["tools_used"], json!([]));
    assert_eq!(answer["stop_reason"], "end_turn");
    assert_eq!(answer["usage"]["input_tokens"], 100);
    assert!(answer["cost_usd"].as_f64().unwrap() > 0.0, "{answer}");
    let session = answer["session_id"].as_str().unwrap();
    let types = server.event_types(session).await;
    let expected = [
        "session_opened",
        "prompt_submitted",
        "turn_started",
        "agent_initialized",
        "assistant_text",
        "turn_completed",
    ];
    assert_eq!(types, expected);
    server.verify(session).await;
}

#[tokio::test]
async fn thinking_is_recorded_beside_the_text() {
    let server = Server::start().await;
    let replies = json!([{ "blocks": [{ "thinking": "Six times seven." }, { "text": "42" }] }]);

    let answer = server.task(&json!({ "prompt": script("How much?", &replies) })).await;

    assert_eq!(answer["message"], "42");
    let session = answer["session_id"].as_str().unwrap();
    let events = server.events(session).await;
    let thinking = events.iter().find(|event| event["type"] == "assistant_thinking").unwrap();
    assert_eq!(thinking["data"]["text"], "Six times seven.");
}

#[tokio::test]
async fn a_tool_runs_and_its_result_is_recorded() {
    let server = Server::start().await;
    let replies = json!([
        { "tool_use": { "name": "Bash", "input": { "command": "echo from the shell", "description": "echo" } } },
        { "text": "Done." },
    ]);

    let answer = server.task(&json!({ "prompt": script("Run it.", &replies) })).await;

    assert_eq!(answer["tools_used"], json!(["Bash"]));
    let events = server.events(answer["session_id"].as_str().unwrap()).await;
    let used = events.iter().find(|event| event["type"] == "tool_used").unwrap();
    let returned = events.iter().find(|event| event["type"] == "tool_returned").unwrap();
    assert_eq!(used["data"]["tool_use_id"], returned["data"]["tool_use_id"]);
    assert_eq!(returned["data"]["content"], "from the shell");
    assert_eq!(returned["data"]["structured"]["stdout"], "from the shell");
}

#[tokio::test]
async fn a_written_file_is_on_disk_and_in_the_answer() {
    let server = Server::start().await;
    let replies = json!([
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/new.txt", "content": "one\ntwo\n" } } },
        { "tool_use": { "name": "Edit", "input": {
            "file_path": "{{cwd}}/new.txt", "old_string": "two", "new_string": "three" } } },
        { "text": "Written." },
    ]);
    let prompt = script("Write a file.", &replies);

    let answer = server.task(&json!({ "prompt": prompt, "permission_mode": "acceptEdits" })).await;

    let path = server.workspace().join("new.txt");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nthree\n");
    assert_eq!(answer["files_changed"], json!([path]));
    let events = server.events(answer["session_id"].as_str().unwrap()).await;
    let changes: Vec<_> = events.iter().filter(|event| event["type"] == "file_changed").collect();
    let created = &changes[0]["data"];
    assert_eq!(
        (&created["kind"], &created["added"], &created["removed"]),
        (&json!("created"), &json!(2), &json!(0))
    );
    assert_eq!(created["patch"], "@@ -0,0 +1,2 @@\n+one\n+two\n");
    let modified = &changes[1]["data"];
    assert_eq!(
        (&modified["kind"], &modified["added"], &modified["removed"]),
        (&json!("modified"), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_resumed_session_knows_what_was_said_and_counts_each_turn_once() {
    let server = Server::start().await;
    let first = server.task(&json!({ "prompt": script("One.", &json!([{ "text": "first" }])) })).await;
    let session = first["session_id"].clone();

    let second = server
        .task(&json!({ "prompt": script("Two.", &json!([{ "text": "second" }])), "resume": session }))
        .await;
    let third = server
        .task(&json!({ "prompt": script("Three.", &json!([{ "text": "third" }])), "continue_conversation": true }))
        .await;

    assert_eq!((&second["session_id"], &third["session_id"]), (&session, &session));
    assert_eq!(first["cost_usd"], second["cost_usd"], "a turn costs its own share of the running total");
    let view = server.view(session.as_str().unwrap()).await;
    let sum: f64 = [&first, &second, &third].iter().map(|turn| turn["cost_usd"].as_f64().unwrap()).sum();
    assert!((view["cost_usd"].as_f64().unwrap() - sum).abs() < 1e-9, "{view}");
    let messages = server.get(&format!("/api/sessions/{}/messages", session.as_str().unwrap())).await.body;
    let roles: Vec<_> =
        messages["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user", "assistant"]);
}

#[tokio::test]
async fn a_task_that_takes_too_long_to_wait_for_goes_on() {
    let server = Server::start().await;
    let prompt = script("Slowly.", &json!([{ "text": "At last.", "delay_ms": 2500 }]));

    let answer = server.post("/api/task", &json!({ "prompt": prompt, "timeout_ms": 50 })).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["status"], "running");
    let session = answer.body["session_id"].as_str().unwrap();
    server.wait_for(session, "turn_completed").await;
    let view = server.view(session).await;
    assert_eq!(view["turns"][0]["id"], answer.body["turn_id"]);
    assert_eq!(view["turns"][0]["result"], "At last.");
}

#[tokio::test]
async fn a_busy_session_takes_no_second_task() {
    let server = Server::start().await;
    let prompt = script("Slowly.", &json!([{ "text": "At last.", "delay_ms": 2000 }]));
    let first = server.post("/api/task", &json!({ "prompt": prompt, "timeout_ms": 1 })).await.body;

    let second = server.post("/api/task", &json!({ "prompt": "Now!", "resume": first["session_id"] })).await;

    assert_eq!((second.status, second.code()), (StatusCode::CONFLICT, "session_busy"));
    let types = server.event_types(first["session_id"].as_str().unwrap()).await;
    assert_eq!(types.iter().filter(|name| *name == "prompt_submitted").count(), 1);
}

#[tokio::test]
async fn the_limit_of_turns_ends_a_task_without_failing_the_request() {
    let server = Server::start().await;
    let look =
        json!({ "tool_use": { "name": "Bash", "input": { "command": "true", "description": "nothing" } } });
    let prompt = script("Go on and on.", &json!([look, look, look, { "text": "never" }]));

    let answer = server.task(&json!({ "prompt": prompt, "max_turns": 1 })).await;

    assert_eq!(answer["success"], false);
    assert_eq!(answer["error"]["code"], "max_turns");
}

#[tokio::test]
async fn an_output_schema_gives_a_structured_output() {
    let server = Server::start().await;
    let replies =
        json!([{ "tool_use": { "name": "StructuredOutput", "input": { "name": "Bob" } } }, { "text": "ok" }]);
    let schema =
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });

    let answer = server.task(&json!({ "prompt": script("Who?", &replies), "output_schema": schema })).await;

    assert_eq!(answer["structured_output"], json!({ "name": "Bob" }));
}

#[tokio::test]
async fn an_image_reaches_the_model_and_a_script_beside_it_plays_in_every_mode() {
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        for mode in ["default", "plan"] {
            let image = json!({ "type": "image", "media_type": "image/png", "data": PIXEL });
            let prompt = script("What is it?", &json!([{ "text": "A pixel." }]));
            let body = json!({ "prompt": prompt, "attachments": [image, image], "permission_mode": mode });

            let answer = server.task(&body).await;

            assert_eq!(answer["message"], "A pixel.", "{mode}: {answer}");
            let session = answer["session_id"].as_str().unwrap();
            let messages = server.get(&format!("/api/sessions/{session}/messages")).await.body;
            assert_eq!(messages["messages"][0]["content"][0]["source"]["data"], PIXEL);
        }
    }
}

/// A workspace with a program in it.
async fn server_with_a_program(claude: &Path) -> Server {
    let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
    let program = "\"\"\"Greets whoever comes.\"\"\"\n\n\ndef greet(name):\n    print(f\"Hello, {name}!\")\n";
    std::fs::create_dir(server.workspace().join("tools")).unwrap();
    for name in ["main.py", "tools/count.py"] {
        std::fs::write(server.workspace().join(name), program).unwrap();
    }
    std::fs::write(server.workspace().join("README.md"), "# A project\n").unwrap();
    server
}

#[tokio::test]
async fn without_a_script_the_demo_reads_what_is_asked_for_and_nobody_has_to_decide() {
    let server = server_with_a_program(&claude()).await;
    let cases = [
        (
            json!({ "prompt": "阅读 main.py 并总结其功能", "tools": ["Read", "Glob", "Grep"] }),
            json!(["Glob", "Read"]),
        ),
        (json!({ "prompt": "阅读 main.py 并总结其功能" }), json!(["Bash", "Read"])),
    ];
    for (body, tools) in cases {
        let answer = server.task(&body).await;

        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("offline model"), "{message}");
        assert!(
            message.contains(
                "I read `main.py`: 5 lines, beginning with “Greets whoever comes.”; it has `greet`."
            ),
            "{message}"
        );
        assert_eq!((&answer["tools_used"], &answer["files_changed"]), (&tools, &json!([])));
    }
    let status = server.get("/api/status").await.body;
    assert_eq!(
        (&status["agent"]["offline"], &status["agent"]["credentials"]),
        (&json!(true), &json!("offline"))
    );
    assert!(server.log().await.contains("the offline model answers"));
}

#[tokio::test]
async fn stream_of_the_demo_lists_the_files_and_ends() {
    for claude in claudes() {
        let server = server_with_a_program(&claude).await;
        let mut stream = server.stream_task(&json!({ "prompt": "列出所有 Python 文件" })).await;

        let last = stream.rest().await.pop().unwrap();

        let message = last.data["metadata"]["message"].as_str().unwrap();
        let seen = ["I saw 2 files by the name `*.py`", "`main.py`", "`tools/count.py`"];
        assert!(seen.iter().all(|part| message.contains(part)), "{} {last:?}", claude.display());
    }
}

#[tokio::test]
async fn demo_asks_before_it_writes_what_somebody_wants_written() {
    let server = server_with_a_program(&claude()).await;

    let (session, request) = server.ask(&json!({ "prompt": "Write a note about this folder." })).await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    let turn = server.wait_for_status(&session, "idle").await["turns"][0].clone();
    assert_eq!(turn["tools_used"], json!(["Bash", "Read", "Write"]));
    let note = std::fs::read_to_string(server.workspace().join("offline-demo.md")).unwrap();
    assert!(note.contains("`main.py`") && note.contains("I read `README.md`"), "{note}");
}
