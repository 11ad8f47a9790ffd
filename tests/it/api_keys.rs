//! People's API keys: which are used, what they may cost, and that nobody sees them again.

use reqwest::{Method, StatusCode};
use runner_adapters::offline_model::OfflineModel;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};
use uuid::Uuid;

/// A model's API on this machine that takes one key only, and a server that was not told it.
pub(crate) struct Setup {
    pub(crate) model: OfflineModel,
    pub(crate) key: String,
    pub(crate) server: Server,
}

impl Setup {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Without a key of the operator, so that the offline model answers those who have none.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let key = format!("sk-ant-canary-{}", Uuid::now_v7().simple());
        let model = OfflineModel::start_with_key(None, &key).await.unwrap();
        let base_url = model.base_url();
        let own = [("OFFLINE", "auto"), ("ANTHROPIC_BASE_URL", base_url.as_str())];
        Self { server: Server::start_with(&[&own, settings].concat()).await, model, key }
    }

    /// Stores a key for that API.
    pub(crate) async fn store(&self, name: &str, key: &str, more: Value) -> Answer {
        let mut body = json!({ "name": name, "key": key, "base_url": self.model.base_url() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.server.post("/api/api-keys", &body).await
    }

    /// Stores a key that the API no longer takes.
    async fn store_revoked(&self, name: &str, more: Value) -> Answer {
        self.model.change_key("sk-ant-of-nobody");
        let stored = self.store(name, "sk-ant-of-nobody", more).await;
        self.model.change_key(&self.key);
        stored
    }

    pub(crate) async fn task(&self) -> Value {
        let prompt = script("Say so.", &json!([{ "text": "paid" }]));
        self.server.task(&json!({ "prompt": prompt })).await
    }

    pub(crate) async fn key(&self, id: &str) -> Value {
        self.server.get(&format!("/api/api-keys/{id}")).await.body
    }
}

#[tokio::test]
async fn a_stored_key_is_used_and_nobody_sees_it_again() {
    let mut setup = Setup::start().await;

    let stored = setup.store("main", &setup.key, json!({})).await;
    let done = setup.task().await;

    assert_eq!(stored.status, StatusCode::CREATED, "{}", stored.body);
    assert_eq!(done["message"], "paid", "{done}");
    let key = setup.key(stored.body["id"].as_str().unwrap()).await;
    assert_eq!(key["last_four"], setup.key[setup.key.len() - 4..]);
    assert!(key["calls_this_month"].as_u64().unwrap() > 0, "{key}");
    assert!(key["spent_this_month_usd"].as_f64().unwrap() > 0.0, "{key}");
    let events = setup.server.events(done["session_id"].as_str().unwrap()).await;
    let called = events.iter().find(|event| event["type"] == "model_called").unwrap();
    assert_eq!(called["data"]["key"], stored.body["id"]);
    let said = json!(events).to_string() + &stored.body.to_string() + &done.to_string();
    assert!(!(said + &setup.server.log().await).contains(&setup.key));
    setup.server.stop().await;
    for file in ["runner.db", "runner.db-wal"] {
        let bytes = std::fs::read(setup.server.data_dir().join(file)).unwrap_or_default();
        assert!(!bytes.windows(setup.key.len()).any(|window| window == setup.key.as_bytes()), "{file}");
    }
}

#[tokio::test]
async fn a_key_is_tried_before_it_is_stored_and_a_wrong_one_is_said_at_once() {
    let setup = Setup::start().await;
    let access = async || setup.server.get("/api/status").await.body["model_access"].clone();
    let before = access().await;

    let refused = setup.store("wrong", "sk-ant-of-nobody", json!({})).await;
    let nowhere = json!({ "name": "nowhere", "key": "sk-ant-of-nobody", "base_url": "http://127.0.0.1:1" });
    let unreachable = setup.server.post("/api/api-keys", &nowhere).await;
    let right = setup.store("right", &setup.key, json!({})).await;
    let path = format!("/api/api-keys/{}/rotate", right.body["id"].as_str().unwrap());
    let rotated = setup.server.post(&path, &json!({ "key": "sk-ant-of-nobody" })).await;

    for refused in [&refused, &rotated] {
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "key_refused"),
            "{}",
            refused.body
        );
        assert_eq!(refused.body["errors"][0]["pointer"], "/key");
        assert!(!refused.body.to_string().contains("of-nobody"), "{}", refused.body);
    }
    assert_eq!(
        (unreachable.status, &unreachable.body["checked"]),
        (StatusCode::CREATED, &json!("unreachable"))
    );
    assert_eq!(right.body["checked"], "accepted", "{}", right.body);
    let kept = setup.key(right.body["id"].as_str().unwrap()).await;
    assert_eq!((&kept["last_four"], &kept["rotated_at"]), (&right.body["last_four"], &Value::Null));
    assert_eq!((before, access().await), (json!("offline_model"), json!("own_keys")));
}

