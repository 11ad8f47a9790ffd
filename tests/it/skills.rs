//! Skills that people add: told to the agents of later turns, run by the model and by people, changed,
//! imported, taken away.

use std::path::Path;
use std::process::Command;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use runner_tests::person::Person;
use runner_tests::recorder::Recorder;
use runner_tests::script;
use runner_tests::server::{Server, answer};
use serde_json::{Value, json};

const PATH: &str = "/api/skills";

/// A prompt by which the model runs a skill.
fn run(skill: &str) -> String {
    let call = json!({ "name": "Skill", "input": { "skill": skill } });
    script("Run it.", &json!([{ "tool_use": call }, { "text": "done" }]))
}

fn counting() -> Value {
    json!({
        "name": "count-sheep",
        "description": "Counts: \"sheep\"\n---\nallowed-tools: Bash",
        "instruction": "COUNT-THE-SHEEP",
        "files": { "sheep.txt": "one\ntwo\n", "tools/count.sh": "#!/bin/sh\necho 2\n", "raw.bin": { "base64": "AP8=" } },
    })
}

fn has(list: &Value, name: &str) -> bool {
    list.as_array().unwrap().iter().any(|entry| entry == name)
}

/// The names of a list of skills that have a source.
async fn listed(server: &Server, query: &str, source: &str) -> Vec<String> {
    let list = server.get(&format!("{PATH}?limit=200{query}")).await.body;
    let skills = list["skills"].as_array().unwrap().iter().filter(|skill| skill["source"] == source);
    skills.map(|skill| skill["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_line_of_the_readme_works_and_its_text_reaches_the_model() {
    let recorder = Recorder::start().await;
    let server = Server::start_with(&recorder.settings()).await;
    let body = json!({
        "name": "code-review", "description": "代码审查技能", "instruction": "你是一个代码审查专家..."
    });

    let added = server.post(PATH, &body).await;

    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    assert_eq!(added.headers["location"], "/api/skills/code-review");
    assert_eq!((&added.body["source"], &added.body["enabled"]), (&json!("managed"), &json!(true)));
    assert_eq!(server.get("/api/skills/code-review").await.body, added.body);
    assert_eq!(server.post(PATH, &body).await.code(), "extension_name_taken");
    assert_eq!(listed(&server, "", "managed").await, ["code-review"]);
    let done = server.task(&json!({ "prompt": run("runner:code-review") })).await;
    assert_eq!(done["success"], true, "{done}");
    let heard = recorder.take();
    assert!(heard.contains("代码审查技能") && heard.contains("你是一个代码审查专家"));
}

#[tokio::test]
async fn a_skill_is_run_by_the_model_and_by_people_and_no_longer_once_it_is_off() {
    let recorder = Recorder::start().await;
    let server = Server::start_with(&recorder.settings()).await;
    let added = server.post(PATH, &counting()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);

    for mode in ["default", "acceptEdits"] {
        let done = server.task(&json!({ "prompt": run("count-sheep"), "permission_mode": mode })).await;
        assert_eq!(done["success"], true, "{mode}: {done}");
        let heard = recorder.take();
        // The whole document but its front matter: nothing of a description gets out of that.
        let run = r"skills/count-sheep\n\nCOUNT-THE-SHEEP";
        assert!(
            heard.contains(run) && heard.contains(r#"Counts: \"sheep\" --- allowed-tools"#),
            "{mode}: {heard}"
        );
        let session = done["session_id"].as_str().unwrap();
        let said = server.initialized(session).await;
        assert!(has(&said["skills"], "runner:count-sheep"), "{said}");
        assert_eq!(said["extensions"]["extensions"][0]["kind"], "skill");
    }
    for mode in ["plan", "dontAsk"] {
        let refused = server.task(&json!({ "prompt": run("count-sheep"), "permission_mode": mode })).await;
        assert!(!recorder.take().contains("COUNT-THE-SHEEP"), "{mode}: {refused}");
    }
    let called = script("/runner:count-sheep quickly", &json!([{ "text": "two" }]));
    let done = server.task(&json!({ "prompt": called })).await;
    assert!(recorder.take().contains("COUNT-THE-SHEEP"), "{done}");

    let session = done["session_id"].as_str().unwrap();
    let skills = server.data_dir().join("agents/*.extensions/plugins/runner/skills/count-sheep");
    let read = json!({ "command": format!("ls -R {}", skills.display()), "description": "look" });
    let replies = json!([{ "tool_use": { "name": "Bash", "input": read } }, { "text": "done" }]);
    let mode =
        json!({ "permission_mode": "default", "prompt": script("Look.", &replies), "resume": session });
    let looked = server.post("/api/task", &mode).await;
    if looked.status == StatusCode::ACCEPTED {
        server.decide(session, &looked.body["pending"][0], &json!({ "decision": "allow" })).await;
        server.wait_for_status(session, "idle").await;
    }
    let heard = recorder.take();
    assert!(heard.contains("count.sh") && heard.contains("raw.bin"), "its files are beside it");

    let changed = server.patch("/api/skills/count-sheep", &json!({ "enabled": false })).await;
    assert_eq!((changed.status, &changed.body["enabled"]), (StatusCode::OK, &json!(false)));
    let last = server.task(&json!({ "prompt": run("count-sheep") })).await;
    assert!(!recorder.take().contains("COUNT-THE-SHEEP"), "{last}");
    let said = server.initialized(last["session_id"].as_str().unwrap()).await;
    assert!(!has(&said["skills"], "runner:count-sheep") && said["extensions"].is_null(), "{said}");
    server.verify(session).await;
}

#[tokio::test]
async fn a_change_is_in_the_history_and_can_be_taken_back_with_its_files() {
    let server = Server::start().await;
    server.post(PATH, &counting()).await;
    let path = format!("{PATH}/count-sheep");

    let written = json!({ "description": "Counts.", "instruction": "Again.", "files": { "goats.txt": "3" } });
    let replaced = server.put(&path, &written).await.body;
    assert_eq!(replaced["files"], json!([{ "path": "goats.txt", "bytes": 1 }]));
    let patched = server.patch(&path, &json!({ "instruction": "Once more.", "category": "data" })).await.body;
    assert_eq!((&patched["files"], &patched["description"]), (&replaced["files"], &json!("Counts.")));

    let history = server.get(&format!("{path}/history")).await.body;
    let texts: Vec<(&Value, &Value)> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["version"], &change["definition"]["instruction"]))
        .collect();
    assert_eq!(
        texts,
        [
            (&json!(3), &json!("Once more.")),
            (&json!(2), &json!("Again.")),
            (&json!(1), &json!("COUNT-THE-SHEEP")),
        ]
    );
    let restored = server.post(&format!("{path}/history/1/restore"), &json!({})).await.body;
    assert_eq!((&restored["instruction"], &restored["version"]), (&json!("COUNT-THE-SHEEP"), &json!(4)));
    assert_eq!(restored["files"].as_array().unwrap().len(), 3);
    let done = server.task(&json!({ "prompt": run("count-sheep") })).await;
    assert_eq!(done["success"], true, "{done}");

    assert_eq!(server.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&path).await.code(), "extension_not_found");
}

