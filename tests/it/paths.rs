//! Ways out of the allowed folders, and ways onto the agent's command line and into its environment.

use std::os::unix::fs::symlink;

use reqwest::StatusCode;
use runner_tests::processes::{agents_of, command_lines, wait_for_command};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

/// A workspace with links to what lies beside it, and that folder.
async fn start() -> (Server, std::path::PathBuf) {
    let server = Server::start().await;
    let outside = server.data_dir().parent().unwrap().join("outside");
    std::fs::create_dir_all(outside.join("deep")).unwrap();
    let workspace = server.workspace();
    std::fs::create_dir_all(workspace.join("inside/deep")).unwrap();
    symlink(&outside, workspace.join("link")).unwrap();
    symlink("../../outside", workspace.join("inside/relative")).unwrap();
    symlink(server.data_dir(), workspace.join("data")).unwrap();
    symlink("loop", workspace.join("loop")).unwrap();
    symlink("inside", workspace.join("good")).unwrap();
    (server, outside)
}

#[tokio::test]
async fn no_name_of_a_folder_leads_out_of_the_allowed_ones() {
    let (server, outside) = start().await;
    let workspace = server.workspace().display().to_string();
    let not_allowed = [
        "/".to_owned(),
        "..".to_owned(),
        "../outside".to_owned(),
        "link".to_owned(),
        "link/deep".to_owned(),
        "link/absent".to_owned(),
        "inside/relative/deep".to_owned(),
        "data".to_owned(),
        "data/agents".to_owned(),
        outside.display().to_string(),
        format!("{workspace}/../outside"),
        format!("{workspace}-beside"),
        format!("/proc/self/root{}", outside.display()),
        format!("/proc/{}/cwd", server.pid()),
        server.data_dir().display().to_string(),
    ];
    let missing = [
        "absent",
        "inside/absent",
        "in\nside",
        "inside\n",
        "inside\u{0}",
        "\u{0}/etc",
        "inside\u{1b}[0m",
        "",
        "loop",
        "~",
        "$HOME",
    ];

    let not_allowed = not_allowed.iter().map(|name| (name.as_str(), 403, "working_dir_not_allowed"));
    for (name, status, code) in not_allowed.chain(missing.map(|name| (name, 400, "working_dir_missing"))) {
        for (body, pointer) in [
            (json!({ "working_dir": name }), "/working_dir"),
            (json!({ "add_dirs": ["inside", name] }), "/add_dirs/1"),
        ] {
            let refused = server.post("/api/sessions", &body).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{body}: {}", refused.body);
            assert_eq!(refused.body["errors"][0]["pointer"], pointer);
            assert!(!refused.body.to_string().contains("outside"), "{}", refused.body);
        }
    }
    let opened = server.post("/api/sessions", &json!({ "working_dir": "good/deep/.." })).await.body;
    assert_eq!(opened["working_dir"], format!("{workspace}/inside"));
}

