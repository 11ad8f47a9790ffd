//! Agents that people define: the model of later turns starts them by their names, until they are off.

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::recorder::Recorder;
use runner_tests::server::{Answer, Server};
use runner_tests::{claudes, script};
use serde_json::{Value, json};

const PATH: &str = "/api/agents";

/// A prompt by which the model starts an agent, whose own model says `found it`.
fn start(agent: &str) -> String {
    let inner = script("LOOK-AROUND", &json!([{ "text": "found it" }]));
    let input = json!({ "description": "look around", "prompt": inner, "subagent_type": agent });
    script("Start it.", &json!([{ "tool_use": { "name": "Agent", "input": input } }, { "text": "done" }]))
}

fn reviewer() -> Value {
    json!({
        "name": "reviewer", "description": "REVIEWS-WHAT-WAS-WRITTEN", "prompt": "YOU-ARE-THE-REVIEWER",
        "tools": ["Read", "Grep"], "model": "haiku",
    })
}

fn has(list: &Value, name: &str) -> bool {
    list.as_array().unwrap().iter().any(|entry| entry == name)
}

/// The names of the agents that have a source.
async fn listed(server: &Server, query: &str, source: &str) -> Vec<String> {
    let list = server.get(&format!("{PATH}?limit=200{query}")).await.body;
    let agents = list["agents"].as_array().unwrap().iter().filter(|agent| agent["source"] == source);
    agents.map(|agent| agent["name"].as_str().unwrap().to_owned()).collect()
}

/// A task whose subagents have ended as well.
async fn finished(server: &Server, prompt: String) -> Value {
    let done = server.task(&json!({ "prompt": prompt })).await;
    let session = done["session_id"].as_str().unwrap();
    if done["background"] != 0 && !done["background"].is_null() {
        server.wait_for(session, "subagent_finished").await;
    }
    server.wait_for_status(session, "idle").await
}

#[tokio::test]
async fn an_agent_is_started_by_its_name_with_its_prompt_and_no_longer_once_it_is_off() {
    for claude in claudes() {
        let recorder = Recorder::start().await;
        let mut settings = recorder.settings().to_vec();
        settings.push(("CLAUDE_BIN", claude.to_str().unwrap()));
        let server = Server::start_with(&settings).await;
        let defined = server.post(PATH, &reviewer()).await;
        assert_eq!(defined.status, StatusCode::CREATED, "{}", defined.body);
        assert_eq!(server.get(&format!("{PATH}/reviewer")).await.body, defined.body);
        let location = defined.headers["location"].to_str().unwrap().to_owned();
        assert_eq!(server.get(&location).await.body, defined.body);

        let view = finished(&server, start("reviewer")).await;

        let heard = recorder.take();
        assert!(heard.contains("YOU-ARE-THE-REVIEWER") && heard.contains("REVIEWS-WHAT-WAS-WRITTEN"));
        let worker = &view["subagents"][0];
        assert_eq!((&worker["subagent_type"], &worker["status"]), (&json!("reviewer"), &json!("completed")));
        let session = view["id"].as_str().unwrap();
        let calls = server.model_calls(session).await;
        let model = |call: &Value| call["model"].as_str().unwrap().to_owned();
        let own: Vec<_> = calls.iter().filter(|call| call["subagent"] == worker["id"]).map(model).collect();
        assert!(!own.is_empty() && own.iter().all(|model| model.contains("haiku")), "{own:?}");
        let said = server.initialized(session).await;
        assert!(has(&said["agents"], "reviewer"), "{said}");
        let loaded = &said["extensions"]["extensions"][0];
        assert_eq!((&loaded["kind"], &loaded["name"]), (&json!("agent"), &json!("reviewer")));

        let off = server.patch(&format!("{PATH}/reviewer"), &json!({ "enabled": false })).await;
        assert_eq!((off.status, &off.body["enabled"]), (StatusCode::OK, &json!(false)));
        let later = server.task(&json!({ "prompt": start("reviewer") })).await;
        assert!(!recorder.take().contains("YOU-ARE-THE-REVIEWER"), "{later}");
        let said = server.initialized(later["session_id"].as_str().unwrap()).await;
        assert!(!has(&said["agents"], "reviewer") && said["extensions"].is_null(), "{said}");
        server.verify(session).await;
    }
}

