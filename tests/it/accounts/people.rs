//! The team: roles, invitations, being disabled.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use runner_tests::person::{PASSWORD, Person};
use runner_tests::server::{Answer, Server};
use serde_json::{Value, json};

#[tokio::test]
async fn roles_decide_what_people_see_and_may_change() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let member = Person::register(&server, "ada").await;
    Person::register(&server, "vic").await;
    assert_eq!(admin.patch("/api/users/vic", &json!({ "role": "viewer" })).await.body["role"], "viewer");
    let viewer = Person::log_in(&server, "vic").await;
    let (of_admin, of_member) = (admin.open_session().await, member.open_session().await);

    let read = async |person: &Person<'_>, session: &str| {
        person.get(&format!("/api/sessions/{session}")).await.status.as_u16()
    };
    assert_eq!((read(&admin, &of_member).await, read(&viewer, &of_member).await), (200, 200));
    assert_eq!((read(&member, &of_member).await, read(&member, &of_admin).await), (200, 404));

    let refused = viewer.post("/api/sessions", &json!({})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"));
    for person in [&member, &viewer] {
        for path in ["/api/users", "/api/users/invites"] {
            assert_eq!(person.get(path).await.status, StatusCode::FORBIDDEN);
        }
        let change = person.patch("/api/users/root", &json!({ "disabled": true })).await;
        assert_eq!(change.status, StatusCode::FORBIDDEN);
    }
    let users = admin.get("/api/users").await.body;
    let names: Vec<_> =
        users["users"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ada", "root", "vic"]);
    let page = admin.get("/api/users?limit=2").await.body;
    assert_eq!((page["users"].as_array().unwrap().len(), &page["next_cursor"]), (2, &json!("root")));
    let rest = admin.get("/api/users?limit=2&cursor=root").await.body;
    assert_eq!((&rest["users"][0]["username"], &rest["next_cursor"]), (&json!("vic"), &json!(null)));
}

#[tokio::test]
async fn role_holds_from_the_next_request_on() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    assert_eq!(ada.post("/api/sessions", &json!({})).await.status, StatusCode::CREATED);

    admin.patch("/api/users/ada", &json!({ "role": "viewer" })).await;

    let refused = ada.post("/api/sessions", &json!({})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "token_invalid"));
    let body = json!({ "refresh_token": ada.refresh });
    let again = Person::of(&server, server.post("/api/auth/refresh", &body).await);
    assert_eq!(again.post("/api/sessions", &json!({})).await.status, StatusCode::FORBIDDEN);
    assert_eq!(again.get("/api/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn somebody_disabled_is_out_at_once_and_his_streams_end() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let session = ada.open_session().await;
    let token = ada.post("/api/tokens", &json!({ "name": "ci", "scopes": ["sessions:read"] })).await;
    let program = Person::with(&server, token.body["token"].as_str().unwrap());
    let mut streams = [ada.stream_events(&session).await, program.stream_events(&session).await];
    let mut stays = admin.stream_events(&session).await;
    stays.until("session_opened").await;

    let begun = Instant::now();
    assert_eq!(admin.patch("/api/users/ada", &json!({ "disabled": true })).await.body["disabled"], true);
    for person in [&ada, &program] {
        assert_eq!(person.get("/api/sessions").await.status, StatusCode::UNAUTHORIZED);
    }
    for stream in &mut streams {
        stream.rest().await;
    }

    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let goes_on = tokio::time::timeout(Duration::from_secs(1), stays.next()).await;
    assert!(goes_on.is_err(), "the admin's stream stays open");
    let body = json!({ "username": "ada", "password": PASSWORD });
    let refused = server.post("/api/auth/login", &body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "account_disabled"));
    let wrong = json!({ "username": "ada", "password": "wrong-password" });
    assert_eq!(server.post("/api/auth/login", &wrong).await.code(), "credentials_wrong");

    admin.patch("/api/users/ada", &json!({ "disabled": false })).await;
    assert_eq!(ada.status().await, StatusCode::UNAUTHORIZED, "what has ended stays ended");
    assert_eq!(Person::log_in(&server, "ada").await.status().await, StatusCode::OK);
    assert_eq!(program.get("/api/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn local_users_streams_end_when_somebody_registers() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let mut stream = server.stream_events(&session, 0).await;

    Person::register(&server, "ada").await;

    let begun = Instant::now();
    stream.rest().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn last_admin_stays_one() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    Person::register(&server, "ada").await;

    for change in [json!({ "role": "member" }), json!({ "disabled": true })] {
        let refused = admin.patch("/api/users/root", &change).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "last_admin"));
    }
    admin.patch("/api/users/ada", &json!({ "role": "admin" })).await;
    assert_eq!(admin.patch("/api/users/root", &json!({ "role": "member" })).await.status, StatusCode::OK);
    assert_eq!(admin.patch("/api/users/nobody", &json!({})).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn budgets_are_set_and_taken_away() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let set = async |budget: serde_json::Value| -> Answer {
        admin.patch("/api/users/ROOT", &json!({ "monthly_budget_usd": budget })).await
    };

    assert_eq!(set(json!(12.345678)).await.body["monthly_budget_usd"], 12.345678);
    assert_eq!(admin.get("/api/auth/me").await.body["monthly_budget_usd"], 12.345678);
    for wrong in [json!(-1), json!(1e10), json!("12")] {
        assert_eq!(set(wrong.clone()).await.code(), "field_invalid", "{wrong}");
    }
    assert_eq!(set(json!(null)).await.body["monthly_budget_usd"], json!(null));
}

#[tokio::test]
async fn invitation_lets_one_in_with_the_role_it_says() {
    let server = Server::start_with(&[("REGISTRATION", "invite")]).await;
    let admin = Person::register(&server, "root").await;
    let register = async |name: &str, code: Option<&str>| {
        let mut body = json!({ "username": name, "password": PASSWORD });
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        server.post("/api/auth/register", &body).await
    };
    assert_eq!(register("vic", None).await.code(), "code_required");
    assert_eq!(register("vic", Some("cci_nonsense")).await.code(), "code_invalid");

    let invite = admin.post("/api/users/invites", &json!({ "role": "viewer", "username": "Vic" })).await;
    assert_eq!(invite.status, StatusCode::CREATED, "{}", invite.body);
    let code = invite.body["code"].as_str().unwrap();
    assert_eq!(register("eve", Some(code)).await.code(), "code_invalid");
    assert_eq!(register("vic", Some(code)).await.body["user"]["role"], "viewer");
    assert_eq!(register("vic2", Some(code)).await.code(), "code_invalid");
    let taken = admin.post("/api/users/invites", &json!({ "role": "admin", "username": "vic" })).await;
    assert_eq!(taken.code(), "username_taken");

    let open =
        admin.post("/api/users/invites", &json!({ "role": "member", "expires_in_ms": 60_000 })).await.body;
    let listed = admin.get("/api/users/invites").await.body;
    assert_eq!(listed["invites"].as_array().unwrap().len(), 1);
    assert_eq!(listed["invites"][0]["id"], open["id"]);
    assert!(!listed.to_string().contains(open["code"].as_str().unwrap()));
    let path = format!("/api/users/invites/{}", open["id"].as_str().unwrap());
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(register("bob", open["code"].as_str()).await.code(), "code_invalid");
    for wrong in [0, 91 * 24 * 60 * 60 * 1000_u64] {
        let body = json!({ "role": "member", "expires_in_ms": wrong });
        assert_eq!(admin.post("/api/users/invites", &body).await.code(), "field_invalid");
    }
}

#[tokio::test]
async fn closed_server_registers_nobody_any_more() {
    let mut server = Server::start().await;
    Person::register(&server, "root").await;
    server.stop().await;
    server.set("REGISTRATION", "closed");
    server.restart().await;

    let body = json!({ "username": "ada", "password": PASSWORD });
    let refused = server.post("/api/auth/register", &body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "registration_closed"));
    assert_eq!(Person::log_in(&server, "root").await.status().await, StatusCode::OK);
}

