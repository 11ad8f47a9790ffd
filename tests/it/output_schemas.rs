//! `output_schema`: what is checked before anything begins, and what becomes of answers that do not fit.

use reqwest::StatusCode;
use runner_tests::server::Server;
use runner_tests::{claudes, script};
use serde_json::{Value, json};

/// What people's tools write: names of a draft, notes of their own, definitions, formats.
fn as_tools_write_it() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/person.json",
        "title": "Person",
        "type": "object",
        "x-order": 1,
        "$defs": { "name": { "type": "string", "pattern": "^\\p{Lu}", "example": "Ada" } },
        "properties": {
            "name": { "$ref": "#/$defs/name" },
            "born": { "type": "string", "format": "date", "nullable": true },
            "friends": { "type": "array", "items": { "$ref": "#" } },
        },
        "if": { "required": ["born"] },
        "dependencies": { "born": ["name"] },
        "required": ["name"],
        "additionalProperties": false,
    })
}

fn output(input: &Value) -> Value {
    json!({ "tool_use": { "name": "StructuredOutput", "input": input } })
}

async fn task(server: &Server, replies: &Value, schema: &Value) -> Value {
    server.task(&json!({ "prompt": script("Who?", replies), "output_schema": schema })).await
}

#[tokio::test]
async fn a_schema_as_tools_write_it_is_checked_by_every_version() {
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        let wrong = output(&json!({ "name": "bob" }));
        let right = json!({ "name": "Bob", "friends": [{ "name": "Ada" }] });

        let answer = task(&server, &json!([wrong, output(&right)]), &as_tools_write_it()).await;

        assert_eq!((&answer["success"], &answer["structured_output"]), (&json!(true), &right), "{answer}");
        assert_eq!(answer["tools_used"], json!(["StructuredOutput"]));
        let events = server.events(answer["session_id"].as_str().unwrap()).await;
        let results = events.iter().filter(|event| event["type"] == "tool_returned");
        let errors: Vec<_> = results.map(|event| event["data"]["is_error"].clone()).collect();
        assert_eq!(errors, [json!(true), json!(false)]);
    }
}

#[tokio::test]
async fn what_is_no_schema_of_an_object_begins_nothing() {
    let server = Server::start().await;
    for schema in [
        json!({ "type": "objekt" }),
        json!({ "type": "object", "properties": { "a": { "$ref": "#/nowhere" } } }),
        json!({ "type": "object", "properties": { "a": { "pattern": "(" } } }),
        json!({ "$schema": "https://json-schema.org/draft/2019-09/schema", "type": "object" }),
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": "string" }),
    ] {
        for (path, body) in [
            ("/api/task", json!({ "prompt": "Who?", "output_schema": schema })),
            ("/api/task/stream", json!({ "prompt": "Who?", "output_schema": schema })),
            ("/api/sessions", json!({ "output_schema": schema })),
        ] {
            let refused = server.post(path, &body).await;

            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::BAD_REQUEST, "field_invalid"),
                "{schema}"
            );
            assert_eq!(refused.body["errors"][0]["pointer"], "/output_schema");
        }
    }
    assert_eq!(server.get("/api/sessions").await.body["sessions"], json!([]));
}

#[tokio::test]
async fn an_answer_that_never_fits_is_told_with_its_cost_files_and_text() {
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        let schema =
            json!({ "type": "object", "properties": { "age": { "type": "integer" } }, "required": ["age"] });
        let file = server.workspace().join("a.txt");
        let write =
            json!({ "tool_use": { "name": "Write", "input": { "file_path": file, "content": "hi" } } });
        let wrong = output(&json!({ "age": "old" }));
        let text = json!({ "text": "I would rather not say." });
        for replies in [
            json!([write, text, text, text, text]),
            json!([write, wrong, wrong, wrong, wrong, wrong, wrong, wrong]),
        ] {
            std::fs::remove_file(&file).ok();
            let prompt = script("How old?", &replies);
            let body = json!({ "prompt": prompt, "output_schema": schema, "permission_mode": "acceptEdits" });

            let answer = server.task(&body).await;

            assert_eq!(
                (&answer["success"], &answer["error"]["code"]),
                (&json!(false), &json!("output_schema_unmet"))
            );
            assert_eq!(answer.get("structured_output"), None, "{answer}");
            assert!(answer["cost_usd"].as_f64().unwrap() > 0.0, "{answer}");
            assert!(answer["usage"]["output_tokens"].as_u64().unwrap() > 0, "{answer}");
            assert_eq!(answer["files_changed"].as_array().unwrap().len(), 1, "{answer}");
            assert_ne!(answer["message"], "");
            let view = server.view(answer["session_id"].as_str().unwrap()).await;
            assert_eq!(view["turns"][0]["outcome"], "output_schema_unmet");
            assert_eq!(view["status"], "idle");
        }
    }
}
