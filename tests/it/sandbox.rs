//! What an agent in the sandbox sees, writes, takes, and leaves behind. The agent is the real one, and its
//! Bash does what a hostile one would.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::unistd::Uid;
use reqwest::StatusCode;
use runner_tests::commands::{begin, open, run};
use runner_tests::processes::{
    commands_on_host, wait_for_command, wait_for_command_on_host, wait_until_no_command,
};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

#[tokio::test]
async fn the_status_says_which_protections_are_on() {
    let server = Server::start_with(&[("AGENT_MAX_PROCESSES", "321")]).await;
    let off = Server::start_with(&[("SANDBOX", "off")]).await;

    let on = server.get("/api/status").await.body["agent"]["protection"].clone();
    let off = off.get("/api/status").await.body["agent"]["protection"].clone();

    assert_eq!((&on["sandbox"], &on["sandbox_problem"]), (&json!("bubblewrap"), &Value::Null), "{on}");
    assert_eq!((&on["limits"][0]["name"], &on["limits"][0]["limit"]), (&json!("processes"), &json!(321)));
    assert_eq!((&off["sandbox"], &off["sandbox_problem"]), (&json!("none"), &json!("SANDBOX=off")));
    // Outside of a sandbox an agent may take itself out of its group.
    for (limits, hold) in [(&on["limits"], "always"), (&off["limits"], "until_left")] {
        let groups = limits.as_array().unwrap().iter();
        let groups = groups.filter(|limit| limit["limited_by"].as_str().unwrap().starts_with("cgroup"));
        groups.for_each(|limit| assert_eq!(limit["hold"], hold, "{limit}"));
    }
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
        &server.data_dir().join("lock"),
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
async fn an_agent_that_fills_its_own_folders_is_ended() {
    let server = Server::start_with(&[("AGENT_MAX_DISK_MB", "40")]).await;
    let session = open(&server, json!({})).await;
    run(&server, &session, "head -c 1000000 /dev/zero > ~/small").await;

    begin(&server, &session, "mkdir -p ~/a/b; head -c 60000000 /dev/zero > ~/a/b/large; sleep 600").await;

    let failed = server.wait_for(&session, "turn_failed").await;
    assert!(failed.to_string().contains("AGENT_MAX_DISK_MB"), "{failed}");
}

#[tokio::test]
async fn no_turn_begins_where_the_disk_is_full() {
    let mut server = Server::start().await;
    let session = open(&server, json!({})).await;
    server.stop().await;
    server.set("MIN_FREE_DISK_MB", "1000000000000");
    server.restart().await;

    let refused = server.post("/api/task", &json!({ "prompt": "Say.", "resume": session })).await;
    let status = server.get("/api/status").await.body;

    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "agent_unavailable"));
    assert!(refused.body["detail"].as_str().unwrap().contains("nearly full"), "{}", refused.body);
    let free = status["agent"]["protection"]["limits"][4].clone();
    assert_eq!((&free["name"], &free["limited_by"]), (&json!("free_disk_mib"), &json!("server")), "{free}");
    assert!(free["now"].as_u64().unwrap() < free["limit"].as_u64().unwrap());
}

/// Tries to start a server that must have a sandbox; returns what it said when it gave up.
async fn refusal_with(search_path: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.current_dir(folder.path()).env_clear().kill_on_drop(true);
    command.envs([("SANDBOX", "required"), ("OFFLINE", "true"), ("PORT", "0"), ("PATH", search_path)]);
    let refused = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    let refused = refused.expect("it does not start").unwrap();
    assert_eq!(refused.status.code(), Some(1));
    String::from_utf8_lossy(&refused.stderr).into_owned()
}

#[tokio::test]
async fn where_a_sandbox_is_required_and_missing_the_server_does_not_start() {
    let said = refusal_with("/nonexistent").await;

    assert!(said.contains("SANDBOX=required") && said.contains("apt-get install bubblewrap"), "{said}");
}

#[tokio::test]
async fn where_a_sandbox_is_required_one_that_does_nothing_is_none() {
    let run_it = r#"while [ "$1" != -- ]; do shift; done; shift; exec "$@""#;
    let hide = "set -- -- /bin/sh -c 'exit 0'";
    for (stub, why) in [
        ("echo 'no permission' >&2; exit 1".to_owned(), "no permission"),
        ("exit 0".to_owned(), "makes no mnt namespace"),
        (run_it.to_owned(), "the data folder is visible inside"),
        (format!("{hide}; {run_it}"), "makes no mnt namespace"),
    ] {
        let programs = tempfile::tempdir().unwrap();
        let bwrap = programs.path().join("bwrap");
        std::fs::write(&bwrap, format!("#!/bin/sh\n{stub}\n")).unwrap();
        std::fs::set_permissions(&bwrap, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

        let said = refusal_with(&format!("{}:/usr/bin:/bin", programs.path().display())).await;

        assert!(said.contains("SANDBOX=required") && said.contains(why), "{stub}: {said}");
    }
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