#[tokio::test]
async fn every_list_has_pages() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;
    Person::log_in(&server, "ada").await;
    for name in ["one", "two"] {
        std::fs::create_dir(server.workspace().join(name)).unwrap();
        ada.post("/api/workspaces/trust", &json!({ "working_dir": name })).await;
        ada.post("/api/tokens", &json!({ "name": name, "scopes": ["sessions:read"] })).await;
        ada.post("/api/users/invites", &json!({ "role": "member" })).await;
        ada.post("/api/api-keys", &json!({ "name": name, "key": "sk-ant-of-nobody" })).await;
        ada.open_session().await;
    }
    Person::register(&server, "grace").await;
    for (path, plural) in [
        ("/api/api-keys", "api_keys"),
        ("/api/auth/sessions", "sessions"),
        ("/api/sessions", "sessions"),
        ("/api/tokens", "tokens"),
        ("/api/users", "users"),
        ("/api/users/invites", "invites"),
        ("/api/workspaces/trust", "folders"),
    ] {
        let whole = ada.get(path).await.body;
        let first = ada.get(&format!("{path}?limit=1")).await.body;
        let cursor = first["next_cursor"].as_str().unwrap_or_else(|| panic!("{path}: {first}"));
        let mut next = reqwest::Url::parse(&server.url(path)).unwrap();
        next.query_pairs_mut().append_pair("limit", "1").append_pair("cursor", cursor);
        let second = ada.get(&format!("{path}?{}", next.query().unwrap())).await.body;

        assert_eq!(
            (whole[plural].as_array().unwrap().len(), &whole["next_cursor"]),
            (2, &Value::Null),
            "{path}"
        );
        assert_eq!(first[plural], json!([whole[plural][0]]), "{path}");
        assert_eq!(
            (&second[plural], &second["next_cursor"]),
            (&json!([whole[plural][1]]), &Value::Null),
            "{path}"
        );
        let refused = ada.get(&format!("{path}?limit=0")).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "query_invalid"), "{path}");
    }
}

#[tokio::test]
async fn what_many_change_at_once_is_changed_by_all_of_them() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;

    let created = (0..40).map(async |number| {
        ada.post("/api/tokens", &json!({ "name": format!("ci-{number}"), "scopes": ["sessions:read"] })).await
    });
    let created = futures_util::future::join_all(created).await;

    for answer in &created {
        assert!(
            answer.status == StatusCode::CREATED || answer.code() == "too_many_tokens",
            "{}",
            answer.body
        );
    }
    let made = created.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    let listed = ada.get("/api/tokens?limit=200").await.body["tokens"].as_array().unwrap().len();
    assert!(made == listed && made >= 20, "{made} {listed}");
}
