//! People who have no business here: guessing, finding out names, being first on somebody else's server,
//! keeping it busy.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::person::{PASSWORD, Person};
use runner_tests::server::{Answer, Server, answer};
use serde_json::json;

async fn log_in(server: &Server, username: &str, password: &str) -> Answer {
    server.post("/api/auth/login", &json!({ "username": username, "password": password })).await
}

#[tokio::test]
async fn names_that_exist_and_names_that_do_not_are_told_alike_and_take_as_long() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    let mut told = vec![];
    let mut times = [vec![], vec![]];

    for _ in 0..5 {
        for (which, name) in ["ada", "nobody"].into_iter().enumerate() {
            let begun = Instant::now();
            let mut refused = log_in(&server, name, "wrong-password").await;
            times[which].push(begun.elapsed());
            refused.body["instance"].take();
            told.push((refused.status, refused.body));
        }
    }

    assert!(told.iter().all(|answer| *answer == told[0]), "{told:#?}");
    assert_eq!(told[0].0, StatusCode::UNAUTHORIZED);
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[2].as_secs_f64()
    });
    assert!((0.5..2.0).contains(&(known / unknown)), "{known} s against {unknown} s");
}

#[tokio::test]
async fn guessing_is_slowed_down_for_one_account_and_nobody_else() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    Person::register(&server, "bob").await;

    for name in ["ada", "nobody"] {
        for _ in 0..5 {
            assert_eq!(log_in(&server, name, "wrong-password").await.code(), "credentials_wrong");
        }
        for password in ["wrong-password", PASSWORD] {
            let refused = log_in(&server, name, password).await;
            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts")
            );
            assert_eq!(refused.headers["retry-after"], "1", "{name}");
        }
    }
    assert_eq!(log_in(&server, "bob", PASSWORD).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(log_in(&server, "ada", PASSWORD).await.status, StatusCode::OK);
    assert_eq!(log_in(&server, "ada", PASSWORD).await.status, StatusCode::OK, "success forgives");
}

#[tokio::test]
async fn address_that_tries_one_password_on_everybody_is_slowed_down_whatever_it_says_of_itself() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    let attempts = (0..80).map(|number| {
        let body = json!({ "username": format!("user{number}"), "password": "wrong-password" });
        let request = server.request(Method::POST, "/api/auth/login");
        answer(request.header("x-forwarded-for", format!("203.0.113.{number}")).json(&body))
    });

    let answers = join_all(attempts).await;

    let refused = answers.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!((15..=20).contains(&refused), "{refused}");
}

#[tokio::test]
async fn first_user_of_a_server_that_others_reach_needs_its_code() {
    let mut server = Server::start_with(&[("AUTH", "required"), ("REGISTRATION", "open")]).await;
    let file = server.data_dir().join("setup-code");
    let code = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(server.log().await.contains("setup-code") && !server.log().await.contains(&code));
    let register = async |server: &Server, name: &str, code: Option<&str>| {
        let body = json!({ "username": name, "password": PASSWORD, "code": code });
        server.post("/api/auth/register", &body).await
    };

    assert_eq!(server.get("/api/sessions").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(register(&server, "eve", None).await.code(), "code_required");
    for wrong in ["", "ccs_AAAA", &code[..code.len() - 1], &code.replace("ccs_", "cci_")] {
        assert_eq!(register(&server, "eve", Some(wrong)).await.code(), "code_invalid", "{wrong}");
    }
    server.stop().await;
    server.restart().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), code, "it stays until it is used");

    assert_eq!(register(&server, "ada", Some(&code)).await.body["user"]["role"], "admin");

    assert!(!file.exists());
    assert_eq!(register(&server, "bob", Some(&code)).await.code(), "code_invalid");
    assert_eq!(register(&server, "bob", None).await.body["user"]["role"], "member");
    server.stop().await;
    server.restart().await;
    assert!(!file.exists());
}

#[tokio::test]
async fn hundred_logins_at_once_keep_nobody_else_waiting() {
    let server = Server::start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let ada = Person::register_first(&server, "ada").await;
    let attempts = (0..100).map(|number| {
        let body = json!({ "username": format!("user{number}"), "password": "wrong-password" });
        let request = server.request(Method::POST, "/api/auth/login");
        answer(request.header("x-forwarded-for", format!("203.0.113.{number}")).json(&body))
    });

    let flood = join_all(attempts);
    tokio::pin!(flood);
    let mut times = vec![];
    let answers = loop {
        let others = async {
            let begun = Instant::now();
            assert_eq!(ada.get("/api/sessions").await.status, StatusCode::OK);
            times.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        tokio::select! {
            biased;
            answers = &mut flood => break answers,
            () = others => {}
        }
    };

    assert!(answers.iter().all(|answer| answer.code() == "credentials_wrong"), "each was hashed");
    times.sort();
    assert!(times.len() >= 20, "{}", times.len());
    let p99 = times[times.len() * 99 / 100 - 1];
    assert!(p99 < Duration::from_millis(250), "{p99:?} of {}", times.len());
}

#[tokio::test]
async fn what_a_proxy_passes_on_is_never_the_local_users() {
    let server = Server::start_with(&[("ALLOWED_HOSTS", "runner.example")]).await;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("host", "runner.example"),
    ] {
        let asked = answer(server.request(Method::GET, "/api/sessions").header(name, value)).await;
        let body = json!({ "username": "mallory", "password": PASSWORD });
        let register = server.request(Method::POST, "/api/auth/register").header(name, value).json(&body);
        let registered = answer(register).await;

        assert_eq!((asked.status, asked.code()), (StatusCode::UNAUTHORIZED, "unauthenticated"), "{name}");
        assert_eq!(
            (registered.status, registered.code()),
            (StatusCode::FORBIDDEN, "registration_closed"),
            "{name}"
        );
    }
    assert_eq!(server.get("/api/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn behind_a_proxy_the_first_user_needs_the_code() {
    let server = Server::start_with(&[("PUBLIC_URL", "https://runner.example")]).await;

    let asked = server.get("/api/sessions").await;
    let body = json!({ "username": "mallory", "password": PASSWORD });
    let registered = server.post("/api/auth/register", &body).await;

    assert_eq!((asked.status, asked.code()), (StatusCode::UNAUTHORIZED, "unauthenticated"));
    assert_eq!((registered.status, registered.code()), (StatusCode::FORBIDDEN, "code_required"));
    Person::register_first(&server, "ada").await;
}

#[tokio::test]
async fn another_spelling_of_a_path_opens_nothing() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    for (path, code) in [
        ("/%61pi/status", "path_invalid"),
        ("/api/%73tatus", "path_invalid"),
        ("/api%2Fstatus", "path_invalid"),
        ("/api/./%2e/status", "path_invalid"),
        ("//api/status", "not_found"),
        ("/api/status", "unauthenticated"),
    ] {
        let refused = raw_get(&server, path).await;

        assert!(refused.contains(&format!("\"code\":\"{code}\"")), "{path}: {refused:.500}");
    }
}

/// The answer to a path as it stands: libraries for HTTP tidy it.
async fn raw_get(server: &Server, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let url = reqwest::Url::parse(&server.url("/")).unwrap();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", url.port().unwrap())).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
