//! A trivial turn through the server, against `claude -p` with the same prompt and the same model.

use std::process::Stdio;
use std::time::{Duration, Instant};

use runner_adapters::clock::SystemClock;
use runner_adapters::offline_model::OfflineModel;
use runner_core::ports::Clock;
use runner_core::time::Timestamp;
use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::{median, millis, report, report_ratio};

const ROUNDS: usize = 15;

pub(crate) async fn measure() {
    println!("\n# A trivial turn");
    let clock = SystemClock::default();
    let model = OfflineModel::start(None).await.unwrap();
    let base_url = model.base_url();
    // As they are by default, without spare agents, and without these and the sandbox.
    let server = server(&base_url, &[("SPARE_AGENTS", "1")]).await;
    let without_spares = self::server(&base_url, &[]).await;
    let without_sandbox = self::server(&base_url, &[("SANDBOX", "off")]).await;
    let prompt = script("Say ok.", &json!([{ "text": "ok" }]));
    let new = json!({ "prompt": prompt });
    let session = server.task(&new).await["session_id"].clone();
    let (mut plain, mut first, mut started, mut open) = (vec![], vec![], vec![], vec![]);
    let (mut warm, mut stored) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        // Nothing is measured while an agent starts beside it.
        when_prepared(&server).await;
        plain.push(claude_p(&base_url, &prompt).await);
        started.push(task(&without_spares, new.clone()).await);
        open.push(task(&without_sandbox, new.clone()).await);
        let sent = clock.now();
        warm.push(task(&server, json!({ "prompt": prompt, "resume": session })).await);
        stored.push(until_stored(&server, session.as_str().unwrap(), sent).await);
        first.push(task(&server, new.clone()).await);
    }
    let plain = report("claude -p", "ms", millis(&plain));
    let first = report("first task of a new session like an earlier one", "ms", millis(&first));
    report_ratio("claude -p", first / plain, "at most 0.8");
    let started = report("first task of a new session, no spare agent", "ms", millis(&started));
    report_ratio("claude -p", started / plain, "at most 0.8");
    let open = report("the same without the sandbox", "ms", millis(&open));
    println!("  the sandbox: {:.2} x", started / open);
    let warm = report("task in a warm session", "ms", millis(&warm));
    report_ratio("claude -p", warm / plain, "at most 0.2");
    let (middle, least, most) = median(stored);
    println!(
        "request sent to first event stored, warm: {middle:.1} ms [{least:.1} to {most:.1}] (goal: at most 60)"
    );
}

async fn server(base_url: &str, more: &[(&str, &str)]) -> Server {
    let mut settings =
        vec![("OFFLINE", "false"), ("ANTHROPIC_API_KEY", "sk-ant-bench"), ("ANTHROPIC_BASE_URL", base_url)];
    settings.extend_from_slice(more);
    Server::start_with(&settings).await
}

async fn when_prepared(server: &Server) {
    while server.get("/api/status").await.body["spare_agents"] != 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn task(server: &Server, body: Value) -> Duration {
    let begun = Instant::now();
    let answer = server.task(&body).await;
    assert_eq!(answer["message"], "ok");
    begun.elapsed()
}

/// Milliseconds from sending the request to the time at which the newest turn's prompt was stored.
async fn until_stored(server: &Server, session: &str, sent: Timestamp) -> f64 {
    let events = server.events(session).await;
    let prompt = events.iter().rev().find(|event| event["type"] == "prompt_submitted").unwrap();
    let version = &prompt["version"];
    let database = format!("sqlite://{}", server.data_dir().join("runner.db").display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&database).await.unwrap();
    let recorded_at: i64 =
        sqlx::query_scalar("SELECT recorded_at FROM events WHERE stream = $1 AND version = $2")
            .bind(uuid::Uuid::parse_str(session).unwrap())
            .bind(version.as_i64())
            .fetch_one(&mut connection)
            .await
            .unwrap();
    (recorded_at - sent.as_micros()) as f64 / 1000.0
}

async fn claude_p(base_url: &str, prompt: &str) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut child = Command::new(runner_tests::claude())
        .args(["-p", "--setting-sources=", "--strict-mcp-config"])
        .current_dir(folder.path())
        .env("ANTHROPIC_BASE_URL", base_url)
        .env("ANTHROPIC_API_KEY", "sk-ant-bench")
        .env("CLAUDE_CONFIG_DIR", folder.path().join("config"))
        .env("DISABLE_TELEMETRY", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(prompt.as_bytes()).await.unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok");
    begun.elapsed()
}
