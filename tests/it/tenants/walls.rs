//! What one team has does not exist for another: not by id, not in a list, not in a number.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};

fn say(text: &str) -> Value {
    json!({ "prompt": script("Say it.", &json!([{ "text": text }])) })
}

/// A task that waits for a person; returns its session and its request.
async fn ask(person: &Person<'_>) -> (String, String) {
    let write =
        json!({ "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x" } } });
    let body = json!({ "prompt": script("Write.", &json!([write, { "text": "done" }])), "title": "canary" });
    let asked = person.post("/api/task", &body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&asked.body["session_id"]), text(&asked.body["pending"][0]["request_id"]))
}

/// Some kind of answer, without what is another one each time.
fn plain(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.remove("instance");
    }
    body
}

#[tokio::test]
async fn sessions_of_another_team_are_absent_by_every_name() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    let bob = root.found_team("bolt", "bob").await;
    let (session, request) = ask(&ada).await;
    let turn = ada.get(&format!("/api/sessions/{session}")).await.body["turns"][0]["id"].clone();
    let absent = "01a00000-0000-7000-8000-000000000000";

    let operations = |session: &str| {
        let path = |rest: &str| format!("/api/sessions/{session}{rest}");
        let mut operations: Vec<(Method, String, Value)> = [
            "",
            "/events",
            "/messages",
            "/verify",
            "/changes",
            "/requests",
            "/export",
            "/export?format=markdown",
            "/replay",
            "?at=1",
        ]
        .map(|rest| (Method::GET, path(rest), Value::Null))
        .to_vec();
        operations.extend([
            (Method::PATCH, path(""), json!({ "title": "mine" })),
            (Method::POST, path("/prompts"), json!({ "prompt": "hello" })),
            (Method::POST, path("/prompts?mode=steer"), json!({ "prompt": "hello" })),
            (Method::DELETE, path(&format!("/prompts/{}", turn.as_str().unwrap())), json!({})),
            (Method::POST, path("/interrupt"), json!({})),
            (Method::POST, path("/fork"), json!({})),
            (Method::POST, path("/rewind"), json!({ "turn_id": turn, "files": true })),
            (Method::POST, path(&format!("/requests/{request}")), json!({ "decision": "allow" })),
            (Method::POST, "/api/task".into(), json!({ "prompt": "hello", "resume": session })),
            (Method::POST, "/api/task/stream".into(), json!({ "prompt": "hello", "resume": session })),
        ]);
        operations
    };
    // Not even the operators look into another team.
    for person in [&bob, &root] {
        for (foreign, nothing) in operations(&session).into_iter().zip(operations(absent)) {
            let mut told = vec![];
            for (method, path, body) in [&foreign, &nothing] {
                let request = person.request(method.clone(), path);
                let refused = answer(if body.is_null() { request } else { request.json(body) }).await;
                told.push((refused.status, plain(refused.body)));
            }
            assert_eq!(told[0].0, StatusCode::NOT_FOUND, "{foreign:?} {told:?}");
            assert_eq!(told[0], told[1], "{foreign:?}");
        }
        let stream = person.request(Method::GET, &format!("/api/sessions/{session}/events"));
        let stream = answer(stream.header("accept", "text/event-stream")).await;
        assert_eq!((stream.status, stream.code()), (StatusCode::NOT_FOUND, "session_not_found"));
    }
    let view = ada.get(&format!("/api/sessions/{session}")).await.body;
    assert_eq!((&view["status"], &view["title"]), (&json!("waiting"), &json!("canary")));
    assert!(!server.workspace().join("acme/a.txt").exists());
}

#[tokio::test]
async fn lists_and_numbers_are_of_ones_own_team() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    let bob = root.found_team("bolt", "bob").await;
    ask(&ada).await;
    ada.post("/api/api-keys", &json!({ "name": "canary", "key": "sk-ant-canary" })).await;
    ada.post("/api/tokens", &json!({ "name": "canary", "scopes": ["sessions:read"] })).await;
    ada.post("/api/users/invites", &json!({ "role": "member" })).await;
    ada.post("/api/workspaces/trust", &json!({ "working_dir": "." })).await;

    for person in [&bob, &root] {
        for (path, list) in [
            ("/api/sessions", "sessions"),
            ("/api/sessions?q=canary", "sessions"),
            ("/api/sessions?status=waiting&sort=cost", "sessions"),
            ("/api/requests", "requests"),
            ("/api/api-keys", "api_keys"),
            ("/api/tokens", "tokens"),
            ("/api/users/invites", "invites"),
            ("/api/workspaces/trust", "folders"),
        ] {
            let mine = ada.get(path).await.body[list].as_array().unwrap().len();
            assert_eq!(mine, 1, "there is something to see in {path}");
            assert_eq!(person.get(path).await.body[list], json!([]), "{path}");
        }
        let folder = server.workspace().join("acme");
        let there = person.get(&format!("/api/sessions?working_dir={}", folder.display())).await.body;
        assert_eq!(there["sessions"], json!([]));
        let me = person.get("/api/auth/me").await.body;
        assert_eq!(person.get("/api/users").await.body["users"], json!([me]));
        let status = person.get("/api/status").await.body;
        assert_eq!((&status["sessions"]["stored"], &status["sessions"]["waiting"]), (&json!(0), &json!(0)));
    }
    let status = ada.get("/api/status").await.body["sessions"].clone();
    assert_eq!(status, json!({ "stored": 1, "running": 0, "waiting": 1 }));
    for (method, path) in [
        (Method::PATCH, "/api/users/ada".to_owned()),
        (Method::PATCH, format!("/api/api-keys/{}", id_in(&ada, "/api/api-keys", "api_keys").await)),
        (Method::GET, format!("/api/api-keys/{}", id_in(&ada, "/api/api-keys", "api_keys").await)),
        (Method::DELETE, format!("/api/api-keys/{}", id_in(&ada, "/api/api-keys", "api_keys").await)),
        (Method::DELETE, format!("/api/tokens/{}", id_in(&ada, "/api/tokens", "tokens").await)),
        (
            Method::DELETE,
            format!("/api/users/invites/{}", id_in(&ada, "/api/users/invites", "invites").await),
        ),
    ] {
        for person in [&bob, &root] {
            let refused = answer(person.request(method.clone(), &path).json(&json!({}))).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{method} {path}: {}", refused.body);
        }
    }
}

