//! A copy of a session goes its own way, and so does the session.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use runner_tests::recorder::Recorder;
use runner_tests::script;
use runner_tests::server::{Answer, Server, answer};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};

async fn say(server: &Server, session: &str, prompt: &str, reply: &str) -> Value {
    let prompt = script(prompt, &json!([{ "text": reply }]));
    server.task(&json!({ "prompt": prompt, "resume": session })).await
}

/// A session with two turns, and the version at which the first one ended.
async fn two_turns(server: &Server) -> (String, u64) {
    let first =
        json!({ "prompt": script("Remember the cormorant.", &json!([{ "text": "I remember it." }])) });
    let session = server.task(&first).await["session_id"].as_str().unwrap().to_owned();
    let version = server.view(&session).await["version"].as_u64().unwrap();
    say(server, &session, "Remember the pelican.", "That as well.").await;
    (session, version)
}

async fn fork(server: &Server, session: &str, body: &Value) -> Value {
    let forked = server.post(&format!("/api/sessions/{session}/fork"), body).await;
    assert_eq!(forked.status, StatusCode::CREATED, "{}", forked.body);
    let id = forked.body["id"].as_str().unwrap();
    assert_eq!(forked.headers["location"], format!("/api/sessions/{id}"));
    forked.body
}

fn id(view: &Value) -> &str {
    view["id"].as_str().unwrap()
}

/// Micro-dollars, to compare exactly.
fn cost(view: &Value) -> u64 {
    (view["cost_usd"].as_f64().unwrap() * 1e6).round() as u64
}

#[tokio::test]
async fn the_model_knows_what_was_said_before_the_cut_and_nothing_after_it() {
    let model = Recorder::start().await;
    let server = Server::start_with(&model.settings()).await;
    let (session, version) = two_turns(&server).await;
    let before = server.events(&session).await;
    model.take();

    let prompt = script("Which bird?", &json!([{ "text": "The first one." }]));
    let forked = fork(&server, &session, &json!({ "at_version": version, "prompt": prompt })).await;
    server.wait_for(id(&forked), "turn_started").await;
    server.wait_for_status(id(&forked), "idle").await;
    let asked = model.take();
    say(&server, &session, "And which here?", "Both.").await;
    let asked_in_the_old = model.take();
    say(&server, id(&forked), "Go on.", "Gladly.").await;
    let asked_again = model.take();

    assert!(asked.contains("cormorant") && asked.contains("I remember it."), "the history is known");
    assert!(!asked.contains("pelican") && !asked.contains("That as well."), "what came later is not");
    assert!(asked_in_the_old.contains("cormorant") && asked_in_the_old.contains("pelican"));
    assert!(!asked_in_the_old.contains("Which bird?"), "the sessions do not hear each other");
    assert!(asked_again.contains("cormorant") && asked_again.contains("The first one."));
    assert!(!asked_again.contains("pelican") && !asked_again.contains("And which here?"));
    assert_eq!(server.events(&session).await[..before.len()], before);
    for session in [&session, id(&forked)] {
        server.verify(session).await;
    }
}

#[tokio::test]
async fn the_copy_has_the_events_under_their_versions_and_the_costs_stay_behind() {
    let mut server = Server::start().await;
    let (session, _) = two_turns(&server).await;
    let (old, before) = (server.view(&session).await, server.events(&session).await);

    let forked = fork(&server, &session, &json!({})).await;
    let copied = server.events(id(&forked)).await;
    let own = say(&server, id(&forked), "Now I.", "You.").await;
    let new = server.view(id(&forked)).await;

    assert_eq!((&forked["origin"], &forked["status"]), (&json!("fork"), &json!("idle")));
    assert_eq!(forked["parent"], json!({ "session": session, "version": before.len() }));
    assert_eq!((&forked["version"], cost(&forked)), (&json!(before.len()), 0));
    assert_eq!(forked["turns"].as_array().unwrap().len(), 2);
    let told = |events: &[Value], of: &str| -> Vec<Value> {
        let events = events.iter().filter(|event| event["type"] == of);
        events.map(|event| event["data"].clone()).collect()
    };
    for kind in ["prompt_submitted", "turn_started", "agent_initialized", "assistant_text"] {
        assert_eq!(told(&copied, kind), told(&before, kind));
    }
    for (then, now) in before.iter().zip(&copied) {
        assert_eq!((&then["version"], &then["type"]), (&now["version"], &now["type"]));
    }
    for (then, now) in told(&before, "turn_completed").iter().zip(told(&copied, "turn_completed")) {
        assert_eq!((&then["result"], &then["duration_ms"]), (&now["result"], &now["duration_ms"]));
        assert!(then["spend"]["cost_micros"].as_u64() > Some(0));
        let nothing = json!({ "cost_micros": 0, "models": {} });
        assert_eq!((&now["spend"], &now["counter"]["spend"]), (&nothing, &nothing));
    }
    assert_eq!(cost(&new), cost(&own));
    assert_eq!(server.view(&session).await, old, "the session did not notice");
    let spent = cost(&old) + cost(&own);
    server.stop().await;
    assert_eq!(counted(&server).await, (3, spent), "each turn counts once, wherever it is seen");
}

