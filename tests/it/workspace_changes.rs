//! What commands change in a git repository: seen, told, and nothing of the repository is run for it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use reqwest::StatusCode;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@localhost"]).args(arguments).current_dir(folder);
    let done = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn bash(command: &str) -> Value {
    json!({ "tool_use": { "name": "Bash", "input": { "command": command, "description": "a command" } } })
}

/// A server whose working folder is a repository with one commit of these files.
async fn server_with_repository(files: &[(&str, &str)]) -> Server {
    let server = Server::start().await;
    let folder = server.workspace();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--allow-empty", "--message", "first"]);
    server
}

const EDITS: &str = "acceptEdits";

#[tokio::test]
async fn what_a_command_changed_is_in_the_changes_the_answer_and_the_views() {
    let server =
        server_with_repository(&[("a.txt", "one\ntwo\n"), ("b.txt", "b\n"), (".gitignore", "*.log\n")]).await;
    let command = "sed -i s/two/2/ a.txt; rm b.txt; mkdir d; touch d/new.txt; touch ignored.log";
    let prompt = script("Change.", &json!([bash(command), { "text": "done" }]));
    let (answer, frames) = run(&server, &json!({ "prompt": prompt, "permission_mode": EDITS })).await;

    let seen = frames.iter().filter(|frame| frame["type"] == "file_change");
    let seen: Vec<_> = seen.map(|frame| (frame["path"].clone(), frame["kind"].clone())).collect();
    let path = |name: &str| json!(server.workspace().join(name));
    let kinds = [("a.txt", "modified"), ("b.txt", "deleted"), ("d/new.txt", "created")];
    assert_eq!(seen, kinds.map(|(name, kind)| (path(name), json!(kind))));
    assert_eq!(answer["files_changed"], json!([path("a.txt"), path("b.txt"), path("d/new.txt")]));
    let session = answer["session_id"].as_str().unwrap();
    let changes = server.get(&format!("/api/sessions/{session}/changes")).await;
    assert_eq!(changes.status, StatusCode::OK);
    let files = changes.body["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    let patch = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    assert_eq!(files[0]["patch"], patch);
    assert_eq!((&files[1]["added"], &files[1]["removed"]), (&json!(0), &json!(1)));
    let view = server.view(session).await;
    assert_eq!((&view["files_changed"], &view["files"][0]["path"]), (&json!(3), &path("a.txt")));
    let types: Vec<_> = server.events(session).await.iter().map(|event| event["type"].clone()).collect();
    let last: Vec<_> = types[types.len() - 4..].iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(last, ["workspace_changed", "workspace_changed", "workspace_changed", "turn_completed"]);
}

#[tokio::test]
async fn commands_and_file_tools_on_one_file_are_told_apart() {
    let server = server_with_repository(&[("a.txt", "one\n")]).await;
    let read = json!({ "tool_use": { "name": "Read", "input": { "file_path": "{{cwd}}/a.txt" } } });
    let edit = json!({ "tool_use": { "name": "Edit", "input": {
        "file_path": "{{cwd}}/a.txt", "old_string": "two", "new_string": "three" } } });
    let replies =
        json!([bash("sed -i s/one/two/ a.txt"), read, edit, bash("echo four >> a.txt"), { "text": "done" }]);
    let body = json!({ "prompt": script("Change.", &replies), "permission_mode": EDITS });

    let (answered, _) = run(&server, &body).await;

    let patches = [
        ("workspace_changed", "@@ -1 +1 @@\n-one\n+two\n"),
        ("file_changed", "@@ -1,1 +1,1 @@\n-two\n+three\n"),
        ("workspace_changed", "@@ -1 +1,2 @@\n three\n+four\n"),
    ];
    let events = server.events(answered["session_id"].as_str().unwrap()).await;
    let changes = events.iter().filter(|event| event["type"].as_str().unwrap().ends_with("e_changed"));
    let told: Vec<_> = changes.map(|event| (event["type"].clone(), event["data"]["patch"].clone())).collect();
    assert_eq!(told, patches.map(|(kind, patch)| (json!(kind), json!(patch))));
    assert_eq!(answered["files_changed"], json!([server.workspace().join("a.txt")]));
}

#[tokio::test]
async fn nothing_that_a_repository_configures_is_run_by_the_server() {
    let server =
        server_with_repository(&[(".gitattributes", "* filter=evil diff=evil\n"), ("a", "a\n")]).await;
    let (folder, mark) = (server.workspace(), server.data_dir().join("ran"));
    // The agent asks git by itself when it starts; it has a marker in its environment.
    let evil = server.data_dir().join("evil");
    let script_of_evil = format!("#!/bin/sh\ntest -n \"$CLAUDE_RUNNER_AGENT\" || touch {}\n", mark.display());
    make_program(&evil, &script_of_evil);
    let evil = evil.display().to_string();
    for (name, value) in [
        ("filter.evil.clean", evil.as_str()),
        ("filter.evil.process", &evil),
        ("diff.evil.textconv", &evil),
        ("core.fsmonitor", &evil),
        ("core.hooksPath", ".git/evil"),
    ] {
        git(&folder, &["config", name, value]);
    }
    std::fs::create_dir(folder.join(".git/evil")).unwrap();
    for hook in ["post-index-change", "pre-commit", "post-checkout"] {
        make_program(&folder.join(".git/evil").join(hook), &script_of_evil);
    }
    let index = std::fs::read(folder.join(".git/index")).unwrap();
    let replies = json!([bash("echo b >> a; echo c > c"), { "text": "done" }]);

    let (answered, _) =
        run(&server, &json!({ "prompt": script("Go.", &replies), "permission_mode": EDITS })).await;

    assert_eq!(answered["files_changed"], json!([folder.join("a"), folder.join("c")]));
    assert!(!mark.exists(), "the repository had the server run something");
    assert_eq!(std::fs::read(folder.join(".git/index")).unwrap(), index);
}

fn make_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a task to its end and allows what it asks; returns its answer, and all frames.
pub(crate) async fn run(server: &Server, body: &Value) -> (Value, Vec<Value>) {
    let mut stream = server.stream_task(body).await;
    let mut frames = vec![];
    loop {
        let frame = stream.next().await.unwrap().data;
        if frame["type"] == "permission_request" {
            let session = frame["session_id"].as_str().unwrap();
            server.decide(session, &frame, &json!({ "decision": "allow" })).await;
        } else if frame["type"] == "complete" {
            return (frame["metadata"].clone(), frames);
        }
        frames.push(frame);
    }
}
