//! Steering and changing a session while it works: the queue, the running turn, model, mode, title.

use reqwest::{Method, StatusCode};
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

async fn patch(server: &Server, session: &str, body: &Value) -> Answer {
    answer(server.request(Method::PATCH, &format!("/api/sessions/{session}")).json(body)).await
}

/// A turn that works until it is interrupted.
async fn busy(server: &Server) -> String {
    let prompt = script("Hang.", &json!([{ "hang": true }]));
    let body = json!({ "prompt": prompt, "timeout_ms": 1 });
    let task = server.post("/api/task", &body).await;
    assert_eq!(task.status, StatusCode::ACCEPTED, "{}", task.body);
    task.body["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_queued_prompt_is_taken_back_and_never_runs() {
    let server = Server::start().await;
    let session = busy(&server).await;
    let path = format!("/api/sessions/{session}/prompts");
    let queue = |text: &str| json!({ "prompt": script(text, &json!([{ "text": text }])) });
    let first = server.post(&path, &queue("first")).await.body;
    let second = server.post(&path, &queue("second")).await.body;

    let withdraw = |turn: &Value| format!("{path}/{}", turn["turn_id"].as_str().unwrap());
    let withdrawn = answer(server.request(Method::DELETE, &withdraw(&first))).await;
    let again = answer(server.request(Method::DELETE, &withdraw(&first))).await;
    server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;

    assert_eq!(withdrawn.status, StatusCode::NO_CONTENT, "{}", withdrawn.body);
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "prompt_not_waiting"));
    assert_eq!(again.body["detail"], "the prompt does not wait any more: it was taken back by local");
    let unknown = format!("{path}/{session}");
    let unknown = answer(server.request(Method::DELETE, &unknown)).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "turn_not_found"));
    let view = server.wait_for_status(&session, "idle").await;
    let turns: Vec<&Value> = view["turns"].as_array().unwrap().iter().map(|turn| &turn["id"]).collect();
    assert_eq!((turns.len(), turns[1]), (2, &second["turn_id"]));
    assert_eq!(view["turns"][1]["result"], "second", "{view}");
    let begun = answer(server.request(Method::DELETE, &withdraw(&second))).await;
    assert_eq!((begun.status, begun.code()), (StatusCode::CONFLICT, "prompt_not_waiting"));
    assert_eq!(begun.body["detail"], "the prompt does not wait any more: its turn is completed");
}

#[tokio::test]
async fn a_steering_prompt_reaches_the_turn_that_runs() {
    let server = Server::start().await;
    let sleep = json!({ "command": "sleep 1.5", "description": "wait" });
    let replies = json!([{ "tool_use": { "name": "Bash", "input": sleep } }, { "text": "steered" }]);
    let body = json!({ "prompt": script("Work.", &replies), "timeout_ms": 1 });
    let task = server.post("/api/task", &body).await.body;
    let session = task["session_id"].as_str().unwrap();
    server.wait_for(session, "tool_used").await;

    let path = format!("/api/sessions/{session}/prompts?mode=steer");
    let steered = server.post(&path, &json!({ "prompt": "Mind the time." })).await;

    assert_eq!(steered.status, StatusCode::ACCEPTED, "{}", steered.body);
    assert_eq!(steered.body["turn_id"], task["turn_id"]);
    let view = server.wait_for_status(session, "idle").await;
    assert_eq!(
        (view["turns"].as_array().unwrap().len(), &view["turns"][0]["result"]),
        (1, &json!("steered"))
    );
    let messages = server.get(&format!("/api/sessions/{session}/messages")).await.body.to_string();
    assert!(messages.contains("Mind the time."), "{messages}");
    let late = server.post(&path, &json!({ "prompt": "Too late." })).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "nothing_running"));
}

#[tokio::test]
async fn another_model_answers_from_the_next_turn_on() {
    let server = Server::start().await;
    let say =
        |session: &Value| json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])), "resume": session });
    let first = server.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])) })).await;
    let session = first["session_id"].as_str().unwrap();

    let changed = patch(&server, session, &json!({ "model": "haiku" })).await;
    let second = server.task(&say(&first["session_id"])).await;

    assert_eq!((changed.status, &changed.body["model"]), (StatusCode::OK, &json!("haiku")));
    assert!(second["model"].as_str().unwrap().contains("haiku"), "{}", second["model"]);
    assert!(!first["model"].as_str().unwrap().contains("haiku"), "{}", first["model"]);
}

