//! Agents that are started before their sessions are opened: used once, for such a session only, and never
//! left behind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::unistd::Pid;
use runner_tests::processes::{agents_of, command_lines, kill_all};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

async fn server() -> Server {
    Server::start_with(&[("SPARE_AGENTS", "1")]).await
}

fn say(text: &str) -> Value {
    json!({ "prompt": script("Say it.", &json!([{ "text": text }])) })
}

async fn when_there_are(server: &Server, count: u64) {
    for _ in 0..2400 {
        if server.get("/api/status").await.body["spare_agents"] == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("there are not {count} spare agents: {}", server.log().await);
}

/// Runs a task; returns the id of its session.
async fn task(server: &Server, body: &Value) -> String {
    server.task(body).await["session_id"].as_str().unwrap().to_owned()
}

/// The spare agent, once there is one: the session that it is for, and its processes. Some of them are small
/// helpers of its start, which end by themselves; of an agent that was ended none is left.
async fn spare(server: &Server) -> (String, Vec<Pid>) {
    when_there_are(server, 1).await;
    let folder = server.data_dir().join("agents");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let session = names.filter_map(|name| Some(name.strip_suffix(".ahead")?.to_owned())).next().unwrap();
    let pids = agents_of(&server.data_dir()).into_iter().filter(|pid| is_of(*pid, &session)).collect();
    (session, pids)
}

fn is_of(pid: Pid, session: &str) -> bool {
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    String::from_utf8_lossy(&environ).contains(&format!("/{session}\0"))
}

fn has_folder(server: &Server, session: &str) -> bool {
    let of_session = |name: &str| name.starts_with(session);
    let entries = fs::read_dir(server.data_dir().join("agents")).unwrap();
    entries.flatten().any(|entry| of_session(entry.file_name().to_str().unwrap()))
}

async fn when_nothing_is_left(server: &Server, pids: &[Pid]) {
    for _ in 0..2400 {
        if pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}/cmdline")).exists()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("left behind: {:?}", command_lines(&agents_of(&server.data_dir())));
}

#[tokio::test]
async fn next_session_like_the_last_one_is_worked_on_by_the_agent_that_waits_and_goes_on_as_any_other() {
    let mut server = server().await;
    task(&server, &say("one")).await;
    let (waiting, pids) = spare(&server).await;
    assert!(!pids.is_empty());

    let second = server.task(&say("two")).await;
    let third = task(&server, &say("three")).await;

    assert_eq!((&second["session_id"], &second["message"]), (&json!(waiting), &json!("two")));
    assert_ne!(third, waiting, "it is used once");
    let running = agents_of(&server.data_dir());
    assert!(pids.iter().any(|pid| running.contains(pid)), "another agent was started");
    let calls = server.model_calls(&waiting).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let more = json!({ "prompt": say("four")["prompt"], "resume": waiting });
    assert_eq!(server.task(&more).await["message"], "four");
    assert!(server.stop().await.success());
    server.restart().await;
    let more = json!({ "prompt": say("five")["prompt"], "resume": waiting });
    assert_eq!(server.task(&more).await["message"], "five");
    server.verify(&waiting).await;
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn session_with_other_options_does_not_get_it() {
    // One more, or the first would end for one like the other session.
    let server = Server::start_with(&[("SPARE_AGENTS", "2")]).await;
    task(&server, &say("one")).await;
    let (waiting, pids) = spare(&server).await;

    let mut other = say("two");
    other["permission_mode"] = json!("plan");
    let other = task(&server, &other).await;

    assert_ne!(other, waiting);
    assert!(pids.iter().any(|pid| is_of(*pid, &waiting)), "it does not wait any more");
}

#[tokio::test]
async fn agent_that_was_started_before_a_definition_is_not_used_after_it() {
    let server = server().await;
    task(&server, &say("one")).await;
    let (_, before) = spare(&server).await;
    let definition = json!({ "name": "reviewer", "description": "Reviews.", "prompt": "Look." });
    assert!(server.post("/api/agents", &definition).await.status.is_success());

    let first = server.initialized(&task(&server, &say("two")).await).await;

    when_nothing_is_left(&server, &before).await;
    assert!(first["agents"].to_string().contains("reviewer"), "{first}");
    let (_, ahead) = spare(&server).await;
    let changed = json!({ "prompt": "Look twice." });
    assert!(server.patch("/api/agents/reviewer", &changed).await.status.is_success());
    let second = server.initialized(&task(&server, &say("three")).await).await;
    when_nothing_is_left(&server, &ahead).await;
    assert_ne!(first["extensions"]["fingerprint"], second["extensions"]["fingerprint"]);
}

#[tokio::test]
async fn spare_agent_that_was_killed_fails_no_task() {
    let server = server().await;
    task(&server, &say("one")).await;
    let (waiting, pids) = spare(&server).await;

    kill_all(&pids);
    let second = server.task(&say("two")).await;

    assert_eq!(second["message"], "two");
    assert_ne!(second["session_id"], json!(waiting));
    when_nothing_is_left(&server, &pids).await;
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@localhost"]).args(arguments).current_dir(folder);
    let done = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// What Claude Code says of a repository is what that was when the agent started.
#[tokio::test]
async fn spare_agent_is_used_in_a_repository_only_while_that_is_what_it_was() {
    let server = server().await;
    let folder = server.workspace();
    git(&folder, &["init", "--quiet"]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--message", "first"]);
    task(&server, &say("one")).await;

    let (unchanged, _) = spare(&server).await;
    assert_eq!(task(&server, &say("two")).await, unchanged);
    let (stale, pids) = spare(&server).await;
    fs::write(folder.join("b.txt"), "b").unwrap();
    assert_ne!(task(&server, &say("three")).await, stale);
    when_nothing_is_left(&server, &pids).await;
    assert!(!has_folder(&server, &stale));
    let (stale, _) = spare(&server).await;
    git(&folder, &["checkout", "--quiet", "-b", "other"]);
    assert_ne!(task(&server, &say("four")).await, stale);
}

#[tokio::test]
async fn nothing_of_it_is_left_when_the_server_stops_or_dies() {
    let mut server = server().await;
    task(&server, &say("one")).await;
    let (waiting, pids) = spare(&server).await;

    server.kill_9().await;
    when_nothing_is_left(&server, &pids).await;
    assert!(has_folder(&server, &waiting));
    server.restart().await;
    assert!(!has_folder(&server, &waiting), "swept at the start");

    task(&server, &say("two")).await;
    let (waiting, _) = spare(&server).await;
    assert!(server.stop().await.success());
    assert!(!has_folder(&server, &waiting));
}
