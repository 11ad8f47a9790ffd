//! The pages, in a real browser: they render under the policy that forbids everything from elsewhere.

use std::process::Command;

use runner_tests::script;
use runner_tests::server::Server;
use serde_json::json;

/// The document of a page after its scripts have run for a while.
async fn render(server: &Server, path: &str) -> String {
    let url = server.url(path);
    let profile = tempfile::tempdir().unwrap();
    let data_dir = format!("--user-data-dir={}", profile.path().display());
    let output = tokio::task::spawn_blocking(move || {
        Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args([data_dir.as_str(), "--virtual-time-budget=15000", "--dump-dom", &url])
            .output()
            .expect("chromium is installed: `make tools` does that")
    });
    String::from_utf8_lossy(&output.await.unwrap().stdout).into_owned()
}

#[tokio::test]
async fn the_documents_of_the_api_render_without_a_network() {
    let server = Server::start().await;

    for path in ["/docs", "/redoc"] {
        let page = render(&server, path).await;
        for operation in ["/api/task/stream", "/api/sessions"] {
            assert!(page.contains(operation), "{operation} is missing from {path}");
        }
    }
}

#[tokio::test]
async fn the_start_page_shows_status_and_sessions() {
    let server = Server::start().await;
    server
        .task(&json!({ "prompt": script("A prompt to be found <b>again</b>.", &json!([{ "text": "ok" }])) }))
        .await;

    let page = render(&server, "/").await;

    assert!(page.contains("Offline: a built-in model answers"), "{page}");
    assert!(page.contains("A prompt to be found &lt;b&gt;again&lt;/b&gt;."), "{page}");
}
