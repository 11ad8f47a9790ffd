//! `claude-runner import`: what Claude Code wrote down elsewhere becomes sessions of this server.

mod costs;
mod grown;
mod moved;
mod running;
mod times;
mod transcripts;

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use reqwest::StatusCode;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

use transcripts::{Conversation, Transcripts};

/// The server's agents write their transcripts as those of a person do, so their folders are imported.
fn transcripts_of(server: &Server) -> PathBuf {
    server.data_dir().join("agents")
}

async fn import(data_dir: &Path, folder: &Path) -> Output {
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.arg("import").arg(folder).env("DATA_DIR", data_dir).env("WORKING_DIR", std::env::temp_dir());
    command.output().await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The transcript of a session, once the agent has written an answer into it.
async fn transcript(server: &Server, session: &str, text: &str) -> PathBuf {
    // In the script that the prompt carries, the quotes are escaped.
    let answer = format!(r#""text":"{text}""#);
    let projects = transcripts_of(server).join(session).join("projects");
    for _ in 0..200 {
        let folders = std::fs::read_dir(&projects).into_iter().flatten().flatten();
        let paths = folders.map(|folder| folder.path().join(format!("{session}.jsonl")));
        let mut written =
            paths.filter(|path| std::fs::read_to_string(path).is_ok_and(|all| all.contains(&answer)));
        if let Some(path) = written.next() {
            return path;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the agent did not write {text}");
}

/// The conversation without the versions, which differ with what else is in the log.
async fn messages(server: &Server, session: &str) -> Vec<Value> {
    let answer = server.get(&format!("/api/sessions/{session}/messages")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let mut messages = answer.body["messages"].as_array().unwrap().clone();
    messages.iter_mut().for_each(|message| drop(message.as_object_mut().unwrap().remove("version")));
    messages
}

/// A turn with thinking, tools used at once, a file and a subagent. The model has one more reply for it.
fn rich_script() -> Value {
    let bash = |text: &str| json!({ "tool_use": { "name": "Bash", "input": { "command": format!("echo {text}"), "description": "echo" } } });
    let below = script("Look inside.", &json!([bash("inside"), { "text": "Seen." }]));
    let agent = json!({ "description": "look", "prompt": below, "subagent_type": "general-purpose",
        "run_in_background": false });
    json!([
        { "blocks": [{ "thinking": "Hm." }, { "text": "I begin." }, bash("one"), bash("two"), bash("three")] },
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x\n" } } },
        { "tool_use": { "name": "Agent", "input": agent } },
        { "text": "All done." },
        { "text": "I remember what you asked first." },
    ])
}

#[tokio::test]
async fn an_imported_session_says_the_same_and_goes_on() {
    let elsewhere = Server::start().await;
    let body = json!({ "prompt": script("First.", &rich_script()), "permission_mode": "acceptEdits" });
    let session = elsewhere.task(&body).await["session_id"].as_str().unwrap().to_owned();
    let transcript = transcript(&elsewhere, &session, "All done.").await;
    let mut file = std::fs::File::options().append(true).open(&transcript).unwrap();
    file.write_all(br#"{"parentUuid":"a torn li"#).unwrap();
    let workspace = elsewhere.workspace();
    let workspace = workspace.to_str().unwrap();
    let mut here = Server::start_with(&[("WORKING_DIR", workspace), ("ALLOWED_ROOTS", workspace)]).await;
    here.stop().await;

    let imported = import(&here.data_dir(), &transcripts_of(&elsewhere)).await;
    here.restart().await;

    let report = "1 imported, 0 skipped, 1 unreadable lines\n";
    assert!(said(&imported).ends_with(report), "{}", said(&imported));
    assert_eq!(messages(&here, &session).await, messages(&elsewhere, &session).await);
    let (view, original) = (here.view(&session).await, elsewhere.view(&session).await);
    assert_eq!(
        (&view["origin"], &view["status"], &view["owner"]),
        (&json!("import"), &json!("idle"), &json!("local"))
    );
    for field in ["working_dir", "title", "files_changed"] {
        assert_eq!(view[field], original[field], "{field}");
    }
    for field in ["result", "outcome", "tools_used", "files_changed", "stop_reason"] {
        assert_eq!(view["turns"][0][field], original["turns"][0][field], "{field}");
    }
    assert_eq!(view["usage"]["input_tokens"], original["usage"]["input_tokens"]);
    here.verify(&session).await;
    // To the offline model this is no prompt: it answers the newest one that it was sent, which is the
    // imported one.
    let resumed = here.task(&json!({ "prompt": "Stop hook feedback: go on.", "resume": session })).await;
    assert_eq!(resumed["message"], "I remember what you asked first.");
    assert_eq!(resumed["session_id"], session.as_str());
}

#[tokio::test]
async fn importing_again_takes_only_what_is_new() {
    let mut elsewhere = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let folder = transcripts_of(&elsewhere);
    let first = elsewhere.task(&json!({ "prompt": script("One.", &json!([{ "text": "first" }])) })).await;
    let session = first["session_id"].as_str().unwrap();
    transcript(&elsewhere, session, "first").await;

    let once = import(data.path(), &folder).await;
    let twice = import(data.path(), &folder).await;
    elsewhere
        .task(&json!({ "prompt": script("Two.", &json!([{ "text": "second" }])), "resume": session }))
        .await;
    transcript(&elsewhere, session, "second").await;
    let grown = import(data.path(), &folder).await;
    elsewhere.stop().await;
    let own = import(&elsewhere.data_dir(), &folder).await;

    assert_eq!(said(&once), "1 imported, 0 skipped, 0 unreadable lines\n");
    assert_eq!(said(&twice), "0 imported, 1 skipped (1 with nothing new), 0 unreadable lines\n");
    assert_eq!(said(&grown), "0 imported, 1 continued, 0 skipped, 0 unreadable lines\n");
    assert_eq!(said(&own), "0 imported, 1 skipped (1 that this server made itself), 0 unreadable lines\n");
    assert_eq!([once, twice, grown, own].map(|output| output.status.code()), [Some(0); 4]);
}

#[tokio::test]
async fn a_folder_without_transcripts_is_an_error() {
    let (data, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    let missing = import(data.path(), Path::new("/no/such/folder")).await;
    let nothing = import(data.path(), empty.path()).await;
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    let unnamed = command.arg("import").output().await.unwrap();

    assert!(
        said(&missing).starts_with("claude-runner: /no/such/folder cannot be read"),
        "{}",
        said(&missing)
    );
    assert!(said(&nothing).contains("has no transcripts of Claude Code"), "{}", said(&nothing));
    let codes = [missing, nothing, unnamed].map(|output| output.status.code());
    assert_eq!(codes, [Some(1), Some(1), Some(2)]);
}

#[tokio::test]
async fn a_transcript_that_cannot_be_read_does_not_stop_the_others() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let line = json!({
        "type": "user", "uuid": "7b0c3f52-0000-4000-8000-000000000001", "parentUuid": null, "cwd": "/srv/app",
        "message": { "role": "user", "content": "Hello." },
    });
    let project = folder.path().join("-srv-app");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("7b0c3f52-0000-4000-8000-000000000000.jsonl"), line.to_string()).unwrap();
    std::fs::write(project.join("notes.jsonl"), "{\"a\": 1}").unwrap();
    for number in 0..30 {
        std::fs::write(project.join(format!("notes-{number:02}.jsonl")), "not JSON").unwrap();
    }

    let output = import(data.path(), folder.path()).await;

    let said = said(&output);
    let said: Vec<&str> = said.lines().collect();
    let report = "1 imported, 31 skipped (31 without a conversation), 30 unreadable lines";
    let first = format!("{}: cannot be read in line 1", project.join("notes-00.jsonl").display());
    assert_eq!((said[0], said[20]), (first.as_str(), "more files have lines that cannot be read"));
    assert_eq!((said[21..].to_vec(), output.status.code()), (vec![report], Some(0)));
}

#[tokio::test]
async fn unreadable_lines_are_named() {
    let (data, transcripts) = (tempfile::tempdir().unwrap(), Transcripts::new());
    let path = transcripts.write(&Conversation::of(1).prompt("one"));
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    write!(file, "\n{}", "not JSON\n".repeat(30)).unwrap();

    let output = import(data.path(), transcripts.path()).await;

    let numbers: Vec<String> = (3..23).map(|number| number.to_string()).collect();
    let named = format!("{}: cannot be read in line {} and 10 more", path.display(), numbers.join(", "));
    assert_eq!(said(&output), format!("{named}\n1 imported, 0 skipped, 30 unreadable lines\n"));
}

#[tokio::test]
async fn subagents_that_are_left_out_are_told() {
    let (data, transcripts) = (tempfile::tempdir().unwrap(), Transcripts::new());
    let path = transcripts.write(&Conversation::of(1).prompt("one").answer("m1", "1"));
    let workflow = path.with_extension("").join("subagents/workflows/w1");
    std::fs::create_dir_all(&workflow).unwrap();
    let agent = Conversation::of(1).prompt("below").answer("m2", "2");
    let lines: Vec<String> = agent.lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(workflow.join("agent-a1.jsonl"), lines.concat()).unwrap();

    let output = import(data.path(), transcripts.path()).await;

    let left = "1 subagents of no tool use left out (1200 tokens)";
    assert_eq!(said(&output), format!("1 imported, 0 skipped, {left}, 0 unreadable lines\n"));
}

#[tokio::test]
async fn links_to_projects_are_followed_and_others_are_named() {
    let (data, shared) = (tempfile::tempdir().unwrap(), Transcripts::new());
    let transcript = shared.write(&Conversation::of(1).prompt("one"));
    let transcripts = Transcripts::new();
    let other = transcripts.write(&Conversation::of(2).prompt("two"));
    let projects = transcripts.path().join("projects");
    symlink(transcript.parent().unwrap(), projects.join("-srv-shared")).unwrap();
    let link = other.with_file_name("link.jsonl");
    symlink(&transcript, &link).unwrap();

    let output = import(data.path(), transcripts.path()).await;

    let report = "2 imported, 0 skipped, 0 unreadable lines\n";
    assert_eq!(said(&output), format!("{}: passed over, it is a link\n{report}", link.display()));
}
