//! Service tokens, and what is on disk of all secrets.

use std::path::Path;

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::json;

#[tokio::test]
async fn service_token_does_what_its_scopes_say_and_no_more() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;
    let made = ada.post("/api/tokens", &json!({ "name": "ci", "scopes": ["tasks:write"] })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let text = made.body["token"].as_str().unwrap();
    assert!(text.starts_with("ccr_"));
    let program = Person::with(&server, text);

    let task = json!({ "prompt": script("Go.", &json!([{ "text": "ran" }])) });
    assert_eq!(program.post("/api/task", &task).await.body["message"], "ran");
    assert_eq!(program.get("/api/auth/me").await.body["username"], "ada");
    for path in ["/api/sessions", "/api/users"] {
        let refused = program.get(path).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"), "{path}");
    }
    for path in ["/api/tokens", "/api/auth/sessions"] {
        assert_eq!(program.get(path).await.code(), "login_required", "{path}");
    }

    let listed = ada.get("/api/tokens").await.body;
    let token = &listed["tokens"][0];
    assert_eq!((&token["name"], &token["scopes"]), (&json!("ci"), &json!(["tasks:write"])));
    assert!(token["last_used_at"].is_string() && token["last_used_from"] == "127.0.0.1");
    assert!(!listed.to_string().contains(text) && !listed.to_string().contains("hash"), "{listed}");

    let path = format!("/api/tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.delete(&path).await.code(), "token_not_found");
    assert_eq!(program.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn token_of_an_admin_reaches_what_others_have_only_with_the_scope_for_it() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let session = ada.open_session().await;
    let key = json!({ "name": "my-api-key", "key": "sk-ant-canary-0123456789" });
    let key = ada.post("/api/api-keys", &key).await.body["id"].as_str().unwrap().to_owned();
    let mut tokens = vec![];
    for scopes in [json!(["tasks:write", "keys:write"]), json!(["sessions:write"]), json!(["admin"])] {
        let made = root.post("/api/tokens", &json!({ "name": scopes.to_string(), "scopes": scopes })).await;
        tokens.push(Person::with(&server, made.body["token"].as_str().unwrap()));
    }
    let [narrow, writer, admin] = tokens.as_slice() else { panic!("three tokens") };
    let prompt = script("Go.", &json!([{ "text": "ran" }]));
    let resume = json!({ "prompt": prompt, "resume": session });
    let key = format!("/api/api-keys/{key}");

    for path in ["/api/task", "/api/task/stream"] {
        assert_eq!(narrow.post(path, &resume).await.code(), "session_not_found", "{path}");
    }
    for refused in [
        narrow.get(&key).await,
        narrow.patch(&key, &json!({ "enabled": false })).await,
        narrow.delete(&key).await,
    ] {
        assert_eq!(refused.code(), "api_key_not_found");
    }
    assert_eq!(narrow.get("/api/api-keys").await.body["api_keys"], json!([]));

    let inside =
        json!({ "name": "inside", "key": "sk-ant-canary-0123456789", "base_url": "http://127.0.0.1:1" });
    assert_eq!(narrow.post("/api/api-keys", &inside).await.code(), "base_url_not_allowed");
    let own = root.open_session().await;
    let resume_own = json!({ "prompt": prompt, "resume": own });
    assert_eq!(narrow.post("/api/task", &resume_own).await.body["message"], "ran");
    assert_eq!(writer.post("/api/task", &resume).await.body["message"], "ran");
    assert_eq!(admin.get(&key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn token_that_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let year = 366 * 24 * 60 * 60 * 1000_u64;
    for (body, code) in [
        (json!({ "name": "x", "scopes": [] }), "field_invalid"),
        (json!({ "name": "x", "scopes": ["everything"] }), "field_invalid"),
        (json!({ "name": " ", "scopes": ["tasks:write"] }), "field_invalid"),
        (json!({ "name": "c\u{200b}i", "scopes": ["tasks:write"] }), "field_invalid"),
        (json!({ "name": "x", "scopes": ["tasks:write"], "expires_in_ms": 0 }), "field_invalid"),
        (json!({ "name": "x", "scopes": ["tasks:write"], "expires_in_ms": year + 1 }), "field_invalid"),
        (json!({ "name": "x", "scopes": ["admin"] }), "scope_not_allowed"),
    ] {
        assert_eq!(ada.post("/api/tokens", &body).await.code(), code, "{body}");
    }
    let body = json!({ "name": "x", "scopes": ["admin"] });
    let made = root.post("/api/tokens", &body).await;
    assert_eq!(root.post("/api/tokens", &body).await.code(), "token_name_taken");
    let program = Person::with(&server, made.body["token"].as_str().unwrap());
    assert_eq!(program.get("/api/users").await.status, StatusCode::OK);

    let brief = json!({ "name": "brief", "scopes": ["sessions:read"], "expires_in_ms": 1500 });
    let brief = ada.post("/api/tokens", &brief).await;
    let brief = Person::with(&server, brief.body["token"].as_str().unwrap());
    assert_eq!(brief.get("/api/sessions").await.status, StatusCode::OK);
    tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
    assert_eq!(brief.get("/api/sessions").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn local_user_has_no_tokens_of_his_own() {
    let server = Server::start().await;

    let refused = server.post("/api/tokens", &json!({ "name": "ci", "scopes": ["tasks:write"] })).await;

    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "no_account"));
}

#[tokio::test]
async fn no_secret_is_anywhere_on_disk_or_in_the_log() {
    let mut server = Server::start().await;
    let password = "a-rather-unusual-password";
    let body = json!({ "username": "ada", "password": password });
    let ada = Person::of(&server, server.post("/api/auth/register", &body).await);
    let token = ada.post("/api/tokens", &json!({ "name": "ci", "scopes": ["tasks:write"] })).await;
    let invite = ada.post("/api/users/invites", &json!({ "role": "member" })).await;
    let secrets = [
        password.to_owned(),
        token.body["token"].as_str().unwrap()[28..].to_owned(),
        invite.body["code"].as_str().unwrap()[28..].to_owned(),
        ada.access.clone(),
        ada.refresh.clone(),
    ];
    drop(ada);
    server.stop().await;

    let log = server.log().await;
    let mut files = 0;
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "the server said {secret}");
        files += search(&server.data_dir(), secret.as_bytes());
    }
    assert!(files >= 5, "{files}");
}

#[tokio::test]
async fn accounts_are_the_same_when_they_are_written_anew_from_the_log() {
    let mut server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    Person::register(&server, "ada").await;
    admin.patch("/api/users/ada", &json!({ "role": "viewer", "monthly_budget_usd": 3 })).await;
    admin.post("/api/tokens", &json!({ "name": "ci", "scopes": ["admin"] })).await;
    admin.post("/api/users/invites", &json!({ "role": "member" })).await;
    let users = admin.get("/api/users").await.body;
    drop(admin);
    server.stop().await;
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.args(["projections", "rebuild"]).env("DATA_DIR", server.data_dir());

    let rebuilt = command.env("WORKING_DIR", server.workspace()).output().await.unwrap();

    let said = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    assert!(said.contains("the read models were right"), "{said}");
    server.restart().await;
    assert_eq!(
        Person::log_in(&server, "root").await.get("/api/users").await.body["users"][0],
        users["users"][0]
    );
}

/// Looks through all files below a folder; says how many there were.
fn search(folder: &Path, needle: &[u8]) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files += search(&path, needle);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{} holds a secret", path.display());
            files += 1;
        }
    }
    files
}
