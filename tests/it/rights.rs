//! Rights that are taken: what runs on them ends within a second, whatever it is doing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::processes::{agents_of, command_lines};
use runner_tests::server::Server;
use runner_tests::{claudes, script};
use serde_json::{Value, json};

/// Long enough for a machine that does other things; an agent is killed in a few milliseconds.
const UNTIL_ENDED: Duration = Duration::from_secs(1);

const MOMENTS: u32 = 10;

/// Of this many sessions each is a part of a turn further than the next, in this many rounds: fifty moments.
const SESSIONS: u32 = 5;
const ROUNDS: u32 = 10;
/// However slow the machine is, the rounds together take half a minute at the most.
const LONGEST_PART: Duration = Duration::from_millis(200);

fn call(tool: &str, input: Value) -> Value {
    json!({ "tool_use": { "name": tool, "input": input } })
}

fn bash(command: &str, in_background: bool) -> Value {
    call("Bash", json!({ "command": command, "description": "look", "run_in_background": in_background }))
}

/// Says something, looks into a file, and then waits for what nobody writes.
fn works() -> String {
    let read = call("Read", json!({ "file_path": "{{cwd}}/there.txt" }));
    let replies = json!([
        { "blocks": [{ "text": "I look." }, read], "chunk_delay_ms": 20 },
        bash("cat never", false),
        { "text": "never" },
    ]);
    script("Work.", &replies)
}

fn works_beside() -> String {
    script("Begin.", &json!([bash("cat never", true), { "text": "begun" }, { "text": "it is over" }]))
}

fn asks() -> String {
    script("Touch.", &json!([bash("touch touched.txt", false), { "text": "done" }]))
}

/// Opens a session that works, with a prompt behind it.
async fn begin(person: &Person<'_>) -> String {
    let everything = json!({ "permission_mode": "bypassPermissions" });
    let session = person.post("/api/sessions", &everything).await.body["id"].as_str().unwrap().to_owned();
    for prompt in [works(), script("Again.", &json!([{ "text": "again" }]))] {
        let path = format!("/api/sessions/{session}/prompts");
        assert_eq!(person.post(&path, &json!({ "prompt": prompt })).await.status, StatusCode::ACCEPTED);
    }
    session
}

