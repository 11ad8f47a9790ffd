//! A server of one test: its own folders, its own database, a port of its own.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::processes::{agents_of, command_lines, kill_all, remove_groups};
use crate::sse::Frames;

/// Longer than a start takes on a slow machine.
const UNTIL_UP: Duration = Duration::from_secs(60);
const UNTIL_DOWN: Duration = Duration::from_secs(40);

/// A running server. Dropping it ends it and everything it started.
pub struct Server {
    folder: TempDir,
    settings: Vec<(String, String)>,
    child: Child,
    base_url: String,
    log: Arc<Mutex<Vec<String>>>,
    pub client: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn is_replay(&self) -> bool {
        self.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
    }
}

impl Server {
    /// Starts a server with the offline model and no settings of its own.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_below(&std::env::temp_dir(), settings).await
    }

    /// Starts a server whose folders lie in another place than temporary files do.
    pub async fn start_below(parent: &Path, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("claude-runner-").tempdir_in(parent).unwrap();
        for name in ["workspace", "home"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (child, base_url, log) = launch(folder.path(), &settings).await;
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(120)).build().unwrap();
        Self { folder, settings, child, base_url, log, client }
    }

    /// The folder in which agents work.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace").canonicalize().unwrap()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The home of the person who runs the server.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id().expect("the server runs")).unwrap())
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Runs a task to its end and returns the answer's body.
    pub async fn task(&self, body: &Value) -> Value {
        let answer = self.post("/api/task", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// Runs a task until a person has to decide; returns the session and its first request.
    pub async fn ask(&self, body: &Value) -> (String, Value) {
        let answer = self.post("/api/task", body).await;
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (StatusCode::ACCEPTED, &json!("waiting")),
            "{}",
            answer.body
        );
        let session = answer.body["session_id"].as_str().unwrap().to_owned();
        (session, answer.body["pending"][0].clone())
    }

    /// Decides a request of a session.
    pub async fn decide(&self, session: &str, request: &Value, decision: &Value) -> Answer {
        let request_id = request["request_id"].as_str().unwrap();
        self.post(&format!("/api/sessions/{session}/requests/{request_id}"), decision).await
    }

    /// Waits until something in a session waits for a person; returns the first of it.
    pub async fn wait_for_request(&self, session: &str) -> Value {
        self.wait_for_status(session, "waiting").await["pending"][0].clone()
    }

    /// Opens a stream of a new task.
    pub async fn stream_task(&self, body: &Value) -> Frames {
        let response = self.request(Method::POST, "/api/task/stream").json(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Frames::new(response)
    }

    /// Opens the stream of a session's stored events behind a version.
    pub async fn stream_events(&self, session: &str, last_event_id: u64) -> Frames {
        let request = self.request(Method::GET, &format!("/api/sessions/{session}/events"));
        let request = request.header("accept", "text/event-stream");
        let response = request.header("last-event-id", last_event_id).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Frames::new(response)
    }

    /// All stored events of a session.
    pub async fn events(&self, session: &str) -> Vec<Value> {
        let mut events = vec![];
        loop {
            let after = events.last().map_or(0, |event: &Value| event["version"].as_u64().unwrap());
            let page = self.get(&format!("/api/sessions/{session}/events?limit=200&after={after}")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            let read = page.body["events"].as_array().unwrap().clone();
            if read.is_empty() {
                return events;
            }
            events.extend(read);
        }
    }

    /// The types of all stored events of a session, but for the calls of its model: what stands beside them
    /// is a matter of time.
    pub async fn event_types(&self, session: &str) -> Vec<String> {
        let events = self.events(session).await;
        let types = events.iter().map(|event| event["type"].as_str().unwrap().to_owned());
        types.filter(|name| name != "model_called").collect()
    }

    /// The calls of a session's model, in order.
    pub async fn model_calls(&self, session: &str) -> Vec<Value> {
        let events = self.events(session).await;
        let calls = events.into_iter().filter(|event| event["type"] == "model_called");
        calls.map(|event| event["data"].clone()).collect()
    }

    /// What the agent of a session said of itself last.
    pub async fn initialized(&self, session: &str) -> Value {
        let path = format!("/api/sessions/{session}/events?types=agent_initialized");
        let events = self.get(&path).await.body;
        events["events"].as_array().unwrap().last().unwrap()["data"].clone()
    }

    pub async fn view(&self, session: &str) -> Value {
        self.get(&format!("/api/sessions/{session}")).await.body
    }

    /// Waits until a session has an event of a type; returns it.
    pub async fn wait_for(&self, session: &str, event_type: &str) -> Value {
        let mut frames = self.stream_events(session, 0).await;
        frames.until(event_type).await.pop().unwrap().data
    }

    /// Waits until a session's status is as given.
    pub async fn wait_for_status(&self, session: &str, status: &str) -> Value {
        for _ in 0..600 {
            let view = self.view(session).await;
            if view["status"] == status {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the session does not become {status}: {}", self.view(session).await);
    }

    /// Asserts that a session's chain is whole.
    pub async fn verify(&self, session: &str) {
        let verified = self.get(&format!("/api/sessions/{session}/verify")).await.body;
        assert_eq!(verified["valid"], json!(true), "{verified}");
    }

    /// Ends the server without warning, as a crash does.
    pub async fn kill_9(&mut self) {
        kill(self.pid(), Signal::SIGKILL).unwrap();
        self.child.wait().await.unwrap();
    }

    /// Starts the server again on the same folders.
    pub async fn restart(&mut self) {
        (self.child, self.base_url, self.log) = launch(self.folder.path(), &self.settings).await;
    }

    /// Sets something for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Asks the server to stop and waits; afterwards nothing of it may be left.
    pub async fn stop(&mut self) -> ExitStatus {
        kill(self.pid(), Signal::SIGTERM).unwrap();
        let status =
            tokio::time::timeout(UNTIL_DOWN, self.child.wait()).await.expect("stops in time").unwrap();
        let left = agents_of(&self.data_dir());
        assert!(left.is_empty(), "left behind: {:?}", command_lines(&left));
        status
    }

    /// What the server has said on its error output.
    pub async fn log(&self) -> String {
        self.log.lock().await.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.start_kill().ok();
        kill_all(&agents_of(&self.data_dir()));
        remove_groups(&self.data_dir());
    }
}

/// Sends a request and reads its answer; a body that is not JSON is kept as a string.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

async fn launch(folder: &Path, settings: &[(String, String)]) -> (Child, String, Arc<Mutex<Vec<String>>>) {
    let mut command = Command::new(crate::program("claude-runner"));
    command.current_dir(folder).env_clear().stderr(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    for (name, value) in std::env::vars() {
        if ["PATH", "LANG", "TMPDIR"].contains(&name.as_str()) {
            command.env(name, value);
        }
    }
    // A home of its own: what a person's shell does at its start is not what is tested.
    command.env("HOME", folder.join("home"));
    command.env("WORKING_DIR", folder.join("workspace")).env("DATA_DIR", folder.join("data"));
    command.env("PORT", "0").env("OFFLINE", "true").env("CLAUDE_BIN", crate::claude());
    command.env("MAX_API_RETRIES", "1").env("SHUTDOWN_GRACE_SECONDS", "1");
    // Tests count processes; those of spare agents say that they want some.
    command.env("SPARE_AGENTS", "0");
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let log = Arc::new(Mutex::new(vec![]));
    let up = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let url =
                line.split("listening on ").nth(1).map(|rest| rest.split(' ').next().unwrap().to_owned());
            log.lock().await.push(line);
            if let Some(url) = url {
                return url;
            }
        }
        panic!("the server ended: {:#?}", log.lock().await);
    };
    let base_url = tokio::time::timeout(UNTIL_UP, up).await.expect("the server starts in time");
    let sink = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            sink.lock().await.push(line);
        }
    });
    (child, base_url, log)
}