#[tokio::test]
async fn an_agent_has_the_tools_that_its_definition_names() {
    let server = Server::start().await;
    server.post(PATH, &reviewer()).await;
    let write = json!({ "file_path": "{{cwd}}/a.txt", "content": "x" });
    let inner = json!([{ "tool_use": { "name": "Write", "input": write } }, { "text": "tried" }]);
    let prompt = script("Write.", &inner);
    let input = json!({ "description": "write", "prompt": prompt, "subagent_type": "reviewer" });
    let replies = json!([{ "tool_use": { "name": "Agent", "input": input } }, { "text": "done" }]);
    let task = json!({ "prompt": script("Have it written.", &replies), "permission_mode": "acceptEdits" });

    let done = server.task(&task).await;

    let session = done["session_id"].as_str().unwrap();
    server.wait_for(session, "subagent_finished").await;
    server.wait_for_status(session, "idle").await;
    assert!(!server.workspace().join("a.txt").exists());
}

#[tokio::test]
async fn a_change_is_in_the_history_and_can_be_taken_back() {
    let server = Server::start().await;
    server.post(PATH, &reviewer()).await;
    let path = format!("{PATH}/reviewer");

    let anew = json!({ "description": "Reviews.", "prompt": "Again.", "tools": ["Read"] });
    let replaced = server.put(&path, &anew).await.body;
    assert_eq!((&replaced["tools"], &replaced["model"]), (&json!(["Read"]), &Value::Null));
    let patched = server.patch(&path, &json!({ "tools": null, "model": "opus" })).await.body;
    assert_eq!((&patched["tools"], &patched["model"]), (&Value::Null, &json!("opus")));
    assert_eq!(patched["prompt"], "Again.");
    assert_eq!(
        server.put(&path, &json!({ "name": "x", "description": "a", "prompt": "b" })).await.code(),
        "field_invalid"
    );

    let history = server.get(&format!("{path}/history")).await.body;
    let told: Vec<(&Value, &Value, &Value)> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["version"], &change["change"], &change["definition"]["prompt"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(3), &json!("changed"), &json!("Again.")),
            (&json!(2), &json!("changed"), &json!("Again.")),
            (&json!(1), &json!("created"), &json!("YOU-ARE-THE-REVIEWER")),
        ]
    );
    let restored = server.post(&format!("{path}/history/1/restore"), &json!({})).await.body;
    assert_eq!((&restored["tools"], &restored["version"]), (&json!(["Read", "Grep"]), &json!(4)));
    assert_eq!(server.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&path).await.code(), "extension_not_found");
}

