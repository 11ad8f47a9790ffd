//! Where a team works: below its own folder, whatever it is asked for, and whatever becomes of a folder.

use std::os::unix::fs::symlink;
use std::path::Path;

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

fn say(text: &str) -> String {
    script("Say it.", &json!([{ "text": text }]))
}

/// Whether the agents of a session loaded what their folder brings.
async fn trusted(person: &Person<'_>, session: &Value) -> Vec<Value> {
    let path = format!("/api/sessions/{}/events?limit=200", session.as_str().unwrap());
    let events = person.get(&path).await.body["events"].as_array().unwrap().clone();
    let started = events.iter().filter(|event| event["type"] == "agent_initialized");
    started.map(|event| event["data"]["trusted_folder"].clone()).collect()
}

#[tokio::test]
async fn a_team_works_below_its_own_folder_only() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let (ada, bob) = (root.found_team("acme", "ada").await, root.found_team("bolt", "bob").await);
    let workspace = server.workspace();
    for folder in ["acme/inside", "bolt/secret", "operators"] {
        std::fs::create_dir_all(workspace.join(folder)).unwrap();
    }
    symlink(workspace.join("bolt"), workspace.join("acme/link")).unwrap();

    let (own, foreign) = (workspace.join("acme/inside"), workspace.join("bolt/secret"));
    for working_dir in ["inside", "./inside/.", own.to_str().unwrap()] {
        let opened = ada.post("/api/sessions", &json!({ "working_dir": working_dir })).await;
        assert_eq!(opened.body["working_dir"], json!(own), "{working_dir}: {}", opened.body);
    }
    let (foreign, absent) = (foreign.to_str().unwrap(), workspace.join("bolt/absent"));
    let outside = ["..", "../bolt", "link", "link/secret", "link/absent", foreign, absent.to_str().unwrap()];
    let outside = outside.into_iter().chain([workspace.to_str().unwrap(), "/etc", "../operators"]);
    for folder in outside {
        let refusals = [
            ada.post("/api/sessions", &json!({ "working_dir": folder })).await,
            ada.post("/api/sessions", &json!({ "add_dirs": [folder] })).await,
            ada.post("/api/task", &json!({ "prompt": say("x"), "working_dir": folder })).await,
            ada.post("/api/task/stream", &json!({ "prompt": say("x"), "working_dir": folder })).await,
            ada.post("/api/workspaces/trust", &json!({ "working_dir": folder })).await,
        ];
        for refused in refusals {
            let told = (refused.status, refused.code());
            assert_eq!(told, (StatusCode::FORBIDDEN, "working_dir_not_allowed"), "{folder}");
            assert!(!refused.body.to_string().contains(workspace.to_str().unwrap()), "{}", refused.body);
        }
    }
    assert_eq!(ada.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 3);
    // Others keep what they had, and the operators see all roots.
    for (person, folder) in [(&bob, "secret"), (&root, "bolt/secret"), (&root, "acme/inside"), (&root, ".")] {
        let opened = person.post("/api/sessions", &json!({ "working_dir": folder })).await;
        assert_eq!(opened.status, StatusCode::CREATED, "{folder}: {}", opened.body);
    }
}

