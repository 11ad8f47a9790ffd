//! `changes?format=patch`: what a session did, as one patch that the real `git` applies to what was there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use reqwest::StatusCode;
use runner_tests::commands::{bash, open};
use runner_tests::script;
use runner_tests::server::{Answer, Server};
use serde_json::{Value, json};

use crate::workspace_changes::{git, run};

fn tool(name: &str, input: Value) -> Value {
    json!({ "tool_use": { "name": name, "input": input } })
}

fn read(name: &str) -> Value {
    tool("Read", json!({ "file_path": format!("{{{{cwd}}}}/{name}") }))
}

fn edit(name: &str, old: &str, new: &str) -> Value {
    let path = format!("{{{{cwd}}}}/{name}");
    tool("Edit", json!({ "file_path": path, "old_string": old, "new_string": new }))
}

fn write(name: &str, content: &str) -> Value {
    tool("Write", json!({ "file_path": format!("{{{{cwd}}}}/{name}"), "content": content }))
}

/// A server whose working folder is a repository with files of all sorts, and a copy of that folder.
async fn server_with_copy() -> (Server, tempfile::TempDir) {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let folder = server.workspace();
    let many: String = (1..=40).map(|line| format!("line {line}\n")).collect();
    for (name, content) in [
        ("many.txt", many.as_bytes()),
        ("gone.txt", b"one\ntwo\n"),
        ("old-name.txt", b"keeps\nits\ntext\n"),
        ("no-end.txt", b"first\nlast"),
        ("crlf.txt", b"one\r\ntwo\r\nthree\r\n"),
        ("run.sh", b"#!/bin/sh\n"),
        ("picture.png", b"\x89PNG\x00\x01\x02\xff\xfe"),
        ("gone.png", b"\x89PNG\x00\x03"),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--message", "first"]);
    let copy = copy_of(&folder);
    (server, copy)
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    copy
}

/// Every file with its content and whether it may be executed.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, bool)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                let mode = entry.metadata().unwrap().permissions().mode();
                found.insert(name, (fs::read(&path).unwrap(), mode & 0o100 != 0));
            }
        }
    }
    found
}

async fn patch(server: &Server, session: &Value, query: &str) -> String {
    let path = format!("/api/sessions/{}/changes?format=patch{query}", session.as_str().unwrap());
    let Answer { status, headers, body } = server.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(headers["content-type"], "text/x-patch; charset=utf-8");
    body.as_str().unwrap().to_owned()
}

/// Has git check the patch and apply it to the folder.
fn apply(patch: &str, folder: &Path) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), patch).unwrap();
    for check in [&["--check"][..], &[]] {
        let mut command = Command::new("git");
        command.current_dir(folder).arg("apply").args(check).arg(file.path());
        let applied = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(applied.status.success(), "{}\n{patch}", String::from_utf8_lossy(&applied.stderr));
    }
}

async fn turn(server: &Server, replies: Value, session: Option<&Value>) -> Value {
    let mut body = json!({ "prompt": script("Change.", &replies) });
    match session {
        Some(session) => body["resume"] = session.clone(),
        None => body["permission_mode"] = "bypassPermissions".into(),
    }
    run(server, &body).await.0
}

#[tokio::test]
async fn what_a_session_did_is_done_to_a_copy_by_git() {
    let (server, copy) = server_with_copy().await;
    let first = json!([
        read("many.txt"),
        edit("many.txt", "line 5\n", "line five\nand a half\n"),
        bash("sed -i '1i top' {{cwd}}/many.txt; sed -i s/30/thirty/ {{cwd}}/many.txt"),
        write("two words/new.txt", "new\nwithout an end"),
        write("empty.txt", ""),
        read("no-end.txt"),
        edit("no-end.txt", "last", "the last"),
        bash("rm gone.txt gone.png; mv old-name.txt new-name.txt; chmod +x run.sh"),
        bash("printf '\\211PNG\\000\\377' > picture.png; printf '\\000\\001' > new.png; echo '#' > new.sh; chmod +x new.sh"),
        { "text": "done" },
    ]);
    let session = turn(&server, first, None).await["session_id"].clone();
    let after_first = copy_of(&server.workspace());
    let second = json!([
        read("many.txt"),
        edit("many.txt", "line five\n", "line 5\n"),
        edit("many.txt", "line 40\n", "the end\n"),
        bash("printf '\\000\\002\\003' > new.png; rm new.sh; chmod -x run.sh; echo >> 'two words/new.txt'"),
        { "text": "done" },
    ]);
    let of_second = turn(&server, second, Some(&session)).await["turn_id"].as_str().unwrap().to_owned();

    let whole = patch(&server, &session, "").await;
    let last = patch(&server, &session, &format!("&turn_id={of_second}")).await;
    let since = patch(&server, &session, &format!("&since_turn_id={of_second}")).await;

    apply(&whole, copy.path());
    assert_eq!(files(copy.path()), files(&server.workspace()), "{whole}");
    apply(&last, after_first.path());
    assert_eq!(files(after_first.path()), files(&server.workspace()), "{last}");
    assert_eq!(since, last);
    assert!(!whole.contains("line five"), "what was undone is not told: {whole}");
    let root = server.workspace().display().to_string();
    assert!(!whole.contains(&root) && !whole.contains("# left out"), "{whole}");
}

