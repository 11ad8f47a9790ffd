//! Options of a task that goes on with a session: what changes nothing or can be changed is taken.

use reqwest::StatusCode;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

fn with(session: &Value, options: &Value) -> Value {
    let mut body = json!({ "prompt": script("Hi.", &json!([{ "text": "Hi." }])), "resume": session });
    body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn options_that_change_nothing_are_taken() {
    let server = Server::start().await;
    std::fs::create_dir(server.workspace().join("sub")).unwrap();
    std::fs::create_dir(server.workspace().join("more")).unwrap();
    let options = json!({
        "working_dir": "sub", "permission_mode": "plan", "title": "The same", "tools": ["Read", "Bash"],
        "model": "claude-opus-4-8", "fallback_model": "claude-sonnet-4-5", "effort": "low", "max_turns": 5,
        "max_budget_usd": 0.5, "max_duration_ms": 60_000, "append_system_prompt": "Be kind.",
        "add_dirs": ["more"], "env": { "A": "b" },
    });
    let session = server.post("/api/sessions", &options).await.body["id"].clone();

    let answer = server.task(&with(&session, &options)).await;
    let absent = server.task(&with(&session, &json!({ "model": null, "tools": null, "env": null }))).await;

    assert_eq!((&answer["session_id"], &absent["session_id"]), (&session, &session));
    let types = server.event_types(session.as_str().unwrap()).await;
    assert_eq!(types[..2], ["session_opened", "prompt_submitted"], "nothing was changed");
}

#[tokio::test]
async fn what_can_be_changed_is_changed_with_the_prompt() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].clone();
    let options = json!({ "permission_mode": "acceptEdits", "title": "New", "model": "claude-opus-4-8" });
    let write = json!({ "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "hi\n" } });
    let mut body = with(&session, &options);
    body["prompt"] = script("Write.", &json!([{ "tool_use": write }, { "text": "Written." }])).into();

    let answer = server.task(&body).await;

    assert_eq!((&answer["message"], &answer["model"]), (&json!("Written."), &json!("claude-opus-4-8")));
    assert!(server.workspace().join("a.txt").exists(), "nobody had to be asked");
    let view = server.view(session.as_str().unwrap()).await;
    assert_eq!((&view["title"], &view["permission_mode"]), (&json!("New"), &json!("acceptEdits")));
    let types = server.event_types(session.as_str().unwrap()).await;
    let mut changed = types[1..4].to_vec();
    changed.sort();
    assert_eq!(changed, ["model_changed", "permission_mode_changed", "session_renamed"]);
    assert_eq!(types[4], "prompt_submitted");
}

#[tokio::test]
async fn what_was_fixed_when_the_session_was_opened_is_named() {
    let server = Server::start().await;
    std::fs::create_dir(server.workspace().join("sub")).unwrap();
    let session = server.post("/api/sessions", &json!({ "max_turns": 5 })).await.body["id"].clone();

    for (options, name) in [
        (json!({ "working_dir": "sub" }), "working_dir"),
        (json!({ "tools": ["Read"] }), "tools"),
        (json!({ "max_turns": 6, "title": "not stored" }), "max_turns"),
        (json!({ "effort": "low", "permission_mode": "plan" }), "effort"),
        (json!({ "max_budget_usd": 1 }), "max_budget_usd"),
        (json!({ "env": { "A": "b" } }), "env"),
        (json!({ "output_schema": { "type": "object" } }), "output_schema"),
    ] {
        let mut of_newest = with(&session, &options);
        of_newest.as_object_mut().unwrap().remove("resume");
        of_newest["continue_conversation"] = true.into();
        let bodies = [with(&session, &options), of_newest];
        // The newest in the folder that is named is another one.
        let bodies = if name == "working_dir" { &bodies[..1] } else { &bodies[..] };
        for body in bodies {
            let refused = server.post("/api/task", body).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "option_fixed"), "{name}");
            assert_eq!(refused.body["errors"][0]["pointer"], format!("/{name}"));
        }
    }
    assert_eq!(server.event_types(session.as_str().unwrap()).await, ["session_opened"]);
}

#[tokio::test]
async fn the_session_that_is_busy_is_named_and_stays_as_it_is() {
    let server = Server::start().await;
    let write = json!({ "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "hi\n" } });
    let waiting = json!({ "prompt": script("Write.", &json!([{ "tool_use": write }])), "title": "Old" });
    let (session, _) = server.ask(&waiting).await;

    for going_on in [json!({ "resume": session }), json!({ "continue_conversation": true })] {
        let mut body = json!({ "prompt": "Next.", "title": "New" });
        body.as_object_mut().unwrap().extend(going_on.as_object().unwrap().clone());
        let busy = server.post("/api/task", &body).await;

        let named = (busy.code(), &busy.body["session_id"]);
        assert_eq!(
            (busy.status, named),
            (StatusCode::CONFLICT, ("session_busy", &json!(session))),
            "{going_on}"
        );
    }
    assert_eq!(server.view(&session).await["title"], "Old");
}