#[tokio::test]
async fn agents_of_claude_code_and_of_trusted_folders_are_listed_and_marked() {
    let server = Server::start().await;
    server.post(PATH, &reviewer()).await;
    let folder = server.workspace().join("repository");
    std::fs::create_dir_all(folder.join(".claude/agents")).unwrap();
    let text = "---\nname: local-one\ndescription: 'From here'\n---\nDo.\n";
    std::fs::write(folder.join(".claude/agents/local.md"), text).unwrap();
    std::fs::write(folder.join(".claude/agents/none.md"), "no front matter").unwrap();
    assert_eq!(listed(&server, "", "managed").await, ["reviewer"]);
    assert_eq!(listed(&server, "&working_dir=repository", "workspace").await, Vec::<String>::new());

    server.post("/api/workspaces/trust", &json!({ "working_dir": "repository" })).await;

    assert_eq!(listed(&server, "&working_dir=repository", "workspace").await, ["local-one"]);
    let built_in = listed(&server, "", "built_in").await;
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        let done = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
        let said = server.initialized(done["session_id"].as_str().unwrap()).await;
        let mut agents: Vec<&str> =
            said["agents"].as_array().unwrap().iter().map(|agent| agent.as_str().unwrap()).collect();
        agents.sort_unstable();
        assert_eq!(agents, built_in, "{}", claude.display());
    }
    let one = server.get(&format!("{PATH}/Explore")).await.body;
    assert_eq!((&one["source"], &one["id"]), (&json!("built_in"), &Value::Null));
    for refused in [
        server.patch(&format!("{PATH}/Explore"), &json!({ "enabled": false })).await,
        server.put(&format!("{PATH}/explore"), &json!({ "description": "a", "prompt": "b" })).await,
        server.delete(&format!("{PATH}/general-purpose")).await,
    ] {
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "agent_built_in"));
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_agent_is_named_and_no_half_of_it_is_kept() {
    let server = Server::start().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "name": "a", "description": "b", "prompt": "c" });
        body[field] = value;
        body
    };
    let refused = |answer: &Answer| {
        let pointer = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();
        (answer.status.as_u16(), answer.code().to_owned(), pointer)
    };
    for (body, status, code, pointer) in [
        (with("name", json!("")), 400, "field_invalid", "/name"),
        (with("name", json!("-lead")), 400, "field_invalid", "/name"),
        (with("name", json!("a b")), 400, "field_invalid", "/name"),
        (with("name", json!("a:b")), 400, "field_invalid", "/name"),
        (with("name", json!("x".repeat(65))), 400, "field_invalid", "/name"),
        (with("name", json!("subagents")), 400, "field_invalid", "/name"),
        (with("name", json!("general-purpose")), 409, "agent_built_in", "/name"),
        (with("name", json!("plan")), 409, "agent_built_in", "/name"),
        (with("description", json!(" ")), 400, "field_invalid", "/description"),
        (with("description", json!("x".repeat(1025))), 400, "field_invalid", "/description"),
        (with("prompt", json!("\n")), 400, "field_invalid", "/prompt"),
        (with("tools", json!(["Read", "Nope"])), 400, "tool_unknown", "/tools/1"),
        (with("tools", json!(["CronCreate"])), 400, "tool_unknown", "/tools/0"),
        (with("tools", json!([])), 400, "field_invalid", "/tools"),
        (with("model", json!("--flag")), 400, "model_invalid", "/model"),
        (with("scope", json!("workspace")), 400, "working_dir_missing", "/working_dir"),
        (with("typo", json!(1)), 400, "field_unknown", "/typo"),
    ] {
        let answer = server.post(PATH, &body).await;
        assert_eq!(refused(&answer), (status, code.to_owned(), pointer.to_owned()), "{}", answer.body);
    }
    assert_eq!(listed(&server, "", "managed").await, Vec::<String>::new());

    let named = server.post(PATH, &with("name", json!("代码审查"))).await;
    assert_eq!(named.status, StatusCode::CREATED, "{}", named.body);
    assert_eq!(server.get(&format!("{PATH}/代码审查")).await.body["id"], named.body["id"]);
    assert_eq!(server.post(PATH, &with("name", json!("代码审查"))).await.code(), "extension_name_taken");
    let patched = server.patch(&format!("{PATH}/代码审查"), &json!({ "prompt": null })).await;
    assert_eq!(patched.status, StatusCode::BAD_REQUEST, "{}", patched.body);
}

#[tokio::test]
async fn an_agent_for_everybody_in_a_folder_is_for_admins_to_define_and_for_members_to_use() {
    let server = Server::start().await;
    let admin = Person::register(&server, "ada").await;
    let member = Person::register(&server, "grace").await;
    let stranger = Person::register(&server, "linus").await;
    let mut shared = reviewer();
    shared["working_dir"] = json!(".");
    assert_eq!(member.post(PATH, &shared).await.code(), "extension_not_allowed");

    assert_eq!(admin.post(PATH, &shared).await.status, StatusCode::CREATED);
    let own = json!({ "name": "own", "description": "a", "prompt": "b" });
    assert_eq!(member.post(PATH, &own).await.status, StatusCode::CREATED);

    assert_eq!(member.get(&format!("{PATH}/reviewer")).await.body["owner"], "ada");
    assert_eq!(stranger.get(&format!("{PATH}/own")).await.code(), "extension_not_found");
    let done = member.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
    let path =
        format!("/api/sessions/{}/events?types=agent_initialized", done["session_id"].as_str().unwrap());
    let said = member.get(&path).await.body["events"][0]["data"]["agents"].clone();
    assert!(has(&said, "reviewer") && has(&said, "own"), "{said}");
}
