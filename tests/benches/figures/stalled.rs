//! What a task takes while others watch its session and take nothing of what they are sent.

use std::time::Instant;

use runner_tests::script;
use runner_tests::server::Server;
use runner_tests::stalled::StalledReader;
use serde_json::json;

use super::{median, millis, report, report_ratio};

const READERS: usize = 200;
const ROUNDS: usize = 5;
const TASKS: usize = 8;

pub(super) async fn measure() {
    let limits = [("RATE_LIMIT_TURNS_PER_MINUTE", "0"), ("RATE_LIMIT_REQUESTS_PER_MINUTE", "0")];
    let server = Server::start_with(&limits).await;
    let first = server.task(&json!({ "prompt": prompt() })).await;
    let session = first["session_id"].as_str().unwrap();
    let (mut alone, mut watched) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        alone.extend(tasks(&server, session).await);
        let after = server.view(session).await["version"].as_u64().unwrap();
        let mut readers = vec![];
        for _ in 0..READERS {
            readers.push(StalledReader::open(&server, session, after).await);
        }
        watched.extend(tasks(&server, session).await);
    }
    let ratio = median(watched.clone()).0 / median(alone.clone()).0;
    report("a warm task alone", "ms", alone);
    report(&format!("the same beside {READERS} readers that take nothing"), "ms", watched);
    report_ratio("the time alone", ratio, "at most 1.5");
}

fn prompt() -> String {
    let look = json!({ "tool_use": { "name": "Bash", "input": { "command": "ls", "description": "look" } } });
    script("Look.", &json!([look, { "text": "done" }]))
}

async fn tasks(server: &Server, session: &str) -> Vec<f64> {
    let mut times = vec![];
    for _ in 0..TASKS {
        let begun = Instant::now();
        server.task(&json!({ "prompt": prompt(), "resume": session })).await;
        times.push(begun.elapsed());
    }
    millis(&times)
}
