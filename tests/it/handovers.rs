//! Giving a session to another owner: who sees, pays and decides from then on.

use reqwest::StatusCode;
use runner_tests::person::Person;
use runner_tests::processes::wait_until_gone;
use runner_tests::script;
use runner_tests::server::{Answer, Server};
use serde_json::{Value, json};

use crate::projections::rebuild;

/// A team of an admin and two members.
struct Team<'s> {
    root: Person<'s>,
    ada: Person<'s>,
    bob: Person<'s>,
}

impl<'s> Team<'s> {
    async fn on(server: &'s Server) -> Self {
        let root = Person::register(server, "root").await;
        let [ada, bob] = [Person::register(server, "ada").await, Person::register(server, "bob").await];
        Self { root, ada, bob }
    }

    async fn hand_over(&self, session: &str, owner: &str) -> Answer {
        let path = format!("/api/sessions/{session}/handover");
        self.root.post(&path, &json!({ "owner": owner })).await
    }
}

/// A task that waits for a decision: its session and the path of its request.
async fn ask(person: &Person<'_>) -> (String, String) {
    let write = json!({ "file_path": "{{cwd}}/a.txt", "content": "x" });
    let replies = json!([{ "tool_use": { "name": "Write", "input": write } }, { "text": "done" }]);
    let asked = person.post("/api/task", &json!({ "prompt": script("Write.", &replies) })).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let session = asked.body["session_id"].as_str().unwrap().to_owned();
    let request = asked.body["pending"][0]["request_id"].as_str().unwrap();
    let path = format!("/api/sessions/{session}/requests/{request}");
    (session, path)
}

fn say(text: &str) -> Value {
    let usage = json!({ "input_tokens": 1180, "output_tokens": 4 });
    let prompt = script("Say.", &json!([{ "text": text, "usage": usage }]));
    json!({ "prompt": prompt, "model": "claude-opus-4-8" })
}

async fn count(person: &Person<'_>, path: &str, list: &str) -> usize {
    person.get(path).await.body[list].as_array().unwrap().len()
}

#[tokio::test]
async fn what_waits_for_somebody_who_was_disabled_is_decided_by_the_new_owner() {
    let mut server = Server::start().await;
    let team = Team::on(&server).await;
    let (session, request) = ask(&team.ada).await;
    team.root.patch("/api/users/ada", &json!({ "disabled": true })).await;
    let allow = json!({ "decision": "allow" });
    assert_eq!(team.root.post(&request, &allow).await.code(), "owner_disabled");
    assert_eq!(team.bob.post(&request, &allow).await.status, StatusCode::NOT_FOUND);

    let handed = team.hand_over(&session, "Bob").await;

    assert_eq!((handed.status, &handed.body["owner"]), (StatusCode::OK, &json!("bob")), "{}", handed.body);
    assert_eq!(handed.body["status"], "waiting");
    assert_eq!(count(&team.bob, "/api/requests", "requests").await, 1);
    assert_eq!(count(&team.bob, "/api/sessions", "sessions").await, 1);
    assert_eq!(team.bob.post(&request, &allow).await.status, StatusCode::OK);
    let path = format!(
        "/api/sessions/{session}/turns/{}?wait_ms=30000",
        handed.body["turns"][0]["id"].as_str().unwrap()
    );
    assert_eq!(team.bob.get(&path).await.body["result"], "done");
    assert!(server.workspace().join("a.txt").exists());
    let events =
        team.bob.get(&format!("/api/sessions/{session}/events?types=session_handed_over")).await.body;
    let told = &events["events"][0];
    assert_eq!(told["actor"], "user:root");
    let expected = json!({ "from": "ada", "to": "bob", "by": "root", "offline": true });
    assert_eq!(told["data"], expected);
    server.stop().await;
    let rebuilt = String::from_utf8(rebuild(&server).await.stderr).unwrap();
    assert!(rebuilt.contains("the read models were right"), "{rebuilt}");
}

