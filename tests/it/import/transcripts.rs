//! Transcripts written by hand, a line each five seconds, in a folder like `~/.claude`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A folder of transcripts.
pub(super) struct Transcripts(tempfile::TempDir);

/// The lines of one conversation so far; each follows the one before it.
#[derive(Clone, Default)]
pub(super) struct Conversation {
    pub(super) session: String,
    pub(super) lines: Vec<Value>,
    /// The line that the next one follows.
    pub(super) tip: Option<String>,
}

impl Transcripts {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a conversation anew.
    pub(super) fn write(&self, conversation: &Conversation) -> PathBuf {
        let project = self.path().join("projects/-srv-app");
        std::fs::create_dir_all(&project).unwrap();
        let path = project.join(format!("{}.jsonl", conversation.session));
        let lines: Vec<String> = conversation.lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, lines.concat()).unwrap();
        path
    }
}

impl Conversation {
    pub(super) fn of(number: u32) -> Self {
        Self { session: format!("5e551011-0000-4000-8000-{number:012}"), ..Self::default() }
    }

    /// Adds a line of the tree; what it says of itself goes before what is usual.
    pub(super) fn add(mut self, fields: Value) -> Self {
        let place = self.lines.len();
        let uuid = format!("{}{place:04}", &self.session[..32]).replacen("5e551011", "11e01011", 1);
        let seconds = place * 5;
        let mut line = json!({
            "parentUuid": self.tip, "isSidechain": false, "uuid": uuid, "cwd": "/srv/app", "version": "2.1.300",
            "timestamp": format!("2026-03-02T09:{:02}:{:02}.000Z", seconds / 60, seconds % 60),
            "sessionId": self.session,
        });
        for (name, value) in fields.as_object().unwrap() {
            line[name] = value.clone();
        }
        self.tip = Some(line["uuid"].as_str().unwrap().to_owned());
        self.lines.push(line);
        self
    }

    pub(super) fn prompt(self, text: &str) -> Self {
        self.add(json!({ "type": "user", "message": { "role": "user", "content": text } }))
    }

    pub(super) fn answer(self, message: &str, text: &str) -> Self {
        self.said(message, &json!({ "type": "text", "text": text }))
    }

    pub(super) fn said(self, message: &str, block: &Value) -> Self {
        let usage = json!({ "input_tokens": 1000, "output_tokens": 200 });
        let message = json!({ "id": message, "role": "assistant", "model": "claude-opus-4-8", "content": [block],
            "stop_reason": "end_turn", "usage": usage });
        self.add(json!({ "type": "assistant", "message": message }))
    }
}
