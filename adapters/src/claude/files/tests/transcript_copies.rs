//! Which of an agent's files a copy of its session gets, and up to where.

use runner_core::ids::{SessionId, TurnId};
use runner_core::ports::AgentFile;
use runner_core::session::fork::ConversationPart;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::claude::files::transcript_copy::{Copied, TranscriptCopy};

const FROM: SessionId = SessionId(Uuid::from_u128(1));
const TO: SessionId = SessionId(Uuid::from_u128(2));
const TURN: TurnId = TurnId(Uuid::from_u128(7));

#[test]
fn a_transcript_is_cut_behind_the_last_block_that_was_said() {
    let cases: &[(&[ConversationPart], usize)] = &[
        (&[prompt()], 2),
        (&[prompt(), text("m1")], 4),
        (&[prompt(), text("m1"), text("m1")], 5),
        (&[prompt(), text("m1"), text("m1"), ConversationPart::ToolUse("t1".into())], 6),
        (&[prompt(), ConversationPart::ToolUse("t1".into()), ConversationPart::ToolResult("t1".into())], 8),
    ];
    for (said, lines) in cases {
        let copied = copy(said, vec![main_file()]);

        assert!(copied.is_whole);
        assert_eq!(String::from_utf8_lossy(&copied.files[0].bytes).lines().count(), *lines, "{said:?}");
    }
}

#[test]
fn what_was_not_written_yet_is_missed() {
    let said = [prompt(), text("m1"), text("m1"), text("m1")];

    let copied = copy(&said, vec![main_file()]);

    assert!(!copied.is_whole);
    assert_eq!(String::from_utf8_lossy(&copied.files[0].bytes).lines().count(), 5);
    assert_eq!(copy(&[text("other")], vec![main_file()]), Copied::default());
    assert_eq!(copy(&said, vec![]), Copied::default());
}

#[test]
fn of_two_conversations_the_one_with_what_was_said_last_is_copied() {
    let other = Uuid::from_u128(3);
    let line = json!({ "type": "assistant", "sessionId": other,
        "message": { "id": "m9", "content": [{ "type": "text" }] } });
    let anew = file(&format!("projects/-srv/{other}.jsonl"), format!("{line}\n").into_bytes());
    let backup = file(&format!("file-history/{other}/ab@v1"), b"x".to_vec());
    let files = vec![main_file(), anew, backup];

    let before = copy(&[prompt(), text("m1")], files.clone());
    let after = copy(&[prompt(), text("m1"), text("m9")], files);

    assert!(before.is_whole && after.is_whole);
    let main = format!("projects/-srv/{TO}.jsonl");
    let paths = |copied: &Copied| copied.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&before), std::slice::from_ref(&main));
    assert_eq!(paths(&after), [main, format!("file-history/{TO}/ab@v1")]);
    let expected = format!("{}\n", line.to_string().replace(&other.to_string(), &TO.to_string()));
    assert_eq!(String::from_utf8_lossy(&after.files[0].bytes), expected);
}

#[test]
fn line_with_half_a_character_is_copied_as_it_is() {
    let mut main = main_file();
    let text =
        String::from_utf8(main.bytes).unwrap().replace(r#""content":"ok""#, r#""content":"cut \ud83d""#);
    main.bytes = text.into_bytes();
    let uses = [ConversationPart::ToolUse("t1".into()), ConversationPart::ToolResult("t1".into())];

    let copied = copy(&uses, vec![main]);

    assert!(copied.is_whole);
    assert!(String::from_utf8_lossy(&copied.files[0].bytes).contains(r#""cut \ud83d""#));
}

#[test]
fn every_line_and_every_path_names_the_new_session() {
    let subagent = format!("projects/-srv/{FROM}/subagents/agent-1.jsonl");
    let line = json!({ "sessionId": FROM, "message": { "content": format!("\"sessionId\":\"{FROM}\"") } });
    let files = vec![
        main_file(),
        file(&subagent, format!("{line}\n").into_bytes()),
        file(&format!("file-history/{FROM}/ab@v1"), FROM.to_string().into_bytes()),
        file("plans/a.md", b"a plan".to_vec()),
    ];

    let copied = copy(&[prompt()], files).files;

    let paths: Vec<_> = copied.iter().map(|file| file.path.clone()).collect();
    let expected = [
        format!("projects/-srv/{TO}.jsonl"),
        format!("projects/-srv/{TO}/subagents/agent-1.jsonl"),
        format!("file-history/{TO}/ab@v1"),
        "plans/a.md".to_owned(),
    ];
    assert_eq!(paths, expected);
    let transcript = String::from_utf8_lossy(&copied[0].bytes);
    assert!(!transcript.contains(&FROM.to_string()) && transcript.contains(&TO.to_string()));
    let subagent: Value = serde_json::from_slice(&copied[1].bytes).unwrap();
    assert_eq!(subagent["sessionId"], TO.to_string());
    assert_eq!(subagent["message"], line["message"], "what was said stays as it was");
    assert_eq!(copied[2].bytes, FROM.to_string().into_bytes());
}

fn prompt() -> ConversationPart {
    ConversationPart::Prompt(TURN)
}

fn text(message: &str) -> ConversationPart {
    ConversationPart::Text(message.to_owned())
}

fn copy(said: &[ConversationPart], files: Vec<AgentFile>) -> Copied {
    TranscriptCopy::new(FROM, TO, said.to_vec()).copy(files)
}

fn file(path: &str, bytes: Vec<u8>) -> AgentFile {
    AgentFile { path: path.to_owned(), bytes }
}

fn main_file() -> AgentFile {
    let answer = |block: Value| json!({ "type": "assistant", "sessionId": FROM, "message": { "id": "m1", "content": [block] } });
    let lines = [
        json!({ "type": "queue-operation", "operation": "enqueue", "sessionId": FROM }),
        json!({ "type": "user", "uuid": TURN, "sessionId": FROM, "message": { "content": "Look." } }),
        json!({ "type": "attachment", "sessionId": FROM }),
        answer(json!({ "type": "text", "text": "One." })),
        answer(json!({ "type": "text", "text": "Two." })),
        answer(json!({ "type": "tool_use", "id": "t1", "name": "Read", "input": {} })),
        json!({ "type": "file-history-snapshot" }),
        json!({ "type": "user", "uuid": Uuid::from_u128(9), "sessionId": FROM,
            "message": { "content": [{ "type": "tool_result", "tool_use_id": "t1", "content": "ok" }] } }),
        answer(json!({ "type": "text", "text": "Three." })),
    ];
    // A line may be torn where its program was ended.
    let text: String = lines.iter().take(8).map(|line| format!("{line}\n")).collect();
    file(&format!("projects/-srv/{FROM}.jsonl"), format!("{text}{{\"type\":\"assis").into_bytes())
}
