//! What an agent in the sandbox sees, writes, takes, and leaves behind. The agent is the real one, and its
//! Bash does what a hostile one would.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::unistd::Uid;
use reqwest::StatusCode;
use runner_tests::processes::{
    commands_on_host, wait_for_command, wait_for_command_on_host, wait_until_no_command,
};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

/// A session in which everything is allowed.
async fn open(server: &Server, options: Value) -> String {
    let mut body = json!({ "permission_mode": "bypassPermissions" });
    body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let opened = server.post("/api/sessions", &body).await;
    assert_eq!(opened.status, StatusCode::CREATED, "{}", opened.body);
    opened.body["id"].as_str().unwrap().to_owned()
}

fn bash(command: &str) -> Value {
    let input = json!({ "command": command, "description": "look", "timeout": 300_000 });
    json!({ "tool_use": { "name": "Bash", "input": input } })
}

/// Runs a command in a session and returns what it printed.
async fn run(server: &Server, session: &str, command: &str) -> String {
    let replies = json!([bash(command), { "text": "done" }]);
    let done = server.task(&json!({ "prompt": script("Run.", &replies), "resume": session })).await;
    let events = server.events(session).await;
    let returned = events
        .iter()
        .rfind(|event| event["type"] == "tool_returned" && event["data"]["turn"] == done["turn_id"]);
    let content = &returned.unwrap()["data"]["content"];
    content.as_str().map_or_else(|| content.to_string(), str::to_owned)
}

/// Begins a command without waiting for its end.
async fn begin(server: &Server, session: &str, command: &str) {
    let replies = json!([bash(command), { "text": "never" }]);
    let body = json!({ "prompt": script("Run.", &replies), "resume": session, "timeout_ms": 1 });
    let task = server.post("/api/task", &body).await;
    assert_eq!(task.status, StatusCode::ACCEPTED, "{}", task.body);
}

#[tokio::test]
async fn the_status_says_which_protections_are_on() {
    let server = Server::start_with(&[("AGENT_MAX_PROCESSES", "321")]).await;
    let off = Server::start_with(&[("SANDBOX", "off")]).await;

    let on = server.get("/api/status").await.body["agent"]["protection"].clone();
    let off = off.get("/api/status").await.body["agent"]["protection"].clone();

    assert_eq!((&on["sandbox"], &on["sandbox_problem"]), (&json!("bubblewrap"), &Value::Null), "{on}");
    assert_eq!((&on["limits"][0]["name"], &on["limits"][0]["limit"]), (&json!("processes"), &json!(321)));
    assert_eq!((&off["sandbox"], &off["sandbox_problem"]), (&json!("none"), &json!("SANDBOX=off")));
}

