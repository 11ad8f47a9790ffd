//! Accounts that are removed.

use reqwest::StatusCode;
use runner_tests::person::{PASSWORD, Person};
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

use crate::projections::rebuild;

#[tokio::test]
async fn somebody_removed_is_gone_and_what_they_did_keeps_their_name() {
    let mut server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    root.patch("/api/users/ada", &json!({ "role": "admin" })).await;
    let ada = Person::log_in(ada.server, "ada").await;
    let token = ada.post("/api/tokens", &json!({ "name": "ci", "scopes": ["sessions:read"] })).await;
    let program = Person::with(&server, token.body["token"].as_str().unwrap());
    ada.post("/api/api-keys", &json!({ "name": "k", "key": "sk-ant-of-ada" })).await;
    for name in ["one", "two"] {
        let mcp_server =
            json!({ "name": name, "url": "https://mcp.example", "headers": { "X-Key": "of-ada" } });
        assert_eq!(ada.post("/api/mcp/servers", &mcp_server).await.status, StatusCode::CREATED);
    }
    let invite = ada.post("/api/users/invites", &json!({ "role": "admin" })).await.body;
    let write = json!({ "file_path": "{{cwd}}/a.txt", "content": "x" });
    let replies = json!([{ "tool_use": { "name": "Write", "input": write } }, { "text": "done" }]);
    let waiting = ada.post("/api/task", &json!({ "prompt": script("Write.", &replies) })).await.body;
    let session = waiting["session_id"].as_str().unwrap();

    let removed = root.delete("/api/users/ada").await;
    let again = root.delete("/api/users/Ada").await;

    assert_eq!((removed.status, again.status), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
    assert_eq!(ada.status().await, StatusCode::UNAUTHORIZED);
    assert_eq!(program.get("/api/sessions").await.status, StatusCode::UNAUTHORIZED);
    let body = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(server.post("/api/auth/login", &body).await.code(), "credentials_wrong");
    assert_eq!(server.post("/api/auth/register", &body).await.code(), "username_taken");
    let joined = json!({ "username": "eve", "password": PASSWORD, "code": invite["code"] });
    assert_eq!(server.post("/api/auth/register", &joined).await.code(), "code_invalid");
    for list in ["/api/users", "/api/api-keys", "/api/mcp/servers"] {
        let shown = root.get(list).await.body;
        assert!(!shown.to_string().contains("ada"), "{shown}");
    }
    for change in [
        root.patch("/api/users/ada", &json!({ "disabled": false })).await,
        root.post("/api/users/ada/password-reset", &json!({})).await,
    ] {
        assert_eq!((change.status, change.code()), (StatusCode::NOT_FOUND, "user_not_found"));
    }
    let trail = root.get("/api/audit/events?type=user_removed").await.body;
    let told = &trail["events"][0];
    assert_eq!((&told["object"], &told["actor"]), (&json!("account:ada"), &json!("user:root")), "{trail}");

    let request = waiting["pending"][0]["request_id"].as_str().unwrap();
    let request = format!("/api/sessions/{session}/requests/{request}");
    let allow = json!({ "decision": "allow" });
    assert_eq!(root.post(&request, &allow).await.code(), "owner_disabled");
    let handed = root.post(&format!("/api/sessions/{session}/handover"), &json!({ "owner": "root" })).await;
    assert_eq!(handed.status, StatusCode::OK, "{}", handed.body);
    assert_eq!(root.post(&request, &allow).await.status, StatusCode::OK);
    let events =
        root.get(&format!("/api/sessions/{session}/events?types=session_opened,prompt_submitted")).await.body;
    let actors: Vec<&Value> =
        events["events"].as_array().unwrap().iter().map(|event| &event["actor"]).collect();
    assert_eq!(actors, [&json!("user:ada"); 2]);
    server.stop().await;
    let rebuilt = String::from_utf8(rebuild(&server).await.stderr).unwrap();
    assert!(rebuilt.contains("the read models were right"), "{rebuilt}");
}

#[tokio::test]
async fn nobody_removes_themselves_or_somebody_of_another_team() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let alan = root.found_team("acme", "alan").await;
    let remove = async |person: &Person<'_>, name: &str| {
        let answer = person.delete(&format!("/api/users/{name}")).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    let refused = |status: u16, code: &str| (status, code.to_owned());

    assert_eq!(remove(&root, "Root").await, refused(409, "own_account"));
    assert_eq!(remove(&ada, "root").await, refused(403, "forbidden"));
    assert_eq!(remove(&alan, "ada").await, refused(404, "user_not_found"));
    assert_eq!(remove(&root, "alan").await, refused(404, "user_not_found"));
    assert_eq!(remove(&root, "nobody").await, refused(404, "user_not_found"));
    assert_eq!(root.status().await, StatusCode::OK);
}
