//! Trying a hook on what has happened.

use reqwest::StatusCode;
use runner_tests::claudes;
use runner_tests::server::Answer;
use serde_json::{Value, json};

use super::{PATH, add, bash, no_rm, start, task, told, write};

#[tokio::test]
async fn a_simulation_says_what_then_happens() {
    let server = start(&claudes()[1]).await;
    let calls = [bash("rm -rf build"), bash("ls"), write("a.txt"), bash("rm -rf other")];
    for mode in ["bypassPermissions", "dontAsk"] {
        server.task(&task(&calls, mode)).await;
    }
    let simulate = async |body: Value| server.post(&format!("{PATH}/simulate"), &body).await;
    let mut hook = no_rm("block");
    for field in ["name", "message"] {
        hook.as_object_mut().unwrap().remove(field);
    }

    let found = simulate(hook.clone()).await;

    assert_eq!(found.status, StatusCode::OK, "{}", found.body);
    let rows = |answer: &Answer| {
        let row = |call: &Value| {
            let text = |name: &str| call[name].as_str().unwrap_or("-").to_owned();
            let by = call["decided_by"]["name"].as_str().unwrap_or("-");
            format!("{} {} {} {by}", text("target"), text("outcome"), text("decision"))
        };
        answer.body["calls"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let expected = [
        "rm -rf build block deny dontAsk",
        "rm -rf other block deny dontAsk",
        "rm -rf build block allow bypassPermissions",
        "rm -rf other block allow bypassPermissions",
    ];
    assert_eq!(rows(&found), expected);
    assert_eq!((&found.body["sessions"], &found.body["next_cursor"]), (&json!(2), &Value::Null));
    let mut paged = vec![];
    let mut cursor = Value::Null;
    loop {
        let mut body = hook.clone();
        body["limit"] = json!(1);
        if !cursor.is_null() {
            body["cursor"] = cursor.clone();
        }
        let page = simulate(body).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        paged.extend(rows(&page));
        cursor = page.body["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(paged, expected);
    let call = &found.body["calls"][2];
    let session = call["session_id"].as_str().unwrap();
    let event = server.get(&format!("/api/sessions/{session}/events?limit=200")).await.body["events"].clone();
    let event =
        event.as_array().unwrap().iter().find(|event| event["version"] == call["version"]).unwrap().clone();
    assert_eq!((&event["type"], &event["data"]["tool_use_id"]), (&json!("tool_used"), &call["tool_use_id"]));
    let mut one = hook.clone();
    one["session_id"] = json!(session);
    assert_eq!(rows(&simulate(one).await), expected[2..]);

    // What it says is what then happens.
    add(&server, &no_rm("block")).await;
    let done = server.task(&task(&calls, "bypassPermissions")).await;
    let refused = told(&server, &done["session_id"], "policy_applied").await;
    assert_eq!(refused.len(), 2, "{refused:?}");
    let stored = simulate(json!({ "name": "no-rm", "session_id": done["session_id"] })).await;
    assert_eq!(rows(&stored), ["rm -rf build block deny no-rm", "rm -rf other block deny no-rm"]);
    for (body, pointer) in [
        (json!({}), "/event"),
        (json!({ "event": "PreToolUse" }), "/action"),
        (json!({ "name": "no-rm", "action": "block" }), "/name"),
        (json!({ "event": "PreToolUse", "action": "log", "limit": 0 }), "/limit"),
        (json!({ "event": "PreToolUse", "action": "log", "cursor": "x" }), "/cursor"),
    ] {
        assert_eq!(simulate(body.clone()).await.body["errors"][0]["pointer"], pointer, "{body}");
    }
}