/// What is taken from somebody, how it is given back, and what is said meanwhile.
fn rights() -> [(Value, Value, &'static str); 2] {
    [
        (json!({ "disabled": true }), json!({ "disabled": false }), "owner_disabled"),
        (json!({ "role": "viewer" }), json!({ "role": "member" }), "owner_not_permitted"),
    ]
}

async fn server_with(claude: &str) -> Server {
    let server =
        Server::start_with(&[("IS_SANDBOX", "1"), ("CLAUDE_BIN", claude), ("BYPASS_PERMISSIONS", "members")])
            .await;
    std::fs::write(server.workspace().join("there.txt"), "x").unwrap();
    nix::unistd::mkfifo(&server.workspace().join("never"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    server
}

async fn wait_until_ended(server: &Server, what: &str) {
    let begun = Instant::now();
    loop {
        let left = agents_of(&server.data_dir());
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < UNTIL_ENDED, "{what}: still there: {:?}", command_lines(&left));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_turn_ends_when_its_owner_is_disabled_or_may_only_look_whatever_it_is_doing() {
    for claude in claudes() {
        let claude = claude.display().to_string();
        let server = server_with(&claude).await;
        let admin = Person::register(&server, "root").await;
        Person::register(&server, "ada").await;
        for (moment, (taken, given, code)) in (0..MOMENTS).zip(rights().into_iter().cycle()) {
            let session = begin(&Person::log_in(&server, "ada").await).await;
            tokio::time::sleep(Duration::from_millis(100 * u64::from(moment))).await;

            assert_eq!(admin.patch("/api/users/ada", &taken).await.status, StatusCode::OK);
            wait_until_ended(&server, &format!("{claude} at {moment}")).await;

            let view = wait_for_idle(&admin, &session).await;
            let turns = view["turns"].as_array().unwrap().iter();
            let codes: Vec<_> = turns.map(|turn| &turn["error"]["code"]).collect();
            assert_eq!(codes, [code], "the prompt behind it was taken back: {view}");
            assert_eq!(admin.patch("/api/users/ada", &given).await.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_turn_ends_at_each_of_fifty_moments_at_which_its_owner_is_disabled() {
    let server = server_with(&runner_tests::claude().display().to_string()).await;
    let admin = Person::register(&server, "root").await;
    let ada = Person::register(&server, "ada").await;
    let everything = json!({ "permission_mode": "bypassPermissions" });
    let mut sessions = vec![];
    for _ in 0..SESSIONS {
        let opened = ada.post("/api/sessions", &everything).await.body;
        sessions.push(opened["id"].as_str().unwrap().to_owned());
    }
    let prompt = async |session: &str| {
        let path = format!("/api/sessions/{session}/prompts");
        let prompted = admin.post(&path, &json!({ "prompt": works() })).await;
        assert_eq!(prompted.status, StatusCode::ACCEPTED, "{}", prompted.body);
    };
    let begun = Instant::now();
    prompt(&sessions[0]).await;
    let mut events = admin.stream_events(&sessions[0]).await;
    for _ in ["Read", "Bash"] {
        events.until("tool_used").await;
    }
    let part = (begun.elapsed() / SESSIONS).min(LONGEST_PART);

    let mut last_steps = BTreeSet::new();
    for round in 0..ROUNDS {
        for session in sessions.iter().skip(usize::from(round == 0)) {
            prompt(session).await;
            tokio::time::sleep(part).await;
        }
        tokio::time::sleep(part * round / ROUNDS).await;

        admin.patch("/api/users/ada", &json!({ "disabled": true })).await;
        wait_until_ended(&server, &format!("round {round}")).await;

        for session in &sessions {
            let view = wait_for_idle(&admin, session).await;
            let mut turns = view["turns"].as_array().unwrap().iter();
            assert!(turns.all(|turn| turn["error"]["code"] == "owner_disabled"), "{view}");
            last_steps.insert(last_step(&admin, session, &view["version"]).await);
        }
        admin.patch("/api/users/ada", &json!({ "disabled": false })).await;
    }
    assert!(last_steps.len() > 1, "these are different moments: {last_steps:?}");
}

/// The event before the one that ended a session's turn, or took its prompt back.
async fn last_step(person: &Person<'_>, session: &str, version: &Value) -> String {
    let after = version.as_u64().unwrap() - 2;
    let events = person.get(&format!("/api/sessions/{session}/events?after={after}&limit=1")).await.body;
    events["events"][0]["type"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_waits_cannot_be_decided_while_its_owner_has_no_right_and_goes_on_afterwards() {
    for (claude, (taken, given, code)) in
        claudes().iter().flat_map(|claude| rights().map(|right| (claude, right)))
    {
        let server = server_with(&claude.display().to_string()).await;
        let admin = Person::register(&server, "root").await;
        let ada = Person::register(&server, "ada").await;
        let everything = json!({ "prompt": works_beside(), "permission_mode": "bypassPermissions" });
        let beside = ada.task(&everything).await["session_id"].as_str().unwrap().to_owned();
        let asked = ada.post("/api/task", &json!({ "prompt": asks() })).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        let waiting = asked.body["session_id"].as_str().unwrap();
        let request = asked.body["pending"][0]["request_id"].as_str().unwrap();

        assert_eq!(admin.patch("/api/users/ada", &taken).await.status, StatusCode::OK);
        wait_until_ended(&server, &claude.display().to_string()).await;

        let (decide, allow) =
            (format!("/api/sessions/{waiting}/requests/{request}"), json!({ "decision": "allow" }));
        let decided = admin.post(&decide, &allow).await;
        assert_eq!((decided.status, decided.code()), (StatusCode::CONFLICT, code), "{}", decided.body);
        let prompt = format!("/api/sessions/{beside}/prompts");
        let prompted = admin.post(&prompt, &json!({ "prompt": "Go on." })).await;
        assert_eq!((prompted.status, prompted.code()), (StatusCode::CONFLICT, code), "{}", prompted.body);
        let view = admin.get(&format!("/api/sessions/{waiting}")).await.body;
        assert_eq!(
            (&view["status"], &view["pending"][0]["request_id"]),
            (&json!("waiting"), &json!(request))
        );

        assert_eq!(admin.patch("/api/users/ada", &given).await.status, StatusCode::OK);
        let decided = admin.post(&decide, &allow).await;
        assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
        assert_eq!(wait_for_idle(&admin, waiting).await["turns"][0]["result"], "done");
    }
}

async fn wait_for_idle(person: &Person<'_>, session: &str) -> Value {
    for _ in 0..2400 {
        let view = person.get(&format!("/api/sessions/{session}")).await.body;
        if view["status"] == "idle" {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{session} does not become idle");
}

#[tokio::test]
async fn archiving_ends_what_runs_beside_the_conversation_and_keeps_what_waits() {
    for claude in claudes() {
        let claude = claude.display().to_string();
        let server = server_with(&claude).await;
        let everything = json!({ "prompt": works_beside(), "permission_mode": "bypassPermissions" });
        let beside = server.task(&everything).await["session_id"].as_str().unwrap().to_owned();
        let (waiting, request) = server.ask(&json!({ "prompt": asks() })).await;
        let patch = async |session: &str, archived: bool| {
            let request = server.request(reqwest::Method::PATCH, &format!("/api/sessions/{session}"));
            runner_tests::server::answer(request.json(&json!({ "archived": archived }))).await
        };

        for session in [&beside, &waiting] {
            let archived = patch(session, true).await;
            assert_eq!((archived.status, &archived.body["status"]), (StatusCode::OK, &json!("archived")));
        }

        wait_until_ended(&server, &claude).await;
        let decided = server.decide(&waiting, &request, &json!({ "decision": "allow" })).await;
        assert_eq!((decided.status, decided.code()), (StatusCode::CONFLICT, "session_archived"));
        assert_eq!(server.view(&waiting).await["pending"][0]["request_id"], request["request_id"]);
        patch(&waiting, false).await;
        let decided = server.decide(&waiting, &request, &json!({ "decision": "allow" })).await;
        assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
        assert_eq!(server.wait_for_status(&waiting, "idle").await["turns"][0]["result"], "done");
    }
}
