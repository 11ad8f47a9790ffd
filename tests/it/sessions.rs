//! Sessions over HTTP: opened, listed, prompted in order, read as they are and as they were.

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

async fn open(server: &Server, body: &Value) -> String {
    server.post("/api/sessions", body).await.body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_opened_session_says_where_it_is() {
    let server = Server::start().await;
    std::fs::create_dir(server.workspace().join("sub")).unwrap();

    let opened = server
        .post("/api/sessions", &json!({ "title": "Mine", "working_dir": "sub", "model": "haiku" }))
        .await;

    assert_eq!(opened.status, StatusCode::CREATED);
    let id = opened.body["id"].as_str().unwrap();
    assert_eq!(opened.headers["location"], format!("/api/sessions/{id}"));
    let expected = json!({
        "id": id, "title": "Mine", "status": "idle", "working_dir": server.workspace().join("sub"),
        "model": "haiku", "permission_mode": "default", "owner": "local", "origin": "api",
        "created_at": opened.body["created_at"], "updated_at": opened.body["updated_at"], "version": 1,
        "cost_usd": 0.0, "cost_is_estimate": false, "tags": [], "offline": true, "turns": [], "pending": [], "files": [],
        "tasks": [], "subagents": [],
        "files_changed": 0, "usage": {
            "input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        },
    });
    assert_eq!(opened.body, expected);
}

#[tokio::test]
async fn prompts_wait_their_turn_in_order_up_to_a_limit() {
    let server = Server::start().await;
    let session = open(&server, &json!({})).await;
    let path = format!("/api/sessions/{session}/prompts");
    let slow = script("First.", &json!([{ "text": "0", "delay_ms": 1500 }]));
    server.post(&path, &json!({ "prompt": slow })).await;

    let mut turns = vec![];
    for number in 1..=16 {
        let body = json!({ "prompt": script("Next.", &json!([{ "text": number.to_string() }])) });
        let accepted = server.post(&path, &body).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
        turns.push(accepted.body["turn_id"].clone());
    }
    let refused = server.post(&path, &json!({ "prompt": "One too many." })).await;

    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "queue_full"));
    let view = server.wait_for_status(&session, "idle").await;
    let results: Vec<_> =
        view["turns"].as_array().unwrap().iter().map(|turn| turn["result"].clone()).collect();
    assert_eq!(results, (0..=16).map(|number| json!(number.to_string())).collect::<Vec<_>>());
    assert_eq!(view["turns"][16]["id"], turns[15]);
    let processes: std::collections::BTreeSet<_> = server
        .events(&session)
        .await
        .iter()
        .filter(|event| event["type"] == "turn_started")
        .map(|event| event["data"]["process"].to_string())
        .collect();
    assert_eq!(processes.len(), 1, "one warm process for all turns");
}

#[tokio::test]
async fn a_session_can_be_seen_as_it_was() {
    let server = Server::start().await;
    let first = server.task(&json!({ "prompt": script("One.", &json!([{ "text": "1" }])) })).await;
    let session = first["session_id"].as_str().unwrap();
    let then = server.view(session).await;
    server.task(&json!({ "prompt": script("Two.", &json!([{ "text": "2" }])), "resume": session })).await;

    let version = &then["version"];
    let seen = server.get(&format!("/api/sessions/{session}?at={version}")).await.body;

    assert_eq!(seen, then);
    assert_eq!(server.view(session).await["turns"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let server = Server::start().await;
    std::fs::create_dir(server.workspace().join("sub")).unwrap();
    let mut sessions = vec![];
    for number in 0..5 {
        let folder = if number % 2 == 0 { "." } else { "sub" };
        sessions.push(
            open(&server, &json!({ "title": format!("Number {number} 数字"), "working_dir": folder })).await,
        );
    }
    let ids = async |query: &str| {
        let page = server.get(&format!("/api/sessions?{query}")).await.body;
        let ids = page["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
    };

    let mut paged = vec![];
    let mut cursor = String::new();
    loop {
        let (page, next) = ids(&format!("limit=2&sort=created_at{cursor}")).await;
        paged.extend(page);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }

    let newest_first: Vec<_> = sessions.iter().rev().cloned().collect();
    assert_eq!(paged, newest_first);
    let folder = server.workspace().join("sub").display().to_string();
    assert_eq!(ids(&format!("working_dir={folder}")).await.0, [&*sessions[3], &*sessions[1]]);
    assert_eq!(ids("q=number%202").await.0, [&*sessions[2]]);
    assert_eq!(ids("q=%25").await.0, Vec::<String>::new(), "a wildcard is only a character");
    let (_, cursor) = ids("limit=2&sort=cost").await;
    let of_other = server.get(&format!("/api/sessions?sort=created_at&cursor={}", cursor.unwrap())).await;
    assert_eq!((of_other.status, of_other.code()), (StatusCode::BAD_REQUEST, "query_invalid"));
    assert_eq!(of_other.body["errors"][0]["pointer"], "?cursor");
    assert_eq!(ids("status=running").await.0, Vec::<String>::new());
    assert_eq!(ids("status=idle").await.0.len(), 5);
}

#[tokio::test]
async fn events_are_paged_and_filtered() {
    let server = Server::start().await;
    let answer = server.task(&json!({ "prompt": script("One.", &json!([{ "text": "1" }])) })).await;
    let session = answer["session_id"].as_str().unwrap();
    let all = server.events(session).await;

    let page = server.get(&format!("/api/sessions/{session}/events?limit=2&after=1")).await.body;
    let typed =
        server.get(&format!("/api/sessions/{session}/events?types=turn_started,turn_completed")).await.body;

    assert_eq!(page["events"].as_array().unwrap()[..], all[1..3]);
    assert_eq!(page["next_cursor"], "3");
    let versions: Vec<_> = all.iter().map(|event| event["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(typed["events"].as_array().unwrap().len(), 2);
    assert_eq!(typed["next_cursor"], Value::Null);
}

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let server = Server::start().await;

    let status = server.get("/api/status").await.body;
    let tools = server.get("/api/tools").await.body;

    assert_eq!((&status["mode"], &status["store"]), (&json!("local"), &json!("sqlite")));
    assert!(status["agent"]["version"].as_str().unwrap().starts_with("2."), "{status}");
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    assert_eq!(server.get("/ready").await.status, StatusCode::OK);
    let names: Vec<_> =
        tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"Bash") && names.contains(&"Write"));
    // What the real program offers must be on the list, or a client could not ask for it.
    let answer = server.task(&json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])) })).await;
    let events = server.events(answer["session_id"].as_str().unwrap()).await;
    let initialized = events.iter().find(|event| event["type"] == "agent_initialized").unwrap();
    for tool in initialized["data"]["tools"].as_array().unwrap() {
        assert!(names.contains(&tool.as_str().unwrap()), "{tool} is not in /api/tools");
    }
}