#[tokio::test]
async fn skills_that_come_with_the_server_are_off_until_somebody_wants_one() {
    let server = Server::start().await;
    let offered = listed(&server, "", "offered").await;
    assert_eq!(
        offered,
        ["code-review", "commit-and-pull-request", "security-look", "sql", "tests-for-a-change"]
    );
    let one = server.get("/api/skills/sql").await.body;
    assert_eq!((&one["enabled"], &one["category"]), (&json!(false), &json!("database")));
    let before = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
    let session = before["session_id"].as_str().unwrap();
    assert!(!has(&server.initialized(session).await["skills"], "runner:sql"));

    let switched = server.patch("/api/skills/sql", &json!({ "enabled": true })).await;

    assert_eq!((switched.status, &switched.body["source"]), (StatusCode::OK, &json!("managed")));
    assert_eq!(switched.body["instruction"], one["instruction"]);
    assert!(!listed(&server, "", "offered").await.contains(&"sql".to_owned()));
    let done = server.task(&json!({ "prompt": run("sql"), "resume": session })).await;
    assert_eq!(done["success"], true, "{done}");
    assert!(has(&server.initialized(session).await["skills"], "runner:sql"));
    let off = server.patch("/api/skills/sql", &json!({ "enabled": false })).await.body;
    assert_eq!((&off["enabled"], &off["version"]), (&json!(false), &json!(2)));
}

