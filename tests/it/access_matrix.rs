//! Who may do what: every operation of the OpenAPI document, asked for by everybody, against a committed
//! table. An operation that is added fails here until somebody has said who may do it.
//!
//! `/api/sessions/{id}` is the member's session; other ids name nothing. `stranger` is another member.

use reqwest::Method;
use runner_tests::person::Person;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};

const EXPECTED: &str = include_str!("access_matrix.txt");

const NOBODY: &str = "01a00000-0000-7000-8000-000000000000";

#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let server = Server::start().await;
    let admin = Person::register(&server, "ada").await;
    let member = Person::register(&server, "grace").await;
    let stranger = Person::register(&server, "linus").await;
    Person::register(&server, "vera").await;
    let viewer = json!({ "role": "viewer" });
    assert!(admin.patch("/api/users/vera", &viewer).await.status.is_success());
    let viewer = Person::log_in(&server, "vera").await;
    let session = member.open_session().await;

    let mut table = String::from("operation | anonymous viewer stranger member admin\n");
    for (method, template) in operations(&server).await {
        let path = template
            .replace("/api/sessions/{id}", &format!("/api/sessions/{session}"))
            .replace("{username}", "nobody-at-all");
        let path = path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let body = body(&template);
        let mut statuses = vec![answer(server.request(method.clone(), &path).json(&body)).await.status];
        for person in [&viewer, &stranger, &member, &admin] {
            statuses.push(answer(person.request(method.clone(), &path).json(&body)).await.status);
        }
        let statuses: Vec<_> = statuses.iter().map(|status| status.as_u16().to_string()).collect();
        table += &format!("{method} {template} | {}\n", statuses.join(" "));
    }

    assert_eq!(table, EXPECTED, "\n{table}");
}

/// What is well formed, where whose session it is would not be looked at otherwise.
fn body(template: &str) -> Value {
    match template.rsplit('/').next() {
        Some("prompts") => json!({ "prompt": "hello" }),
        Some("{request_id}") => json!({ "decision": "allow" }),
        Some(_) | None => json!({}),
    }
}

/// Every operation but those that let somebody in, out, or anew: they would change who asks.
async fn operations(server: &Server) -> Vec<(Method, String)> {
    let document: Value = server.get("/openapi.json").await.body;
    let mut operations = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for name in item.as_object().unwrap().keys() {
            let Ok(method) = name.to_uppercase().parse::<Method>() else { continue };
            let changes_who_asks = path.starts_with("/api/auth/") && method != Method::GET;
            if !changes_who_asks {
                operations.push((method, path.clone()));
            }
        }
    }
    operations.sort_by_key(|(method, path)| (path.clone(), method.to_string()));
    operations
}
