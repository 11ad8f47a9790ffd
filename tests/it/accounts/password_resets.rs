//! Coming in again without the password: a code by an admin, or by whoever runs the server.

use reqwest::StatusCode;
use runner_tests::person::{PASSWORD, Person};
use runner_tests::server::{Answer, Server};
use serde_json::{Value, json};

use crate::projections::run_command;

const NEW_PASSWORD: &str = "another-password";

#[tokio::test]
async fn code_of_an_admin_sets_a_new_password_once_and_ends_what_the_old_one_began() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let token = ada.post("/api/tokens", &json!({ "name": "ci", "scopes": ["sessions:read"] })).await;
    let program = Person::with(&server, token.body["token"].as_str().unwrap());

    let first = issue(&admin, "ada").await;
    let code = issue(&admin, "Ada").await;
    assert_eq!(ada.status().await, StatusCode::OK, "nothing changes until it is used");
    assert_eq!(reset(&server, &first, NEW_PASSWORD).await.code(), "code_invalid", "another one was made");
    let weak = reset(&server, &code, "12345678").await;
    assert_eq!(
        (weak.code(), &weak.body["errors"][0]["pointer"]),
        ("password_too_common", &json!("/password"))
    );
    let again = Person::of(&server, reset(&server, &code, NEW_PASSWORD).await);

    assert_eq!(again.get("/api/auth/me").await.body["username"], "ada");
    assert_eq!(ada.status().await, StatusCode::UNAUTHORIZED);
    assert_eq!(program.get("/api/sessions").await.status, StatusCode::UNAUTHORIZED);
    let used = reset(&server, &code, "a-third-password").await;
    assert_eq!((used.status, used.code()), (StatusCode::FORBIDDEN, "code_invalid"));
    assert_eq!(log_in(&server, "ada", PASSWORD).await.code(), "credentials_wrong");
    assert_eq!(log_in(&server, "ada", NEW_PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn trail_says_who_made_a_code_and_who_used_it_and_keeps_no_secret() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    Person::register(&server, "ada").await;

    let code = issue(&admin, "ada").await;
    reset(&server, &code, NEW_PASSWORD).await;

    let trail = admin.get("/api/audit/events?object=account:ada&limit=3").await.body;
    let told: Vec<_> = trail["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| [event["type"].as_str().unwrap(), event["actor"].as_str().unwrap()])
        .collect();
    let expected =
        [["logged_in", "user:ada"], ["password_reset", "user:ada"], ["password_reset_issued", "user:root"]];
    assert_eq!(told, expected, "{trail}");
    assert!(!trail.to_string().contains(&code));
    for entry in std::fs::read_dir(server.data_dir()).unwrap() {
        let Ok(bytes) = std::fs::read(entry.unwrap().path()) else { continue };
        assert!(!bytes.windows(code.len()).any(|window| window == code.as_bytes()));
    }
}

#[tokio::test]
async fn codes_are_made_by_admins_of_the_team_for_others_who_may_log_in() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let stranger = admin.found_team("acme", "alan").await;
    let ask = async |person: &Person<'_>, name: &str| {
        let answer = person.post(&format!("/api/users/{name}/password-reset"), &json!({})).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    let refused = |status: u16, code: &str| (status, code.to_owned());

    assert_eq!(ask(&ada, "root").await, refused(403, "forbidden"));
    assert_eq!(ask(&stranger, "ada").await, refused(404, "user_not_found"));
    assert_eq!(ask(&admin, "alan").await, refused(404, "user_not_found"));
    assert_eq!(ask(&admin, "nobody").await, refused(404, "user_not_found"));
    assert_eq!(ask(&admin, "root").await, refused(409, "own_account"));
    let code = issue(&admin, "ada").await;
    admin.patch("/api/users/ada", &json!({ "disabled": true })).await;
    assert_eq!(ask(&admin, "ada").await, refused(403, "account_disabled"));
    assert_eq!(reset(&server, &code, NEW_PASSWORD).await.code(), "code_invalid");
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_and_does_not_slow_down_their_owners() {
    let server = Server::start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let admin = Person::register_first(&server, "root").await;
    let invite = admin.post("/api/users/invites", &json!({ "role": "member" })).await.body;
    Person::join(&server, "ada", &invite["code"]).await;
    // Whoever forgot the password has tried all that came to mind.
    for _ in 0..8 {
        log_in(&server, "ada", "wrong-password").await;
    }
    assert_eq!(log_in(&server, "ada", PASSWORD).await.code(), "too_many_attempts");
    let code = issue(&admin, "ada").await;
    let guess = async || reset(&server, "ccp_nonsense", NEW_PASSWORD).await;

    assert_eq!(reset(&server, &code, NEW_PASSWORD).await.status, StatusCode::OK);
    let mut answers = vec![];
    for _ in 0..61 {
        answers.push(guess().await);
    }

    assert_eq!(answers[0].code(), "code_invalid");
    let last = answers.last().unwrap();
    assert_eq!((last.status, last.code()), (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"));
}

#[tokio::test]
async fn only_admin_who_forgot_the_password_is_let_in_by_whoever_runs_the_server() {
    let mut server = Server::start().await;
    Person::register(&server, "root").await;
    let running = run_command(&server, &["users", "reset-password", "root"]).await;
    assert_eq!(running.status.code(), Some(1));
    let said = String::from_utf8(running.stderr).unwrap();
    assert!(said.contains("stop the server first") && said.contains("in use by another server"), "{said}");
    server.stop().await;

    let nobody = run_command(&server, &["users", "reset-password", "nobody"]).await;
    let done = run_command(&server, &["users", "reset-password", "Root"]).await;

    assert!(String::from_utf8(nobody.stderr).unwrap().contains("there is no user `nobody`"));
    let code = String::from_utf8(done.stdout).unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(
        done.status.success() && said.contains("root sets a new password with this code until"),
        "{said}"
    );
    server.restart().await;
    let root = Person::of(&server, reset(&server, code.trim(), NEW_PASSWORD).await);
    let trail = root.get("/api/audit/events?type=password_reset_issued").await.body;
    assert_eq!(trail["events"][0]["actor"], "operator", "{trail}");
    assert_eq!(trail["events"][0]["data"]["by"], Value::Null);
}

/// The code that an admin gets for somebody.
async fn issue(admin: &Person<'_>, name: &str) -> String {
    let issued = admin.post(&format!("/api/users/{name}/password-reset"), &json!({})).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.body);
    assert_eq!(issued.body["username"], name.to_lowercase());
    issued.body["code"].as_str().unwrap().to_owned()
}

async fn reset(server: &Server, code: &str, password: &str) -> Answer {
    server.post("/api/auth/password-reset", &json!({ "code": code, "password": password })).await
}

async fn log_in(server: &Server, name: &str, password: &str) -> Answer {
    server.post("/api/auth/login", &json!({ "username": name, "password": password })).await
}