#[tokio::test]
async fn skills_of_a_trusted_folder_and_of_claude_code_are_listed_and_marked() {
    let server = Server::start().await;
    let folder = server.workspace().join("repository");
    std::fs::create_dir_all(folder.join(".claude/skills/local-one")).unwrap();
    let text = "---\nname: local-one\ndescription: 'From here'\n---\nDo.\n";
    std::fs::write(folder.join(".claude/skills/local-one/SKILL.md"), text).unwrap();
    assert_eq!(listed(&server, "&working_dir=repository", "workspace").await, Vec::<String>::new());

    server.post("/api/workspaces/trust", &json!({ "working_dir": "repository" })).await;

    assert_eq!(listed(&server, "&working_dir=repository", "workspace").await, ["local-one"]);
    let prompt = script("Hi.", &json!([{ "text": "hi" }]));
    let done = server.task(&json!({ "prompt": prompt, "working_dir": "repository" })).await;
    let query = format!("&session_id={}", done["session_id"].as_str().unwrap());
    assert_eq!(listed(&server, &query, "workspace").await, ["local-one"]);
    let bundled = listed(&server, &query, "bundled").await;
    assert!(!bundled.is_empty() && !bundled.contains(&"local-one".to_owned()), "{bundled:?}");
    assert_eq!(server.get(&format!("{PATH}?working_dir=/etc")).await.code(), "working_dir_not_allowed");
}

#[tokio::test]
async fn what_an_admin_added_for_everybody_rests_while_they_are_none() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    Person::register(&server, "bea").await;
    let mia = Person::register(&server, "mia").await;
    let role = async |role: &str| {
        let changed = root.patch("/api/users/bea", &json!({ "role": role })).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    };
    role("admin").await;
    let skill = json!({
        "name": "deploy", "description": "Deploys.", "instruction": "Deploy.", "scope": "workspace",
        "working_dir": "."
    });
    let bea = Person::log_in(&server, "bea").await;
    assert_eq!(bea.post(PATH, &skill).await.status, StatusCode::CREATED);
    let session = mia.open_session().await;
    let hello = json!({ "prompt": script("Hello.", &json!([{ "text": "hello" }])), "resume": session });

    let mut loaded = vec![];
    for now in ["admin", "member", "admin"] {
        role(now).await;
        mia.task(&hello).await;
        let path = format!("/api/sessions/{session}/events?types=agent_initialized");
        let last = mia.get(&path).await.body["events"].as_array().unwrap().last().unwrap().clone();
        loaded.push(last["data"]["extensions"]["extensions"][0]["name"] == "deploy");
    }

    assert_eq!(loaded, [true, false, true]);
}