#[tokio::test]
async fn nothing_of_the_server_of_others_and_of_the_host_is_seen() {
    let server = Server::start().await;
    for name in ["mine", "theirs"] {
        std::fs::create_dir(server.workspace().join(name)).unwrap();
    }
    std::fs::write(server.workspace().join("theirs/secret.txt"), "theirs").unwrap();
    std::fs::write(server.home().join("secret.txt"), "operators").unwrap();
    let on_host = tempfile::NamedTempFile::new().unwrap();
    let other = open(&server, json!({ "working_dir": "theirs" })).await;
    run(&server, &other, "echo hello").await;
    let session = open(&server, json!({ "working_dir": "mine" })).await;

    let database = server.data_dir().join("runner.db");
    let others_config = server.data_dir().join("agents").join(&other);
    let hidden = [
        database.as_path(),
        &server.data_dir().join("instance"),
        &others_config,
        &server.workspace().join("theirs"),
        &server.home().join("secret.txt"),
        on_host.path(),
        Path::new("/etc/shadow"),
        Path::new("/root/.bashrc"),
    ];
    let tests = hidden.map(|path| format!("[ -e '{0}' ] && echo 'sees {0}'", path.display())).join("; ");
    let seen = run(&server, &session, &format!("{tests}; ls ~ -A; echo end")).await;
    let processes = run(&server, &session, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").await;
    let environments = run(&server, &session, "cat /proc/[0-9]*/environ | tr '\\0' '\\n'").await;

    assert_eq!(seen, "end");
    assert!(processes.contains("claude") && !processes.contains("debug/claude-runner"), "{processes}");
    assert!(!environments.contains("DATA_DIR") && !environments.contains("theirs"), "{environments}");
    assert!(database.exists() && others_config.exists(), "what was looked for is there outside");
}

#[tokio::test]
async fn only_the_sessions_own_folders_can_be_written() {
    let server = Server::start().await;
    for name in ["work", "beside", "other"] {
        std::fs::create_dir(server.workspace().join(name)).unwrap();
    }
    let session = open(&server, json!({ "working_dir": "work", "add_dirs": ["beside"] })).await;
    let workspace = server.workspace().display().to_string();

    let places = format!(
        "work:. beside:{workspace}/beside tmp:/tmp home:$HOME config:$CLAUDE_CONFIG_DIR \
         other:{workspace}/other root:/ usr:/usr etc:/etc data:{} proc:/proc/sys/kernel bin:/usr/local/bin",
        server.data_dir().display()
    );
    let written = run(
        &server,
        &session,
        &format!("for p in {places}; do touch ${{p#*:}}/canary 2>/dev/null && echo ${{p%%:*}}; done; cat /proc/mounts"),
    )
    .await;
    let sysctl = run(&server, &session, "echo evil > /proc/sys/kernel/core_pattern; echo $?").await;

    let (written, mounts) = written.split_once("tmpfs / ").unwrap();
    assert_eq!(written.split_whitespace().collect::<Vec<_>>(), ["work", "beside", "tmp", "home", "config"]);
    assert!(mounts.starts_with("tmpfs ro,"), "{mounts}");
    assert!(sysctl.contains("Read-only file system") && sysctl.ends_with('1'), "{sysctl}");
    assert!(server.workspace().join("work/canary").exists());
    assert!(!Path::new("/tmp/canary").exists() && !server.home().join("canary").exists());
}

#[tokio::test]
async fn a_workspace_that_holds_the_servers_data_and_settings_does_not_show_them() {
    let server = Server::start_with(&[("WORKING_DIR", "."), ("DATABASE_URL", "sqlite://other.db")]).await;
    let folder = server.data_dir().parent().unwrap().to_owned();
    std::fs::write(folder.join(".env"), "ANTHROPIC_API_KEY=sk-ant-canary\n").unwrap();
    let session = open(&server, json!({})).await;

    let seen =
        run(&server, &session, "cat .env other.db other.db-wal | wc -c; ls -A data data/agents; ls").await;

    let own = format!("agents\n\ndata/agents:\n{session}");
    assert!(seen.contains(&own), "{seen}");
    assert!(seen.contains("Permission denied"), "{seen}");
    assert!(!run(&server, &session, "cat .env other.db 2>/dev/null").await.contains("canary"));
    assert!(std::fs::read_to_string(folder.join(".env")).unwrap().contains("canary"));
}

#[tokio::test]
async fn what_the_operator_shows_is_seen_and_stays_as_it_is() {
    let shown = tempfile::tempdir().unwrap();
    std::fs::write(shown.path().join("tool"), "#!/bin/sh\necho from the tool\n").unwrap();
    let path = shown.path().to_str().unwrap();
    let server = Server::start_with(&[("SANDBOX_READ_ONLY", path)]).await;
    let session = open(&server, json!({})).await;

    let said =
        run(&server, &session, &format!("sh {path}/tool; touch {path}/canary; rm -f {path}/tool")).await;

    assert!(said.contains("from the tool") && said.contains("Read-only file system"), "{said}");
    assert!(shown.path().join("tool").exists() && !shown.path().join("canary").exists());
}

#[tokio::test]
async fn links_in_an_agents_own_folder_lead_the_server_nowhere() {
    let mut server = Server::start().await;
    let session = open(&server, json!({})).await;
    let secret = server.home().join("secret.txt");
    std::fs::write(&secret, "operators\n").unwrap();
    let (home, projects) = (server.home(), "$CLAUDE_CONFIG_DIR/projects");
    run(&server, &session, "echo first").await;

    let plant = format!(
        "ln -s {0} $CLAUDE_CONFIG_DIR/plans; cd {projects}/*/; mkdir {session}; ln -s {0}/secret.txt {session}/a.jsonl; \
         rmdir $HOME 2>&1; mv $CLAUDE_CONFIG_DIR /x 2>&1",
        home.display()
    );
    run(&server, &session, &plant).await;
    run(&server, &session, "echo second").await;
    server.stop().await;
    let database = std::fs::read(server.data_dir().join("runner.db")).unwrap();
    server.restart().await;
    run(&server, &session, "echo third").await;

    assert!(!database.windows(9).any(|window| window == b"operators"), "the server read through a link");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "operators\n");
    let left: Vec<_> = std::fs::read_dir(&home).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["secret.txt"], "the server wrote through a link");
}

/// Children in process sessions of their own, one of them without any environment.
fn stubborn(seconds: u32) -> String {
    let [plain, unknown] = [seconds, seconds + 1];
    format!(
        "setsid nohup sleep {plain} >/dev/null 2>&1 & env -i setsid sleep {unknown} >/dev/null 2>&1 & sleep 600"
    )
}

