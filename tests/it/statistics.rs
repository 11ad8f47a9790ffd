//! `GET /api/stats`: what real turns did and cost, added up.

use reqwest::Method;
use reqwest::header::ACCEPT;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};

use crate::projections::rebuild;

fn write(name: &str, content: &str) -> Value {
    let file = format!("{{{{cwd}}}}/{name}");
    json!({ "tool_use": { "name": "Write", "input": { "file_path": file, "content": content } } })
}

/// A turn that writes a file after a person allowed it, one whose tool fails, and one that is denied.
async fn three_turns(server: &Server) -> Vec<String> {
    let replies = json!([write("a.txt", "one\ntwo\n"), { "text": "written" }]);
    let (written, request) = server.ask(&json!({ "prompt": script("Write.", &replies) })).await;
    server.decide(&written, &request, &json!({ "decision": "allow" })).await;
    server.wait_for_status(&written, "idle").await;
    let missing = json!({ "name": "Read", "input": { "file_path": "{{cwd}}/missing.txt" } });
    let replies = json!([{ "tool_use": missing }, { "text": "It is not there." }]);
    let failed = server.task(&json!({ "prompt": script("Read.", &replies) })).await;
    let replies = json!([write("b.txt", "x"), { "text": "I see." }]);
    let (denied, request) = server.ask(&json!({ "prompt": script("Write.", &replies) })).await;
    server.decide(&denied, &request, &json!({ "decision": "deny", "message": "no" })).await;
    server.wait_for_status(&denied, "idle").await;
    vec![written, failed["session_id"].as_str().unwrap().to_owned(), denied]
}

#[tokio::test]
async fn statistics_are_what_the_log_adds_up_to_also_after_a_crash() {
    let mut server = Server::start().await;
    let sessions = three_turns(&server).await;

    let told = server.get("/api/stats").await.body;

    let (mut micros, mut calls, mut millis) = (0, 0, 0);
    for session in &sessions {
        let made = server.model_calls(session).await;
        micros += made.iter().map(|call| call["cost_micros"].as_u64().unwrap()).sum::<u64>();
        calls += made.len();
        millis += server.view(session).await["turns"][0]["duration_ms"].as_u64().unwrap();
    }
    let totals = &told["totals"];
    let turns = &totals["turns"];
    assert_eq!(
        (&turns["total"], &turns["succeeded"], &turns["success_rate"]),
        (&json!(3), &json!(3), &json!(1.0))
    );
    assert_eq!(turns["duration_ms"]["total"], millis);
    assert_eq!((totals["spend"]["cost_usd"].as_f64().unwrap() * 1e6).round() as u64, micros);
    assert_eq!(totals["spend"]["calls"], json!({ "total": calls, "failed": 0, "cut_off": 0 }));
    assert_eq!(totals["tools"], json!({ "calls": 3, "errors": 2, "refused": 0 }));
    let requests = &totals["requests"];
    let decided = ["asked", "allowed", "denied", "withdrawn"].map(|name| requests[name].as_u64().unwrap());
    assert_eq!(decided, [2, 1, 1, 0]);
    assert!(requests["wait_ms"]["total"].as_u64() > Some(0), "{requests}");
    assert_eq!(totals["files"], json!({ "changed": 1, "changes": 1, "lines_added": 2, "lines_removed": 0 }));
    assert_eq!((&told["group_by"], &told["groups"][0]["group"]), (&json!("day"), &told["to"]));

    let tools = server.get("/api/stats?group_by=tool").await.body;
    let tool = |group: &Value| {
        (group["group"].clone(), group["tools"]["calls"].clone(), group["tools"]["errors"].clone())
    };
    let tools: Vec<_> = tools["groups"].as_array().unwrap().iter().map(tool).collect();
    assert_eq!(tools, [(json!("Write"), json!(2), json!(1)), (json!("Read"), json!(1), json!(1))]);

    server.kill_9().await;
    server.restart().await;
    assert_eq!(server.get("/api/stats").await.body["totals"], *totals);
    server.stop().await;
    let rebuilt = rebuild(&server).await;
    let said = String::from_utf8_lossy(&rebuilt.stderr);
    assert!(said.contains("the read models were right"), "{said}");
}

#[tokio::test]
async fn a_table_for_spreadsheets_has_the_same_groups() {
    let server = Server::start().await;
    server.task(&json!({ "prompt": script("Say it.", &json!([{ "text": "ok" }])) })).await;

    let asked = server.request(Method::GET, "/api/stats?group_by=user").header(ACCEPT, "text/csv");
    let response = asked.send().await.unwrap();

    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let name = response.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(name.starts_with("attachment; filename=\"stats-by-user-20"), "{name}");
    let table = response.text().await.unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("user,turns,turns_succeeded,"), "{table}");
    assert!(lines[1].starts_with("local,1,1,0,0,0,1.0000,0,"), "{table}");
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn a_member_sees_their_own_and_an_admin_the_team() {
    let server = Server::start().await;
    let ada = Person::register(&server, "ada").await;
    let grace = Person::register(&server, "grace").await;
    let alan = ada.found_team("acme", "alan").await;
    for person in [&ada, &grace] {
        person.task(&json!({ "prompt": script("Say it.", &json!([{ "text": "ok" }])) })).await;
    }

    let mut seen = vec![];
    for person in [&ada, &grace, &alan] {
        let told = person.get("/api/stats?group_by=user").await.body;
        let names = told["groups"].as_array().unwrap().iter().map(|group| group["group"].as_str().unwrap());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        seen.push((told["totals"]["turns"]["total"].as_u64().unwrap(), names.join(" ")));
    }

    assert_eq!(seen, [(2, "ada grace".to_owned()), (1, "grace".to_owned()), (0, String::new())]);
}

#[tokio::test]
async fn what_is_no_range_is_named_by_its_parameter() {
    let server = Server::start().await;
    for (query, pointer) in [
        ("from=yesterday", "?from"),
        ("to=2026-02-30", "?to"),
        ("from=2026-02-02&to=2026-02-01", "?from"),
        ("from=2024-01-01&to=2025-01-01", "?from"),
        ("group_by=week", "?group_by"),
        ("limit=5", "?limit"),
    ] {
        let refused = answer(server.request(Method::GET, &format!("/api/stats?{query}"))).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "query_invalid"), "{query}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{query}");
    }
    let year = server.get("/api/stats?from=2024-01-01T00:00:00Z&to=2024-12-31T23:59:59Z").await;
    assert_eq!((&year.body["from"], &year.body["to"]), (&json!("2024-01-01"), &json!("2024-12-31")));
    assert_eq!(year.body["totals"]["turns"]["success_rate"], Value::Null);
}
