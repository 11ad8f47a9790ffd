//! Who may have agents work without asking anybody.

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server};
use serde_json::{Value, json};

async fn server(policy: &str) -> Server {
    Server::start_with(&[("BYPASS_PERMISSIONS", policy), ("IS_SANDBOX", "1"), ("AUTH", "local")]).await
}

async fn member<'s>(server: &'s Server, admin: &Person<'s>) -> Person<'s> {
    let invited = admin.post("/api/users/invites", &json!({ "username": "bob", "role": "member" })).await;
    Person::join(server, "bob", &invited.body["code"]).await
}

fn task() -> Value {
    json!({ "prompt": script("Say.", &json!([{ "text": "hi" }])), "permission_mode": "bypassPermissions" })
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::FORBIDDEN, "bypass_not_allowed"),
        "{}",
        answer.body
    );
    assert_eq!(answer.body["errors"][0]["pointer"], "/permission_mode");
}

#[tokio::test]
async fn members_ask_unless_the_server_lets_them() {
    for (policy, is_allowed) in [("admins", false), ("members", true)] {
        let server = server(policy).await;
        let admin = Person::register(&server, "ada").await;
        let bob = member(&server, &admin).await;
        let path = format!("/api/sessions/{}", bob.open_session().await);

        let answers = [
            bob.post("/api/task", &task()).await,
            bob.post("/api/sessions", &json!({ "permission_mode": "bypassPermissions" })).await,
            bob.patch(&path, &json!({ "permission_mode": "bypassPermissions" })).await,
        ];

        for answer in &answers {
            if is_allowed {
                assert!(answer.status.is_success(), "{}", answer.body);
            } else {
                assert_refused(answer);
            }
        }
        assert_eq!(admin.task(&task()).await["message"], "hi");
    }
}

#[tokio::test]
async fn nobody_does_where_the_server_forbids_it() {
    let server = server("nobody").await;
    assert_refused(&server.post("/api/task", &task()).await);
    let admin = Person::register(&server, "ada").await;

    let refused = admin.post("/api/task", &task()).await;

    assert_refused(&refused);
    assert!(refused.body["detail"].as_str().unwrap().contains("lets nobody use"));
}

#[tokio::test]
async fn a_token_needs_the_scope_also_for_a_session_that_its_owner_opened() {
    let server = server("admins").await;
    let admin = Person::register(&server, "ada").await;
    let session = admin.task(&task()).await["session_id"].as_str().unwrap().to_owned();
    let mut tokens = vec![];
    for (name, scopes) in
        [("one", json!(["sessions:write"])), ("two", json!(["sessions:write", "sessions:bypass"]))]
    {
        let made = admin.post("/api/tokens", &json!({ "name": name, "scopes": scopes })).await;
        tokens.push(made.body["token"].as_str().unwrap().to_owned());
    }
    let [without, with] = [0, 1].map(|index| Person::with(&server, &tokens[index]));
    let prompt = script("Say.", &json!([{ "text": "hi" }]));
    let resumed = json!({ "prompt": prompt, "resume": session });

    for path in ["/api/task", "/api/task/stream"] {
        assert_refused(&without.post(path, &resumed).await);
    }
    assert_refused(
        &without.post(&format!("/api/sessions/{session}/prompts"), &json!({ "prompt": prompt })).await,
    );
    assert_refused(&without.post("/api/task", &task()).await);
    assert_eq!(with.task(&resumed).await["message"], "hi");
    assert_eq!(admin.task(&resumed).await["message"], "hi");
}

#[tokio::test]
async fn a_copy_asks_where_its_new_owner_has_no_right_to_the_mode() {
    let server = server("admins").await;
    let admin = Person::register(&server, "ada").await;
    let session = admin.task(&task()).await["session_id"].as_str().unwrap().to_owned();
    let made = admin.post("/api/tokens", &json!({ "name": "ci", "scopes": ["sessions:write"] })).await;
    let without = Person::with(&server, made.body["token"].as_str().unwrap());
    let path = format!("/api/sessions/{session}/fork");

    let copied = [admin.post(&path, &json!({})).await, without.post(&path, &json!({})).await];

    let modes = copied.map(|copy| copy.body["permission_mode"].clone());
    assert_eq!(modes, [json!("bypassPermissions"), json!("default")]);
}