#[tokio::test]
async fn each_file_has_one_difference_that_git_applies() {
    let (server, copy) = server_with_copy().await;
    let replies = json!([
        read("many.txt"),
        edit("many.txt", "line 5\n", "line five\n"),
        edit("many.txt", "line 6\n", "line six\n"),
        { "text": "done" },
    ]);
    let session = turn(&server, replies, None).await["session_id"].clone();

    let changes = server.get(&format!("/api/sessions/{}/changes", session.as_str().unwrap())).await.body;

    let file = &changes["files"][0];
    let paths = (&file["path"], &file["absolute_path"]);
    assert_eq!(paths, (&json!("many.txt"), &json!(server.workspace().join("many.txt"))));
    assert_eq!((&file["added"], &file["removed"], &file["kind"]), (&json!(2), &json!(2), &json!("modified")));
    assert_eq!(changes["files"].as_array().unwrap().len(), 1);
    apply(file["patch"].as_str().unwrap(), copy.path());
    assert_eq!(files(copy.path()), files(&server.workspace()));
}

#[tokio::test]
async fn line_ends_of_another_system_stay_as_they_are() {
    let (server, copy) = server_with_copy().await;
    let replies = json!([read("crlf.txt"), edit("crlf.txt", "two", "2"), { "text": "done" }]);
    let session = turn(&server, replies, None).await["session_id"].clone();

    apply(&patch(&server, &session, "").await, copy.path());

    assert_eq!(files(copy.path()), files(&server.workspace()));
}

#[tokio::test]
async fn what_cannot_be_in_a_patch_is_named_in_front_of_it() {
    let (server, copy) = server_with_copy().await;
    fs::create_dir(server.workspace().join("inner")).unwrap();
    let outside = write("outside.txt", "x\n");
    let large = bash("head -c 3000000 /dev/zero > large.bin; echo x > small.txt");
    let body = json!({
        "prompt": script("Change.", &json!([outside, large, { "text": "done" }])),
        "permission_mode": "bypassPermissions", "add_dirs": ["inner"],
    });
    let session = run(&server, &body).await.0["session_id"].clone();

    let patch = patch(&server, &session, "").await;

    assert!(patch.starts_with("# left out: \"large.bin\": it was not compared\n"), "{patch}");
    apply(&patch, copy.path());
    assert!(copy.path().join("small.txt").exists() && !copy.path().join("large.bin").exists());
    let changes = server.get(&format!("/api/sessions/{}/changes", session.as_str().unwrap())).await.body;
    let large = changes["files"].as_array().unwrap().iter().find(|file| file["path"] == "large.bin").unwrap();
    assert_eq!((&large["patch"], &large["unpatched"]), (&json!(""), &json!("not_compared")));
}

#[tokio::test]
async fn the_agents_own_files_are_no_changes_of_the_session() {
    let server = Server::start_with(&[("IS_SANDBOX", "1")]).await;
    let session = open(&server, json!({})).await;
    let plan = server.data_dir().join(format!("agents/{session}/plans/plan.md"));
    let plan_written = tool("Write", json!({ "file_path": plan, "content": "# The plan\n" }));
    let replies = json!([plan_written, write("work.txt", "x\n"), { "text": "done" }]);

    let body = json!({ "prompt": script("Plan.", &replies), "resume": session });
    let (answer, frames) = run(&server, &body).await;

    assert!(plan.exists(), "the agent writes its plan: {frames:?}");
    assert_eq!(answer["files_changed"], json!([server.workspace().join("work.txt")]));
    let shown = frames.iter().filter(|frame| frame["type"] == "file_change").count();
    let changes = server.get(&format!("/api/sessions/{session}/changes")).await.body;
    assert_eq!((shown, changes["files"].as_array().unwrap().len()), (1, 1), "{changes}");
}

#[tokio::test]
async fn parameters_that_contradict_each_other_are_named() {
    let server = Server::start().await;
    let task = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "Hi." }])) })).await;
    let (session, turn) = (task["session_id"].as_str().unwrap(), task["turn_id"].as_str().unwrap());

    for (query, pointer) in [
        ("format=diff".to_owned(), "?format"),
        ("format=patch&by=turn".to_owned(), "?by"),
        ("format=patch&limit=1".to_owned(), "?limit"),
        ("format=patch&cursor=1".to_owned(), "?cursor"),
        (format!("turn_id={turn}&since_turn_id={turn}"), "?since_turn_id"),
        (format!("by=turn&since_turn_id={turn}"), "?since_turn_id"),
    ] {
        let refused = server.get(&format!("/api/sessions/{session}/changes?{query}")).await;
        let named = (refused.code(), refused.body["errors"][0]["pointer"].as_str());
        assert_eq!((refused.status, named), (StatusCode::BAD_REQUEST, ("query_invalid", Some(pointer))));
    }
    assert_eq!(patch(&server, &task["session_id"], "").await, "");
    let missing = format!("/api/sessions/{session}/changes?since_turn_id={session}");
    assert_eq!(server.get(&missing).await.code(), "turn_not_found");
}
