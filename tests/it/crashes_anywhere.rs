//! The server dies at twenty moments of a turn with tools and a question. Whatever the moment, nothing that
//! was acknowledged is lost, every tool has its effect at most once, and nothing stays behind.

use std::sync::Arc;
use std::time::Duration;

use runner_tests::processes::wait_until_gone;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

const MOMENTS: u32 = 20;
const BETWEEN_MOMENTS: Duration = Duration::from_millis(65);

/// Appends a line of its own; the second and the third have to be asked about.
fn step(round: u32, number: u32) -> Value {
    let command = format!("echo {round}.{number} >> {{{{cwd}}}}/log.txt");
    json!({ "tool_use": { "name": "Bash", "input": { "command": command, "description": "append" } } })
}

#[tokio::test]
async fn whenever_the_server_dies_every_step_happens_at_most_once() {
    let mut server = Server::start().await;
    for round in 0..MOMENTS {
        let replies = json!([step(round, 1), step(round, 2), { "text": "done" }]);
        let body = json!({ "prompt": script("Work.", &replies), "timeout_ms": 1 });
        let session = server.post("/api/task", &body).await.body["session_id"].as_str().unwrap().to_owned();
        let shared = Arc::new(server);
        let decider = tokio::spawn(decide_all(Arc::clone(&shared), session.clone()));
        tokio::time::sleep(BETWEEN_MOMENTS * round).await;
        decider.abort();
        decider.await.ok();
        server = Arc::into_inner(shared).unwrap();
        let before = server.events(&session).await;

        server.kill_9().await;
        server.restart().await;

        let after = server.events(&session).await;
        assert_eq!(after[..before.len()], before, "round {round}: what was shown is still there");
        settle(&server, &session).await;
        check(&server, &session, round).await;
    }
    assert!(server.stop().await.success());
}

/// Allows whatever is asked, as a person would who sits there.
async fn decide_all(server: Arc<Server>, session: String) {
    loop {
        let waiting = server.get(&format!("/api/sessions/{session}/requests")).await.body;
        for request in waiting["requests"].as_array().unwrap() {
            server.decide(&session, request, &json!({ "decision": "allow" })).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Decides what still waits until the session has nothing more to do.
async fn settle(server: &Server, session: &str) {
    for _ in 0..600 {
        let view = server.view(session).await;
        match view["status"].as_str().unwrap() {
            "idle" => return,
            "waiting" => {
                for request in view["pending"].as_array().unwrap() {
                    server.decide(session, request, &json!({ "decision": "allow" })).await;
                }
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the session does not settle: {}", server.view(session).await);
}

async fn check(server: &Server, session: &str, round: u32) {
    let events = server.events(session).await;
    let ends = events.iter().filter(|event| {
        ["turn_completed", "turn_failed", "turn_interrupted"].iter().any(|end| event["type"] == *end)
    });
    assert_eq!(ends.count(), 1, "round {round}: {events:#?}");
    let log = std::fs::read_to_string(server.workspace().join("log.txt")).unwrap_or_default();
    let times = |number| log.lines().filter(|line| *line == format!("{round}.{number}")).count();
    let is_completed = events.last().unwrap()["type"] == "turn_completed";
    for number in [1, 2] {
        let expected = if is_completed { 1..=1 } else { 0..=1 };
        assert!(expected.contains(&times(number)), "round {round}, step {number}: {}: {log}", times(number));
    }
    let returned = events.iter().filter(|event| event["type"] == "tool_returned");
    assert!(returned.count() <= times(1) + times(2), "round {round}: what the log says was done was done");
    server.verify(session).await;
    wait_until_gone(&server.data_dir(), "log.txt").await;
}
