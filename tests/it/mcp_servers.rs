//! MCP servers that people add: tried out, given to the agents of later turns, changed, taken away.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use runner_tests::processes::wait_until_gone;
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const PATH: &str = "/api/mcp/servers";

/// The reference server of the protocol, with a tool for everything.
fn everything() -> PathBuf {
    let folder = runner_tests::root().join("tests/clients/mcp/node_modules");
    assert!(folder.exists(), "the MCP server is not installed: run `make clients`");
    folder
}

fn everything_program() -> String {
    everything().join("@modelcontextprotocol/server-everything/dist/index.js").display().to_string()
}

/// A server that lets agents see the reference server.
async fn start() -> Server {
    let modules = everything().display().to_string();
    Server::start_with(&[("SANDBOX_READ_ONLY", &modules)]).await
}

fn stdio(name: &str) -> Value {
    json!({ "name": name, "command": "node", "args": [everything_program(), "stdio"], "env": { "MARK": "canary" } })
}

/// A prompt by which the model calls a tool of a server.
fn call(tool: &str, input: &Value) -> String {
    script("Use it.", &json!([{ "tool_use": { "name": tool, "input": input } }, { "text": "done" }]))
}

/// What the tool of a session's only call gave back.
async fn returned(server: &Server, session: &str) -> String {
    let events = server.get(&format!("/api/sessions/{session}/events?types=tool_returned")).await;
    events.body["events"][0]["data"]["content"].to_string()
}

async fn patch(server: &Server, path: &str, body: &Value) -> runner_tests::server::Answer {
    answer(server.request(Method::PATCH, path).json(body)).await
}

async fn delete(server: &Server, path: &str) -> StatusCode {
    answer(server.request(Method::DELETE, path)).await.status
}

/// The reference server behind an address, until it is dropped.
struct Listening {
    _child: Child,
    url: String,
}

async fn listen(transport: &str, path: &str) -> Listening {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new("node")
        .args([&everything_program(), transport])
        .env("PORT", port.to_string())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    tokio::time::timeout(Duration::from_secs(30), async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(&port.to_string()) {
                return;
            }
        }
        panic!("the MCP server did not start");
    })
    .await
    .unwrap();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Listening { _child: child, url: format!("http://127.0.0.1:{port}{path}") }
}

#[tokio::test]
async fn the_lines_of_the_readme_work_and_show_no_secret() {
    let server = Server::start().await;
    let args = json!(["-y", "@modelcontextprotocol/server-filesystem", "/srv"]);
    let body = json!({ "name": "filesystem", "command": "npx", "args": args, "env": { "TOKEN": "canary" } });

    let added = server.post(PATH, &body).await;

    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    assert_eq!(added.headers["location"], "/api/mcp/servers/filesystem");
    let listed = server.get(PATH).await.body;
    assert_eq!(listed["servers"], json!([added.body]));
    assert_eq!(added.body["env_names"], json!(["TOKEN"]));
    let history = server.get(&format!("{PATH}/filesystem/history")).await.body;
    let audit = server.get("/api/audit/events").await.body;
    assert!(![&added.body, &listed, &history, &audit].iter().any(|body| body.to_string().contains("canary")));
    assert_eq!(server.post(PATH, &body).await.code(), "extension_name_taken");
    assert!(!std::fs::read_dir(server.data_dir()).unwrap().flatten().any(|entry| {
        std::fs::read(entry.path()).is_ok_and(|bytes| bytes.windows(6).any(|window| window == b"canary"))
    }));
}

