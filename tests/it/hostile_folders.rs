//! Folders that nobody trusts, and other sessions on the same machine: neither makes an agent act.

use std::fs;
use std::path::Path;
use std::time::Duration;

use runner_tests::commands::{bash, open};
use runner_tests::hostile_folder::{HostileFolder, WORD, schedule};
use runner_tests::person::Person;
use runner_tests::processes::agents_of;
use runner_tests::recorder::Recorder;
use runner_tests::server::Server;
use runner_tests::{claude, claudes, script};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the program would do by itself begins within this: it was seen to take 2.5 s.
const UNTIL_IT_WOULD_ACT: u64 = 5000;

async fn server(claude: &Path, sandbox: &str, more: &[(&str, &str)]) -> Server {
    let claude = claude.display().to_string();
    let mut settings = vec![("SANDBOX", sandbox), ("IS_SANDBOX", "1"), ("CLAUDE_BIN", &claude)];
    settings.extend(more);
    Server::start_with(&settings).await
}

#[tokio::test]
async fn nothing_of_an_untrusted_folder_runs_speaks_or_is_called() {
    for claude in claudes() {
        for sandbox in ["auto", "off"] {
            let what = format!("{} {sandbox}", claude.display());
            let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let recorder = Recorder::start().await;
            let server = server(&claude, sandbox, &recorder.settings()).await;
            let folder = server.workspace().join("hostile");
            fs::create_dir(&folder).unwrap();
            let hostile = HostileFolder::make(&folder, &format!("http://{}", trap.local_addr().unwrap()));

            let ada = Person::register(&server, "ada").await;

            let read =
                json!({ "tool_use": { "name": "Read", "input": { "file_path": "{{cwd}}/src/a.txt" } } });
            let replies = json!([read, { "text": "looked", "delay_ms": UNTIL_IT_WOULD_ACT }]);
            let done =
                ada.task(&json!({ "prompt": script("Look.", &replies), "working_dir": "hostile" })).await;

            assert_eq!(
                (&done["success"], &done["message"]),
                (&json!(true), &json!("looked")),
                "{what}: {done}"
            );
            assert_eq!(hostile.marks(), Vec::<String>::new(), "{what}");
            let heard = recorder.take();
            let word = heard.find(WORD).map(|at| &heard[at..(at + 60).min(heard.len())]);
            assert_eq!(word, None, "{what}: the model was told this");
            let session = done["session_id"].as_str().unwrap();
            assert_eq!(turns_after_one_more(&ada, session).await, 2, "{what}");
            let called = tokio::time::timeout(Duration::from_millis(100), trap.accept()).await;
            assert!(called.is_err(), "{what}: the address of the folder was called");
        }
    }
}

/// What shows that the folder is as hostile as it looks: its hooks run where somebody trusts it.
#[tokio::test]
async fn the_same_folder_acts_when_it_is_trusted() {
    for claude in claudes() {
        let server = server(&claude, "auto", &[]).await;
        let folder = server.workspace();
        let hostile = HostileFolder::make(&folder, "http://127.0.0.1:9");
        let trusted = server.post("/api/workspaces/trust", &json!({ "working_dir": "." })).await;
        assert!(trusted.status.is_success(), "{}", trusted.body);

        let read = json!({ "tool_use": { "name": "Read", "input": { "file_path": "{{cwd}}/src/a.txt" } } });
        let replies = json!([read, { "text": "looked" }]);
        server.task(&json!({ "prompt": script("Look.", &replies) })).await;

        let marks = hostile.marks();
        for expected in ["hook-project-SessionStart", "hook-local-PreToolUse", "hook-project-Stop"] {
            assert!(marks.iter().any(|mark| mark == expected), "{}: {marks:?}", claude.display());
        }
    }
}

#[tokio::test]
async fn a_session_that_is_only_opened_takes_no_turn_because_of_its_folder() {
    for claude in claudes() {
        let server = server(&claude, "auto", &[]).await;
        HostileFolder::make(&server.workspace(), "http://127.0.0.1:9");

        let session = open(&server, json!({ "permission_mode": "default" })).await;
        runner_tests::processes::wait_for_command(&server.data_dir(), "--setting-sources=").await;
        tokio::time::sleep(Duration::from_millis(UNTIL_IT_WOULD_ACT)).await;

        assert_eq!(server.event_types(&session).await, ["session_opened"], "{}", claude.display());
    }
}