#[tokio::test]
async fn session_goes_on_in_the_lists_and_at_the_cost_of_its_new_owner() {
    let server = Server::start().await;
    let team = Team::on(&server).await;
    let done = team.ada.task(&say("one")).await;
    let session = done["session_id"].as_str().unwrap();
    let path = format!("/api/sessions/{session}");
    team.root.patch("/api/users/ada", &json!({ "monthly_budget_usd": 0.001 })).await;
    let resumed = |text: &str| json!({ "prompt": say(text)["prompt"], "resume": session });
    assert_eq!(team.ada.post("/api/task", &resumed("two")).await.code(), "budget");
    let mut watched = team.ada.stream_events(session).await;
    watched.until("turn_failed").await;

    assert_eq!(team.hand_over(session, "bob").await.status, StatusCode::OK);

    let rest = watched.rest().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(team.ada.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(team.ada.post("/api/task", &resumed("two")).await.status, StatusCode::NOT_FOUND);
    let lists = (
        count(&team.ada, "/api/sessions", "sessions").await,
        count(&team.bob, "/api/sessions", "sessions").await,
    );
    assert_eq!(lists, (0, 1));
    assert_eq!(count(&team.bob, "/api/sessions?q=one", "sessions").await, 1);
    assert_eq!(team.bob.task(&resumed("two")).await["message"], "two");
    let copy = team.bob.post(&format!("{path}/fork"), &json!({})).await;
    assert_eq!((copy.status, &copy.body["owner"]), (StatusCode::CREATED, &json!("bob")), "{}", copy.body);
    let copy = team.root.post(&format!("{path}/fork"), &json!({})).await;
    assert_eq!(copy.body["owner"], "root");
    let again = team.hand_over(session, "bob").await;
    assert_eq!(again.body["version"], team.bob.get(&path).await.body["version"], "nothing happens");
}

#[tokio::test]
async fn whoever_waits_for_the_end_of_a_turn_is_not_told_it_once_it_is_somebody_elses() {
    let server = Server::start().await;
    let team = Team::on(&server).await;
    let (session, request) = ask(&team.ada).await;
    let view = team.ada.get(&format!("/api/sessions/{session}")).await.body;
    let turn = view["turns"][0]["id"].as_str().unwrap();
    let path = format!("/api/sessions/{session}/turns/{turn}?wait_ms=60000");
    let decide = async {
        assert_eq!(team.hand_over(&session, "bob").await.status, StatusCode::OK);
        team.bob.post(&request, &json!({ "decision": "allow" })).await
    };

    let (told, decided) = tokio::join!(biased; team.ada.get(&path), decide);

    assert_eq!((told.status, told.code()), (StatusCode::NOT_FOUND, "session_not_found"));
    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
    assert_eq!(team.bob.get(&path).await.body["result"], "done");
}

#[tokio::test]
async fn mode_that_asks_nobody_ends_where_the_new_owner_has_no_right_to_it() {
    let settings = [
        ("BYPASS_PERMISSIONS", "admins"),
        ("IS_SANDBOX", "1"),
        ("AUTH", "local"),
        ("REGISTRATION", "open"),
        ("SPARE_AGENTS", "0"),
    ];
    let server = Server::start_with(&settings).await;
    let team = Team::on(&server).await;
    let everything = json!({ "permission_mode": "bypassPermissions" });
    let opened = team.root.post("/api/sessions", &everything).await.body;
    let session = opened["id"].as_str().unwrap();
    team.root.patch("/api/users/ada", &json!({ "role": "admin" })).await;

    let kept = team.hand_over(session, "ada").await.body;
    let asks = team.hand_over(session, "bob").await.body;

    assert_eq!(
        (&kept["permission_mode"], &asks["permission_mode"]),
        (&everything["permission_mode"], &json!("default"))
    );
    // The agent ends at once, and not when it has been idle for long.
    wait_until_gone(&server.data_dir(), "").await;
}

#[tokio::test]
async fn session_goes_to_people_of_the_team_who_may_run_tasks_when_nothing_works_in_it() {
    let server = Server::start().await;
    let team = Team::on(&server).await;
    let idle = team.ada.open_session().await;
    team.root.patch("/api/users/bob", &json!({ "role": "viewer" })).await;
    for (owner, status, code) in [
        (json!("nobody"), 404, "user_not_found"),
        (json!("bob"), 409, "owner_not_permitted"),
        (json!("a b"), 400, "username_invalid"),
        (json!("local"), 400, "username_invalid"),
        (json!(7), 400, "field_invalid"),
    ] {
        let refused =
            team.root.post(&format!("/api/sessions/{idle}/handover"), &json!({ "owner": owner })).await;
        let pointer = &refused.body["errors"][0]["pointer"];
        assert_eq!(
            (refused.status.as_u16(), refused.code(), pointer),
            (status, code, &json!("/owner")),
            "{owner}"
        );
    }
    team.root.patch("/api/users/bob", &json!({ "disabled": true })).await;
    assert_eq!(team.hand_over(&idle, "bob").await.code(), "owner_disabled");
    let own = team.ada.post(&format!("/api/sessions/{idle}/handover"), &json!({ "owner": "root" })).await;
    assert_eq!((own.status, own.code()), (StatusCode::FORBIDDEN, "forbidden"));
    let alan = team.root.found_team("acme", "alan").await;
    assert_eq!(team.hand_over(&idle, "alan").await.code(), "user_not_found");
    let foreign = alan.post(&format!("/api/sessions/{idle}/handover"), &json!({ "owner": "alan" })).await;
    assert_eq!(foreign.code(), "session_not_found");

    let slow = script("Wait.", &json!([{ "text": "slow", "delay_ms": 60000 }]));
    team.ada.post(&format!("/api/sessions/{idle}/prompts"), &json!({ "prompt": slow })).await;
    let busy = team.hand_over(&idle, "root").await;
    assert_eq!((busy.status, busy.code()), (StatusCode::CONFLICT, "session_busy"), "{}", busy.body);
}
