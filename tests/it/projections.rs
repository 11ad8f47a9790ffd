//! `claude-runner projections rebuild`: the same rows from the log alone.

use runner_tests::script;
use runner_tests::server::Server;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

pub(crate) async fn rebuild(server: &Server) -> std::process::Output {
    run_command(server, &["projections", "rebuild"]).await
}

/// Runs a command of the program on the data folder of a server.
pub(crate) async fn run_command(server: &Server, arguments: &[&str]) -> std::process::Output {
    let mut command = tokio::process::Command::new(runner_tests::program("claude-runner"));
    command.args(arguments).env("DATA_DIR", server.data_dir());
    command.env("WORKING_DIR", server.workspace()).output().await.unwrap()
}

#[tokio::test]
async fn a_rebuild_gives_identical_rows_and_mends_wrong_ones() {
    let mut server = Server::start().await;
    let replies = json!([
        { "tool_use": { "name": "Write", "input": { "file_path": "{{cwd}}/a.txt", "content": "x" } } },
        { "text": "done" },
    ]);
    let body = json!({ "prompt": script("Write.", &replies), "permission_mode": "acceptEdits" });
    let session = server.task(&body).await["session_id"].clone();
    server.stop().await;
    server.restart().await;
    server.task(&json!({ "prompt": script("Go on.", &json!([{ "text": "ok" }])), "resume": session })).await;
    server.post("/api/sessions", &json!({ "title": "Empty" })).await;
    let listed = server.get("/api/sessions").await.body;
    let running = rebuild(&server).await;
    server.stop().await;

    let first = rebuild(&server).await;
    let database = format!("sqlite://{}", server.data_dir().join("runner.db").display());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    sqlx::query("UPDATE session_index SET status = 'running', cost_micros = 7")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("DELETE FROM stats_by_day").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let second = rebuild(&server).await;
    server.restart().await;

    assert_eq!(running.status.code(), Some(1), "not while a server runs");
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said(&first).contains("the read models were right"), "{}", said(&first));
    assert!(said(&second).contains("were wrong and are right now"), "{}", said(&second));
    assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(1)));
    let digest = |text: String| {
        text.lines().find_map(|line| line.strip_prefix("after:  ").map(str::to_owned)).unwrap()
    };
    assert_eq!(digest(said(&first)), digest(said(&second)));
    assert_eq!(server.get("/api/sessions").await.body, listed);
}