#[tokio::test]
async fn a_trial_really_connects_and_lists_the_tools_or_says_why_not() {
    let server = start().await;
    server.post(PATH, &stdio("ev")).await;
    for (name, body) in [
        ("absent", json!({ "name": "absent", "command": "/no/such/program" })),
        ("mute", json!({ "name": "mute", "command": "false" })),
        ("closed", json!({ "name": "closed", "url": "http://127.0.0.1:9/mcp" })),
    ] {
        assert_eq!(server.post(PATH, &body).await.status, StatusCode::CREATED);
        let tried = server.post(&format!("{PATH}/{name}/test"), &json!({})).await.body;
        assert_eq!(tried["connected"], false, "{name}: {tried}");
        assert!(!tried["error"].as_str().unwrap().is_empty(), "{name}: {tried}");
    }

    let tried = server.post(&format!("{PATH}/ev/test"), &json!({})).await.body;

    assert_eq!(tried["connected"], true, "{tried}");
    let names: Vec<&str> =
        tried["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains(&"echo"), "{names:?}");
    wait_until_gone(&server.data_dir(), "server-everything").await;
}

#[tokio::test]
async fn a_trial_connects_without_a_sandbox_as_well() {
    let server = Server::start_with(&[("SANDBOX", "off")]).await;
    server.post(PATH, &stdio("ev")).await;

    let tried = server.post(&format!("{PATH}/ev/test"), &json!({})).await.body;

    assert_eq!(tried["connected"], true, "{tried}");
}

#[tokio::test]
async fn servers_behind_an_address_are_tried_and_used() {
    let (http, sse) = tokio::join!(listen("streamableHttp", "/mcp"), listen("sse", "/sse"));
    let server = start().await;
    for (name, transport, url) in [("web", "http", &http.url), ("old", "sse", &sse.url)] {
        let body = json!({ "name": name, "type": transport, "url": url, "headers": { "X-Mark": "canary" } });
        assert_eq!(server.post(PATH, &body).await.status, StatusCode::CREATED);

        let tried = server.post(&format!("{PATH}/{name}/test"), &json!({})).await.body;
        assert_eq!(tried["connected"], true, "{name}: {tried}");

        let prompt = call(&format!("mcp__{name}__echo"), &json!({ "message": format!("by {name}") }));
        let (session, request) = server.ask(&json!({ "prompt": prompt })).await;
        assert_eq!(request["tool_name"], format!("mcp__{name}__echo"));
        server.decide(&session, &request, &json!({ "decision": "allow" })).await;
        server.wait_for_status(&session, "idle").await;
        let said = returned(&server, &session).await;
        assert!(said.contains(&format!("by {name}")), "{said}");
    }
}

#[tokio::test]
async fn a_tool_of_a_program_is_used_by_the_next_turn_and_no_longer_after_it_was_disabled() {
    let server = start().await;
    let opened = server.post("/api/sessions", &json!({})).await.body;
    let session = opened["id"].as_str().unwrap();
    let hello = script("Hello.", &json!([{ "text": "hello" }]));
    assert_eq!(server.task(&json!({ "prompt": hello, "resume": session })).await["success"], true);
    let added = server.post(PATH, &stdio("ev")).await.body;

    let prompt = call("mcp__ev__echo", &json!({ "message": "through the sandbox" }));
    let (_, request) = server.ask(&json!({ "prompt": prompt, "resume": session })).await;
    server.decide(session, &request, &json!({ "decision": "allow" })).await;
    server.wait_for_status(session, "idle").await;

    let said = returned(&server, session).await;
    assert!(said.contains("through the sandbox"), "{said}");
    let path = format!("/api/sessions/{session}/events?types=agent_initialized");
    let events = server.get(&path).await.body;
    let initialized = &events["events"].as_array().unwrap().last().unwrap()["data"];
    let loaded = &initialized["extensions"]["extensions"];
    assert_eq!(loaded, &json!([{ "id": added["id"], "kind": "mcp_server", "name": "ev", "version": 1 }]));
    assert_eq!(initialized["mcp_servers"][0]["status"], "connected");
    let live = server.get(&format!("{PATH}/ev")).await.body["sessions"][0].clone();
    assert_eq!((&live["session_id"], &live["status"]), (&json!(session), &json!("connected")));
    assert!(live["tools"].as_array().unwrap().contains(&json!("echo")), "{live}");

    assert_eq!(
        patch(&server, &format!("{PATH}/ev"), &json!({ "enabled": false })).await.status,
        StatusCode::OK
    );
    let last = server.task(&json!({ "prompt": call("mcp__ev__echo", &json!({})), "resume": session })).await;
    assert_eq!(last["success"], true, "{last}");
    let events = server.get(&path).await.body;
    let initialized = &events["events"].as_array().unwrap().last().unwrap()["data"];
    assert_eq!((&initialized["extensions"], &initialized["mcp_servers"]), (&Value::Null, &json!([])));
    assert_eq!(server.get(&format!("{PATH}/ev")).await.body["sessions"], json!([]));
    let left = std::fs::read_dir(server.data_dir().join("agents")).unwrap().flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.path().extension().is_some_and(|of| of == "extensions")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_slow_server_does_not_stop_an_interrupt() {
    let server = Server::start().await;
    server.post(PATH, &json!({ "name": "slow", "command": "sleep", "args": ["600"] })).await;
    let opened = server.post("/api/sessions", &json!({})).await.body;
    let session = opened["id"].as_str().unwrap();
    server.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": "hello" })).await;
    server.wait_for_status(session, "running").await;

    let interrupted = server.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;

    assert_eq!(interrupted.status, StatusCode::ACCEPTED);
    let view = server.wait_for_status(session, "idle").await;
    assert_eq!(view["turns"][0]["status"], "interrupted", "{view}");
}

#[tokio::test]
async fn a_change_is_in_the_history_and_can_be_taken_back() {
    let server = Server::start().await;
    let body = json!({ "name": "tool", "command": "one", "env": { "KEY": "canary", "MORE": "x" } });
    server.post(PATH, &body).await;
    let path = format!("{PATH}/tool");
    let change = json!({ "command": "two", "env": { "MORE": null } });
    let changed = patch(&server, &path, &change).await.body;
    assert_eq!((&changed["command"], &changed["env_names"]), (&json!("two"), &json!(["KEY"])));

    let history = server.get(&format!("{path}/history")).await.body;
    let changes: Vec<(&Value, &Value, &Value)> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["version"], &change["change"], &change["definition"]["command"]))
        .collect();
    assert_eq!(
        changes,
        [(&json!(2), &json!("changed"), &json!("two")), (&json!(1), &json!("created"), &json!("one")),]
    );
    assert_eq!(history["changes"][0]["actor"], "user:local");

    let missing = server.post(&format!("{path}/history/1/restore"), &json!({})).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::CONFLICT, "secrets_missing"));
    patch(&server, &path, &json!({ "env": { "MORE": "y" } })).await;
    let restored = server.post(&format!("{path}/history/1/restore"), &json!({})).await.body;
    assert_eq!((&restored["command"], &restored["version"]), (&json!("one"), &json!(4)));
    let absent = server.post(&format!("{path}/history/9/restore"), &json!({})).await;
    assert_eq!((absent.status, absent.code()), (StatusCode::NOT_FOUND, "extension_version_not_found"));

    assert_eq!(delete(&server, &path).await, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&path).await.code(), "extension_not_found");
    assert_eq!(server.post(PATH, &body).await.body["version"], 6);
}

