//! Imports through a server that runs.

use std::path::Path;

use reqwest::Method;
use runner_tests::script;
use runner_tests::server::Server;
use runner_tests::sse::Frames;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::transcripts::{Conversation, Transcripts};
use super::{import, messages, said, transcript, transcripts_of};

#[tokio::test]
async fn a_running_server_takes_conversations_in_tells_who_watches_and_goes_on_with_them() {
    let (elsewhere, server) = (Server::start().await, Server::start().await);
    let first = elsewhere.task(&json!({ "prompt": script("One.", &json!([{ "text": "first" }])) })).await;
    let session = first["session_id"].as_str().unwrap();
    transcript(&elsewhere, session, "first").await;
    let stream = server.request(Method::GET, "/api/stream?topics=sessions").send().await.unwrap();
    let mut frames = Frames::new(stream);
    frames.next().await.unwrap();

    let (data, folder) = (server.data_dir(), transcripts_of(&elsewhere));
    let once = import(&data, &folder).await;
    let told = frames.next().await.unwrap();
    let both = tokio::join!(import(&data, &folder), import(&data, &folder));

    assert_eq!(said(&once), "1 imported, 0 skipped, 0 unreadable lines\n");
    assert_eq!((&told.data["session"]["id"], &told.data["session"]["turns"]), (&json!(session), &json!(1)));
    for again in [both.0, both.1] {
        assert_eq!(said(&again), "0 imported, 1 skipped (1 with nothing new), 0 unreadable lines\n");
    }
    assert_eq!(messages(&server, session).await, messages(&elsewhere, session).await);
    server.verify(session).await;
    let prompt = script("Two.", &json!([{ "text": "second" }]));
    let folder = server.workspace().display().to_string();
    let body = json!({ "prompt": prompt, "resume": session, "working_dir": folder });
    drop(elsewhere);
    assert_eq!(server.task(&body).await["message"], "second");
}

#[tokio::test]
async fn a_running_server_names_what_it_cannot_import_and_what_it_passes_over() {
    let server = Server::start().await;
    let folder = Transcripts::new();
    let transcript = folder.write(&Conversation::of(1).prompt("one").answer("m1", "1"));
    std::fs::write(transcript.with_file_name("notes.jsonl"), "not JSON").unwrap();

    let missing = import(&server.data_dir(), Path::new("/no/such/folder")).await;
    let passed = import(&server.data_dir(), folder.path()).await;

    assert!(
        said(&missing).starts_with("claude-runner: /no/such/folder cannot be read"),
        "{}",
        said(&missing)
    );
    assert!(said(&passed).contains("notes.jsonl: cannot be read in line 1"), "{}", said(&passed));
    assert_eq!([missing, passed].map(|output| output.status.code()), [Some(1), Some(0)]);
}

#[tokio::test]
async fn who_says_rubbish_to_the_socket_is_let_go_and_others_are_answered() {
    let server = Server::start().await;
    let path = server.data_dir().join("import.sock");
    for rubbish in ["\n", "{}\n", "\"\\u0000\"\n", "never ended"] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(rubbish.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.is_empty() || answer.contains("failed"), "{rubbish}: {answer}");
    }

    let empty = tempfile::tempdir().unwrap();
    let nothing = import(&server.data_dir(), empty.path()).await;

    assert!(said(&nothing).contains("has no transcripts of Claude Code"), "{}", said(&nothing));
}
