//! The agent's own files: kept, put back, and cut where a decision was waited for.

use std::fs;
use std::path::{Path, PathBuf};

use runner_core::ids::SessionId;
use runner_core::ports::AgentFile;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::claude::files::agent_folder::AgentFolder;
use crate::claude::files::transcript::Transcript;
use crate::claude::tests::ScratchFolder;

const SESSION: SessionId = SessionId(Uuid::from_u128(0xa));
const PATH: &str = "projects/-srv/00000000-0000-0000-0000-00000000000a.jsonl";

#[tokio::test]
async fn everything_that_belongs_to_the_session_is_kept() {
    let folder = ScratchFolder::new();
    let subagent = "projects/-srv/00000000-0000-0000-0000-00000000000a/subagents/agent-7.jsonl";
    let history = "file-history/00000000-0000-0000-0000-00000000000a/1@v1";
    let own = [history, "plans/merry.md", subagent, PATH];
    let others = [
        "projects/-srv/notes.jsonl",
        "file-history/00000000-0000-0000-0000-00000000000b/1@v1",
        ".credentials.json",
        "settings.json",
    ];
    own.iter().chain(&others).for_each(|path| write(&folder, path, "with the mark\n"));

    let files = transcript(&folder).collect("mark".into()).await;

    assert_eq!(files, own.map(|path| file(path, "with the mark\n")));
}

#[tokio::test]
async fn conversations_that_people_left_are_kept_as_well() {
    let folder = ScratchFolder::new();
    let id = Uuid::from_u128(0xb);
    let (anew, history) = (format!("projects/-srv/{id}.jsonl"), format!("file-history/{id}/1@v1"));
    write(&folder, PATH, "first\n");
    write(&folder, &history, "x");

    assert_eq!(Transcript::new(folder.path(), id).path(), None, "the agent has not said anything in it");
    write(&folder, &anew, "second\n");

    let transcript = Transcript::new(folder.path(), id);
    assert_eq!(transcript.path(), Some(anew.clone().into()));
    let files = transcript.collect("second".into()).await;
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [history.as_str(), PATH, &anew]);
}

#[test]
fn conversation_that_goes_on_in_another_folder_gets_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let own = AgentFolder::new(folder.path());
    let (session, old, new) = (Uuid::from_u128(1), "projects/-srv-old", "projects/-srv-new");
    let file = |path: String, bytes: &str| AgentFile { path, bytes: bytes.into() };
    own.write(Path::new(&format!("{old}/{session}.jsonl")), b"one\n").unwrap();
    let saved = [
        file(format!("{new}/{session}.jsonl"), "one\ntwo\n"),
        file(format!("{old}/{session}.jsonl"), "one\n"),
        file(format!("{old}/{session}/subagents/agent-a.jsonl"), "{}\n"),
        file("plans/a.md".to_owned(), "plan"),
    ];

    Transcript::new(folder.path(), session).restore_in(new, &saved).unwrap();

    let mut found = own.list_below(Path::new("."));
    found.sort();
    let names = [
        "./plans/a.md".to_owned(),
        format!("./{new}/{session}/subagents/agent-a.jsonl"),
        format!("./{new}/{session}.jsonl"),
    ];
    assert_eq!(found, names.map(PathBuf::from));
    assert_eq!(own.read(Path::new(&format!("{new}/{session}.jsonl")), 100).unwrap(), b"one\ntwo\n");
}

