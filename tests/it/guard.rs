//! Pages of other sites cannot reach a server on loopback; every answer carries what keeps browsers safe.

use reqwest::{Method, StatusCode};
use runner_tests::server::{Server, answer};
use serde_json::json;

#[tokio::test]
async fn only_own_host_names_are_answered() {
    let server = Server::start_with(&[("ALLOWED_HOSTS", "runner.example")]).await;

    for host in ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:8000", ""] {
        for path in ["/", "/api/status", "/health/", "/openapi.json"] {
            let refused = answer(server.request(Method::GET, path).header("host", host)).await;
            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::FORBIDDEN, "host_not_allowed"),
                "{host} {path}"
            );
        }
    }
    for path in ["/health", "/ready"] {
        let probed = answer(server.request(Method::GET, path).header("host", "10.1.2.3:8000")).await;
        assert_eq!(probed.status, StatusCode::OK, "{path} answers under any name");
    }
    for host in ["localhost", "LOCALHOST:1234", "127.0.0.1:9", "[::1]:8000", "runner.example"] {
        let answered = answer(server.request(Method::GET, "/openapi.json").header("host", host)).await;
        assert_eq!(answered.status, StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn a_server_on_all_addresses_says_where_it_is_and_answers_there() {
    let server = Server::start_with(&[("HOST", "0.0.0.0")]).await;
    let code = std::fs::read_to_string(server.data_dir().join("setup-code")).unwrap();
    let ada = json!({ "username": "ada", "password": "a long enough password", "code": code.trim() });
    let register = |host: &'static str| {
        let request = server.request(Method::POST, "/api/auth/register").header("host", host);
        answer(request.json(&ada))
    };

    let by_name = register("runner.example:8000").await;
    let by_address = register("192.0.2.7:8000").await;

    assert_eq!((by_name.status, by_name.code()), (StatusCode::FORBIDDEN, "host_not_allowed"));
    assert!(by_name.body["detail"].as_str().unwrap().contains("ALLOWED_HOSTS"), "{}", by_name.body);
    assert_eq!(by_address.status, StatusCode::CREATED, "{}", by_address.body);
    let log = server.log().await;
    let said = log.lines().find(|line| line.contains("it can be reached by")).unwrap();
    assert!(said.contains("ALLOWED_HOSTS"), "{said}");
}

#[tokio::test]
async fn a_form_of_another_site_cannot_write() {
    let server = Server::start().await;
    let body = json!({ "prompt": "x" }).to_string();

    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
    {
        let request = server.request(Method::POST, "/api/task").header("content-type", content_type);
        let refused = answer(request.body(body.clone())).await;
        let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_not_json");
        assert_eq!((refused.status, refused.code()), expected, "{content_type}");
    }
    for origin in ["http://evil.test", "null", "https://127.0.0.1:1"] {
        let request = server.request(Method::POST, "/api/task").header("origin", origin);
        let refused = answer(request.json(&json!({ "prompt": "x" }))).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "origin_not_allowed"),
            "{origin}"
        );
    }
    assert_eq!(server.get("/api/sessions").await.body["sessions"], json!([]));
}

#[tokio::test]
async fn every_answer_carries_security_headers_and_a_request_id() {
    let server = Server::start().await;

    for path in ["/", "/docs", "/api/status", "/no/such/path"] {
        let headers = server.get(path).await.headers;
        assert!(
            headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"),
            "{path}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(!headers["x-request-id"].is_empty());
    }
    for (path, has_inline_styles) in
        [("/", false), ("/docs", false), ("/api/status", false), ("/redoc", true)]
    {
        let headers = server.get(path).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert_eq!(policy.contains("unsafe-inline"), has_inline_styles, "{path}: {policy}");
    }
    let named = answer(server.request(Method::GET, "/health").header("x-request-id", "my-own-1")).await;
    assert_eq!(named.headers["x-request-id"], "my-own-1");
    let head = answer(server.request(Method::HEAD, "/health")).await;
    assert_eq!((head.status, head.body), (StatusCode::OK, json!("")));
    let refused =
        answer(server.request(Method::GET, "/no/such/path").header("x-request-id", "my-own-2")).await;
    assert_eq!(refused.body["instance"], "urn:request:my-own-2");
    let rubbish = answer(server.request(Method::GET, "/health").header("x-request-id", "with space")).await;
    assert_ne!(rubbish.headers["x-request-id"], "with space");
}

#[tokio::test]
async fn the_request_id_stands_in_what_the_request_stored() {
    let server = Server::start().await;

    let request = server.request(Method::POST, "/api/sessions").header("x-request-id", "trace-7");
    let session = answer(request.json(&json!({}))).await.body["id"].as_str().unwrap().to_owned();

    let events = server.events(&session).await;
    assert_eq!(
        (&events[0]["http_request_id"], &events[0]["actor"]),
        (&json!("trace-7"), &json!("user:local"))
    );
}
