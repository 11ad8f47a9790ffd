//! What a session changed in files, over HTTP.

use reqwest::StatusCode;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

fn write(name: &str, content: &str) -> Value {
    json!({ "tool_use": { "name": "Write",
        "input": { "file_path": format!("{{{{cwd}}}}/{name}"), "content": content } } })
}

fn edit(name: &str, old: &str, new: &str) -> Value {
    json!({ "tool_use": { "name": "Edit", "input": {
        "file_path": format!("{{{{cwd}}}}/{name}"), "old_string": old, "new_string": new } } })
}

/// A session with two turns: one makes a file and changes it, one changes it again and makes another.
async fn session_with_changes(server: &Server) -> (String, [Value; 2]) {
    let replies = json!([write("a.txt", "one\ntwo\n"), edit("a.txt", "two", "2"), { "text": "done" }]);
    let body = json!({ "prompt": script("Make.", &replies), "permission_mode": "acceptEdits" });
    let first = server.task(&body).await;
    let session = first["session_id"].as_str().unwrap().to_owned();
    let replies = json!([edit("a.txt", "one", "1"), write("b.txt", "b\n"), { "text": "done" }]);
    let second = server.task(&json!({ "prompt": script("Change.", &replies), "resume": session })).await;
    (session, [first["turn_id"].clone(), second["turn_id"].clone()])
}

/// The versions at which the session stored changes, in order.
async fn change_versions(server: &Server, session: &str) -> Vec<u64> {
    let events = server.events(session).await;
    let changes = events.iter().filter(|event| event["type"] == "file_changed");
    changes.map(|event| event["version"].as_u64().unwrap()).collect()
}

/// The difference of a file that was not there.
fn created(name: &str, lines: &[&str]) -> Value {
    let body: String = lines.iter().map(|line| format!("+{line}\n")).collect();
    let header = format!("diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n");
    format!("{header}@@ -0,0 +1,{} @@\n{body}", lines.len()).into()
}

#[tokio::test]
async fn each_file_shows_what_became_of_it() {
    let server = Server::start().await;
    let (session, _) = session_with_changes(&server).await;
    let versions = change_versions(&server, &session).await;

    let changes = server.get(&format!("/api/sessions/{session}/changes")).await;

    let view = server.view(&session).await;
    let expected = json!({
        "version": view["version"],
        "files": [
            {
                "path": "a.txt", "absolute_path": server.workspace().join("a.txt"), "kind": "created",
                "added": 2, "removed": 0, "patch": created("a.txt", &["1", "2"]), "versions": versions[..3],
            },
            {
                "path": "b.txt", "absolute_path": server.workspace().join("b.txt"), "kind": "created",
                "added": 1, "removed": 0, "patch": created("b.txt", &["b"]), "versions": [versions[3]],
            },
        ],
        "next_cursor": null,
    });
    assert_eq!((changes.status, changes.body), (StatusCode::OK, expected));
}

#[tokio::test]
async fn each_turn_shows_what_it_did() {
    let server = Server::start().await;
    let (session, turns) = session_with_changes(&server).await;
    let versions = change_versions(&server, &session).await;
    let path = format!("/api/sessions/{session}/changes");

    let all = server.get(&format!("{path}?by=turn")).await.body;
    let second = turns[1].as_str().unwrap();
    let second = server.get(&format!("{path}?by=turn&turn_id={second}")).await.body;

    let shown = |index: usize| {
        let turn = &all["turns"][index];
        let files = turn["files"].as_array().unwrap().iter();
        let files = files.map(|file| (file["kind"].clone(), file["versions"].clone())).collect::<Vec<_>>();
        (turn["turn_id"].clone(), turn["added"].clone(), turn["removed"].clone(), files)
    };
    assert_eq!(
        shown(0),
        (turns[0].clone(), json!(2), json!(0), vec![(json!("created"), json!(versions[..2]))])
    );
    let files = vec![(json!("modified"), json!([versions[2]])), (json!("created"), json!([versions[3]]))];
    assert_eq!(shown(1), (turns[1].clone(), json!(2), json!(1), files));
    assert_eq!(second["turns"], json!([all["turns"][1]]));
}