#[tokio::test]
async fn a_folder_that_became_a_link_to_another_team_is_refused_also_where_nobody_asks_again() {
    let server = Server::start_with(&[("AGENT_IDLE_SECONDS", "1")]).await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    root.found_team("bolt", "bob").await;
    let (own, secret) = (server.workspace().join("acme/inside"), server.workspace().join("bolt"));
    std::fs::create_dir(&own).unwrap();
    std::fs::write(secret.join("secret.txt"), "of bolt").unwrap();
    let read = json!([
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x" } } },
        { "text": "done" },
    ]);
    let body = json!({ "prompt": script("Write.", &read), "working_dir": "inside" });
    let asked = ada.post("/api/task", &body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let session = asked.body["session_id"].as_str().unwrap();
    let request = asked.body["pending"][0]["request_id"].as_str().unwrap();
    parked(&ada, session).await;
    let queued = ada.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": "Go on." })).await;
    assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.body);

    std::fs::remove_dir(&own).unwrap();
    symlink(&secret, &own).unwrap();

    for (path, body) in [
        ("prompts".to_owned(), json!({ "prompt": "go on" })),
        (format!("requests/{request}"), json!({ "decision": "allow" })),
    ] {
        let refused = ada.post(&format!("/api/sessions/{session}/{path}"), &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "working_dir_not_allowed"));
    }
    let interrupted = ada.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).await;
    assert_eq!(interrupted.status, StatusCode::ACCEPTED, "{}", interrupted.body);
    let failed = wait_for(&ada, session, "turn_failed").await;
    assert!(
        failed["data"]["detail"].as_str().unwrap().contains("not one that agents may work in"),
        "{failed}"
    );
    assert!(!secret.join("a.txt").exists());
}

/// Waits until the session's agent has given up its process.
async fn parked(person: &Person<'_>, session: &str) {
    wait_for(person, session, "turn_parked").await;
}

async fn wait_for(person: &Person<'_>, session: &str, event_type: &str) -> Value {
    let mut frames = person.stream_events(session).await;
    frames.until(event_type).await.pop().unwrap().data
}

#[tokio::test]
async fn what_the_operators_trust_a_team_does_not_and_the_other_way_round() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    for name in ["mine", "theirs"] {
        let folder = server.workspace().join("acme").join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("CLAUDE.md"), "Read me.").unwrap();
    }
    assert!(root.post("/api/workspaces/trust", &json!({ "working_dir": "." })).await.status.is_success());
    assert!(ada.post("/api/workspaces/trust", &json!({ "working_dir": "mine" })).await.status.is_success());

    let run = async |person: &Person<'_>, folder: &str| {
        let done = person.task(&json!({ "prompt": say("hi"), "working_dir": folder })).await;
        trusted(person, &done["session_id"]).await
    };
    assert_eq!(run(&ada, "theirs").await, [Value::Null], "trusted by the operators alone");
    assert_eq!(run(&ada, "mine").await, [json!(true)]);
    assert_eq!(run(&root, "acme/theirs").await, [json!(true)]);
    let listed = ada.get("/api/workspaces/trust").await.body;
    assert_eq!(listed["folders"].as_array().unwrap().len(), 1, "{listed}");
    let theirs = json!({ "working_dir": server.workspace() });
    let request = ada.request(reqwest::Method::DELETE, "/api/workspaces/trust").json(&theirs);
    assert_eq!(runner_tests::server::answer(request).await.code(), "folder_not_trusted");
}

#[tokio::test]
async fn an_agent_of_one_team_sees_no_file_of_another() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    root.found_team("bolt", "bob").await;
    let secret = server.workspace().join("bolt/secret.txt");
    std::fs::write(&secret, "of bolt").unwrap();
    std::fs::write(server.workspace().join("acme/own.txt"), "of acme").unwrap();

    let command = format!("cat {} own.txt; ls {}", secret.display(), parent(&secret).display());
    let input = json!({ "command": command, "description": "look" });
    let replies = json!([{ "tool_use": { "name": "Bash", "input": input } }, { "text": "done" }]);
    let body = json!({ "prompt": script("Look.", &replies), "permission_mode": "bypassPermissions" });
    let done = ada.task(&body).await;

    let path = format!("/api/sessions/{}/events?limit=200", done["session_id"].as_str().unwrap());
    let events = ada.get(&path).await.body;
    let returned = events["events"].as_array().unwrap().iter().find(|event| event["type"] == "tool_returned");
    let said = returned.unwrap()["data"]["content"].to_string();
    assert!(said.contains("of acme") && !said.contains("of bolt"), "{said}");
    assert_eq!(said.matches("No such file").count(), 2, "{said}");
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap()
}
