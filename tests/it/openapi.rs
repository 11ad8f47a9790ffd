//! The API's document: what is committed is what the routes say, and the server serves it.

use std::process::Stdio;

use runner_tests::server::Server;
use serde_json::{Value, json};

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let committed = std::fs::read_to_string(runner_tests::root().join("web/openapi.json")).unwrap();
    let server = Server::start().await;

    let served = server.get("/openapi.json").await.body;

    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
    assert!(served == committed, "web/openapi.json is stale: run `make openapi`");
}

/// Every reference in a part of the document.
fn references(part: &Value, found: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();
    let mut found = vec![];
    references(&document, &mut found);

    found.retain(|reference| document.pointer(reference.trim_start_matches('#')).is_none());

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_operation_says_what_it_takes_and_how_it_fails() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();
    let keyless = ["register", "login", "refresh", "logout", "password", "password-reset"];
    let keyless = keyless.map(|end| format!("/api/auth/{end}"));
    let operations = document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    for (path, method, operation) in operations.filter(|(path, ..)| path.starts_with("/api/")) {
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
        assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{method} {path}");
        let none = vec![];
        let parameters = operation["parameters"].as_array().unwrap_or(&none);
        let keys = parameters.iter().filter(|parameter| parameter["name"] == "Idempotency-Key").count();
        let takes_key = method != "get" && !keyless.contains(path);
        assert_eq!(keys, usize::from(takes_key), "{method} {path}");
        let says_none = operation["description"].as_str().unwrap_or_default().contains("Idempotency-Key");
        assert_eq!(says_none, keyless.contains(path), "{method} {path}");
        for limit in parameters.iter().filter(|parameter| parameter["name"] == "limit") {
            let bounds = (&limit["schema"]["minimum"], &limit["schema"]["maximum"]);
            assert_eq!(bounds, (&json!(1), &json!(200)), "{method} {path}");
        }
    }
}

#[test]
fn the_document_is_printed_to_whoever_reads_no_further() {
    let mut printing = std::process::Command::new(runner_tests::program("claude-runner"))
        .arg("openapi")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(printing.stdout.take());

    let done = printing.wait_with_output().unwrap();

    assert!(done.status.success(), "{done:?}");
}

#[test]
fn every_operation_has_a_summary_and_an_id() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();

    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(
                operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()),
                "{method} {path}"
            );
        }
    }
}

/// Every part of the document that is an object, with the path to it.
fn parts<'a>(part: &'a Value, path: &str, found: &mut Vec<(String, &'a serde_json::Map<String, Value>)>) {
    match part {
        Value::Object(fields) => {
            found.push((path.to_owned(), fields));
            fields.iter().for_each(|(name, field)| parts(field, &format!("{path}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| parts(item, &format!("{path}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn types_say_what_is_in_them_and_are_of_one_piece() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();
    let mut found = vec![];
    parts(&document, "", &mut found);

    for (path, part) in found {
        assert!(!part.contains_key("allOf"), "{path}");
        let is_bare = part.get("type") == Some(&json!("object"))
            && !part.contains_key("properties")
            && !part.contains_key("additionalProperties");
        assert!(!is_bare, "{path}");
        if path.contains("/responses/") && part.contains_key("content") {
            assert_ne!(part["description"], "", "{path}");
        }
        if part.get("name") == Some(&json!("cursor")) {
            assert_eq!(part["schema"]["type"], "string", "{path}");
        }
    }
}

#[test]
fn a_body_is_required_where_it_has_something_that_must_be_said() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();
    let required =
        |method: &str, path: &str| document["paths"][path][method]["requestBody"]["required"].clone();

    for (method, path) in
        [("post", "/api/task"), ("post", "/api/auth/login"), ("post", "/api/workspaces/trust")]
    {
        assert_eq!(required(method, path), true, "{method} {path}");
    }
    for (method, path) in
        [("post", "/api/sessions"), ("post", "/api/auth/logout"), ("patch", "/api/sessions/{id}")]
    {
        assert_eq!(required(method, path), false, "{method} {path}");
    }
}

#[test]
fn no_name_stands_for_two_types_and_no_field_may_be_null_that_may_not() {
    let document = serde_json::to_value(runner_web::openapi()).unwrap();
    let schemas = &document["components"]["schemas"];

    assert_eq!(schemas["Role"]["enum"], json!(["admin", "member", "viewer"]));
    assert_eq!(schemas["MessageRole"]["enum"], json!(["user", "assistant"]));
    assert_eq!(schemas["Message"]["properties"]["role"]["$ref"], "#/components/schemas/MessageRole");
    let patch = &schemas["SessionPatch"]["properties"];
    assert_eq!(
        (&patch["title"]["type"], &patch["model"]["type"]),
        (&json!("string"), &json!(["string", "null"]))
    );
    assert_eq!(schemas["TaskBody"]["properties"]["prompt"]["maxLength"], 100_000);
}
