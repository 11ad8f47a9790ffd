//! Adding, changing, taking back and removing hooks: what is wrong is named, and what is another's is not
//! there.

use reqwest::{Method, StatusCode};
use runner_tests::claudes;
use runner_tests::person::Person;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};

use super::{PATH, add, bash, no_rm, start, task, told, write};

#[tokio::test]
async fn the_line_of_the_original_readme_works_as_it_stands() {
    let server = start(&claudes()[0]).await;
    let hook = json!({
        "event": "PreToolUse", "action": "allow",
        "conditions": [{ "field": "tool_name", "operator": "in", "value": ["Read", "Glob"] }],
    });

    let added = add(&server, &hook).await;

    let name = added["name"].as_str().unwrap();
    assert!(name.starts_with("PreToolUse-allow-"), "{added}");
    for field in ["event", "action", "conditions"] {
        assert_eq!(added[field], hook[field]);
    }
    let read = json!({ "tool_use": { "name": "Read", "input": { "file_path": "/etc/hostname" } } });
    let done = server.task(&task(std::slice::from_ref(&read), "default")).await;
    let returned = told(&server, &done["session_id"], "tool_returned").await;
    assert_eq!(
        returned[0]["decided_by"],
        json!({ "kind": "rule", "id": added["id"], "name": name }),
        "{returned:?}"
    );
    let by_id = server.get(&format!("{PATH}/{}", added["id"].as_str().unwrap())).await;
    assert_eq!(by_id.body, added);

    let removed = answer(server.request(Method::DELETE, &format!("{PATH}/{name}"))).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    server.ask(&task(&[read], "default")).await;
}

#[tokio::test]
async fn a_change_holds_from_the_next_turn_on_and_can_be_taken_back() {
    let server = start(&claudes()[1]).await;
    add(&server, &no_rm("block")).await;
    let heap = server.workspace().join("heap");
    let clear = async |session: Option<&Value>| {
        std::fs::create_dir_all(&heap).unwrap();
        let mut body = task(&[bash("rm -rf heap")], "bypassPermissions");
        if let Some(session) = session {
            body = json!({ "prompt": body["prompt"], "resume": session });
        }
        server.task(&body).await
    };
    let session = clear(None).await["session_id"].clone();
    assert!(heap.exists());
    let path = format!("{PATH}/no-rm");

    let off = answer(server.request(Method::PATCH, &path).json(&json!({ "enabled": false }))).await;
    assert_eq!((off.status, &off.body["enabled"]), (StatusCode::OK, &json!(false)));
    clear(Some(&session)).await;
    assert!(!heap.exists());

    let other = json!({ "event": "PreToolUse", "action": "log", "enabled": true });
    let replaced = answer(server.request(Method::PUT, &path).json(&other)).await;
    assert_eq!(
        (replaced.status, &replaced.body["action"]),
        (StatusCode::OK, &json!("log")),
        "{}",
        replaced.body
    );
    clear(Some(&session)).await;
    assert!(!heap.exists());
    let noted = told(&server, &session, "hook_evaluated").await;
    assert_eq!(noted.last().unwrap()["outcome"], "none");

    let restored = server.post(&format!("{path}/history/1/restore"), &json!({})).await;
    assert_eq!(restored.body["action"], "block", "{}", restored.body);
    clear(Some(&session)).await;
    assert!(heap.exists());
    let history = server.get(&format!("{path}/history")).await.body;
    let changes = history["changes"].as_array().unwrap();
    let told: Vec<_> = changes.iter().map(|change| change["change"].as_str().unwrap()).collect();
    assert_eq!(told, ["restored", "enabled", "changed", "disabled", "created"]);
    assert_eq!(changes[2]["definition"]["action"], "log");
    let profiles = self::told(&server, &session, "agent_initialized").await;
    let loaded = &profiles.last().unwrap()["extensions"]["extensions"][0];
    assert_eq!((&loaded["kind"], &loaded["name"]), (&json!("hook"), &json!("no-rm")), "{loaded}");
}

#[tokio::test]
async fn rubbish_is_refused_and_says_where() {
    let server = Server::start().await;
    let good = no_rm("block");
    for (name, value, code, pointer) in [
        ("event", json!("PreToolUsed"), "field_invalid", "/event"),
        ("event", Value::Null, "field_missing", "/event"),
        ("action", json!("destroy"), "field_invalid", "/action"),
        (
            "conditions",
            json!([{ "field": "x", "operator": "equals", "value": "y" }]),
            "field_invalid",
            "/conditions/0/field",
        ),
        (
            "conditions",
            json!([{ "field": "user", "operator": "like", "value": "y" }]),
            "field_invalid",
            "/conditions/0/operator",
        ),
        (
            "conditions",
            json!([{ "field": "user", "operator": "in", "value": "y" }]),
            "field_invalid",
            "/conditions/0/value",
        ),
        (
            "conditions",
            json!([{ "field": "user", "operator": "matches", "value": "(" }]),
            "field_invalid",
            "/conditions/0/value",
        ),
        (
            "conditions",
            json!([{ "field": "user", "operator": "glob", "value": "[" }]),
            "field_invalid",
            "/conditions/0/value",
        ),
        (
            "conditions",
            json!([{ "field": "user", "operator": "equals" }]),
            "field_missing",
            "/conditions/0/value",
        ),
        ("conditions", json!("all"), "field_invalid", "/conditions"),
        ("order", json!(2_000_000), "field_invalid", "/order"),
        ("message", json!(" "), "field_invalid", "/message"),
        ("name", json!(""), "field_invalid", "/name"),
        ("command", json!("ls"), "field_invalid", "/command"),
        ("url", json!("https://example.com"), "field_unknown", "/url"),
        ("working_dir", json!("/"), "working_dir_not_allowed", "/working_dir"),
    ] {
        let mut hook = good.clone();
        if value.is_null() {
            hook.as_object_mut().unwrap().remove(name);
        } else {
            hook[name] = value;
        }
        let refused = server.post(PATH, &hook).await;
        let told = (refused.code(), refused.body["errors"][0]["pointer"].as_str());
        assert_eq!(told, (code, Some(pointer)), "{hook}: {}", refused.body);
    }
    assert_eq!(server.get(PATH).await.body["hooks"], json!([]), "nothing was kept");
    add(&server, &good).await;
    assert_eq!(server.post(PATH, &good).await.code(), "extension_name_taken");
}

