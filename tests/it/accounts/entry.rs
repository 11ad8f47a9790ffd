//! Registering, logging in, refreshing, logging out, and a new password.

use reqwest::{Method, StatusCode};
use runner_tests::person::{PASSWORD, Person};
use runner_tests::server::{Server, answer};
use serde_json::json;

#[tokio::test]
async fn calls_of_the_original_work_on_a_fresh_server_which_then_wants_a_token() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/sessions").await.status, StatusCode::OK);
    assert_eq!(server.get("/api/auth/me").await.body["username"], "local");

    let body = json!({ "username": "your-username", "password": "your-password" });
    let registered = server.post("/api/auth/register", &body).await;
    let logged_in = server.post("/api/auth/login", &body).await;

    assert_eq!(registered.status, StatusCode::CREATED, "{}", registered.body);
    let user = &registered.body["user"];
    assert_eq!(
        (&user["username"], &user["role"], &user["tenant"], &user["disabled"]),
        (&json!("your-username"), &json!("admin"), &json!("default"), &json!(false))
    );
    for answer in [&registered.body, &logged_in.body] {
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(900)));
    }
    assert_eq!(logged_in.status, StatusCode::OK);
    let refused = server.get("/api/sessions").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "unauthenticated"));
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    let person = Person::of(&server, logged_in);
    assert_eq!(person.get("/api/sessions").await.status, StatusCode::OK);
    assert_eq!(person.get("/api/auth/me").await.body["username"], "your-username");
}