#[tokio::test]
async fn title_tags_and_archive_are_changed_and_kept() {
    let mut server = Server::start().await;
    let done = server.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])) })).await;
    let session = done["session_id"].as_str().unwrap();

    let body = json!({ "title": "Renamed", "tags": ["b", "a", "b"], "archived": true });
    let changed = patch(&server, session, &body).await;
    server.kill_9().await;
    server.restart().await;

    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let view = server.view(session).await;
    assert_eq!(view["title"], "Renamed");
    assert_eq!((&view["tags"], &view["status"]), (&json!(["a", "b"]), &json!("archived")));
    let listed = server.get("/api/sessions?status=archived").await.body;
    assert_eq!(listed["sessions"][0]["id"], *session);
    let refused =
        server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": "Hello?" })).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "session_archived"));
    patch(&server, session, &json!({ "archived": false })).await;
    let next = json!({ "prompt": script("Say.", &json!([{ "text": "back" }])), "resume": session });
    assert_eq!(server.task(&next).await["message"], "back");
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused_by_name() {
    let server = Server::start_with(&[("SANDBOX", "off")]).await;
    let session = busy(&server).await;
    for (body, status, code) in [
        (json!({ "title": "" }), 400, "title_invalid"),
        (json!({ "title": null }), 400, "field_invalid"),
        (json!({ "tags": null }), 400, "field_invalid"),
        (json!({ "permission_mode": null }), 400, "field_invalid"),
        (json!({ "permission_mode": "bogus" }), 400, "permission_mode_unknown"),
        (json!({ "permission_mode": "bypassPermissions" }), 403, "bypass_not_allowed"),
        (json!({ "model": "--help" }), 400, "model_invalid"),
        (json!({ "model": 7 }), 400, "field_invalid"),
        (json!({ "tags": [" a"] }), 400, "field_invalid"),
        (json!({ "working_dir": "/" }), 400, "field_unknown"),
        (json!({ "archived": true }), 409, "session_busy"),
    ] {
        if code == "bypass_not_allowed" && !nix::unistd::Uid::effective().is_root() {
            continue; // Claude Code refuses it as root only.
        }
        let refused = patch(&server, &session, &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{body}: {}", refused.body);
    }
    let query = format!("/api/sessions/{session}/prompts?mode=shout");
    let refused = server.post(&query, &json!({ "prompt": "x" })).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "query_invalid"));
}

#[tokio::test]
async fn files_are_put_back_to_what_they_were_before_a_turn() {
    let mut server = Server::start().await;
    let file = server.workspace().join("a.txt");
    std::fs::write(&file, "original\n").unwrap();
    let call = |tool: &str, input: Value| json!({ "tool_use": { "name": tool, "input": input } });
    let edit = |old: &str, new: &str| {
        call("Edit", json!({ "file_path": "{{cwd}}/a.txt", "old_string": old, "new_string": new }))
    };
    let read = call("Read", json!({ "file_path": "{{cwd}}/a.txt" }));
    let run = |replies: Value, resume: Value| {
        let prompt = script("Edit.", &replies);
        json!({ "prompt": prompt, "resume": resume, "permission_mode": "acceptEdits" })
    };
    let mut body = run(json!([read, edit("original", "first"), { "text": "1" }]), Value::Null);
    body.as_object_mut().unwrap().remove("resume");
    let first = server.task(&body).await;
    let mut body = run(json!([edit("first", "second"), { "text": "2" }]), first["session_id"].clone());
    body.as_object_mut().unwrap().remove("permission_mode");
    let second = server.task(&body).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "second\n");
    let path = format!("/api/sessions/{}/rewind", first["session_id"].as_str().unwrap());
    let rewind = |task: &Value| json!({ "turn_id": task["turn_id"], "files": true });

    let rewound = server.post(&path, &rewind(&second)).await;
    assert_eq!(
        (rewound.status, &rewound.body["files"]),
        (StatusCode::OK, &json!([file])),
        "{}",
        rewound.body
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "first\n");
    // Another process of the agent, on what the database kept, can do it as well.
    server.kill_9().await;
    std::fs::remove_dir_all(server.data_dir().join("agents")).unwrap();
    server.restart().await;
    let rewound = server.post(&path, &rewind(&first)).await;

    assert_eq!(rewound.status, StatusCode::OK, "{}", rewound.body);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "original\n");
    let unknown = json!({ "turn_id": first["session_id"], "files": true });
    assert_eq!(server.post(&path, &unknown).await.code(), "turn_not_found");
    let conversation = json!({ "turn_id": first["turn_id"], "files": false });
    assert_eq!(server.post(&path, &conversation).await.body["errors"][0]["pointer"], "/files");
}

#[tokio::test]
async fn an_interrupt_takes_back_what_the_turn_was_given_beside_its_prompt() {
    let server = Server::start().await;
    let session = busy(&server).await;
    server.wait_for(&session, "turn_started").await;
    let path = format!("/api/sessions/{session}/prompts?mode=steer");
    let more = script("More.", &json!([{ "text": "this must not be said" }]));
    server.post(&path, &json!({ "prompt": more })).await;

    server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
    server.wait_for_status(&session, "idle").await;

    let next = json!({ "prompt": script("Next.", &json!([{ "text": "next" }])), "resume": session });
    assert_eq!(server.task(&next).await["message"], "next");
    let view = server.view(&session).await;
    assert_eq!(view["turns"].as_array().unwrap().len(), 2, "{}", view["turns"]);
}
