//! `Idempotency-Key`: a retry gets the first answer, across restarts, and does nothing twice.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use runner_tests::sse::Frames;
use serde_json::{Value, json};

async fn post_keyed(server: &Server, path: &str, key: &str, body: &Value) -> Answer {
    answer(server.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn a_task_sent_again_is_answered_again_and_runs_once() {
    let mut server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "only once" }])) });
    let first = post_keyed(&server, "/api/task", "key-1", &body).await;

    server.kill_9().await;
    server.restart().await;
    let second = post_keyed(&server, "/api/task", "key-1", &body).await;

    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.is_replay(), second.is_replay()), (false, true));
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_good_for_one_request_only() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "1" }])) });
    post_keyed(&server, "/api/task", "key-1", &body).await;

    for (path, other) in [("/api/task", json!({ "prompt": "Other." })), ("/api/sessions", json!({}))] {
        let refused = post_keyed(&server, path, "key-1", &other).await;
        let expected = (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
        assert_eq!((refused.status, refused.code()), expected, "{path}");
    }
}

#[tokio::test]
async fn twenty_equal_requests_at_once_open_one_session() {
    let server = Server::start().await;
    let body = json!({ "title": "The one" });

    let answers = join_all((0..20).map(|_| post_keyed(&server, "/api/sessions", "key-2", &body))).await;

    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::CREATED, &answers[0].body));
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_prompt_sent_again_is_submitted_once() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/prompts");
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "1" }])) });

    let answers = join_all((0..5).map(|_| post_keyed(&server, &path, "key-3", &body))).await;
    server.wait_for(&session, "turn_completed").await;
    let late = post_keyed(&server, &path, "key-3", &body).await;

    assert!(answers.iter().all(|answer| answer.body == late.body && answer.status == StatusCode::ACCEPTED));
    let types = server.event_types(&session).await;
    assert_eq!(types.iter().filter(|name| *name == "prompt_submitted").count(), 1);
}

#[tokio::test]
async fn a_stream_asked_for_again_shows_the_same_turn() {
    let server = Server::start().await;
    let body = json!({ "prompt": script("Once.", &json!([{ "text": "shown twice" }])) });
    let stream = async || {
        let request = server.request(Method::POST, "/api/task/stream").header("idempotency-key", "key-4");
        Frames::new(request.json(&body).send().await.unwrap()).rest().await
    };

    let (first, second) = (stream().await, stream().await);

    assert_eq!(first.last().unwrap().data, second.last().unwrap().data);
    assert_eq!(first[0].data["turn_id"], second[0].data["turn_id"]);
    assert_eq!(first[0].data["metadata"]["resumed"], second[0].data["metadata"]["resumed"]);
}

#[tokio::test]
async fn keys_must_be_visible_ascii() {
    let server = Server::start().await;

    for key in ["", "with space", &"x".repeat(256), "tab\there"] {
        let refused = post_keyed(&server, "/api/sessions", key, &json!({})).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "idempotency_key_invalid"),
            "{key:.20}"
        );
    }
}

#[tokio::test]
async fn a_stored_key_is_stored_once_and_changed_once() {
    let server = Server::start().await;
    let body = json!({ "name": "main", "key": "sk-ant-of-nobody" });
    let first = post_keyed(&server, "/api/api-keys", "store-1", &body).await;
    let second = post_keyed(&server, "/api/api-keys", "store-1", &body).await;
    let other = json!({ "name": "other", "key": "sk-ant-of-nobody" });
    let reused = post_keyed(&server, "/api/api-keys", "store-1", &other).await;

    assert_eq!((first.status, first.is_replay()), (StatusCode::CREATED, false), "{}", first.body);
    assert_eq!((second.status, second.is_replay()), (StatusCode::CREATED, true), "{}", second.body);
    assert_eq!(first.body, second.body);
    let expected = (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
    assert_eq!((reused.status, reused.code()), expected);
    let path = format!("/api/api-keys/{}", first.body["id"].as_str().unwrap());
    let rotation = (format!("{path}/rotate"), json!({ "key": "sk-ant-of-somebody" }));
    let rotated = post_keyed(&server, &rotation.0, "rotate-1", &rotation.1).await;
    let again = post_keyed(&server, &rotation.0, "rotate-1", &rotation.1).await;
    assert_eq!((rotated.is_replay(), again.is_replay()), (false, true));
    assert_eq!(rotated.body, again.body);
    for replayed in [false, true] {
        let remove = server.request(Method::DELETE, &path).header("idempotency-key", "remove-1");
        let removed = answer(remove).await;
        assert_eq!((removed.status, removed.is_replay()), (StatusCode::NO_CONTENT, replayed));
    }
}

#[tokio::test]
async fn ten_equal_requests_at_once_store_one_key() {
    let server = Server::start().await;
    let body = json!({ "name": "main", "key": "sk-ant-of-nobody" });

    let answers = join_all((0..10).map(|_| post_keyed(&server, "/api/api-keys", "store-1", &body))).await;

    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::CREATED, &answers[0].body));
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    assert_eq!(server.get("/api/api-keys").await.body["api_keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_shown_once_is_not_made_twice() {
    let server = Server::start().await;
    let person = Person::register(&server, "ada").await;
    for (path, body) in [
        ("/api/tokens", json!({ "name": "ci", "scopes": ["sessions:read"] })),
        ("/api/users/invites", json!({ "role": "member" })),
    ] {
        let keyed = || person.request(Method::POST, path).header("idempotency-key", path).json(&body);
        let (first, second) = (answer(keyed()).await, answer(keyed()).await);

        assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
        assert_eq!((second.status, second.code()), (StatusCode::CONFLICT, "shown_once"), "{path}");
        let listed = person.get(path).await.body;
        let entries = listed.as_object().unwrap().values().find_map(Value::as_array).unwrap();
        assert_eq!(entries.len(), 1, "{listed}");
        let made = format!("{path}/{}", first.body["id"].as_str().unwrap());
        for replayed in [false, true] {
            let taken = answer(person.request(Method::DELETE, &made).header("idempotency-key", &made)).await;
            assert_eq!((taken.status, taken.is_replay()), (StatusCode::NO_CONTENT, replayed), "{made}");
        }
    }
}

#[tokio::test]
async fn a_user_and_a_trusted_folder_are_changed_once() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;
    Person::register(&server, "grace").await;
    let keyed = |method: Method, path: &str, body: &Value| {
        answer(ada.request(method, path).header("idempotency-key", format!("{path}{body}")).json(body))
    };
    let (user, role) = ("/api/users/grace", json!({ "role": "viewer" }));
    keyed(Method::PATCH, user, &role).await;
    ada.patch(user, &json!({ "role": "member" })).await;

    let replayed = keyed(Method::PATCH, user, &role).await;

    assert!(replayed.is_replay(), "{}", replayed.body);
    let grace = Person::log_in(&server, "grace").await;
    assert_eq!(grace.get("/api/auth/me").await.body["role"], "member", "it was not done again");
    let (trust, folder) = ("/api/workspaces/trust", json!({ "working_dir": "." }));
    let (first, second) =
        (keyed(Method::POST, trust, &folder).await, keyed(Method::POST, trust, &folder).await);
    assert_eq!((first.status, first.is_replay()), (StatusCode::CREATED, false), "{}", first.body);
    assert_eq!((second.status, second.is_replay()), (StatusCode::CREATED, true), "{}", second.body);
    assert_eq!(first.body, second.body);
}
