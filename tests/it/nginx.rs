//! Behind nginx, with the settings that `docs/operations.md` shows.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use runner_tests::person::{PASSWORD, Person};
use runner_tests::script;
use runner_tests::server::{Server, answer};
use runner_tests::sse::Frames;
use serde_json::{Value, json};

/// What nginx does where the block says nothing: less than anybody could work with.
const SURROUNDINGS: &str = "proxy_read_timeout 1s; client_max_body_size 1k; proxy_buffering on;";
const NAME: &str = "runner.example.com";

/// A running nginx in front of a server.
struct Nginx {
    child: Child,
    url: String,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx with a block, on a free port and without TLS.
    async fn start(block: &str, server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let block: String = block
            .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
            .replace("http://127.0.0.1:8000", &server.url(""))
            .lines()
            .filter(|line| !line.trim().starts_with("ssl_"))
            .map(|line| format!("{line}\n"))
            .collect();
        let own = |name: &str| folder.path().join(name).display().to_string();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", own(name)))
            .concat();
        let user = if nix::unistd::Uid::effective().is_root() { "user root;" } else { "" };
        let settings = format!(
            "daemon off; {user} pid {}; error_log stderr;\nevents {{}}\nhttp {{ access_log off; {paths}\n\
             {SURROUNDINGS}\n{block} }}",
            own("pid")
        );
        std::fs::write(folder.path().join("nginx.conf"), settings).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        let child = command.stderr(Stdio::null()).spawn().expect("`make tools` installs nginx");
        let url = format!("http://{NAME}:{port}");
        let address = ([127, 0, 0, 1], port).into();
        let client = Client::builder().no_proxy().resolve(NAME, address).build().unwrap();
        let nginx = Self { child, url, client, _folder: folder };
        let up = async {
            while nginx.request(Method::GET, "/health").send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), up).await.expect("nginx starts");
        nginx
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // nginx ends its workers when it is asked to end, not when it is killed.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}

/// The block in `docs/operations.md`.
fn documented() -> String {
    let page = std::fs::read_to_string(runner_tests::root().join("docs/operations.md")).unwrap();
    let (_, rest) = page.split_once("```nginx\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

async fn behind_proxy() -> Server {
    let url = format!("https://{NAME}");
    Server::start_with(&[("PUBLIC_URL", &url), ("TRUSTED_PROXIES", "127.0.0.1")]).await
}

#[tokio::test]
async fn streams_long_tasks_and_pictures_pass_the_documented_block() {
    let server = behind_proxy().await;
    let nginx = Nginx::start(&documented(), &server).await;
    let ada = Person::register_first(&server, "ada").await;
    let post =
        |path: &str, body: &Value| nginx.request(Method::POST, path).bearer_auth(&ada.access).json(body);

    // Longer than nginx waits by itself, without a byte in between.
    let slow = json!([{ "text": "At last.", "delay_ms": 2500 }]);
    let told = answer(post("/api/task", &json!({ "prompt": script("Take your time.", &slow) }))).await;
    assert_eq!((told.status, &told.body["message"]), (StatusCode::OK, &json!("At last.")), "{}", told.body);

    let waits = json!([{ "text": "First." }, { "hang": true }]);
    let first = json!([{ "tool_use": { "name": "Bash", "input": { "command": "true", "description": "x" } } },
        waits[1]]);
    let stream =
        post("/api/task/stream", &json!({ "prompt": script("Stream.", &first) })).send().await.unwrap();
    let mut frames = Frames::new(stream);
    let seen = tokio::time::timeout(Duration::from_secs(30), frames.until("tool_result")).await;
    assert!(seen.is_ok(), "what is told comes while the turn goes on");

    let picture = json!({ "type": "image", "media_type": "image/png", "data": large_picture() });
    let body =
        json!({ "prompt": script("What is it?", &json!([{ "text": "Grey." }])), "attachments": [picture] });
    let told = answer(post("/api/task", &body)).await;
    assert_eq!((told.status, &told.body["message"]), (StatusCode::OK, &json!("Grey.")), "{}", told.body);
}

#[tokio::test]
async fn a_client_cannot_choose_its_address_behind_the_documented_block_and_a_careless_proxy_is_named() {
    let without = |line: &str| -> String {
        documented().lines().filter(|text| !text.contains(line)).map(|text| format!("{text}\n")).collect()
    };
    for (block, is_careless) in [(documented(), false), (without("X-Forwarded-For"), true)] {
        let server = behind_proxy().await;
        let nginx = Nginx::start(&block, &server).await;
        let ada = Person::register_first(&server, "ada").await;
        let chosen = "203.0.113.9";
        let login = json!({ "username": "ada", "password": PASSWORD });
        let login = nginx.request(Method::POST, "/api/auth/login").json(&login);

        let admitted = answer(login.header("x-forwarded-for", chosen)).await;

        assert_eq!(admitted.status, StatusCode::OK, "{}", admitted.body);
        let audit = ada.get("/api/audit/events").await.body;
        let mut events = audit["events"].as_array().unwrap().iter();
        assert_eq!(events.any(|event| event["address"] == chosen), is_careless, "{audit}");
        let problem = ada.get("/api/status").await.body["proxy_problem"].clone();
        let said = server.log().await;
        assert_eq!(problem.is_string(), is_careless, "{problem}");
        assert_eq!(said.contains("the proxy at 127.0.0.1 handed on a request"), is_careless, "{said}");
    }
}

/// A picture of two megabytes: behind its end stands more, which readers leave alone.
fn large_picture() -> String {
    let pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg";
    format!("{pixel}{}", "A".repeat(2 + 4 * 512 * 1024))
}