#[tokio::test]
async fn what_is_wrong_with_a_server_is_named() {
    let server = Server::start().await;

    for (body, pointer) in [
        (json!({ "command": "x" }), ""),
        (json!({ "name": "two__under", "command": "x" }), "/name"),
        (json!({ "name": "with space", "command": "x" }), "/name"),
        (json!({ "name": "a" }), "/command"),
        (json!({ "name": "a", "command": " " }), "/command"),
        (json!({ "name": "a", "command": "x", "url": "https://a.example" }), "/command"),
        (json!({ "name": "a", "type": "stdio", "command": "x", "url": "https://a.example" }), "/url"),
        (json!({ "name": "a", "type": "http" }), "/url"),
        (json!({ "name": "a", "url": "ftp://a.example" }), "/url"),
        (
            json!({ "name": "a", "url": "https://a.example", "headers": { "no header": "x" } }),
            "/headers/no header",
        ),
        (json!({ "name": "a", "command": "x", "env": { "1A": "x" } }), "/env/1A"),
        (json!({ "name": "a", "command": "x", "args": ["\u{0}"] }), "/args/0"),
        (json!({ "name": "a", "command": "x", "scope": "workspace" }), "/working_dir"),
        (json!({ "name": "a", "command": "x", "working_dir": "/nowhere" }), "/working_dir"),
        (json!({ "name": "a", "command": "x", "typo": 1 }), "/typo"),
    ] {
        let refused = server.post(PATH, &body).await;
        assert!(refused.status.is_client_error(), "{body}: {}", refused.body);
        if !pointer.is_empty() {
            assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
        }
    }
    assert_eq!(server.get(PATH).await.body["servers"], json!([]));
}