#[tokio::test]
async fn an_agent_that_ends_takes_everything_with_it() {
    let mut server = Server::start().await;
    let session = open(&server, json!({})).await;
    begin(&server, &session, &stubborn(70_010)).await;
    wait_for_command(&server.data_dir(), "sleep 70010").await;
    // It runs, and nothing marks it.
    wait_for_command_on_host("sleep 70011").await;

    server.stop().await;

    assert_eq!(commands_on_host("sleep 7001"), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_no_process() {
    let mut server = Server::start().await;
    let session = open(&server, json!({})).await;
    begin(&server, &session, &stubborn(70_020)).await;
    wait_for_command(&server.data_dir(), "sleep 70020").await;
    wait_for_command_on_host("sleep 70021").await;

    server.kill_9().await;

    wait_until_no_command("sleep 7002").await;
}

#[tokio::test]
async fn without_a_sandbox_a_child_without_environment_ends_with_its_control_group() {
    let mut server = Server::start_with(&[("SANDBOX", "off"), ("IS_SANDBOX", "1")]).await;
    if !is_limited_by_groups(&server).await {
        return; // This machine lets nobody make control groups.
    }
    let session = open(&server, json!({})).await;
    begin(&server, &session, &stubborn(70_030)).await;
    wait_for_command(&server.data_dir(), "sleep 70030").await;
    wait_for_command_on_host("sleep 70031").await;

    server.stop().await;

    assert_eq!(commands_on_host("sleep 7003"), Vec::<String>::new());
}

async fn is_limited_by_groups(server: &Server) -> bool {
    let status = server.get("/api/status").await.body;
    let limits = status["agent"]["protection"]["limits"].as_array().unwrap().clone();
    limits.iter().take(2).all(|limit| limit["limited_by"].as_str().unwrap().starts_with("cgroup"))
}

#[tokio::test]
async fn a_fork_bomb_hurts_nobody_else() {
    let server = Server::start_with(&[("AGENT_MAX_PROCESSES", "150")]).await;
    if !is_limited_by_groups(&server).await {
        return; // This machine lets nobody make control groups.
    }
    let (bomber, other) = (open(&server, json!({})).await, open(&server, json!({})).await);
    run(&server, &other, "echo warm").await;

    begin(&server, &bomber, "bomb() { bomb | bomb & }; bomb; sleep 600").await;
    wait_for_command(&server.data_dir(), "bomb").await;
    let mut slowest = Duration::ZERO;
    for _ in 0..40 {
        let asked = Instant::now();
        assert_eq!(server.get("/ready").await.status, StatusCode::OK);
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let said = run(&server, &other, "echo still here").await;

    assert!(slowest < Duration::from_secs(1), "an answer took {slowest:?}");
    assert_eq!(said, "still here");
    server.post(&format!("/api/sessions/{bomber}/interrupt"), &json!({})).await;
    server.wait_for_status(&bomber, "idle").await;
}

#[tokio::test]
async fn an_agent_gets_so_much_memory_and_no_more() {
    let server = Server::start_with(&[("AGENT_MAX_MEMORY_MB", "700")]).await;
    if !is_limited_by_groups(&server).await {
        return; // This machine lets nobody make control groups.
    }
    let session = open(&server, json!({})).await;

    // What `tail` keeps of an endless line is in memory.
    let said = run(&server, &session, "head -c 3000000000 /dev/zero | tail | wc -c; echo over").await;

    assert!(!said.contains("3000000000") && said.contains("over"), "{said}");
    assert_eq!(server.get("/ready").await.status, StatusCode::OK);
    assert_eq!(run(&server, &session, "echo still here").await, "still here");
}

#[tokio::test]
async fn a_file_grows_so_far_and_no_further() {
    let server = Server::start_with(&[("AGENT_MAX_FILE_MB", "20")]).await;
    let session = open(&server, json!({})).await;

    run(&server, &session, "head -c 50000000 /dev/zero > large; echo over").await;

    assert_eq!(server.workspace().join("large").metadata().unwrap().len(), 20 * 1024 * 1024);
}

#[tokio::test]
async fn where_a_sandbox_is_required_and_missing_the_server_does_not_start() {
    let folder = tempfile::tempdir().unwrap();

    let refused = tokio::process::Command::new(runner_tests::program("claude-runner"))
        .current_dir(folder.path())
        .env_clear()
        .envs([("SANDBOX", "required"), ("OFFLINE", "true"), ("PORT", "0"), ("PATH", "/nonexistent")])
        .output()
        .await
        .unwrap();

    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("SANDBOX=required") && said.contains("apt-get install bubblewrap"), "{said}");
}

#[tokio::test]
async fn where_a_sandbox_is_missing_the_server_says_so_and_starts() {
    let programs = tempfile::tempdir().unwrap();
    for name in ["bash", "sh", "git", "stat"] {
        symlink(Path::new("/bin").join(name), programs.path().join(name)).unwrap();
    }
    let server = Server::start_with(&[("PATH", programs.path().to_str().unwrap())]).await;

    let status = server.get("/api/status").await.body["agent"]["protection"].clone();
    let done = server.task(&json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])) })).await;

    assert_eq!(status["sandbox"], "none");
    assert!(status["sandbox_problem"].as_str().unwrap().contains("apt-get install bubblewrap"), "{status}");
    assert!(server.log().await.contains("agents are in no sandbox"));
    assert_eq!(done["message"], "hi");
    if Uid::effective().is_root() {
        let body = json!({ "permission_mode": "bypassPermissions" });
        let refused = server.post("/api/sessions", &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "bypass_not_allowed"));
    }
}