/// Turns and micro-dollars of all days.
async fn counted(server: &Server) -> (u64, u64) {
    let database = format!("sqlite://{}", server.data_dir().join("runner.db").display());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    let row = sqlx::query(
        "SELECT sum(turns_succeeded) AS turns, sum(cost_micros) AS cost FROM stats_by_day
         WHERE dimension = 'all' AND owner = ''",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let number = |column: &str| u64::try_from(row.get::<i64, _>(column)).unwrap();
    (number("turns"), number("cost"))
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_turn_leaves_out_the_rest_of_it() {
    let model = Recorder::start().await;
    let server = Server::start_with(&model.settings()).await;
    let read =
        |name: &str| json!({ "name": "Read", "input": { "file_path": format!("{{{{cwd}}}}/{name}") } });
    for (name, content) in [("a.txt", "albatross"), ("b.txt", "bittern")] {
        std::fs::write(server.workspace().join(name), content).unwrap();
    }
    let replies = json!([
        { "blocks": [{ "text": "First a." }, { "tool_use": read("a.txt") }] },
        { "blocks": [{ "text": "Then b." }, { "tool_use": read("b.txt") }] },
        { "text": "Two birds." },
    ]);
    let task = server.task(&json!({ "prompt": script("Look.", &replies) })).await;
    let session = task["session_id"].as_str().unwrap();
    let events = server.events(session).await;
    let first_result = events.iter().find(|event| event["type"] == "tool_returned").unwrap();
    model.take();

    let prompt = script("What did you see?", &json!([{ "text": "One." }]));
    let body = json!({ "at_version": first_result["version"], "prompt": prompt });
    let forked = fork(&server, session, &body).await;
    server.wait_for(id(&forked), "turn_completed").await;

    let asked = model.take();
    assert!(asked.contains("albatross") && !asked.contains("bittern"));
    // The script in the old prompt names all that the model was to say, once.
    let times = |text| asked.matches(text).count();
    assert!(times("First a.") > times("Then b."));
    assert_eq!(times("Then b."), times("Two birds."));
    let types = server.event_types(id(&forked)).await;
    assert_eq!(types.iter().filter(|name| *name == "turn_interrupted").count(), 1);
    assert_eq!(forked["turns"][0]["status"], "interrupted");
    server.verify(id(&forked)).await;
}

#[tokio::test]
async fn a_running_turn_is_closed_in_the_copy_and_goes_on_in_the_session() {
    let server = Server::start().await;
    let opened = server.post("/api/sessions", &json!({ "permission_mode": "acceptEdits" })).await.body;
    let path = format!("/api/sessions/{}/prompts", id(&opened));
    let slow = json!([
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x" } } },
        { "text": "At last.", "delay_ms": 3000 },
    ]);
    server.post(&path, &json!({ "prompt": script("Slowly.", &slow) })).await;
    let queued = script("Afterwards.", &json!([{ "text": "Done as well." }]));
    server.post(&path, &json!({ "prompt": queued })).await;
    server.wait_for(id(&opened), "tool_returned").await;

    let forked = fork(&server, id(&opened), &json!({})).await;

    let events = server.events(id(&forked)).await;
    let copied = usize::try_from(forked["parent"]["version"].as_u64().unwrap()).unwrap();
    let closing: Vec<_> =
        events[copied..].iter().map(|event| (&event["type"], &event["data"]["cause"])).collect();
    assert_eq!(
        closing,
        [(&json!("turn_interrupted"), &json!("forked")), (&json!("prompt_withdrawn"), &Value::Null)]
    );
    assert_eq!((&forked["status"], forked["turns"].as_array().unwrap().len()), (&json!("idle"), 1));
    let again = say(&server, id(&forked), "Hello.", "Here I am.").await;
    assert_eq!(again["message"], "Here I am.");
    let old = server.wait_for_status(id(&opened), "idle").await;
    let results: Vec<_> = old["turns"].as_array().unwrap().iter().map(|turn| &turn["result"]).collect();
    assert_eq!(results, ["At last.", "Done as well."]);
    assert_eq!(cost(&server.view(id(&forked)).await), cost(&again));
}

#[tokio::test]
async fn a_request_that_waits_goes_on_waiting_in_the_session_alone() {
    let server = Server::start().await;
    let write = json!({ "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x" } });
    let prompt = script("Write.", &json!([{ "tool_use": write }, { "text": "Written." }]));
    let asked = server.post("/api/task", &json!({ "prompt": prompt })).await.body;
    let session = asked["session_id"].as_str().unwrap();
    let request = asked["pending"][0]["request_id"].as_str().unwrap();

    let forked = fork(&server, session, &json!({})).await;
    let waiting = server.get("/api/requests").await.body;
    let late = json!({ "decision": "allow" });
    let in_the_copy = server.post(&format!("/api/sessions/{}/requests/{request}", id(&forked)), &late).await;
    let decided = server.post(&format!("/api/sessions/{session}/requests/{request}"), &late).await;

    assert_eq!((&forked["pending"], &forked["status"]), (&json!([]), &json!("idle")));
    assert_eq!(waiting["requests"].as_array().unwrap().len(), 1);
    assert_eq!(waiting["requests"][0]["session_id"], session);
    assert_eq!(in_the_copy.status, StatusCode::CONFLICT, "{}", in_the_copy.body);
    assert_eq!(decided.status, StatusCode::OK);
    let old = server.wait_for_status(session, "idle").await;
    assert_eq!(old["turns"][0]["result"], "Written.");
    assert_eq!(say(&server, id(&forked), "Hello.", "Here.").await["message"], "Here.");
}

#[tokio::test]
async fn a_copy_of_a_copy_and_a_copy_of_nothing_work_without_the_machine_s_own_files() {
    let model = Recorder::start().await;
    let mut server = Server::start_with(&model.settings()).await;
    let (session, version) = two_turns(&server).await;
    server.stop().await;
    // As on another machine: only what is stored is there.
    std::fs::remove_dir_all(server.data_dir().join("agents")).unwrap();
    server.restart().await;
    model.take();

    let first = fork(&server, &session, &json!({ "at_version": version })).await;
    say(&server, id(&first), "Remember the heron.", "Three.").await;
    let known_in_first = model.take();
    let second = fork(&server, id(&first), &json!({})).await;
    say(&server, id(&second), "And now?", "Four.").await;
    let known_in_second = model.take();
    let empty = fork(&server, &session, &json!({ "at_version": 1 })).await;
    say(&server, id(&empty), "Anything?", "Nothing.").await;
    let known_in_empty = model.take();

    assert!(known_in_first.contains("cormorant") && !known_in_first.contains("pelican"));
    assert!(known_in_second.contains("cormorant") && known_in_second.contains("heron"));
    assert!(!known_in_empty.contains("cormorant") && known_in_empty.contains("Anything?"));
    assert_eq!(second["parent"]["session"], first["id"]);
    let types = server.event_types(id(&empty)).await;
    assert_eq!(types[..3], ["session_opened", "prompt_submitted", "turn_started"]);
}

#[tokio::test]
async fn a_prompt_that_was_not_answered_yet_is_known_in_the_copy() {
    let model = Recorder::start().await;
    let server = Server::start_with(&model.settings()).await;
    let (session, _) = two_turns(&server).await;
    let started = server.events(&session).await.iter().position(|event| event["type"] == "turn_started");
    model.take();

    let forked = fork(&server, &session, &json!({ "at_version": started.unwrap() + 1 })).await;
    say(&server, id(&forked), "Are you there?", "Yes.").await;

    let asked = model.take();
    // Its script names the answer once.
    assert!(
        asked.contains("cormorant")
            && asked.matches("I remember it.").count() == asked.matches("cormorant").count()
    );
    assert!(!asked.contains("pelican"));
}

async fn post_keyed(server: &Server, path: &str, body: &Value) -> Answer {
    answer(server.request(Method::POST, path).header("idempotency-key", "fork-1").json(body)).await
}

#[tokio::test]
async fn a_fork_asked_for_again_is_the_same_fork() {
    let server = Server::start().await;
    let (session, version) = two_turns(&server).await;
    let path = format!("/api/sessions/{session}/fork");
    let body = json!({ "at_version": version, "prompt": script("Go on.", &json!([{ "text": "yes" }])) });

    let answers = join_all((0..5).map(|_| post_keyed(&server, &path, &body))).await;
    let first = answers.iter().find(|answer| !answer.is_replay()).unwrap();
    server.wait_for_status(id(&first.body), "idle").await;
    let second = post_keyed(&server, &path, &body).await;
    let other = post_keyed(&server, &path, &json!({})).await;

    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::CREATED, &first.body));
    }
    assert_eq!((second.status, second.is_replay(), &second.body), (StatusCode::CREATED, true, &first.body));
    assert_eq!((other.status, other.code()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"));
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_is_named_and_forks_nothing() {
    let server = Server::start().await;
    let session = server.post("/api/sessions", &json!({})).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/fork");

    for (body, code, pointer) in [
        (json!({ "at_version": 0 }), "field_invalid", "/at_version"),
        (json!({ "at_version": 2 }), "field_invalid", "/at_version"),
        (json!({ "at_version": -1 }), "field_invalid", "/at_version"),
        (json!({ "at_version": "1" }), "field_invalid", "/at_version"),
        (json!({ "prompt": " " }), "prompt_empty", "/prompt"),
        (json!({ "prompt": 1 }), "field_invalid", "/prompt"),
        (json!({ "title": "x" }), "field_unknown", "/title"),
    ] {
        let refused = server.post(&path, &body).await;
        let named = refused.body["errors"][0]["pointer"].as_str();
        assert_eq!((refused.status, refused.code(), named), (StatusCode::BAD_REQUEST, code, Some(pointer)));
    }
    let query = server.post(&format!("{path}?at=1"), &json!({})).await;
    let missing = server.post(&format!("/api/sessions/{}/fork", uuid::Uuid::now_v7()), &json!({})).await;

    assert_eq!((query.status, query.code()), (StatusCode::BAD_REQUEST, "query_invalid"));
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "session_not_found"));
    assert_eq!(server.get("/api/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_decision_for_the_whole_session_is_not_one_for_its_copies() {
    let server = Server::start().await;
    let input = json!({ "command": "touch one", "description": "touch" });
    let touch = json!([{ "tool_use": { "name": "Bash", "input": input } }, { "text": "ok" }]);
    let (session, first) = server.ask(&json!({ "prompt": script("Touch.", &touch) })).await;
    server.decide(&session, &first, &json!({ "decision": "allow", "remember": "session" })).await;
    server.wait_for_status(&session, "idle").await;

    let forked = fork(&server, &session, &json!({ "prompt": script("Again.", &touch) })).await;
    let asked = server.wait_for_request(id(&forked)).await;

    assert_eq!(asked["input"]["command"], "touch one");
    assert_ne!(asked["request_id"], first["request_id"]);
    let refused = server.decide(id(&forked), &asked, &json!({ "decision": "deny" })).await;
    assert_eq!(refused.status, StatusCode::OK, "{}", refused.body);
    // Where it was made it holds on.
    let again = server.task(&json!({ "prompt": script("Again.", &touch), "resume": session })).await;
    assert_eq!(again["message"], "ok", "{again}");
}
