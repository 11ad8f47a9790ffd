//! A person at a browser: real Chromium, told over its debugging pipe what to look at and where to click.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};
use tokio::process::{Child, Command};

/// Longer than a page takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// An open page. Dropping it ends the browser.
pub struct Browser {
    commands: Sender,
    answers: BufReader<Receiver>,
    last_id: u64,
    page: Option<String>,
    _child: Child,
    _folder: TempDir,
}

impl Browser {
    /// Opens a page.
    pub async fn open(url: &str) -> Self {
        Self::open_with(url, &[]).await
    }

    /// Opens a page in a browser that is started with more arguments.
    pub async fn open_with(url: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (into, out_of) = (folder.path().join("in"), folder.path().join("out"));
        for path in [&into, &out_of] {
            mkfifo(path, Mode::S_IRWXU).unwrap();
        }
        // Opened for both directions, so that neither side waits for the other to open it.
        let commands = OpenOptions::new().read_write(true).open_sender(&into).unwrap();
        let answers = OpenOptions::new().read_write(true).open_receiver(&out_of).unwrap();
        let child = launch(folder.path(), (&into, &out_of), arguments);
        let answers = BufReader::new(answers);
        let mut browser = Self { commands, answers, last_id: 0, page: None, _child: child, _folder: folder };
        let target = browser.call("Target.createTarget", json!({ "url": url })).await["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.page = session["sessionId"].as_str().map(str::to_owned);
        browser.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'").await;
        browser
    }

    /// Goes to another page.
    pub async fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
        let there = format!("location.href === {} && document.readyState === 'complete'", json!(url));
        self.wait_for(&there).await;
    }

    /// The value of an expression in the page.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until a condition holds in the page.
    pub async fn wait_for(&mut self, condition: &str) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.evaluate(&format!("Boolean({condition})")).await != true {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        });
        if waited.await.is_err() {
            let text = self.evaluate("document.body.innerText").await;
            panic!("{condition} does not come true in {text}");
        }
    }

    /// Clicks on what an expression finds, once it is there.
    pub async fn click(&mut self, found: &str) {
        self.act(found, "node.click()").await;
    }

    /// Does something with the node that an expression finds. Found and done in one: the page may draw itself
    /// anew between two questions.
    async fn act(&mut self, found: &str, action: &str) {
        let act = format!(
            "(() => {{ const node = {found}; if (!node) return false; node.focus(); {action}; return true }})()"
        );
        self.wait_for(&act).await;
    }

    /// Clicks the last button with these words.
    pub async fn press(&mut self, words: &str) {
        let found = format!(
            "[...document.querySelectorAll('button')].findLast((node) => node.textContent === {} && !node.hidden && !node.disabled)",
            json!(words)
        );
        self.click(&found).await;
    }

    /// Writes into the field that an expression finds, or chooses there, and tells the page so. The value is
    /// set behind the back of React, which else takes it for the one that it knows.
    pub async fn write(&mut self, found: &str, text: &str) {
        let set = "Object.getOwnPropertyDescriptor(Object.getPrototypeOf(node), 'value').set";
        let tell =
            "['input', 'change'].forEach((name) => node.dispatchEvent(new Event(name, { bubbles: true })))";
        self.act(found, &format!("{set}.call(node, {}); {tell}", json!(text))).await;
    }

    /// Asks again while the page is changing to another one, which has nothing to be asked.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        for _ in 0..100 {
            let message = self.call_once(method, &params).await;
            let reason = message["error"]["message"].as_str().unwrap_or_default();
            if !reason.contains("execution context") {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{method}: the page is never there");
    }

    async fn call_once(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(page) = &self.page {
            message["sessionId"] = json!(page);
        }
        let bytes = [message.to_string().as_bytes(), b"\0"].concat();
        self.commands.write_all(&bytes).await.unwrap();
        tokio::time::timeout(PATIENCE, self.answer()).await.expect("the browser answers in time")
    }

    /// The answer to the last call; what the browser tells by itself is passed over.
    async fn answer(&mut self) -> Value {
        loop {
            let mut bytes = vec![];
            self.answers.read_until(0, &mut bytes).await.unwrap();
            let message: Value = serde_json::from_slice(bytes.strip_suffix(b"\0").unwrap_or(&bytes)).unwrap();
            if message["id"] == self.last_id {
                return message;
            }
        }
    }
}

fn launch(folder: &Path, (into, out_of): (&Path, &Path), arguments: &[&str]) -> Child {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    Command::new("sh")
        // The browser reads commands from descriptor 3 and answers on descriptor 4.
        .args(["-c", r#"into=$1 out=$2; shift 2; exec chromium "$@" 3<"$into" 4>"$out""#, "sh"])
        .args([into, out_of])
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(arguments)
        .args([profile.as_str(), "--remote-debugging-pipe", "about:blank"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromium is installed: `make tools` does that")
}