#[tokio::test]
async fn an_exact_set_of_tools_reaches_the_agent() {
    let server = Server::start().await;
    let body =
        json!({ "prompt": script("Hi.", &json!([{ "text": "hi" }])), "tools": ["Read", "Glob", "Grep"] });

    let answer = server.task(&body).await;

    let events = server.events(answer["session_id"].as_str().unwrap()).await;
    let initialized = events.iter().find(|event| event["type"] == "agent_initialized").unwrap();
    let mut tools: Vec<_> =
        initialized["data"]["tools"].as_array().unwrap().iter().map(|tool| tool.as_str().unwrap()).collect();
    tools.sort_unstable();
    assert_eq!(tools, ["Glob", "Grep", "Read"]);
}

#[tokio::test]
async fn sessions_are_found_by_owner_tag_and_time() {
    let server = Server::start().await;
    let root = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let mut opened = vec![];
    for (person, tags) in [(&root, json!(["red"])), (&ada, json!(["red", "blue"])), (&ada, json!([]))] {
        let session = person.open_session().await;
        let patched = person.patch(&format!("/api/sessions/{session}"), &json!({ "tags": tags })).await;
        opened.push((session, patched.body["updated_at"].as_str().unwrap().to_owned()));
    }
    let find = async |person: &Person<'_>, query: &str| -> Vec<usize> {
        let found = person.get(&format!("/api/sessions?{query}")).await.body;
        let place = |found: &Value| opened.iter().position(|(id, _)| found["id"] == *id).unwrap();
        found["sessions"].as_array().unwrap_or_else(|| panic!("{found}")).iter().map(place).collect()
    };

    assert_eq!(find(&root, "owner=Ada").await, [2, 1]);
    assert_eq!(find(&root, "owner=local").await, [] as [usize; 0]);
    assert_eq!(find(&root, "tag=red").await, [1, 0]);
    assert_eq!(find(&root, "tag=red&owner=root").await, [0]);
    assert_eq!(find(&ada, "tag=red").await, [1]);
    assert_eq!(find(&ada, "owner=root").await, [] as [usize; 0]);
    let (first, last) = (&opened[0].1, &opened[2].1);
    assert_eq!(find(&root, &format!("from={last}")).await, [2]);
    assert_eq!(find(&root, &format!("from={first}&to={last}")).await, [1, 0]);
    let page = root.get("/api/sessions?owner=ada&limit=1").await.body;
    let next = format!("owner=ada&limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(find(&root, &next).await, [1]);
    for (query, pointer) in [
        ("owner=a%20b", "?owner"),
        ("owner=", "?owner"),
        ("tag=", "?tag"),
        ("from=yesterday", "?from"),
        ("to=2026-13-01T00:00:00Z", "?to"),
        ("from=2026-12-01T00:00:00Z&to=2026-12-01T00:00:00Z", "?to"),
    ] {
        let refused = root.get(&format!("/api/sessions?{query}")).await;
        let told = (refused.status.as_u16(), refused.code(), &refused.body["errors"][0]["pointer"]);
        assert_eq!(told, (400, "query_invalid", &json!(pointer)), "{query}: {}", refused.body);
    }
}