#[tokio::test]
async fn changes_are_shown_as_they_were_and_page_by_page() {
    let server = Server::start().await;
    let (session, turns) = session_with_changes(&server).await;
    let versions = change_versions(&server, &session).await;
    let path = format!("/api/sessions/{session}/changes");

    let then = server.get(&format!("{path}?at={}", versions[0])).await.body;
    let of_turn = server.get(&format!("{path}?turn_id={}", turns[0].as_str().unwrap())).await.body;
    let first = server.get(&format!("{path}?limit=1")).await.body;
    let second =
        server.get(&format!("{path}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;

    assert_eq!(then["files"][0]["patch"], created("a.txt", &["one", "two"]));
    assert_eq!(then["version"], versions[0]);
    assert_eq!(of_turn["files"][0]["versions"], json!(versions[..2]));
    assert_eq!(second.body["files"][0]["versions"], json!([versions[3]]));
    assert_eq!(second.body["next_cursor"], Value::Null);
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/changes");

    for (asked, pointer) in [
        ("at=0", "?at"),
        ("at=2", "?at"),
        ("at=x", "?at"),
        ("by=word", "?by"),
        ("turn_id=1", "?turn_id"),
        ("limit=0", "?limit"),
        ("cursor=x", "?cursor"),
        ("extra=1", "?extra"),
    ] {
        let refused = server.get(&format!("{path}?{asked}")).await;
        let named = refused.body["errors"][0]["pointer"].as_str();
        assert_eq!(
            (refused.status, refused.code(), named),
            (StatusCode::BAD_REQUEST, "query_invalid", Some(pointer))
        );
    }
    for (path, code) in [
        (format!("{path}?turn_id={session}"), "turn_not_found"),
        (format!("/api/sessions/{}/changes", uuid::Uuid::now_v7()), "session_not_found"),
        ("/api/sessions/x/changes".to_owned(), "session_not_found"),
    ] {
        let missing = server.get(&path).await;
        assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, code));
    }
}

#[tokio::test]
async fn files_of_subagents_are_among_the_changes() {
    let server = Server::start().await;
    let by_subagent = json!([write("s1.txt", "one\n"), write("s2.txt", "a\nb\n"),
        edit("s2.txt", "b", "c"), { "text": "written" }]);
    let agent = json!({ "tool_use": { "name": "Agent", "input": { "description": "write",
        "prompt": script("Write two.", &by_subagent), "subagent_type": "general-purpose",
        "run_in_background": false } } });
    let replies = json!([agent, write("main.txt", "m\n"), { "text": "done" }]);
    let body = json!({ "prompt": script("Make.", &replies), "permission_mode": "acceptEdits" });

    let task = server.task(&body).await;

    let session = task["session_id"].as_str().unwrap();
    let paths = ["s1.txt", "s2.txt", "main.txt"].map(|name| server.workspace().join(name));
    assert_eq!(task["files_changed"], json!(paths), "{task}");
    let changes = server.get(&format!("/api/sessions/{session}/changes")).await.body;
    let files = changes["files"].as_array().unwrap().iter();
    let patches: Vec<_> = files.map(|file| (file["path"].clone(), file["patch"].clone())).collect();
    let expected = [
        (json!("s1.txt"), created("s1.txt", &["one"])),
        (json!("s2.txt"), created("s2.txt", &["a", "c"])),
        (json!("main.txt"), created("main.txt", &["m"])),
    ];
    assert!(expected.iter().all(|file| patches.contains(file)), "{changes}");
    let view = server.view(session).await;
    assert_eq!((&view["files_changed"], view["files"].as_array().unwrap().len()), (&json!(3), 3));

    let path = format!("/api/sessions/{session}/rewind");
    let rewound = server.post(&path, &json!({ "turn_id": task["turn_id"], "files": true })).await;

    // The agent's own limit: it keeps no earlier state of what its subagents change, and nobody claims more.
    assert_eq!(rewound.body["files"], json!([paths[2]]), "{}", rewound.body);
    assert_eq!(paths.each_ref().map(|path| path.exists()), [true, true, false]);
    assert_eq!(server.view(session).await["files_changed"], 2);
}