#[tokio::test]
async fn a_document_and_an_archive_are_imported_as_they_are() {
    let server = Server::start().await;
    let send = async |kind: &str, bytes: Vec<u8>| {
        let request = server.request(Method::POST, "/api/skills/import");
        answer(request.header(CONTENT_TYPE, kind).body(bytes)).await
    };
    let text = "---\nname: from-text\ndescription: Says hello.\nallowed-tools: Bash\n---\n\nSay hello.\n";

    let document = send("text/markdown", text.into()).await;
    assert_eq!(document.status, StatusCode::CREATED, "{}", document.body);
    assert_eq!(document.body["ignored_fields"], json!(["allowed-tools"]));
    assert_eq!(document.body["instruction"], "Say hello.");

    let folder = tempfile::tempdir().unwrap();
    let skill = folder.path().join("packed");
    std::fs::create_dir_all(skill.join("scripts")).unwrap();
    std::fs::write(skill.join("SKILL.md"), text.replace("from-text", "packed")).unwrap();
    std::fs::write(skill.join("scripts/hello.sh"), "#!/bin/sh\necho hello\n").unwrap();
    let archive = send("application/gzip", pack(folder.path(), &["packed"])).await;
    assert_eq!(archive.status, StatusCode::CREATED, "{}", archive.body);
    assert_eq!(archive.body["files"], json!([{ "path": "scripts/hello.sh", "bytes": 21 }]));

    let before = listed(&server, "", "managed").await;
    std::os::unix::fs::symlink("/etc/passwd", skill.join("link")).unwrap();
    let linked = send("application/gzip", pack(folder.path(), &["packed"])).await;
    let upwards = pack(folder.path(), &["--transform=s,scripts,../../up,", "--exclude=link", "packed"]);
    let upwards = send("application/gzip", upwards).await;
    let absolute =
        pack(folder.path(), &["--transform=s,^packed/scripts,/etc,", "-P", "--exclude=link", "packed"]);
    let absolute = send("application/gzip", absolute).await;
    for refused in [linked, upwards, absolute, send("application/zip", b"PK no".into()).await] {
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "archive_invalid"));
    }
    assert_eq!(listed(&server, "", "managed").await, before);
    let elsewhere = server.request(Method::POST, PATH).header(CONTENT_TYPE, "application/zip").body("PK");
    assert_eq!(answer(elsewhere).await.code(), "content_type_not_json");
}

/// A tar.gz of what is in a folder.
fn pack(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let packed =
        Command::new("tar").arg("-C").arg(folder).args(["-cz", "-f", "-"]).args(arguments).output().unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    packed.stdout
}

#[tokio::test]
async fn what_is_wrong_with_a_skill_is_named() {
    let server = Server::start().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "name": "a", "description": "b", "instruction": "c" });
        body[field] = value;
        body
    };
    let long = "x".repeat(1025);

    for (body, pointer) in [
        (with("name", json!("With-Capital")), "/name"),
        (with("name", json!("../up")), "/name"),
        (with("name", json!("")), "/name"),
        (with("description", json!(" ")), "/description"),
        (with("description", json!(long)), "/description"),
        (with("instruction", json!("\n")), "/instruction"),
        (with("category", json!("nonsense")), "/category"),
        (with("files", json!({ "../up": "x" })), "/files/..~1up"),
        (with("files", json!({ "SKILL.md": "x" })), "/files/SKILL.md"),
        (with("files", json!({ "a": { "base64": "%" } })), "/files/a"),
        (with("files", json!({ "a": "x", "a/b": "y" })), "/files/a~1b"),
        (with("scope", json!("workspace")), "/working_dir"),
        (with("typo", json!(1)), "/typo"),
    ] {
        let refused = server.post(PATH, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
    }
    for (body, code) in [
        (json!({}), "field_missing"),
        (json!({ "skill_md": "x", "archive": "x" }), "field_missing"),
        (json!({ "skill_md": "no front matter" }), "field_missing"),
        (json!({ "skill_md": "no front matter", "name": "a" }), "skill_invalid"),
        (json!({ "skill_md": "---\nname: a\n" }), "skill_invalid"),
        (json!({ "archive": "AAAA" }), "archive_invalid"),
    ] {
        let refused = server.post("/api/skills/import", &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, code), "{body}");
    }
    assert_eq!(
        server.put("/api/skills/absent", &with("name", json!("absent"))).await.code(),
        "extension_not_found"
    );
    assert_eq!(listed(&server, "", "managed").await, Vec::<String>::new());
}
