//! The pages, in a real browser: they render under the policy that forbids everything from elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::{Method, StatusCode};
use runner_core::session::event::FailureCause;
use runner_tests::browser::Browser;
use runner_tests::server::Server;
use runner_tests::{root, script};
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
async fn the_start_page_says_that_a_built_in_model_answers_and_shows_sessions() {
    let server = Server::start().await;
    server
        .task(&json!({ "prompt": script("A prompt to be found <b>again</b>.", &json!([{ "text": "ok" }])) }))
        .await;

    let mut browser = Browser::open(&server.url("/")).await;

    browser.wait_for("document.body.innerText.includes('A built-in model answers')").await;
    browser.wait_for("document.body.innerText.includes('A prompt to be found <b>again</b>.')").await;
}

#[tokio::test]
async fn files_are_sent_compressed_kept_by_their_hash_and_known_by_their_tag() {
    let server = Server::start().await;
    let get = async |path: &str, name: &'static str, value: &str| {
        let request = server.request(Method::GET, path).header(name, value);
        request.send().await.unwrap()
    };
    let plain = get("/", "accept-encoding", "identity").await;
    let etag = plain.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(plain.headers()["cache-control"], "no-cache");
    let page = plain.text().await.unwrap();
    let asset = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();

    for (accepted, encoding) in [("gzip, br", Some("br")), ("gzip", Some("gzip")), ("br;q=0", None)] {
        let sent = get(asset, "accept-encoding", accepted).await;
        let headers = sent.headers();
        let sent_as = headers.get("content-encoding").map(|encoding| encoding.to_str().unwrap());
        assert_eq!(
            (sent_as, &headers["vary"]),
            (encoding, &"Accept-Encoding".parse().unwrap()),
            "{accepted}"
        );
        assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    }
    assert_eq!(get("/", "if-none-match", &etag).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get(&format!("{asset}.br"), "accept", "text/html").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn paths_that_only_the_page_knows_are_answered_with_it_where_a_page_is_wanted() {
    let server = Server::start().await;

    for (path, accepted, status) in [
        ("/sessions/some/replay", "text/html,*/*;q=0.8", StatusCode::OK),
        ("/sessions/some", "application/json", StatusCode::NOT_FOUND),
        ("/assets/absent.js", "text/html", StatusCode::NOT_FOUND),
        ("/assets/absent", "text/html", StatusCode::NOT_FOUND),
        ("/absent.txt", "text/html", StatusCode::NOT_FOUND),
        ("/api/absent", "text/html", StatusCode::NOT_FOUND),
    ] {
        let answer = server.request(Method::GET, path).header("accept", accepted).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[tokio::test]
async fn the_type_of_each_problem_leads_to_what_it_means() {
    let server = Server::start().await;

    let page = render(&server, "/docs#working_dir_not_allowed").await;

    let listed = listed_problems();
    assert!(listed.len() > 80, "{listed:?}");
    for code in listed {
        assert_eq!(page.matches(&format!(r#"id="{code}""#)).count(), 1, "{code}");
    }
    let refused = server.post("/api/task", &json!({ "prompt": "" })).await;
    assert_eq!(refused.body["type"], "/docs#prompt_empty");
}

/// The codes of `docs/problems.md`.
fn listed_problems() -> BTreeSet<String> {
    let list = std::fs::read_to_string(root().join("docs/problems.md")).unwrap();
    let codes = list.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    codes.map(str::to_owned).collect()
}

/// The codes that the program's source has where it makes a problem.
fn codes_in_the_source() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for path in sources(&root().join("web/src")) {
        let source = std::fs::read_to_string(&path).unwrap();
        for begin in ["Problem::new(", "Problem::field(", "new(StatusCode::", "(StatusCode::"] {
            for rest in source.split(begin).skip(1) {
                // Up to the end of the statement; what is named by a variable is not seen here.
                let arguments = rest.split([';', '{']).next().unwrap();
                let code = arguments.split('"').nth(1).unwrap_or_default();
                let is_code = !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                codes.extend(is_code.then(|| code.to_owned()));
            }
        }
    }
    codes.extend(FAILURES.map(|cause| cause.code().to_owned()));
    codes
}

const FAILURES: [FailureCause; 5] = [
    FailureCause::AgentUnavailable,
    FailureCause::AgentDied,
    FailureCause::AgentFailed,
    FailureCause::ModelApiError,
    FailureCause::Budget,
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn every_code_of_a_problem_is_listed_and_nothing_else() {
    let (listed, used) = (listed_problems(), codes_in_the_source());

    assert_eq!(
        used.difference(&listed).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not in docs/problems.md"
    );
    let folders = ["web/src", "core/src"].map(|folder| sources(&root().join(folder)));
    let text: String = folders.iter().flatten().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let gone: Vec<_> = listed.iter().filter(|code| !text.contains(&format!("\"{code}\""))).collect();
    assert_eq!(gone, Vec::<&String>::new(), "nothing answers with them any more");
}
