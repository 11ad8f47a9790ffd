//! What people did and what they were refused, for administrators.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};
use uuid::Uuid;

/// Reads the trail until it has an event of a type; refusals are recorded beside their answers.
async fn trail_with(server: &Server, query: &str, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    for _ in 0..200 {
        let events = events(&server.get(&format!("/api/audit/events{query}")).await);
        if is_there(&events) {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not in the trail: {}", server.get("/api/audit/events").await.body);
}

fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["events"].as_array().unwrap().clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_a_person_did_is_in_the_trail_and_what_the_agent_said_on_demand() {
    let server = Server::start().await;
    let prompt = script("Say it.", &json!([{ "text": "hello" }]));
    let request = server.request(Method::POST, "/api/task").header("x-request-id", "trace-9");
    let task = answer(request.json(&json!({ "prompt": prompt }))).await.body;
    let session = task["session_id"].as_str().unwrap();

    let people = events(&server.get("/api/audit/events").await);
    let all = events(&server.get("/api/audit/events?all=true&limit=200").await);
    let texts = events(&server.get("/api/audit/events?type=assistant_text,turn_started").await);

    assert_eq!(types(&people), ["prompt_submitted", "session_opened"]);
    let opened = &people[1];
    assert_eq!(
        (&opened["actor"], &opened["http_request_id"], &opened["address"]),
        (&json!("user:local"), &json!("trace-9"), &json!("127.0.0.1"))
    );
    assert_eq!(
        (&opened["kind"], &opened["object"], &opened["outcome"], &opened["version"]),
        (&json!("session"), &json!(format!("session:{session}")), &json!("succeeded"), &json!(1))
    );
    assert_eq!(opened["data"], server.events(session).await[0]["data"]);
    assert_eq!(all.len(), server.events(session).await.len());
    assert_eq!(types(&texts), ["assistant_text", "turn_started"]);
}

#[tokio::test]
async fn refusals_are_in_the_trail_once_with_who_what_and_why() {
    let server = Server::start().await;
    let absent = Uuid::now_v7();

    for path in ["/api/status?token=canary", "/api/sessions/canary", "/no/canary"] {
        let evil = answer(server.request(Method::GET, path).header("host", "evil.test")).await;
        assert_eq!(evil.status, StatusCode::FORBIDDEN);
    }
    let form = server.request(Method::POST, "/api/task").header("origin", "http://evil.test");
    answer(form.json(&json!({ "prompt": "canary" }))).await;
    let asked = server.request(Method::GET, &format!("/api/sessions/{absent}/events"));
    let asked = answer(asked.header("x-request-id", "trace-1")).await;
    assert_eq!(asked.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/api/sessions/canary").await.status, StatusCode::NOT_FOUND);

    let trail = trail_with(&server, "?outcome=denied", |events| events.len() == 5).await;
    let told: Vec<_> = trail
        .iter()
        .map(|event| {
            (event["data"]["operation"].as_str().unwrap(), event["data"]["reason"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("GET /api/sessions/{id}/events", "session_not_found"),
            ("POST /api/task", "origin_not_allowed"),
            ("GET (no route)", "host_not_allowed"),
            ("GET /api/sessions/{id}", "host_not_allowed"),
            ("GET /api/status", "host_not_allowed"),
        ]
    );
    let first = &trail[0];
    assert_eq!(
        (&first["actor"], &first["http_request_id"], &first["address"], &first["kind"]),
        (&json!("user:local"), &json!("trace-1"), &json!("127.0.0.1"), &json!("audit"))
    );
    assert_eq!(
        (&first["object"], &first["outcome"]),
        (&json!(format!("session:{absent}")), &json!("denied"))
    );
    assert_eq!(trail[1]["actor"], "anonymous");
    assert!(!json!(trail).to_string().contains("canary"), "{trail:?}");
    let about = events(&server.get(&format!("/api/audit/events?session={absent}")).await);
    assert_eq!(about, trail[..1]);
}

#[tokio::test]
async fn a_flood_of_refusals_is_two_events_and_survives_a_stop() {
    let mut server = Server::start().await;
    for _ in 0..300 {
        answer(server.request(Method::GET, "/api/status").header("host", "evil.test")).await;
    }
    let early = trail_with(&server, "", |events| !events.is_empty()).await;
    assert_eq!(early.len(), 1, "{early:?}");

    server.stop().await;
    server.restart().await;

    let trail = events(&server.get("/api/audit/events").await);
    let times: Vec<_> = trail.iter().map(|event| event["data"]["times"].as_u64().unwrap()).collect();
    assert_eq!(times, [299, 1], "{trail:?}");
    assert!(trail[0]["data"]["first_at"].as_str() < trail[0]["data"]["last_at"].as_str(), "{trail:?}");
}

#[tokio::test]
async fn what_a_token_did_is_told_from_what_its_owner_did() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let made = admin.post("/api/tokens", &json!({ "name": "ci", "scopes": ["sessions:write"] })).await.body;
    let program = Person::with(&server, made["token"].as_str().unwrap());
    admin.open_session().await;
    program.open_session().await;

    let opened = events(&admin.get("/api/audit/events?type=session_opened&actor=user:root").await);

    let actors: Vec<_> = opened.iter().map(|event| event["actor"].as_str().unwrap()).collect();
    let token = format!("user:root/token:{}", made["id"].as_str().unwrap());
    assert_eq!(actors, [token.as_str(), "user:root"]);
    let by_token = events(&admin.get(&format!("/api/audit/events?type=session_opened&actor={token}")).await);
    assert_eq!(by_token, opened[..1]);
}

#[tokio::test]
async fn pages_and_filters_fit_together() {
    let server = Server::start().await;
    let mut sessions = vec![];
    for _ in 0..5 {
        let opened = server.post("/api/sessions", &json!({})).await.body;
        sessions.push(opened["id"].as_str().unwrap().to_owned());
    }
    let third = events(&server.get(&format!("/api/audit/events?object=session:{}", sessions[2])).await);
    let at = third[0]["recorded_at"].as_str().unwrap();

    let mut found = vec![];
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/audit/events?limit=2&type=session_opened{cursor}")).await;
        found.extend(events(&page).iter().map(|event| event["stream"].as_str().unwrap().to_owned()));
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let since = events(&server.get(&format!("/api/audit/events?from={at}")).await);

    assert_eq!(found, sessions.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(since.len(), 3, "{since:?}");
    for query in
        ["limit=0", "limit=201", "from=yesterday", "outcome=perhaps", "session=x&object=y", "who=ada"]
    {
        let refused = server.get(&format!("/api/audit/events?{query}")).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "query_invalid"), "{query}");
    }
}

#[tokio::test]
async fn who_was_refused_is_named_and_who_is_not_known_is_not() {
    let server = Server::start().await;
    let admin = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let of_admin = admin.open_session().await;

    assert_eq!(ada.get("/api/audit/events").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.get(&format!("/api/sessions/{of_admin}")).await.status, StatusCode::NOT_FOUND);
    let wrong = json!({ "username": "ada", "password": "canary-password" });
    assert_eq!(server.post("/api/auth/login", &wrong).await.status, StatusCode::UNAUTHORIZED);
    for mistaken in ["Canary: a password!", "canary-password"] {
        server.post("/api/auth/login", &json!({ "username": mistaken, "password": "x" })).await;
    }
    let forged = Person::with(&server, "canary.token").get("/api/sessions").await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);

    let mut trail = vec![];
    for _ in 0..200 {
        trail = events(&admin.get("/api/audit/events?outcome=denied").await);
        if trail.len() >= 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told: Vec<_> = trail
        .iter()
        .rev()
        .map(|event| {
            let (data, text) = (&event["data"], |value: &Value| value.as_str().unwrap_or("-").to_owned());
            [&event["actor"], &data["operation"], &event["object"], &data["reason"]].map(text).join(" ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "user:ada GET /api/audit/events - forbidden".to_owned(),
            format!("user:ada GET /api/sessions/{{id}} session:{of_admin} session_not_found"),
            "anonymous POST /api/auth/login account:ada credentials_wrong".to_owned(),
            "anonymous POST /api/auth/login - credentials_wrong".to_owned(),
            "anonymous GET /api/sessions - token_invalid".to_owned(),
        ]
    );
    assert!(!json!(trail).to_string().to_lowercase().contains("canary"), "{trail:?}");
    let by_ada = events(&admin.get("/api/audit/events?actor=user:ada&kind=audit").await);
    assert_eq!(by_ada.len(), 2, "{by_ada:?}");
    let accounts = events(&admin.get("/api/audit/events?kind=account").await);
    assert!(types(&accounts).contains(&"user_registered"), "{accounts:?}");
    let about_ada = events(&admin.get("/api/audit/events?object=account:ada").await);
    assert_eq!(types(&about_ada), ["access_denied", "logged_in", "user_registered"]);
    assert!(about_ada.iter().all(|event| event["object"] == "account:ada"), "{about_ada:?}");
}