async fn id_in(person: &Person<'_>, path: &str, list: &str) -> String {
    person.get(path).await.body[list][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn turns_of_others_are_not_counted_but_by_the_operators() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    let bob = root.found_team("bolt", "bob").await;
    let session = ada.open_session().await;
    let hang = json!({ "prompt": script("Hang.", &json!([{ "hang": true }])) });
    ada.post(&format!("/api/sessions/{session}/prompts"), &hang).await;

    for _ in 0..600 {
        if ada.get("/api/status").await.body["turns"]["running"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let running = async |person: &Person<'_>| {
        let status = person.get("/api/status").await.body;
        (status["turns"]["running"].clone(), status["sessions"]["running"].clone())
    };

    assert_eq!(running(&ada).await, (json!(1), json!(1)));
    assert_eq!(running(&bob).await, (json!(0), json!(0)));
    assert_eq!(running(&root).await, (json!(1), json!(0)), "how busy the server is, not with what");
}

#[tokio::test]
async fn going_on_in_a_folder_goes_on_with_nobody_elses_session() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    let begun = root.task(&json!({ "prompt": say("a")["prompt"], "working_dir": "acme" })).await;

    let body = json!({ "prompt": say("b")["prompt"], "continue_conversation": true });
    let of_ada = ada.task(&body).await;
    let again = ada.task(&body).await;

    assert_ne!(of_ada["session_id"], begun["session_id"]);
    assert_eq!(again["session_id"], of_ada["session_id"]);
    // The same key of two people is two keys.
    let keyed = async |person: &Person<'_>| {
        let request = person.request(Method::POST, "/api/sessions").header("idempotency-key", "same");
        answer(request.json(&json!({}))).await.body["owner"].clone()
    };
    assert_eq!((keyed(&root).await, keyed(&ada).await), (json!("root"), json!("ada")));
}

#[tokio::test]
async fn each_team_audits_itself_and_the_operators_audit_the_making_of_teams() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = root.found_team("acme", "ada").await;
    let bob = root.found_team("bolt", "bob").await;
    let (session, _) = ask(&ada).await;
    let wrong = json!({ "username": "ada", "password": "wrong-password" });
    server.post("/api/auth/login", &wrong).await;
    bob.get(&format!("/api/sessions/{session}")).await;

    let trail = async |person: &Person<'_>, is_there: fn(&str) -> bool| {
        for _ in 0..200 {
            let body = person.get("/api/audit/events?all=true&limit=200").await.body;
            if is_there(&body.to_string()) {
                return body["events"].as_array().unwrap().clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not in the trail: {}", person.get("/api/audit/events").await.body)
    };
    let of_ada = trail(&ada, |text| text.contains("credentials_wrong")).await;
    let of_bob = trail(&bob, |text| text.contains("session_not_found")).await;
    let of_root = trail(&root, |text| text.matches("tenant_created").count() == 2).await;

    let types = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        types(&of_bob),
        ["access_denied", "logged_in", "user_registered", "invite_used", "invite_created"]
    );
    assert!(types(&of_ada).contains(&"permission_requested".to_owned()), "{:?}", types(&of_ada));
    let made = of_root.iter().find(|event| event["type"] == "tenant_created").unwrap();
    assert_eq!((&made["actor"], &made["data"]["by"]), (&json!("user:root"), &json!("root")));
    // Which operator it was, and from where, is not for the team.
    let invited = of_ada.iter().find(|event| event["type"] == "invite_created").unwrap();
    assert_eq!((&invited["actor"], &invited["address"]), (&json!("operator"), &Value::Null));
    for (trail, others) in
        [(&of_root, ["ada", "bob"]), (&of_ada, ["root", "bob"]), (&of_bob, ["root", "ada"])]
    {
        let actors: Vec<_> = trail.iter().map(|event| event["actor"].as_str().unwrap()).collect();
        let objects: Vec<_> = trail.iter().filter_map(|event| event["object"].as_str()).collect();
        for other in others {
            assert!(!actors.contains(&format!("user:{other}").as_str()), "{actors:?}");
            assert!(!objects.contains(&format!("account:{other}").as_str()), "{objects:?}");
        }
    }
    let asked = root.get(&format!("/api/audit/events?object=session:{session}&all=true")).await.body;
    assert_eq!(asked["events"], json!([]));
}
