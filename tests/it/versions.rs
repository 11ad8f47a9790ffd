//! Sessions over several versions of Claude Code: those of the suite in both directions, and one of the
//! future that says more, and less, than today's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use runner_tests::recorder::Recorder;
use runner_tests::server::Server;
use runner_tests::{claude, claudes, older_claude, script};
use serde_json::{Value, json};
use tempfile::TempDir;

async fn say(server: &Server, session: &str, prompt: &str) -> Value {
    let prompt = script(prompt, &json!([{ "text": "Noted." }]));
    server.task(&json!({ "prompt": prompt, "resume": session })).await
}

fn append_once() -> Value {
    let input = json!({ "command": "echo once >> {{cwd}}/log.txt", "description": "append" });
    json!({ "tool_use": { "name": "Bash", "input": input } })
}

#[tokio::test]
async fn a_conversation_goes_on_with_another_version_in_both_directions() {
    for (one, other) in [(older_claude(), claude()), (claude(), older_claude())] {
        let model = Recorder::start().await;
        let settings = [("CLAUDE_BIN", one.to_str().unwrap())];
        let settings: Vec<_> = model.settings().into_iter().chain(settings).collect();
        let mut server = Server::start_with(&settings).await;
        let prompt = script("Remember the cormorant.", &json!([{ "text": "I remember it." }]));
        let first = server.task(&json!({ "prompt": prompt })).await;
        let session = first["session_id"].as_str().unwrap().to_owned();
        let replies = json!([append_once(), { "text": "done" }]);
        let body = json!({ "prompt": script("Ask.", &replies), "resume": session });
        let (_, request) = server.ask(&body).await;

        server.kill_9().await;
        server.set("CLAUDE_BIN", other.to_str().unwrap());
        server.restart().await;
        server.decide(&session, &request, &json!({ "decision": "allow" })).await;
        let view = server.wait_for_status(&session, "idle").await;
        model.take();
        let third = say(&server, &session, "Which bird?").await;
        let asked = model.take();

        assert_eq!(view["turns"][1]["result"], "done", "{view}");
        assert_eq!(fs::read_to_string(server.workspace().join("log.txt")).unwrap(), "once\n");
        assert!(asked.contains("cormorant") && asked.contains("I remember it."), "the history is known");
        assert_eq!((&third["cost_usd"], &third["num_turns"]), (&first["cost_usd"], &json!(1)), "{third}");
        server.verify(&session).await;
    }
}

#[tokio::test]
async fn a_session_keeps_the_model_that_its_agent_chose() {
    for claude in claudes() {
        let mut server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        let first = server.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])) })).await;
        let session = first["session_id"].as_str().unwrap().to_owned();

        server.stop().await;
        server.restart().await;
        let second = say(&server, &session, "Say.").await;

        assert_eq!(second["model"], first["model"], "{}", claude.display());
        let introduced = server.event_types(&session).await;
        let introduced = introduced.iter().filter(|event| *event == "agent_initialized");
        assert_eq!(introduced.count(), 1, "the agent says of itself what it said before");
    }
}

/// A program that hands on what the real one says, but for what a piece of Python does with each line.
fn translated(folder: &Path, change: &str) -> PathBuf {
    let path = folder.join("claude");
    let text = format!(
        r#"#!/usr/bin/python3 -u
import json, subprocess, sys
real = {real:?}
if sys.argv[1:] == ["--version"]:
    print("2.1.332 (Claude Code)")
    sys.exit()
def say(line):
    print(json.dumps(line), flush=True)
agent = subprocess.Popen([real, *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
for text in agent.stdout:
    line = json.loads(text)
{change}
    say(line)
sys.exit(agent.wait())
"#,
        real = claude().to_str().unwrap(),
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_version_of_the_future_says_more_than_is_known_and_nothing_of_it_is_lost() {
    let folder = TempDir::new().unwrap();
    let program = translated(
        folder.path(),
        r#"
    if line["type"] == "assistant":
        say({"type": "telepathy", "thought": "of the future", "session_id": line["session_id"]})
        say({"type": "system", "subtype": "weather", "sky": "blue", "session_id": line["session_id"]})
        line["message"]["content"].append({"type": "hologram", "pixels": 3})
        line["mood"] = {"deep": [1, 2, 3]}
    if line["type"] == "control_request":
        line["request"]["urgency"] = {"level": "high"}
        line["request"]["permission_suggestions"] = [{"type": "grantForever", "to": ["everybody"]}]
    if line["type"] == "result":
        line["karma"] = 7
"#,
    );
    let server = Server::start_with(&[("CLAUDE_BIN", program.to_str().unwrap()), ("SANDBOX", "off")]).await;
    let replies = json!([append_once(), { "text": "done" }]);
    let (session, request) = server.ask(&json!({ "prompt": script("Ask.", &replies) })).await;

    server.decide(&session, &request, &json!({ "decision": "allow" })).await;
    let view = server.wait_for_status(&session, "idle").await;

    assert_eq!(
        (&view["turns"][0]["outcome"], &view["turns"][0]["result"]),
        (&json!("success"), &json!("done"))
    );
    assert_eq!(fs::read_to_string(server.workspace().join("log.txt")).unwrap(), "once\n");
    let events = server.events(&session).await;
    let told = json!(events.iter().filter(|event| event["type"] == "agent_message").collect::<Vec<_>>());
    for unknown in ["of the future", "blue", "hologram"] {
        assert!(told.to_string().contains(unknown), "{unknown} is lost: {told}");
    }
    server.verify(&session).await;
}

#[tokio::test]
async fn a_result_that_tells_next_to_nothing_ends_its_turn_all_the_same() {
    let folder = TempDir::new().unwrap();
    let program = translated(
        folder.path(),
        r#"
    if line["type"] == "result":
        line = {"type": "result", "session_id": line["session_id"]}
"#,
    );
    let server = Server::start_with(&[("CLAUDE_BIN", program.to_str().unwrap()), ("SANDBOX", "off")]).await;

    let first = server.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])) })).await;
    let session = first["session_id"].as_str().unwrap();
    let second = say(&server, session, "Say.").await;

    for answer in [&first, &second] {
        assert_eq!(answer["success"], true, "{answer}");
        assert!(
            answer["cost_usd"].as_f64().unwrap() > 0.0,
            "the server counted the call by itself: {answer}"
        );
    }
    assert_eq!(server.view(session).await["status"], "idle");
}

#[tokio::test]
async fn a_tool_that_nobody_knows_asks_and_is_refused_where_nobody_is_asked() {
    let folder = TempDir::new().unwrap();
    // The program calls the shell by a new name wherever it speaks of it.
    let program = translated(
        folder.path(),
        r#"
    line = json.loads(json.dumps(line).replace('"Bash"', '"Teleport"'))
"#,
    );
    let server = Server::start_with(&[("CLAUDE_BIN", program.to_str().unwrap()), ("SANDBOX", "off")]).await;
    let replies = json!([append_once(), { "text": "done" }]);

    let (session, request) = server.ask(&json!({ "prompt": script("Ask.", &replies) })).await;
    let refused =
        server.task(&json!({ "prompt": script("Ask.", &replies), "permission_mode": "dontAsk" })).await;

    assert_eq!(request["tool_name"], "Teleport", "{request}");
    assert_eq!(refused["message"], "done");
    assert!(!server.workspace().join("log.txt").exists());
    server.decide(&session, &request, &json!({ "decision": "allow" })).await;
    server.wait_for_status(&session, "idle").await;
    assert_eq!(fs::read_to_string(server.workspace().join("log.txt")).unwrap(), "once\n");
}