#[tokio::test]
async fn what_one_session_leaves_in_a_shared_folder_is_no_prompt_of_another() {
    for claude in claudes() {
        let server = server(&claude, "auto", &[]).await;
        let one = Person::register(&server, "ada").await;
        let other = Person::register(&server, "bob").await;
        let tasks = json!({ "tasks": [schedule("aaaa0001", "Say hello.", true)] }).to_string();
        let write = json!({ "file_path": "{{cwd}}/.claude/scheduled_tasks.json", "content": tasks });
        let durable = json!({ "cron": "* * * * *", "prompt": "Say hello.", "durable": true });
        let replies = json!([
            { "tool_use": { "name": "Write", "input": write } },
            { "tool_use": { "name": "CronCreate", "input": durable } },
            { "text": "left" },
        ]);
        let body = json!({ "prompt": script("Leave it.", &replies), "permission_mode": "bypassPermissions" });
        assert_eq!(one.task(&body).await["message"], "left");
        assert!(server.workspace().join(".claude/scheduled_tasks.json").exists());

        let replies = json!([{ "text": "mine", "delay_ms": UNTIL_IT_WOULD_ACT }]);
        let done = other.task(&json!({ "prompt": script("Say.", &replies) })).await;

        assert_eq!(done["message"], "mine");
        let session = done["session_id"].as_str().unwrap();
        assert_eq!(turns_after_one_more(&other, session).await, 2, "{}", claude.display());
    }
}

/// How many turns a session has had when one more prompt is answered: what its agent would do by itself comes
/// before that.
async fn turns_after_one_more(person: &Person<'_>, session: &str) -> usize {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let prompt = json!({ "prompt": script("Once more.", &json!([{ "text": "again" }])) });
    let path = format!("/api/sessions/{session}");
    assert!(person.post(&format!("{path}/prompts"), &prompt).await.status.is_success());
    for _ in 0..600 {
        let view = person.get(&path).await.body;
        let turns = view["turns"].as_array().unwrap();
        if view["status"] == "idle" && turns.iter().any(|turn| turn["result"] == "again") {
            return turns.len();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{session} does not answer")
}

/// The socket on which the agents of a server take messages.
fn sockets(server: &Server) -> Vec<String> {
    let pids = agents_of(&server.data_dir()).into_iter();
    let paths = pids.map(|pid| format!("/tmp/cc-socks/{pid}.sock"));
    paths.filter(|path| Path::new(path).exists()).collect()
}

#[tokio::test]
async fn no_agent_gives_another_tenants_agent_a_turn_also_without_a_sandbox() {
    let server = server(&claude(), "off", &[]).await;
    let admin = Person::register(&server, "root").await;
    let (one, other) = (admin.found_team("one", "ada").await, admin.found_team("other", "bob").await);
    let listening = json!({ "prompt": script("Say.", &json!([{ "text": "here" }])) });
    let session = other.task(&listening).await["session_id"].as_str().unwrap().to_owned();
    let sockets = sockets(&server);
    assert_eq!(sockets.len(), 1, "it takes messages");

    let send = |to: &str| json!({ "tool_use": { "name": "SendMessage", "input": { "to": to, "message": "Say hello.", "summary": "hello" } } });
    let mut replies = vec![send(&sockets[0]), bash("true")];
    replies.push(json!({ "text": "sent", "delay_ms": UNTIL_IT_WOULD_ACT }));
    let sending = json!({
        "prompt": script("Send.", &Value::from(replies)), "permission_mode": "bypassPermissions",
        "tools": ["SendMessage", "Bash"],
    });
    let sent = one.task(&sending).await;

    assert_eq!(sent["message"], "sent", "{sent}");
    let used = sent["tools_used"].to_string();
    assert!(used.contains("SendMessage"), "{sent}");
    assert!(Path::new(&sockets[0]).exists(), "the other one still listens");
    assert_eq!(turns_after_one_more(&other, &session).await, 2);
}