#[tokio::test]
async fn a_key_that_is_refused_is_passed_over_for_the_next() {
    let setup = Setup::start().await;
    let wrong = setup.store_revoked("wrong", json!({ "priority": 1 })).await.body;
    let right = setup.store("right", &setup.key, json!({ "priority": 2 })).await.body;

    let done = setup.task().await;

    assert_eq!(done["message"], "paid", "{done}");
    let wrong = setup.key(wrong["id"].as_str().unwrap()).await;
    assert_eq!(wrong["last_refused"]["status"], 401, "{wrong}");
    assert_eq!(setup.key(right["id"].as_str().unwrap()).await["last_refused"], Value::Null);
}

#[tokio::test]
async fn a_key_that_is_spent_is_passed_over_and_the_last_one_stops_the_turn() {
    let setup = Setup::start().await;
    let small = setup.store("small", &setup.key, json!({ "monthly_budget_usd": 0.000_001 })).await.body;
    let next = setup.store("next", &setup.key, json!({ "priority": 9 })).await.body;

    setup.task().await;
    setup.task().await;

    let (small_id, next_id) = (small["id"].as_str().unwrap(), next["id"].as_str().unwrap());
    assert!(setup.key(next_id).await["calls_this_month"].as_u64().unwrap() > 0, "the next one was used");
    let disable = json!({ "enabled": false });
    let patch = setup.server.request(Method::PATCH, &format!("/api/api-keys/{next_id}")).json(&disable);
    assert_eq!(answer(patch).await.status, StatusCode::OK);
    let before = setup.key(small_id).await["calls_this_month"].clone();
    let stopped = setup.server.post("/api/task", &json!({ "prompt": "again" })).await;
    assert!(stopped.body.to_string().contains("budget of the API key"), "{}", stopped.body);
    assert_eq!(setup.key(small_id).await["calls_this_month"], before, "no call was made");
}

#[tokio::test]
async fn a_key_that_is_spent_is_in_the_audit_log_once() {
    let setup = Setup::start().await;
    let small = setup.store("small", &setup.key, json!({ "monthly_budget_usd": 0.000_001 })).await.body;
    setup.store("next", &setup.key, json!({ "priority": 9 })).await;

    for _ in 0..3 {
        setup.task().await;
    }

    let audit = setup.server.get("/api/audit/events?limit=200").await.body;
    let told = audit["events"].as_array().unwrap().iter();
    let told: Vec<_> = told.filter(|event| event["type"] == "api_key_exhausted").collect();
    assert_eq!(told.len(), 1, "{audit}");
    assert!(told[0].to_string().contains(small["id"].as_str().unwrap()), "{}", told[0]);
}

#[tokio::test]
async fn who_disables_all_keys_of_his_own_does_not_use_the_operators() {
    let setup = Setup::start().await;
    let stored = setup.store("main", &setup.key, json!({})).await.body;
    let path = format!("/api/api-keys/{}", stored["id"].as_str().unwrap());
    let disable = json!({ "enabled": false });
    assert_eq!(
        answer(setup.server.request(Method::PATCH, &path).json(&disable)).await.status,
        StatusCode::OK
    );

    let refused = setup.server.post("/api/task", &json!({ "prompt": "hello" })).await;

    assert!(
        refused.body.to_string().contains("no API key of this session's owner can be used"),
        "{}",
        refused.body
    );
    let session = refused.body["session_id"].as_str().unwrap();
    assert_eq!(setup.server.view(session).await["offline"], false);
}

#[tokio::test]
async fn a_key_cannot_be_renamed_to_what_another_is_called() {
    let setup = Setup::start().await;
    setup.store("one", &setup.key, json!({})).await;
    let two = setup.store("two", &setup.key, json!({})).await.body;
    let path = format!("/api/api-keys/{}", two["id"].as_str().unwrap());
    let rename = async |name: &str| {
        answer(setup.server.request(Method::PATCH, &path).json(&json!({ "name": name }))).await
    };

    let (taken, same, free) = (rename("one").await, rename("two").await, rename("three").await);

    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "key_name_taken"));
    assert_eq!((same.status, free.status), (StatusCode::OK, StatusCode::OK));
}

#[tokio::test]
async fn a_rotated_key_is_used_from_the_next_call_on() {
    let setup = Setup::start().await;
    let stored = setup.store_revoked("main", json!({})).await.body;
    let refused = setup.server.post("/api/task", &json!({ "prompt": "hello" })).await;
    assert!(!refused.status.is_success(), "{}", refused.body);

    let path = format!("/api/api-keys/{}/rotate", stored["id"].as_str().unwrap());
    let rotated = setup.server.post(&path, &json!({ "key": setup.key })).await;

    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.body);
    assert_eq!(setup.task().await["message"], "paid");
}

