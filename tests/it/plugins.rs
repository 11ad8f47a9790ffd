//! Plugins that an admin installs: their commands and hooks work for agents of later turns, until they are
//! off; what was installed stays what it was.

use std::path::Path;
use std::process::Command;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::recorder::Recorder;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

const PATH: &str = "/api/plugins";

/// A plugin with something of each sort.
fn make_plugin(folder: &Path, version: &str) {
    let touch =
        json!([{ "hooks": [{ "type": "command", "command": "\"${CLAUDE_PLUGIN_ROOT}\"/hooks/mark.sh" }] }]);
    let server = json!({ "mcpServers": { "evil": { "command": "touch", "args": ["server-ran"] } } });
    let manifest = json!({ "name": "kit", "version": version, "description": "A kit" });
    for (path, text) in [
        (".claude-plugin/plugin.json", manifest.to_string()),
        ("commands/ship.md", "---\ndescription: Ships\n---\nSHIP-IT $ARGUMENTS\n".to_owned()),
        ("skills/greet/SKILL.md", "---\nname: greet\ndescription: Greets\n---\nGREET-THEM\n".to_owned()),
        ("agents/critic.md", "---\nname: critic\ndescription: Criticises\n---\nCriticise.\n".to_owned()),
        ("hooks/hooks.json", json!({ "hooks": { "PreToolUse": touch } }).to_string()),
        ("hooks/mark.sh", "#!/bin/sh\necho ran > \"$CLAUDE_PROJECT_DIR/hook-ran\"\n".to_owned()),
        (".mcp.json", server.to_string()),
    ] {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn pack(folder: &Path) -> Vec<u8> {
    Command::new("tar").arg("-C").arg(folder).args(["-cz", "-f", "-", "."]).output().unwrap().stdout
}

async fn send(server: &Server, method: Method, path: &str, archive: Vec<u8>) -> Answer {
    answer(server.request(method, path).header(CONTENT_TYPE, "application/gzip").body(archive)).await
}

/// A turn in which the agent runs a harmless command.
async fn work(server: &Server) -> Value {
    let call = json!({ "name": "Bash", "input": { "command": "echo hello", "description": "greet" } });
    let prompt = script("Work.", &json!([{ "tool_use": call }, { "text": "done" }]));
    server.task(&json!({ "prompt": prompt })).await
}

#[tokio::test]
async fn a_command_and_a_hook_of_a_plugin_work_and_no_longer_once_it_is_off() {
    let recorder = Recorder::start().await;
    let server = Server::start_with(&recorder.settings()).await;
    make_plugin(&server.workspace().join("kit"), "1.0.0");

    let installed = server.post(PATH, &json!({ "folder": "kit" })).await;

    assert_eq!(installed.status, StatusCode::CREATED, "{}", installed.body);
    assert_eq!(installed.headers["location"], "/api/plugins/kit");
    assert_eq!(
        installed.body["brings"],
        json!({ "skills": ["greet"], "commands": ["ship"], "agents": ["critic"], "hooks": ["PreToolUse"], "mcp_servers": ["evil"] })
    );
    let hook_ran = server.workspace().join("hook-ran");
    let done = work(&server).await;
    assert!(hook_ran.exists(), "{done}");
    let path =
        format!("/api/sessions/{}/events?types=agent_initialized", done["session_id"].as_str().unwrap());
    let said = &server.get(&path).await.body["events"][0]["data"];
    assert_eq!(
        (&said["mcp_servers"], &said["extensions"]["extensions"][0]["kind"]),
        (&json!([]), &json!("plugin"))
    );
    assert!(said["skills"].as_array().unwrap().contains(&json!("kit:greet")), "{said}");
    let shipping = json!({ "prompt": script("/kit:ship now", &json!([{ "text": "shipped" }])) });
    server.task(&shipping).await;
    assert!(recorder.take().contains("SHIP-IT now"));

    std::fs::remove_file(&hook_ran).unwrap();
    let off =
        answer(server.request(Method::PATCH, "/api/plugins/kit").json(&json!({ "enabled": false }))).await;
    assert_eq!(off.body["enabled"], false, "{}", off.body);
    work(&server).await;
    server.task(&shipping).await;
    assert!(!hook_ran.exists() && !recorder.take().contains("SHIP-IT"));
    assert!(!server.workspace().join("server-ran").exists());
}

#[tokio::test]
async fn what_was_installed_stays_until_another_version_is_and_can_be_gone_back_to() {
    let server = Server::start().await;
    let folder = server.workspace().join("kit");
    make_plugin(&folder, "1.0.0");
    let first = send(&server, Method::POST, PATH, pack(&folder)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    assert_eq!(send(&server, Method::POST, PATH, pack(&folder)).await.code(), "extension_name_taken");

    std::fs::write(folder.join("hooks/mark.sh"), "#!/bin/sh\ntrue\n").unwrap();
    work(&server).await;
    assert!(server.workspace().join("hook-ran").exists());
    make_plugin(&folder, "2.0.0");
    let second = send(&server, Method::PUT, "/api/plugins/kit", pack(&folder)).await;
    assert_eq!((second.status, &second.body["plugin_version"]), (StatusCode::OK, &json!("2.0.0")));
    assert_ne!(second.body["sha256"], first.body["sha256"]);

    let restored = server.post("/api/plugins/kit/history/1/restore", &json!({})).await.body;
    assert_eq!((&restored["sha256"], &restored["version"]), (&first.body["sha256"], &json!(3)));
    let history = server.get("/api/plugins/kit/history").await.body;
    let versions: Vec<&Value> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["definition"]["plugin_version"])
        .collect();
    assert_eq!(versions, ["1.0.0", "2.0.0", "1.0.0"]);
    let gone = answer(server.request(Method::DELETE, "/api/plugins/kit")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(PATH).await.body["plugins"], json!([]));
}

#[tokio::test]
async fn plugins_are_for_admins_and_what_is_none_is_refused() {
    let server = Server::start().await;
    let admin = Person::register(&server, "ada").await;
    let member = Person::register(&server, "grace").await;
    let folder = server.workspace().join("kit");
    make_plugin(&folder, "1.0.0");
    let body = json!({ "folder": "kit" });
    assert_eq!(member.post(PATH, &body).await.code(), "extension_not_allowed");

    for (folder, code) in
        [("absent", "working_dir_missing"), ("/etc", "working_dir_not_allowed"), (".", "plugin_invalid")]
    {
        assert_eq!(admin.post(PATH, &json!({ "folder": folder })).await.code(), code, "{folder}");
    }
    assert_eq!(admin.post(PATH, &json!({})).await.code(), "field_missing");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    assert_eq!(admin.post(PATH, &body).await.code(), "plugin_invalid");
    std::fs::remove_file(folder.join("link")).unwrap();
    for name in ["runner", "../up", ""] {
        let manifest = json!({ "name": name }).to_string();
        std::fs::write(folder.join(".claude-plugin/plugin.json"), manifest).unwrap();
        assert_eq!(admin.post(PATH, &body).await.code(), "plugin_invalid", "{name}");
    }
    std::fs::write(folder.join("large"), vec![b'x'; 6 * 1024 * 1024]).unwrap();
    assert_eq!(admin.post(PATH, &body).await.code(), "archive_too_large");
    assert_eq!(admin.get(PATH).await.body["plugins"], json!([]));
}
