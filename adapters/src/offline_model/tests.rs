mod documented;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    OfflineModel,
    playback::Playback,
    reply::{Block, Ending, Message, Reply},
    request::Request,
    script::{Script, ScriptError},
    stream::Call,
};

const TWO_STEPS: &str =
    r#"[{"tool_use": {"name": "Bash", "input": {"command": "ls {{cwd}}"}}}, {"text": "done"}]"#;

#[test]
fn script_with_every_form_is_read() {
    let script = r#"[{"text": "a", "delay_ms": 5, "chunk_delay_ms": 7},
        {"thinking": "b", "stop_reason": "refusal"}, {"tool_use": {"name": "Write", "input": {}}},
        {"blocks": [{"text": "c"}, {"tool_use": {"name": "Bash"}}]},
        {"hang": true}, {"text": "d", "cut": true, "usage": {"output_tokens": 3}},
        {"error": {"status": 529, "type": "overloaded_error", "message": "m", "retry_after_s": 1,
            "times": 2}}]"#;

    let parsed = Script::parse(script);

    assert_eq!(parsed.map(|script| script.replies().len()), Ok(7));
}

#[test]
fn misspelt_option_is_named_with_its_reply() {
    let error = Script::parse(r#"[{"text": "a"}, {"text": "b", "dealy_ms": 5}]"#).unwrap_err().to_string();

    assert!(error.starts_with("reply 2 of the script: unknown field `dealy_ms`"), "{error}");
}

#[test]
fn reply_without_content_is_refused() {
    let problem = "needs one of `text`, `thinking`, `tool_use`, `blocks`, `error`".to_owned();

    assert_eq!(Script::parse(r#"[{"delay_ms": 5}]"#), Err(ScriptError::Reply { number: 1, problem }));
}

#[test]
fn status_of_an_error_is_checked() {
    let problem = "`error.status` must be from 400 to 599".to_owned();

    let parsed = Script::parse(r#"[{"error": {"status": 200}}]"#);

    assert_eq!(parsed, Err(ScriptError::Reply { number: 1, problem }));
}

#[test]
fn last_block_of_a_prompt_is_its_script() {
    let prompt =
        "first\n```offline\n[{\"text\": \"a\"}]\n```\nthen\n  ```offline \n[{\"text\": \"b\"}]\n```\nbye";

    assert_eq!(Script::find_in_prompt(prompt), Some(Script::parse(r#"[{"text": "b"}]"#)));
}

#[test]
fn open_block_is_an_error() {
    assert_eq!(Script::find_in_prompt("```offline\n[]"), Some(Err(ScriptError::NotClosed)));
}

#[test]
fn prompt_without_a_block_has_no_script() {
    assert_eq!(Script::find_in_prompt("```json\n[]\n```"), None);
}

#[test]
fn reply_follows_the_messages_after_the_prompt() {
    let prompt = scripted(TWO_STEPS);
    let first = [user(&prompt)];
    let second = [user(&prompt), asked("toolu_offline_1_0"), answered("toolu_offline_1_0")];

    assert_eq!(played(&first), tool_use("Bash", json!({"command": "ls /home/me/project"})));
    assert_eq!(played(&second), text("done"));
}

#[test]
fn tool_uses_of_one_reply_count_once() {
    let spread = [
        user(&scripted(TWO_STEPS)),
        asked("toolu_offline_1_0"),
        answered("toolu_offline_1_0"),
        asked("toolu_offline_1_1"),
        answered("toolu_offline_1_1"),
    ];

    assert_eq!(played(&spread), text("done"));
}

#[test]
fn reply_of_only_thinking_counts_by_its_nudge() {
    let script = scripted(r#"[{"thinking": "hm"}, {"text": "visible"}]"#);
    let nudge = "[Your previous response had no visible output. Please continue.]";

    assert_eq!(played(&[blocks("user", &[&script, nudge])]), text("visible"));
}

#[test]
fn newest_prompt_decides_in_a_merged_message() {
    let merged = blocks(
        "user",
        &[&scripted(r#"[{"text": "old"}]"#), "[Request interrupted by user]", &scripted(TWO_STEPS)],
    );

    assert_eq!(played(&[merged]), tool_use("Bash", json!({"command": "ls /home/me/project"})));
}

#[test]
fn what_the_program_says_is_no_prompt() {
    let conversation = [
        user(&scripted(r#"[{"text": "one"}, {"text": "two"}]"#)),
        json!({"role": "assistant", "content": "one"}),
        blocks("user", &["<system-reminder>\nRemember.\n</system-reminder>", "<task-notification>\nended"]),
        json!({"role": "system", "content": "The user sent a new message while you were working:\nhurry"}),
        blocks("user", &["The user sent a new message while you were working:\nhurry\n\nThis is how"]),
    ];

    assert_eq!(played(&conversation), text("two"));
}

#[test]
fn lines_about_pictures_behind_a_prompt_are_no_prompt() {
    let note = [
        "[Image: original 9x9, displayed at 3x3]",
        "[Image source: /tmp/1.png]",
        "[Image could not be processed: odd]",
    ];
    let prompt = blocks("user", &[&[&scripted(r#"[{"text": "seen"}]"#)[..]], &note[..]].concat());

    assert_eq!(played(&[prompt]), text("seen"));
}

#[test]
fn script_sent_during_a_turn_takes_over() {
    let sent =
        format!("The user sent a new message while you were working:\n{}", scripted(r#"[{"text": "new"}]"#));
    let conversation = [
        user(&scripted(TWO_STEPS)),
        asked("toolu_offline_1_0"),
        answered("toolu_offline_1_0"),
        json!({"role": "system", "content": sent}),
    ];

    assert_eq!(played(&conversation), text("new"));
}

#[test]
fn text_of_a_skill_is_no_prompt() {
    let conversation = [
        user(&scripted(r#"[{"tool_use": {"name": "Skill"}}, {"text": "skilled"}]"#)),
        json!({"role": "assistant", "content": [
            {"type": "tool_use", "id": "toolu_offline_1_0", "name": "Skill", "input": {"skill": "x"}}]}),
        json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_offline_1_0", "content": "Launching skill: x"},
            {"type": "text", "text": "You are improving the code."}]}),
    ];

    assert_eq!(played(&conversation), text("skilled"));
}

#[test]
fn broken_script_is_explained() {
    let Reply::Message(message) = reply(&Playback::new(None), &[user(&scripted(r#"[{"txt": 1}]"#))]) else {
        panic!("an error instead of a message");
    };

    assert!(format!("{:?}", message.blocks).contains("unknown field `txt`"));
}

#[test]
fn error_is_answered_as_often_as_it_says() {
    let playback = Playback::new(None);
    let conversation = [user(&scripted(r#"[{"error": {"status": 529, "times": 2}}, {"text": "up"}]"#))];

    let statuses: Vec<_> = (0..4).map(|_| status(&reply(&playback, &conversation))).collect();

    assert_eq!(statuses, [529, 529, 200, 200]);
}

#[test]
fn error_between_messages_is_answered_in_its_place() {
    let script =
        scripted(r#"[{"tool_use": {"name": "Bash"}}, {"error": {"status": 500}}, {"text": "never"}]"#);
    let playback = Playback::new(None);

    let first = reply(&playback, &[user(&script)]);
    let second =
        reply(&playback, &[user(&script), asked("toolu_offline_1_0"), answered("toolu_offline_1_0")]);

    assert_eq!([status(&first), status(&second)], [200, 500]);
}

#[test]
fn default_script_plays_for_prompts_without_their_own() {
    let playback = Playback::new(Some(Script::parse(r#"[{"text": "default"}]"#).unwrap()));

    assert_eq!(content(reply(&playback, &[user("hello")])), text("default"));
    assert_eq!(content(reply(&playback, &[user(&scripted(r#"[{"text": "own"}]"#))])), text("own"));
}

#[test]
fn title_call_gets_json_of_its_schema() {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let request = json!({"model": "m", "messages": [user(&scripted(TWO_STEPS))],
        "output_config": {"format": {"type": "json_schema", "schema": schema}}});

    let answer = content(Playback::new(None).reply(&parsed(request), "session"));

    assert_eq!(answer, text(r#"{"title":"Offline session"}"#));
}

#[test]
fn demonstration_walks_through_its_tools() {
    let listing = "total 8\ndrwxr-xr-x 2 me me 4096 Nov 22 12:00 .\n\
                   -rw-r--r-- 1 me me 5 Nov 22 12:00 main.rs\n\
                   -rw-r--r-- 1 me me 5 Nov 22 12:00 README.md";
    let mut conversation = vec![user("Write a note about this folder.")];

    let tools: Vec<_> = [("Bash", listing), ("Read", "1\t# Title"), ("Write", "no")]
        .into_iter()
        .enumerate()
        .map(|(index, (name, result))| {
            let asked_for = content(reply(&Playback::new(None), &conversation));
            let id = format!("toolu_offline_{index}_0");
            conversation.push(json!({"role": "assistant", "content": [
                {"type": "tool_use", "id": id, "name": name,
                    "input": {"file_path": "/home/me/project/README.md"}}]}));
            conversation.push(json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": id, "content": result,
                    "is_error": name == "Write"}]}));
            format!("{asked_for:?}")
        })
        .collect();
    let report = format!("{:?}", content(reply(&Playback::new(None), &conversation)));

    assert!(tools[0].contains("ls -la") && tools[2].contains("offline-demo.md"), "{tools:?}");
    assert!(tools[1].contains("/home/me/project/README.md"), "{tools:?}");
    assert!(report.contains("I saw 2 files: `main.rs`, `README.md`"), "{report}");
    assert!(report.contains("I was not allowed to write `offline-demo.md`: no"), "{report}");
}

#[test]
fn demonstration_reads_what_is_asked_for_and_writes_nothing_unasked() {
    let tools = json!([{"name": "Glob"}, {"name": "Read"}, {"name": "Write"}, {"name": "Bash"}]);
    let ask = |messages: &[Value]| {
        let system = "Primary working directory: /home/me/project";
        let request = json!({"model": "m", "system": system, "tools": tools, "messages": messages});
        content(Playback::new(None).reply(&parsed(request), "session"))
    };
    let mut conversation = vec![user("阅读 main.py 并总结其功能")];
    let results = [
        "/home/me/project/main.py\n/home/me/project/tests/main.py",
        "1\t\"\"\"Greets.\"\"\"\n2\tdef greet():",
    ];
    let inputs = [json!({"pattern": "**/main.py"}), json!({"file_path": "/home/me/project/main.py"})];
    for ((name, input), result) in ["Glob", "Read"].into_iter().zip(inputs).zip(results) {
        let id = format!("toolu_offline_{name}_0");
        assert_eq!(ask(&conversation)[1..], tool_use(name, input.clone()));
        conversation.push(json!({"role": "assistant", "content": [
            {"type": "tool_use", "id": id, "name": name, "input": input}]}));
        conversation.push(json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": result}]}));
    }

    let report = format!("{:?}", ask(&conversation));

    assert!(
        report.contains("I read `main.py`: 2 lines, beginning with “Greets.”; it has `greet`."),
        "{report}"
    );
}

#[test]
fn complete_message_has_unique_tool_ids() {
    let block =
        || Block::ToolUse(super::reply::ToolUse { name: "Bash".into(), input: json!({"command": "ls"}) });
    let message = || Message::new(vec![block(), block()]);

    let first = Call::new("m".into(), message()).to_json();
    let second = Call::new("m".into(), message()).to_json();

    let ids = [&first["content"][0]["id"], &first["content"][1]["id"], &second["content"][0]["id"]];
    assert!(ids[0] != ids[1] && ids[0] != ids[2], "{ids:?}");
    assert_eq!(first["stop_reason"], "tool_use");
}

#[tokio::test]
async fn stream_of_a_cut_message_fails() {
    let message = Message { ending: Ending::Cut, ..Message::text("some words, more than one delta of them") };
    let stream = Call::new("m".into(), message).into_stream();

    let chunks: Vec<_> = stream.collect().await;

    assert!(chunks.last().is_some_and(Result::is_err));
    let sent: Vec<u8> = chunks.into_iter().flatten().flatten().collect();
    assert!(!String::from_utf8_lossy(&sent).contains("content_block_stop"));
}

#[tokio::test]
async fn dropping_the_server_closes_its_connections() {
    let server = OfflineModel::start(None).await.unwrap();
    let address = server.base_url().replace("http://", "");
    let mut connection = TcpStream::connect(&address).await.unwrap();
    connection.write_all(b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();

    assert_eq!(connection.read_u8().await.unwrap(), b'H');
    drop(server);

    connection.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(TcpStream::connect(&address).await.is_err());
}

fn scripted(json: &str) -> String {
    format!("please\n```offline\n{json}\n```\n")
}

fn user(text: &str) -> Value {
    blocks("user", &["<system-reminder>\ncontext\n</system-reminder>\n\n", text])
}

fn blocks(role: &str, texts: &[&str]) -> Value {
    let blocks: Vec<_> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
    json!({"role": role, "content": blocks})
}

fn asked(id: &str) -> Value {
    json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "Bash", "input": {}}]})
}

fn answered(id: &str) -> Value {
    json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "ok"}]})
}

fn parsed(request: Value) -> Request {
    serde_json::from_value(request).unwrap()
}

fn reply(playback: &Playback, messages: &[Value]) -> Reply {
    let tools = json!([{"name": "Bash"}, {"name": "Read"}, {"name": "Write"}]);
    let system = "# Environment\n - Primary working directory: /home/me/project\n - Platform: linux";
    let request = json!({"model": "m", "system": system, "tools": tools, "messages": messages});
    playback.reply(&parsed(request), "session")
}

fn played(messages: &[Value]) -> Vec<Block> {
    content(reply(&Playback::new(None), messages))
}

fn content(reply: Reply) -> Vec<Block> {
    match reply {
        Reply::Message(message) => message.blocks,
        Reply::Error(error) => panic!("answered {}", error.status),
    }
}

fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Message(_) => 200,
        Reply::Error(error) => error.status,
    }
}

fn text(text: &str) -> Vec<Block> {
    vec![Block::Text(text.into())]
}

fn tool_use(name: &str, input: Value) -> Vec<Block> {
    vec![Block::ToolUse(super::reply::ToolUse { name: name.into(), input })]
}