#[tokio::test]
async fn a_removed_key_is_gone_and_the_operators_model_answers_again() {
    let setup = Setup::start().await;
    let stored = setup.store_revoked("main", json!({})).await.body;
    let path = format!("/api/api-keys/{}", stored["id"].as_str().unwrap());

    let removed = answer(setup.server.request(Method::DELETE, &path)).await;

    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.server.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(answer(setup.server.request(Method::DELETE, &path)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(setup.task().await["message"], "paid", "by the offline model");
}

#[tokio::test]
async fn keys_belong_to_whoever_stored_them() {
    let server = Server::start().await;
    let admin = Person::register(&server, "ada").await;
    let (grace, linus) = (Person::register(&server, "grace").await, Person::register(&server, "linus").await);
    let body = json!({ "name": "mine", "key": "sk-ant-of-grace" });
    let stored = grace.post("/api/api-keys", &body).await;
    let path = format!("/api/api-keys/{}", stored.body["id"].as_str().unwrap());

    assert_eq!(linus.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(linus.patch(&path, &json!({ "enabled": false })).await.status, StatusCode::NOT_FOUND);
    assert_eq!(linus.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(linus.get("/api/api-keys").await.body["api_keys"], json!([]));
    assert_eq!(admin.get(&path).await.body["owner"], "grace");
    assert_eq!(grace.get("/api/api-keys").await.body["api_keys"][0]["name"], "mine");
}

#[tokio::test]
async fn bad_input_is_named_and_the_key_is_not_repeated() {
    let server = Server::start().await;
    Person::register(&server, "ada").await;
    let member = Person::register(&server, "grace").await;
    let key = "sk-ant-not-to-be-seen";
    for (body, status, pointer) in [
        (json!({ "name": "a" }), 400, "/key"),
        (json!({ "name": "", "key": key }), 400, "/name"),
        (json!({ "name": "a\n", "key": key }), 400, "/name"),
        (json!({ "name": "a", "key": "short" }), 400, "/key"),
        (json!({ "name": "a", "key": "sk-ant-not-to-be-seen\n" }), 400, "/key"),
        (json!({ "name": "a", "key": key, "priority": -1 }), 400, "/priority"),
        (json!({ "name": "a", "key": key, "monthly_budget_usd": -1 }), 400, "/monthly_budget_usd"),
        (json!({ "name": "a", "key": key, "base_url": "ftp://example.com" }), 400, "/base_url"),
        (json!({ "name": "a", "key": key, "base_url": "http://169.254.169.254" }), 403, "/base_url"),
        (json!({ "name": "a", "key": key, "base_url": "https://127.0.0.1:9" }), 403, "/base_url"),
        (json!({ "name": "a", "key": key, "base_url": "https://localhost." }), 403, "/base_url"),
        (json!({ "name": "a", "key": key, "base_url": "https://a.localhost" }), 403, "/base_url"),
        (
            json!({ "name": "a", "key": key, "base_url": "https://metadata.google.internal" }),
            403,
            "/base_url",
        ),
        (json!({ "name": "a", "key": key, "base_url": "https://printer.local" }), 403, "/base_url"),
        (json!({ "name": "a", "key": key, "base_url": "https://example.com." }), 403, "/base_url"),
        (json!({ "name": "a", "key": key, "base_url": "https://example.com:8443" }), 403, "/base_url"),
        (json!({ "name": "a", "key": key, "color": "red" }), 400, "/color"),
    ] {
        let refused = member.post("/api/api-keys", &body).await;

        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
        assert!(!refused.body.to_string().contains(key), "{}", refused.body);
    }
    let twice = json!({ "name": "a", "key": key });
    assert_eq!(member.post("/api/api-keys", &twice).await.status, StatusCode::CREATED);
    assert_eq!(member.post("/api/api-keys", &twice).await.code(), "key_name_taken");
}

#[tokio::test]
async fn a_key_without_an_address_is_for_the_api_that_the_server_asks() {
    let setup = Setup::start().await;
    let body = json!({ "name": "main", "key": setup.key });
    let stored = setup.server.post("/api/api-keys", &body).await.body;

    assert_eq!(setup.task().await["message"], "paid");

    assert_eq!(stored.get("base_url"), None);
    let used = setup.key(stored["id"].as_str().unwrap()).await;
    assert!(used["calls_this_month"].as_u64().unwrap() > 0, "{used}");
}

#[tokio::test]
async fn a_session_says_whether_the_offline_model_answers_its_owner() {
    let setup = Setup::start().await;
    let opened = async || setup.server.post("/api/sessions", &json!({})).await.body;
    let before = opened().await;
    setup.store("main", &setup.key, json!({})).await;

    let after = opened().await;

    assert_eq!((&before["offline"], &after["offline"]), (&json!(true), &json!(false)));
    let fork = format!("/api/sessions/{}/fork", before["id"].as_str().unwrap());
    assert_eq!(setup.server.post(&fork, &json!({})).await.body["offline"], false);
}

#[tokio::test]
async fn who_asks_for_the_offline_model_gets_it_whatever_keys_are_stored() {
    let setup = Setup::start_with(&[("OFFLINE", "true")]).await;
    let stored = setup.store("main", &setup.key, json!({})).await.body;

    let done = setup.task().await;

    assert_eq!(done["message"], "paid", "by the offline model");
    let session = done["session_id"].as_str().unwrap();
    assert_eq!(setup.server.view(session).await["offline"], true);
    assert_eq!(setup.key(stored["id"].as_str().unwrap()).await["calls_this_month"], 0);
}