#[test]
fn conversation_in_which_nothing_was_said_is_begun_again() {
    let folder = ScratchFolder::new();
    let said = [r#"{"type":"user","uuid":"1","message":{}}"#, r#"{"type":"as"#, r#"{"type": 1e999 }"#];
    for (text, is_kept) in [
        (r#"{"type":"mode","mode":"normal"}"#.to_owned(), false),
        (format!("{}\n{}", r#"{"type":"mode"}"#, r#"{"type":"queue-operation","uuid":"1"}"#), false),
        (format!("{}\n{}", r#"{"type":"mode"}"#, said[0]), true),
        (format!("{}\n{}", r#"{"type":"mode"}"#, said[1]), false),
        (said[2].to_owned(), true),
    ] {
        write(&folder, PATH, &text);

        transcript(&folder).discard_empty().unwrap();

        assert_eq!(transcript(&folder).path().is_some(), is_kept, "{text}");
    }
}

#[tokio::test]
async fn transcript_is_kept_when_it_has_what_was_told_last() {
    let folder = ScratchFolder::new();
    write(&folder, PATH, "first\n");
    let transcript = transcript(&folder);

    let (files, ()) = tokio::join!(transcript.collect("toolu_1".into()), async {
        tokio::task::yield_now().await;
        write(&folder, PATH, "first\ntoolu_1\n");
    });

    assert_eq!(files, [file(PATH, "first\ntoolu_1\n")]);
}

#[tokio::test]
async fn transcript_that_never_has_what_was_told_is_not_kept() {
    let folder = ScratchFolder::new();
    write(&folder, PATH, "first\n");

    let files = transcript(&folder).collect("toolu_1".into()).await;

    assert_eq!(files, []);
}

#[tokio::test]
async fn files_without_end_do_not_fill_the_servers_memory() {
    let folder = ScratchFolder::new();
    write(&folder, PATH, "first\n");
    for number in 0..4 {
        let path = format!("plans/{number}.md");
        write(&folder, &path, "");
        let sparse = fs::OpenOptions::new().write(true).open(folder.path().join(path)).unwrap();
        sparse.set_len(60 * 1024 * 1024).unwrap();
    }

    let files = transcript(&folder).collect("first".into()).await;

    let kept: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.bytes.len())).collect();
    assert_eq!(kept, [("plans/0.md", 60 << 20), ("plans/1.md", 60 << 20), (PATH, 6)]);
}

#[tokio::test]
async fn conversation_that_is_too_large_is_looked_into_at_its_end_and_not_kept() {
    let folder = ScratchFolder::new();
    write(&folder, PATH, "first\n");
    write(&folder, "plans/merry.md", "1. Read");
    let mut sparse = fs::OpenOptions::new().append(true).open(folder.path().join(PATH)).unwrap();
    sparse.set_len(1 << 40).unwrap();
    std::io::Write::write_all(&mut sparse, b"toolu_1\n").unwrap();
    let transcript = transcript(&folder);

    let files = transcript.collect("toolu_1".into()).await;

    assert_eq!(files, [file("plans/merry.md", "1. Read")]);
    assert!(transcript.cut_at("toolu_1").unwrap_err().to_string().contains("too large"));
    transcript.restore(&[file(PATH, "first\n")]).unwrap();
    assert_eq!(fs::metadata(folder.path().join(PATH)).unwrap().len(), (1 << 40) + 8);
}

#[test]
fn files_are_put_back_where_there_are_none() {
    let folder = ScratchFolder::new();

    transcript(&folder).restore(&[file(PATH, "first\n"), file("plans/merry.md", "1. Read")]).unwrap();

    assert_eq!((read(&folder, PATH), read(&folder, "plans/merry.md")), ("first\n".into(), "1. Read".into()));
    assert_eq!(transcript(&folder).path(), Some(PATH.into()));
}

#[test]
fn file_that_has_less_or_something_else_is_replaced() {
    for there in ["fir", "other\n", ""] {
        let folder = ScratchFolder::new();
        write(&folder, PATH, there);

        transcript(&folder).restore(&[file(PATH, "first\n")]).unwrap();

        assert_eq!(read(&folder, PATH), "first\n");
    }
}

#[test]
fn file_that_has_more_stays_as_it_is() {
    let folder = ScratchFolder::new();
    write(&folder, PATH, "first\nsecond\n");

    transcript(&folder).restore(&[file(PATH, "first\n")]).unwrap();

    assert_eq!(read(&folder, PATH), "first\nsecond\n");
}

#[test]
fn path_that_leads_out_of_the_folder_is_ignored() {
    let folder = ScratchFolder::new();
    let inside = folder.path().join("inside");
    let absolute = folder.path().join("absolute");

    let files =
        [file("../outside", "x"), file("plans/../../outside", "x"), file(absolute.to_str().unwrap(), "x")];
    Transcript::new(&inside, SESSION.0).restore(&files).unwrap();

    assert!(!folder.path().join("outside").exists());
    assert!(!absolute.exists());
}

#[test]
fn transcript_is_cut_at_a_tool_use_with_half_a_character() {
    let folder = ScratchFolder::new();
    let line = tool_use("u2", "toolu_1", "echo HALF").to_string().replace("HALF", r"\ud83d");
    write(&folder, PATH, &format!("{line}\n"));

    transcript(&folder).cut_at("toolu_1").unwrap();

    let text = read(&folder, PATH);
    let (kept, marker) = text.trim_end().rsplit_once('\n').unwrap();
    let marker: Value = serde_json::from_str(marker).unwrap();
    assert_eq!(kept, line);
    assert_eq!(marker["attachment"]["toolInput"], json!({ "command": "echo \u{fffd}" }));
}

#[test]
fn transcript_is_cut_behind_the_tool_use_with_a_marker() {
    let folder = ScratchFolder::new();
    let before = [prompt(), tool_use("u2", "toolu_1", "ls")].map(|line| line.to_string()).join("\n");
    let siblings =
        [tool_use("u3", "toolu_2", "pwd"), result("toolu_2")].map(|line| line.to_string()).join("\n");
    write(&folder, PATH, &format!("{before}\n{siblings}\n"));

    transcript(&folder).cut_at("toolu_1").unwrap();

    let text = read(&folder, PATH);
    let (kept, marker) = text.trim_end().rsplit_once('\n').unwrap();
    let mut marker: Value = serde_json::from_str(marker).unwrap();
    let uuid = marker.as_object_mut().unwrap().remove("uuid").unwrap();
    assert_eq!(kept, before);
    assert!(Uuid::try_parse(uuid.as_str().unwrap()).is_ok());
    let attachment = json!({
        "type": "hook_deferred_tool", "toolUseID": "toolu_1", "toolName": "Bash",
        "toolInput": { "command": "ls" }, "hookName": "settings", "hookEvent": "PreToolUse",
        "permissionMode": "default",
    });
    let expected = json!({
        "type": "attachment", "parentUuid": "u2", "isSidechain": false, "attachment": attachment,
        "timestamp": "2026-11-22T10:24:13.083Z", "userType": "external", "entrypoint": "sdk-cli",
        "cwd": "/srv", "sessionId": SESSION, "version": "2.1.197", "gitBranch": "main",
    });
    assert_eq!(marker, expected);
    assert!(text.ends_with('\n'));
}

#[test]
fn line_that_only_speaks_of_the_tool_use_is_not_where_it_is_cut() {
    let folder = ScratchFolder::new();
    let lines = [
        json!({ "type": "user", "message": { "content": "what about toolu_1?" } }),
        json!({ "type": "assistant", "message": { "content": [{ "type": "text", "text": "toolu_1" }] } }),
        tool_use("u2", "toolu_1", "ls"),
    ];
    write(&folder, PATH, &lines.map(|line| format!("{line}\n")).concat());

    transcript(&folder).cut_at("toolu_1").unwrap();

    assert_eq!(read(&folder, PATH).lines().count(), 4);
}

#[test]
fn transcript_that_was_cut_is_cut_again_at_the_same_place() {
    let folder = ScratchFolder::new();
    write(&folder, PATH, &format!("{}\n", tool_use("u2", "toolu_1", "ls")));

    transcript(&folder).cut_at("toolu_1").unwrap();
    transcript(&folder).cut_at("toolu_1").unwrap();

    assert_eq!(read(&folder, PATH).lines().count(), 2);
}

#[test]
fn transcript_without_the_tool_use_is_not_cut() {
    let folder = ScratchFolder::new();
    let line = format!("{}\n", tool_use("u2", "toolu_1", "ls"));
    write(&folder, PATH, &line);

    let refused = transcript(&folder).cut_at("toolu_9");

    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(read(&folder, PATH), line);
}

#[test]
fn session_without_a_transcript_is_not_cut() {
    let folder = ScratchFolder::new();

    let refused = transcript(&folder).cut_at("toolu_1");

    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

fn transcript(folder: &ScratchFolder) -> Transcript {
    Transcript::new(folder.path(), SESSION.0)
}

fn file(path: &str, text: &str) -> AgentFile {
    AgentFile { path: path.into(), bytes: text.into() }
}

fn write(folder: &ScratchFolder, path: &str, text: &str) {
    let path: PathBuf = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(folder: &ScratchFolder, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).unwrap()
}

fn prompt() -> Value {
    json!({ "type": "user", "uuid": "u1", "message": { "role": "user", "content": "list" } })
}

fn tool_use(uuid: &str, tool_use_id: &str, command: &str) -> Value {
    let tool = json!({
        "type": "tool_use", "id": tool_use_id, "name": "Bash", "input": { "command": command },
    });
    json!({
        "type": "assistant", "uuid": uuid, "parentUuid": "u1", "isSidechain": false,
        "message": { "role": "assistant", "content": [tool] }, "timestamp": "2026-11-22T10:24:13.083Z",
        "userType": "external", "entrypoint": "sdk-cli", "cwd": "/srv", "sessionId": SESSION,
        "version": "2.1.197", "gitBranch": "main",
    })
}

fn result(tool_use_id: &str) -> Value {
    let result = json!({ "type": "tool_result", "tool_use_id": tool_use_id, "content": "ok" });
    json!({ "type": "user", "uuid": "u9", "message": { "role": "user", "content": [result] } })
}
