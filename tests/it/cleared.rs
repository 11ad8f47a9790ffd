//! Conversations that people began anew with `/clear`: the new one is gone on with, wherever and however.

use runner_tests::recorder::Recorder;
use runner_tests::server::Server;
use runner_tests::{claudes, script};
use serde_json::{Value, json};

async fn say(server: &Server, session: &str, prompt: &str) -> Value {
    let prompt = script(prompt, &json!([{ "text": "Noted." }]));
    server.task(&json!({ "prompt": prompt, "resume": session })).await
}

/// What the model is asked when somebody says something in a session.
async fn asked(server: &Server, model: &Recorder, session: &str) -> String {
    model.take();
    say(server, session, "Which bird?").await;
    model.take()
}

async fn fork(server: &Server, session: &str, at_version: Option<u64>) -> String {
    let forked =
        server.post(&format!("/api/sessions/{session}/fork"), &json!({ "at_version": at_version })).await;
    forked.body["id"].as_str().unwrap_or_else(|| panic!("{}", forked.body)).to_owned()
}

#[tokio::test]
async fn a_cleared_conversation_does_not_come_back() {
    for claude in claudes() {
        let model = Recorder::start().await;
        let settings = [("CLAUDE_BIN", claude.to_str().unwrap())];
        let settings: Vec<_> = model.settings().into_iter().chain(settings).collect();
        let mut server = Server::start_with(&settings).await;
        let prompt = script("Remember the cormorant.", &json!([{ "text": "Noted." }]));
        let first = server.task(&json!({ "prompt": prompt })).await;
        let session = first["session_id"].as_str().unwrap().to_owned();
        let before = server.view(&session).await["version"].as_u64().unwrap();

        let cleared = server.task(&json!({ "prompt": "/clear", "resume": session })).await;
        server.kill_9().await;
        server.restart().await;
        let at_once = asked(&server, &model, &session).await;
        say(&server, &session, "Remember the pelican.").await;
        server.stop().await;
        server.restart().await;
        let later = asked(&server, &model, &session).await;
        let (now, then) = (fork(&server, &session, None).await, fork(&server, &session, Some(before)).await);
        let (in_the_copy, in_the_old) =
            (asked(&server, &model, &now).await, asked(&server, &model, &then).await);

        assert_eq!(cleared["session_id"], json!(session));
        let birds = |asked: &str| (asked.contains("cormorant"), asked.contains("pelican"));
        assert_eq!(birds(&at_once), (false, false), "{}", claude.display());
        assert_eq!(birds(&later), (false, true), "{}", claude.display());
        assert_eq!(birds(&in_the_copy), (false, true));
        assert_eq!(birds(&in_the_old), (true, false));
    }
}

#[tokio::test]
async fn a_decision_that_waits_behind_a_cleared_conversation_takes_effect_after_a_restart() {
    let mut server = Server::start().await;
    let first = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
    let session = first["session_id"].as_str().unwrap().to_owned();
    server.task(&json!({ "prompt": "/clear", "resume": session })).await;
    let bash = json!({ "command": "echo once >> {{cwd}}/log.txt", "description": "append" });
    let replies = json!([{ "tool_use": { "name": "Bash", "input": bash } }, { "text": "done" }]);
    let body = json!({ "prompt": script("Ask.", &replies), "resume": session });
    let (_, request) = server.ask(&body).await;

    server.kill_9().await;
    server.restart().await;
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;
    let view = server.wait_for_status(&session, "idle").await;

    assert_eq!(view["turns"].as_array().unwrap().last().unwrap()["result"], "done", "{view}");
    assert_eq!(std::fs::read_to_string(server.workspace().join("log.txt")).unwrap(), "once\n");
}
