//! What is done while no server runs, with two teams in the log.

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

use crate::api_keys::Setup;
use crate::projections::rebuild;

async fn command(server: &Server, arguments: &[&std::ffi::OsStr]) -> String {
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.args(arguments).env("DATA_DIR", server.data_dir()).env("WORKING_DIR", server.workspace());
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn say(text: &str) -> Value {
    json!({ "prompt": script("Say it.", &json!([{ "text": text }])) })
}

#[tokio::test]
async fn rebuilding_and_rotating_leave_each_team_what_it_has() {
    let Setup { model, key, mut server } = Setup::start().await;
    {
        let root = Person::register(&server, "root").await;
        let ada = root.found_team("acme", "ada").await;
        let body = json!({ "name": "main", "key": key, "base_url": model.base_url() });
        assert_eq!(ada.post("/api/api-keys", &body).await.status, StatusCode::CREATED);
        ada.task(&say("one")).await;
        root.task(&say("two")).await;
    }
    server.stop().await;

    let rebuilt = rebuild(&server).await;
    let rotated = command(&server, &["keys".as_ref(), "rotate".as_ref()]).await;
    server.restart().await;

    let said = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    assert!(said.contains("the read models were right"), "{said}");
    assert!(rotated.contains("1 stored API keys"), "{rotated}");
    let (root, ada) = (Person::log_in(&server, "root").await, Person::log_in(&server, "ada").await);
    assert_eq!(ada.task(&say("three")).await["message"], "three");
    let key = ada.get("/api/api-keys").await.body["api_keys"][0].clone();
    assert!(key["calls_this_month"].as_u64().unwrap() >= 2, "of both turns: {key}");
    for (person, sessions) in [(&root, 1), (&ada, 2)] {
        let listed = person.get("/api/sessions").await.body;
        assert_eq!(listed["sessions"].as_array().unwrap().len(), sessions, "{listed}");
    }
    assert_eq!(root.get("/api/tenants").await.body["tenants"][0]["name"], "acme");
}

#[tokio::test]
async fn what_is_imported_is_the_operators_and_touches_no_other_team() {
    let mut server = Server::start().await;
    let session = {
        let root = Person::register(&server, "root").await;
        let ada = root.found_team("acme", "ada").await;
        ada.task(&say("one")).await["session_id"].as_str().unwrap().to_owned()
    };
    server.stop().await;
    let agents = server.data_dir().join("agents");
    let again = command(&server, &["import".as_ref(), agents.as_os_str()]).await;
    let copy = copy_under_another_id(&agents.join(&session), &session);
    let imported = command(&server, &["import".as_ref(), copy.path().as_os_str()]).await;
    server.restart().await;

    assert!(again.contains("0 imported") && again.contains("that this server made itself"), "{again}");
    assert!(imported.contains("1 imported"), "{imported}");
    let (root, ada) = (Person::log_in(&server, "root").await, Person::log_in(&server, "ada").await);
    let owners = async |person: &Person<'_>| -> Vec<Value> {
        let listed = person.get("/api/sessions").await.body;
        listed["sessions"].as_array().unwrap().iter().map(|session| session["owner"].clone()).collect()
    };
    assert_eq!((owners(&root).await, owners(&ada).await), (vec![json!("local")], vec![json!("ada")]));
}

/// The transcripts of an agent as they would be of another session.
fn copy_under_another_id(folder: &std::path::Path, session: &str) -> tempfile::TempDir {
    let (copy, id) = (tempfile::tempdir().unwrap(), uuid::Uuid::now_v7().to_string());
    for project in std::fs::read_dir(folder.join("projects")).unwrap().flatten() {
        let into = copy.path().join("projects").join(project.file_name());
        std::fs::create_dir_all(&into).unwrap();
        let text = std::fs::read_to_string(project.path().join(format!("{session}.jsonl"))).unwrap();
        std::fs::write(into.join(format!("{id}.jsonl")), text.replace(session, &id)).unwrap();
    }
    copy
}
