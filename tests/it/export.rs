//! A session as a file: every stored event, or an account for people.

use reqwest::{Method, StatusCode};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

async fn export(server: &Server, session: &str, format: &str) -> (String, String, String) {
    let path = format!("/api/sessions/{session}/export{format}");
    let response = server.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (kind, name) = (header("content-type"), header("content-disposition"));
    (kind, name, response.text().await.unwrap())
}

#[tokio::test]
async fn the_log_is_exported_line_by_line_as_it_is_shown() {
    let server = Server::start().await;
    let many: Vec<Value> = (0..120).map(|number| json!({ "text": format!("part {number}") })).collect();
    let prompt = script("Say much.", &json!([{ "blocks": many }]));
    let session = server.task(&json!({ "prompt": prompt })).await["session_id"].as_str().unwrap().to_owned();

    let (kind, name, text) = export(&server, &session, "").await;

    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 120, "more than one page: {}", lines.len());
    assert_eq!(lines, server.events(&session).await);
    assert_eq!(kind, "application/x-ndjson");
    assert_eq!(name, format!("attachment; filename=\"session-{session}.jsonl\""));
    assert_eq!(export(&server, &session, "?format=jsonl").await.2, text);
}

#[tokio::test]
async fn an_account_tells_what_was_asked_done_decided_and_said() {
    let server = Server::start().await;
    let write =
        json!({ "name": "Write", "input": { "file_path": "{{cwd}}/a.md", "content": "```\ncode\n" } });
    let look = json!({ "name": "Bash", "input": { "command": "ls", "description": "look" } });
    let replies = json!([{ "tool_use": write }, { "tool_use": look }, { "text": "It is *written*." }]);
    let prompt = script("Write it.", &replies);
    let (session, request) = server.ask(&json!({ "prompt": prompt, "title": "A title" })).await;
    server.decide(&session, &request, &json!({ "decision": "allow", "message": "go on" })).await;
    server.wait_for_status(&session, "idle").await;

    let (kind, name, text) = export(&server, &session, "?format=markdown").await;

    assert_eq!(kind, "text/markdown; charset=utf-8");
    assert!(name.ends_with(".md\""), "{name}");
    assert!(text.starts_with("# A title\n\n- Session: "), "{text}");
    let path = server.workspace().join("a.md").display().to_string();
    let parts = [
        "## Prompt\n\n*local, ".to_owned(),
        "> Write it.".to_owned(),
        "**Tool `Write`**".to_owned(),
        "**Asked (permission, 20".to_owned(),
        "Z):** `Write`".to_owned(),
        "**Decision: allow** by local, 20".to_owned(),
        "Z\n\n> go on".to_owned(),
        format!("**File `{path}` created**, +2 −0\n\n````diff\n@@ -0,0 +1,2 @@\n+```\n+code\n````"),
        "**Tool `Bash`**".to_owned(),
        "*Result (allowed without asking, by the agent's program in the mode default):*".to_owned(),
        "\nIt is *written*.\n".to_owned(),
        "*Turn completed, ".to_owned(),
    ];
    let mut rest = text.as_str();
    for part in parts {
        let (_, after) = rest.split_once(&part).unwrap_or_else(|| panic!("{part:?} is not next in {rest}"));
        rest = after;
    }
}

#[tokio::test]
async fn what_an_answer_leaves_open_ends_with_it() {
    let server = Server::start().await;
    let options =
        json!([{ "label": "S, or less", "description": "s" }, { "label": "M", "description": "m" }]);
    let question = json!({ "question": "Which?", "header": "Size", "options": options, "multiSelect": true });
    let ask = json!({ "tool_use": { "name": "AskUserQuestion", "input": { "questions": [question] } } });
    let code = json!({ "text": "Look:\n```html\n<style>" });
    let prompt = script("Hide <script> it.", &json!([ask, { "text": "<style>" }]));
    let body = json!({ "prompt": prompt, "title": "<textarea> [a](b)" });
    let (session, request) = server.ask(&body).await;
    let decision = json!({ "decision": "allow", "answers": { "Which?": ["S, or less", "M"] } });
    server.decide(&session, &request, &decision).await;
    server.wait_for_status(&session, "idle").await;
    let again = json!({ "prompt": script("More.", &json!([code])), "resume": session });
    server.task(&again).await;

    let (_, _, text) = export(&server, &session, "?format=markdown").await;

    let parts = [
        "# &lt;textarea> \\[a\\](b)\n",
        "> Hide &lt;script> it.\n",
        "- Which? `S, or less`, `M`\n",
        "\n&lt;style>\n",
        "\n```html\n<style>\n```\n\n*Turn completed, ",
    ];
    let mut rest = text.as_str();
    for part in parts {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not next in {rest}"));
        rest = after;
    }
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();

    let unknown = server.get(&format!("/api/sessions/{session}/export?format=pdf")).await;
    let absent = server.get(&format!("/api/sessions/{}/export", uuid::Uuid::now_v7())).await;

    assert_eq!((unknown.status, unknown.code()), (StatusCode::BAD_REQUEST, "query_invalid"));
    assert_eq!((absent.status, absent.code()), (StatusCode::NOT_FOUND, "session_not_found"));
}