#[tokio::test]
async fn a_folder_that_became_a_link_is_not_worked_in_any_more() {
    let (mut server, outside) = start().await;
    let inside = server.workspace().join("inside");
    let call =
        json!({ "tool_use": { "name": "Bash", "input": { "command": "touch canary", "description": "t" } } });
    let body =
        json!({ "prompt": script("Touch.", &json!([call, { "text": "done" }])), "working_dir": "inside" });
    let (session, request) = server.ask(&body).await;
    server.stop().await;
    server.restart().await;
    server.wait_for_request(&session).await;

    std::fs::rename(&inside, server.workspace().join("moved")).unwrap();
    symlink(&outside, &inside).unwrap();
    let next = json!({ "prompt": "Go on.", "resume": session });
    let refused = server.post("/api/task", &next).await;
    let forked = server.post(&format!("/api/sessions/{session}/fork"), &json!({})).await;
    let decided = server.decide(&session, &request, &json!({ "decision": "allow" })).await;

    for refused in [&refused, &forked] {
        let answer = (refused.status, refused.code());
        assert_eq!(answer, (StatusCode::FORBIDDEN, "working_dir_not_allowed"), "{}", refused.body);
    }
    // Who decides is not who chose the folder: the decision counts, and the turn cannot go on.
    assert!(decided.status.is_success() || decided.status == StatusCode::FORBIDDEN, "{}", decided.body);
    let left = command_lines(&agents_of(&server.data_dir()));
    assert!(!outside.join("canary").exists() && left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn nothing_that_a_client_sends_becomes_an_argument_of_its_own() {
    let server = Server::start().await;
    let workspace = server.workspace();
    let evil = "--settings=evil.json";
    std::fs::create_dir(workspace.join(evil)).unwrap();
    std::fs::write(workspace.join("evil.json"), r#"{"env":{"CANARY":"1"}}"#).unwrap();
    let sleep = json!({ "command": "true; sleep 70040", "description": "-p", "timeout": 300_000 });
    let replies = json!([{ "tool_use": { "name": "Bash", "input": sleep } }]);
    let text = "--dangerously-skip-permissions\n--settings=evil.json\r\n-p";
    let body = json!({
        "prompt": script("--settings=evil.json\n-p\n--version", &replies), "timeout_ms": 1,
        "title": "--version", "working_dir": evil, "add_dirs": [format!("./{evil}")],
        "append_system_prompt": text, "model": "opus", "tools": ["Bash", "mcp__x__--settings"],
        "output_schema": { "type": "object", "title": "--settings=evil.json" },
        "env": { "X": "--settings=evil.json", "_P": "\n-p" }, "permission_mode": "acceptEdits", "effort": "low",
    });

    let task = server.post("/api/task", &body).await;
    assert_eq!(task.status, StatusCode::ACCEPTED, "{}", task.body);
    let session = task.body["session_id"].as_str().unwrap();
    wait_for_command(&server.data_dir(), "sleep 70040").await;

    let program = runner_tests::claude().canonicalize().unwrap();
    let folder = workspace.join(evil).display().to_string();
    let expected = [
        program.to_str().unwrap(),
        "--output-format=stream-json",
        "--input-format=stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool=stdio",
        "--setting-sources=",
        "--strict-mcp-config",
        r#"--settings={"claudeMdExcludes":["**/CLAUDE.md","**/CLAUDE.local.md","**/.claude/CLAUDE.md","**/.claude/rules/**"],"crossSessionInbound":"refuse","useAutoModeDuringPlan":false}"#,
        "--disallowedTools=CronCreate,CronDelete,CronList,ScheduleWakeup,RemoteTrigger,ListAgents,SendMessage",
        &format!("--session-id={session}"),
        "--permission-mode=acceptEdits",
        "--model=opus",
        "--effort=low",
        &format!("--append-system-prompt={text}"),
        r#"--json-schema={"title":"--settings=evil.json","type":"object"}"#,
        "--tools=Bash,mcp__x__--settings",
        &format!("--add-dir={folder}"),
    ];
    let running = agents_of(&server.data_dir()).into_iter().map(|pid| {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).split_terminator('\0').map(str::to_owned).collect::<Vec<_>>()
    });
    let agents: Vec<_> =
        running.filter(|line| line.first().is_some_and(|first| *first == expected[0])).collect();
    assert_eq!(agents, [expected.map(str::to_owned)]);
}

#[tokio::test]
async fn values_that_begin_like_a_flag_are_refused_where_they_could_be_one() {
    let server = Server::start().await;
    for (field, value) in [
        ("model", json!("--settings=/tmp/x")),
        ("model", json!("-p")),
        ("model", json!("opus\n-p")),
        ("model", json!("opus\u{0}")),
        ("fallback_model", json!("-p")),
        ("effort", json!("--version")),
        ("effort", json!("low\n")),
        ("permission_mode", json!("-p")),
        ("tools", json!(["-p"])),
        ("tools", json!(["Bash\n-p"])),
        ("tools", json!(["mcp__x y"])),
        ("title", json!("two\nlines")),
        ("append_system_prompt", json!("a\u{0}")),
    ] {
        let mut body = json!({});
        body[field] = value;
        let refused = server.post("/api/sessions", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}: {}", refused.body);
        let pointer = refused.body["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();
        assert!(pointer.starts_with(&format!("/{field}")), "{body}: {}", refused.body);
    }
    assert_eq!(server.get("/api/sessions").await.body["sessions"], json!([]));
}

#[tokio::test]
async fn variables_of_the_server_cannot_be_set_by_a_request() {
    let server = Server::start().await;
    for name in [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "anthropic_base_url",
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDECODE",
        "DISABLE_TELEMETRY",
        "ENABLE_TOOL_SEARCH",
        "API_TIMEOUT_MS",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "DYLD_INSERT_LIBRARIES",
        "GLIBC_TUNABLES",
        "NODE_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "BUN_INSPECT",
        "NPM_CONFIG_PREFIX",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PERL5OPT",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "BASH_ENV",
        "ENV",
        "PROMPT_COMMAND",
        "SHELLOPTS",
        "ZDOTDIR",
        "PATH",
        "HOME",
        "SHELL",
        "TMPDIR",
        "IS_SANDBOX",
        "GIT_SSH_COMMAND",
        "SSH_AUTH_SOCK",
        "XDG_CONFIG_HOME",
        "HTTPS_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "SSL_CERT_FILE",
        "AWS_PROFILE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "VERTEX_REGION",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "MCP_TIMEOUT",
    ] {
        let refused = server.post("/api/sessions", &json!({ "env": { name: "x" } })).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "env_not_allowed"), "{name}");
        assert_eq!(refused.body["errors"][0]["pointer"], format!("/env/{name}"));
    }
    let fine =
        json!({ "env": { "MY_SETTING": "1", "CARGO_TERM_COLOR": "never", "LANG": "C.UTF-8", "TZ": "UTC" } });
    assert_eq!(server.post("/api/sessions", &fine).await.status, StatusCode::CREATED);
    let refused: Vec<Value> = server.get("/api/sessions").await.body["sessions"].as_array().unwrap().clone();
    assert_eq!(refused.len(), 1);
}