#[tokio::test]
async fn of_two_who_register_first_at_once_one_is_admin() {
    let server = Server::start().await;
    let (ada, bob) = (
        json!({ "username": "ada", "password": PASSWORD }),
        json!({ "username": "bob", "password": PASSWORD }),
    );

    let (one, two) =
        tokio::join!(server.post("/api/auth/register", &ada), server.post("/api/auth/register", &bob));

    let mut roles = [one.body["user"]["role"].clone(), two.body["user"]["role"].clone()];
    roles.sort_by_key(ToString::to_string);
    assert_eq!(roles, ["admin", "member"]);
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_with_the_field_and_the_reason() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    let long = "x".repeat(129);

    for (username, password, status, code) in [
        ("bob", "seven77", 400, "password_too_short"),
        ("bob", long.as_str(), 400, "password_too_long"),
        ("bob", "PassWord123", 400, "password_too_common"),
        ("bob.builder", "Bob.Builder", 400, "password_is_username"),
        ("", PASSWORD, 400, "username_invalid"),
        ("-rf", PASSWORD, 400, "username_invalid"),
        ("a/../b", PASSWORD, 400, "username_invalid"),
        ("bob\n", PASSWORD, 400, "username_invalid"),
        ("Local", PASSWORD, 400, "username_invalid"),
        ("ADA", PASSWORD, 409, "username_taken"),
    ] {
        let body = json!({ "username": username, "password": password });
        let refused = server.post("/api/auth/register", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{username:?}");
        assert!(!refused.body.to_string().contains(password), "{}", refused.body);
    }
    let body = json!({ "username": "bob", "password": PASSWORD, "role": "admin" });
    assert_eq!(server.post("/api/auth/register", &body).await.code(), "field_unknown");
}

#[tokio::test]
async fn refresh_tokens_rotate_and_one_that_comes_twice_ends_its_login() {
    let server = Server::start().await;
    let stolen = Person::register(&server, "ada").await;
    let other = Person::log_in(&server, "ada").await;
    let refresh =
        async |token: &str| server.post("/api/auth/refresh", &json!({ "refresh_token": token })).await;

    let next = Person::of(&server, refresh(&stolen.refresh).await);
    assert_ne!(next.refresh, stolen.refresh);
    let after = Person::of(&server, refresh(&next.refresh).await);
    assert_eq!(after.status().await, StatusCode::OK);

    let reused = refresh(&stolen.refresh).await;
    assert_eq!((reused.status, reused.code()), (StatusCode::UNAUTHORIZED, "token_invalid"));
    assert_eq!(refresh(&after.refresh).await.status, StatusCode::UNAUTHORIZED, "the whole family has ended");
    assert_eq!(after.status().await, StatusCode::UNAUTHORIZED, "at the next request");
    assert_eq!(other.status().await, StatusCode::OK, "another login is another family");
    for rubbish in ["", "a.b.c", &other.access] {
        assert_eq!(refresh(rubbish).await.code(), "token_invalid");
    }
    let left = other.get("/api/auth/sessions").await.body;
    assert_eq!(left["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn logging_out_ends_one_login_at_once() {
    let server = Server::start().await;
    let here = Person::register(&server, "ada").await;
    let there = Person::log_in(&server, "ada").await;
    let third = Person::log_in(&server, "ada").await;

    assert_eq!(here.post("/api/auth/logout", &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(here.post("/api/auth/logout", &json!({})).await.status, StatusCode::NO_CONTENT);
    let by_refresh = json!({ "refresh_token": third.refresh });
    assert_eq!(server.post("/api/auth/logout", &by_refresh).await.status, StatusCode::NO_CONTENT);

    for ended in [&here, &third] {
        assert_eq!(ended.status().await, StatusCode::UNAUTHORIZED);
        let body = json!({ "refresh_token": ended.refresh });
        assert_eq!(server.post("/api/auth/refresh", &body).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(there.status().await, StatusCode::OK);
}

#[tokio::test]
async fn logins_are_listed_and_ended_one_by_one_or_all_others() {
    let server = Server::start().await;
    let here = Person::register(&server, "ada").await;
    let logins = [
        Person::log_in(&server, "ada").await,
        Person::log_in(&server, "ada").await,
        Person::log_in(&server, "ada").await,
    ];

    let listed = here.get("/api/auth/sessions").await.body["sessions"].clone();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 4);
    assert_eq!((&listed[3]["current"], &listed[0]["current"]), (&json!(true), &json!(false)));
    assert_eq!(listed[0]["address"], "127.0.0.1");

    let newest = listed[0]["id"].as_str().unwrap();
    let path = format!("/api/auth/sessions/{newest}");
    assert_eq!(here.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(here.delete(&path).await.code(), "login_not_found");
    assert_eq!(logins[2].status().await, StatusCode::UNAUTHORIZED);
    assert_eq!(logins[1].status().await, StatusCode::OK);

    assert_eq!(here.delete("/api/auth/sessions").await.status, StatusCode::NO_CONTENT);
    assert_eq!(logins[0].status().await, StatusCode::UNAUTHORIZED);
    assert_eq!(logins[1].status().await, StatusCode::UNAUTHORIZED);
    assert_eq!(here.status().await, StatusCode::OK);
}

#[tokio::test]
async fn new_password_ends_every_login_and_begins_one() {
    let server = Server::start().await;
    let here = Person::register(&server, "ada").await;
    let thief = Person::log_in(&server, "ada").await;
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });

    let wrong = here.put("/api/auth/password", &change("not-my-password", "another-password")).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::FORBIDDEN, "password_wrong"));
    let weak = here.put("/api/auth/password", &change(PASSWORD, "12345678")).await;
    assert_eq!(
        (weak.code(), &weak.body["errors"][0]["pointer"]),
        ("password_too_common", &json!("/new_password"))
    );

    let changed = here.put("/api/auth/password", &change(PASSWORD, "another-password")).await;
    let after = Person::of(&server, changed);
    for ended in [&here, &thief] {
        assert_eq!(ended.status().await, StatusCode::UNAUTHORIZED);
        let body = json!({ "refresh_token": ended.refresh });
        assert_eq!(server.post("/api/auth/refresh", &body).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(after.status().await, StatusCode::OK);
    let old = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(server.post("/api/auth/login", &old).await.code(), "credentials_wrong");
    let new = json!({ "username": "ada", "password": "another-password" });
    assert_eq!(server.post("/api/auth/login", &new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn people_and_their_tokens_survive_a_restart_and_a_crash() {
    let mut server = Server::start().await;
    let (access, refresh) = {
        let ada = Person::register(&server, "ada").await;
        (ada.access, ada.refresh)
    };

    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.get("/api/sessions").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(Person::with(&server, &access).status().await, StatusCode::OK);

    server.stop().await;
    server.restart().await;
    assert_eq!(Person::log_in(&server, "ada").await.status().await, StatusCode::OK);
    let body = json!({ "refresh_token": refresh });
    assert_eq!(server.post("/api/auth/refresh", &body).await.status, StatusCode::OK);
    assert_eq!(Person::with(&server, &access).status().await, StatusCode::OK);
}

#[tokio::test]
async fn authorization_that_is_no_bearer_token_is_refused_and_not_ignored() {
    let server = Server::start().await;

    for header in ["Basic YTpi", "Bearer", "Bearer x", "bearer a.b.c", "ccr_AAAA"] {
        let request = server.request(Method::GET, "/api/sessions").header("authorization", header);
        let refused = answer(request).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "token_invalid"), "{header}");
    }
    assert_eq!(server.get("/api/sessions").await.status, StatusCode::OK, "nobody has registered");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_five_times_at_once_ends_its_login() {
    let server = Server::start().await;
    for _ in 0..4 {
        let ada = match server.get("/api/status").await.status {
            StatusCode::OK => Person::register(&server, "ada").await,
            _ => Person::log_in(&server, "ada").await,
        };
        let body = json!({ "refresh_token": ada.refresh });

        let answers =
            futures_util::future::join_all((0..5).map(|_| server.post("/api/auth/refresh", &body))).await;

        let admitted: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::OK).collect();
        assert_eq!(admitted.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| [200, 401].contains(&answer.status.as_u16())), "{answers:?}");
        let winner = Person::with(&server, admitted[0].body["access_token"].as_str().unwrap());
        assert_eq!(winner.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    }
}
