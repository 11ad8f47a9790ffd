//! Tokens as cookies.

use reqwest::header::{COOKIE, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use runner_tests::browser::Browser;
use runner_tests::person::{PASSWORD, Person};
use runner_tests::server::{Answer, Server, answer};
use serde_json::json;

#[tokio::test]
async fn browser_gets_cookies_that_no_script_reads_and_no_other_site_sends() {
    let server = Server::start().await;
    let body = json!({ "username": "ada", "password": PASSWORD });

    let admitted = server.post("/api/auth/register?cookie=true", &body).await;

    assert_eq!(admitted.status, StatusCode::CREATED);
    assert_eq!(admitted.body["token_type"], "cookie");
    assert!(admitted.body["access_token"].is_null() && admitted.body["refresh_token"].is_null());
    let cookies = set_cookies(&admitted.headers);
    assert_eq!(cookies.len(), 2);
    for cookie in &cookies {
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    }
    let cookie = as_sent(&cookies);
    let me = answer(server.request(Method::GET, "/api/auth/me").header(COOKIE, &cookie)).await;
    assert_eq!(me.body["username"], "ada");
}

#[tokio::test]
async fn change_that_is_made_with_a_cookie_comes_from_a_page_of_this_server() {
    let server = Server::start().await;
    let body = json!({ "username": "ada", "password": PASSWORD });
    let cookies = as_sent(&set_cookies(&server.post("/api/auth/register?cookie=true", &body).await.headers));
    let own = server.url("");
    let write = async |headers: &[(&str, &str)]| -> Answer {
        let mut request = server.request(Method::POST, "/api/sessions").header(COOKIE, &cookies);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.json(&json!({}))).await
    };

    assert_eq!(write(&[("origin", &own)]).await.status, StatusCode::CREATED);
    assert_eq!(write(&[("sec-fetch-site", "same-origin")]).await.status, StatusCode::CREATED);
    assert_eq!(write(&[]).await.code(), "origin_required");
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(write(&[("sec-fetch-site", site)]).await.code(), "origin_required", "{site}");
    }
    for origin in ["http://evil.test", "null"] {
        assert_eq!(write(&[("origin", origin)]).await.code(), "origin_not_allowed", "{origin}");
    }
    for path in ["/api/auth/refresh", "/api/auth/logout"] {
        let request = server.request(Method::POST, path).header(COOKIE, &cookies);
        assert_eq!(answer(request.json(&json!({}))).await.code(), "origin_required", "{path}");
    }
}

#[tokio::test]
async fn cookies_are_refreshed_and_taken_away() {
    let server = Server::start().await;
    let body = json!({ "username": "ada", "password": PASSWORD });
    let first = as_sent(&set_cookies(&server.post("/api/auth/register?cookie=true", &body).await.headers));
    let send = async |path: &str, cookies: &str| -> Answer {
        let request =
            server.request(Method::POST, path).header(COOKIE, cookies).header(ORIGIN, server.url(""));
        answer(request.json(&json!({}))).await
    };

    let refreshed = send("/api/auth/refresh", &first).await;
    assert_eq!((refreshed.status, &refreshed.body["token_type"]), (StatusCode::OK, &json!("cookie")));
    let second = as_sent(&set_cookies(&refreshed.headers));
    let gone = send("/api/auth/logout", &second).await;

    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(
        set_cookies(&gone.headers).iter().all(|cookie| cookie.contains("Max-Age=0")),
        "{:?}",
        gone.headers
    );
    for cookies in [&first, &second] {
        let me = answer(server.request(Method::GET, "/api/auth/me").header(COOKIE, cookies)).await;
        assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn over_tls_cookies_are_secure_and_bound_to_the_host() {
    let server =
        Server::start_with(&[("PUBLIC_URL", "https://runner.example"), ("TRUSTED_PROXIES", "127.0.0.0/8")])
            .await;
    Person::register_first(&server, "ada").await;
    let body = json!({ "username": "ada", "password": PASSWORD });
    let request =
        server.request(Method::POST, "/api/auth/login?cookie=true").header("host", "runner.example");
    let request =
        request.header("x-forwarded-for", "198.51.100.9, 203.0.113.7").header("user-agent", "browser/1");
    // Whatever proxies inside say of themselves.
    let request = request.header("x-forwarded-proto", "https,http");

    let admitted = answer(request.json(&body)).await;

    let cookies = set_cookies(&admitted.headers);
    assert!(cookies.iter().all(|cookie| cookie.starts_with("__Host-ccr_") && cookie.contains("; Secure")));
    let listed = server.request(Method::GET, "/api/auth/sessions").header(COOKIE, as_sent(&cookies));
    let login = &answer(listed).await.body["sessions"][0];
    assert_eq!((&login["address"], &login["user_agent"]), (&json!("203.0.113.7"), &json!("browser/1")));
    let plain = as_sent(&cookies).replace("__Host-", "");
    let refused = answer(server.request(Method::GET, "/api/auth/me").header(COOKIE, plain)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "a name that another page can set does not count");
}

#[tokio::test]
async fn token_in_an_address_is_no_token() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;

    for name in ["token", "access_token", "authorization"] {
        let refused = server.get(&format!("/api/auth/me?{name}={}", ada.access)).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{name}");
    }
}

fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

/// What a browser sends back.
fn as_sent(set: &[String]) -> String {
    let pairs: Vec<_> = set.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    pairs.join("; ")
}

#[tokio::test]
async fn somebody_logs_in_on_the_start_page() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    let mut browser = Browser::open(&server.url("/")).await;
    browser.wait_for("location.pathname === '/login'").await;

    browser.write("document.querySelector('[name=username]')", "ada").await;
    browser.write("document.querySelector('[name=password]')", "wrong-password").await;
    browser.press("Sign in").await;
    browser.wait_for("document.querySelector('[role=alert]')").await;
    browser.write("document.querySelector('[name=password]')", PASSWORD).await;
    browser.press("Sign in").await;

    browser.wait_for("location.pathname === '/' && document.body.innerText.includes('Sessions')").await;
    assert_eq!(browser.evaluate("document.cookie").await, "", "no script sees the tokens");
}