#[tokio::test]
async fn what_another_team_or_person_has_is_not_there() {
    let server = Server::start().await;
    let admin = Person::register(&server, "ada").await;
    let bob = Person::register(&server, "bob").await;
    let carol = Person::register(&server, "carol").await;
    let outsider = admin.found_team("acme", "alan").await;
    assert_eq!(bob.post(PATH, &no_rm("block")).await.status, StatusCode::CREATED);
    let path = format!("{PATH}/no-rm");

    assert_eq!(admin.get(&path).await.status, StatusCode::OK);
    for answer in [
        outsider.get(&path).await,
        outsider.patch(&path, &json!({ "enabled": false })).await,
        outsider.get(&format!("{path}/history")).await,
        outsider.post(&format!("{path}/history/1/restore"), &json!({})).await,
        outsider.post(&format!("{PATH}/simulate"), &json!({ "name": "no-rm" })).await,
        answer(outsider.request(Method::DELETE, &path)).await,
        carol.get(&path).await,
    ] {
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "extension_not_found"),
            "{}",
            answer.body
        );
    }
    assert_eq!(outsider.get(PATH).await.body["hooks"], json!([]));
}

#[tokio::test]
async fn a_spare_agent_serves_no_session_with_other_hooks() {
    let server = Server::start_with(&[("SPARE_AGENTS", "1"), ("IS_SANDBOX", "1")]).await;
    let clear = task(&[bash("rm -rf heap")], "bypassPermissions");
    server.task(&clear).await;
    when_a_spare_agent_waits(&server).await;
    std::fs::create_dir_all(server.workspace().join("heap")).unwrap();

    add(&server, &no_rm("block")).await;
    let done = server.task(&clear).await;

    assert!(server.workspace().join("heap").exists());
    // The spare one would tell what it was started with.
    let profile = told(&server, &done["session_id"], "agent_initialized").await;
    assert_eq!(profile[0]["extensions"]["extensions"][0]["name"], "no-rm");
}

async fn when_a_spare_agent_waits(server: &Server) {
    for _ in 0..2400 {
        if server.get("/api/status").await.body["spare_agents"] == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("there is no spare agent: {}", server.log().await);
}

#[tokio::test]
async fn the_same_key_adds_a_hook_without_a_name_once() {
    let server = Server::start().await;
    let post = async || {
        let request = server.request(Method::POST, PATH).header("idempotency-key", "once");
        answer(request.json(&json!({ "event": "PreToolUse", "action": "log" }))).await
    };

    let (first, again): (Answer, Answer) = (post().await, post().await);

    assert_eq!((&first.body, again.is_replay()), (&again.body, true));
    assert_eq!(server.get(PATH).await.body["hooks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rules_for_everybody_stay_and_programs_rest_when_who_added_them_is_no_admin_any_more() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    Person::register(&server, "bea").await;
    let mia = Person::register(&server, "mia").await;
    let role = async |role: &str| {
        let changed = root.patch("/api/users/bea", &json!({ "role": role })).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    };
    role("admin").await;
    let bea = Person::log_in(&server, "bea").await;
    for (action, tool, command) in [("block", "Write", None), ("command", "Edit", Some("exit 2"))] {
        let mut hook = json!({
            "name": action, "event": "PreToolUse", "action": action, "scope": "workspace", "working_dir": ".",
            "conditions": [{ "field": "tool_name", "operator": "equals", "value": tool }],
        });
        if let Some(command) = command {
            hook["command"] = json!(command);
        }
        let added = bea.post(PATH, &hook).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    }
    std::fs::write(server.workspace().join("b.txt"), "x").unwrap();
    let path = "{{cwd}}/b.txt";
    let read = json!({ "tool_use": { "name": "Read", "input": { "file_path": path } } });
    let edit = json!({ "file_path": path, "old_string": "x", "new_string": "y" });
    let edit = json!({ "tool_use": { "name": "Edit", "input": edit } });
    let calls = [write("a.txt"), read, edit];

    let mut left = vec![];
    for now in ["admin", "member"] {
        role(now).await;
        mia.task(&task(&calls, "acceptEdits")).await;
        let edited = std::fs::read_to_string(server.workspace().join("b.txt")).unwrap();
        left.push((server.workspace().join("a.txt").exists(), edited));
    }

    assert_eq!(left, [(false, "x".to_owned()), (false, "y".to_owned())]);
}
