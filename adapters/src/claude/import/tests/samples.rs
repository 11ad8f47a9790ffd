//! A transcript that is written line by line, and short words for what it becomes.

use std::fs;
use std::path::PathBuf;

use runner_core::ids::{SessionId, TurnId};
use runner_core::prompt::Attachment;
use runner_core::session::event::{
    AgentEvent, BackgroundEvent, FilesEvent, Initiator, LifecycleEvent, MessageEvent, PromptEvent,
    SessionEvent, SessionOpened, ToolEvent, TurnAccount, TurnCompleted, TurnEvent,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::claude::import::{CopyOf, ImportedSession, Transcript, Unreadable};

pub(super) const SESSION: &str = "5f1d3a52-7c1c-4b0e-9d5e-000000000001";

/// The lines so far. Each follows the one before it.
#[derive(Clone, Default)]
pub(super) struct Sample {
    lines: Vec<String>,
    /// The place of the line that the next one follows.
    tip: Option<usize>,
    files: Vec<(String, String)>,
}

/// What a file was found to say.
pub(super) struct Reading {
    pub(super) session: Option<ImportedSession>,
    pub(super) copied_from: Option<SessionId>,
    pub(super) unreadable: Vec<Unreadable>,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The id of the line in a place.
    pub(super) fn uuid(&self, place: usize) -> Uuid {
        Uuid::from_u128(0x1000 + place as u128)
    }

    /// Adds a line of the tree; what it says of itself goes before what is usual.
    pub(super) fn add(mut self, fields: Value) -> Self {
        let place = self.lines.len();
        let mut line = json!({
            "parentUuid": self.tip.map(|tip| self.uuid(tip)), "isSidechain": false, "uuid": self.uuid(place),
            "timestamp": format!("2026-01-31T10:00:{place:02}.000Z"), "cwd": "/srv/app", "sessionId": SESSION,
            "version": "2.1.197",
        });
        for (name, value) in fields.as_object().unwrap() {
            line[name] = value.clone();
        }
        self.lines.push(line.to_string());
        self.tip = Some(place);
        self
    }

    /// Adds lines that were copied from another session.
    pub(super) fn from(self, session: SessionId, add: fn(Self) -> Self) -> Self {
        let before = self.lines.len();
        let mut sample = add(self);
        for line in &mut sample.lines[before..] {
            let mut copied: Value = serde_json::from_str(line).unwrap();
            copied["forkedFrom"] = json!({ "sessionId": session, "messageUuid": copied["uuid"] });
            *line = copied.to_string();
        }
        sample
    }

    /// Adds a line that belongs to no tree.
    pub(super) fn aside(self, line: Value) -> Self {
        self.raw(&line.to_string())
    }

    /// Adds a line as it is.
    pub(super) fn raw(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Leaves only the beginning of a line.
    pub(super) fn torn(mut self, place: usize) -> Self {
        self.lines[place].truncate(20);
        self
    }

    /// Goes on behind an earlier line.
    pub(super) fn back_to(mut self, place: usize) -> Self {
        self.tip = Some(place);
        self
    }

    pub(super) fn prompt(self, text: &str) -> Self {
        self.add(json!({ "type": "user", "message": { "role": "user", "content": text } }))
    }

    pub(super) fn said(self, message: &str, block: Value) -> Self {
        let usage = json!({ "input_tokens": 100, "output_tokens": 20 });
        let message = json!({ "id": message, "role": "assistant", "model": "claude-opus-4-8", "content": [block],
            "stop_reason": "end_turn", "usage": usage });
        self.add(json!({ "type": "assistant", "message": message }))
    }

    pub(super) fn text(self, message: &str, text: &str) -> Self {
        self.said(message, json!({ "type": "text", "text": text }))
    }

    pub(super) fn returned(self, tool_use: &str, text: &str) -> Self {
        self.returned_with(tool_use, text, json!({ "stdout": text }))
    }

    pub(super) fn returned_with(self, tool_use: &str, text: &str, structured: Value) -> Self {
        let block = json!({ "type": "tool_result", "tool_use_id": tool_use, "content": text });
        self.add(json!({ "type": "user", "message": { "role": "user", "content": [block] },
            "toolUseResult": structured }))
    }

    /// Puts a file beside the transcript, below the folder of the session's name.
    pub(super) fn beside(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The transcript's text, with a line feed behind every line but the last.
    pub(super) fn text_of(&self) -> String {
        self.lines.join("\n")
    }

    pub(super) fn read(&self) -> Reading {
        self.read_as(&format!("{SESSION}.jsonl"), None)
    }

    pub(super) fn read_as(&self, name: &str, copy_of: Option<&CopyOf>) -> Reading {
        let folder = Folder::new();
        let path = folder.0.join(name);
        fs::write(&path, self.text_of()).unwrap();
        for (name, text) in &self.files {
            let file = path.with_extension("").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let transcript = Transcript::read(&path).unwrap();
        let session = transcript.tell(transcript.session, copy_of, "local");
        Reading { session, copied_from: transcript.copied_from(), unreadable: transcript.unreadable }
    }

    pub(super) fn session(&self) -> ImportedSession {
        self.read().session.unwrap()
    }

    pub(super) fn opened(&self) -> SessionOpened {
        let SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)) = self.events().remove(0) else {
            panic!("not opened")
        };
        opened
    }

    /// The events in short words.
    pub(super) fn told(&self) -> Vec<String> {
        self.events().iter().map(words).collect()
    }

    pub(super) fn events(&self) -> Vec<SessionEvent> {
        self.session().events.into_iter().map(|past| past.event).collect()
    }

    pub(super) fn turns(&self) -> Vec<Uuid> {
        let ended = self.events().iter().filter_map(SessionEvent::ended_turn).collect::<Vec<_>>();
        ended.into_iter().map(|TurnId(turn)| turn).collect()
    }

    /// The account of the last turn, which was completed.
    pub(super) fn account(&self) -> TurnAccount {
        let Some(SessionEvent::Turn(TurnEvent::Completed(TurnCompleted { account, .. }))) =
            self.events().pop()
        else {
            panic!("the last turn is not completed: {:#?}", self.told())
        };
        account
    }
}

pub(super) fn tool_use(id: &str, name: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": name, "input": {} })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of the other events the type is enough")]
fn words(event: &SessionEvent) -> String {
    let below = |parent: &Option<String>| parent.as_ref().map_or(String::new(), |id| format!(" below {id}"));
    match event {
        SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)) => format!("opened {}", opened.working_dir),
        SessionEvent::Prompt(PromptEvent::Submitted { text, attachments, .. }) => {
            let pictures =
                attachments.iter().map(|Attachment::Image { media_type, .. }| format!(" with {media_type}"));
            format!("prompt: {text}{}", pictures.collect::<String>())
        }
        SessionEvent::Prompt(PromptEvent::Steered { text, .. }) => format!("steered: {text}"),
        SessionEvent::Turn(TurnEvent::Started { initiator: Initiator::Prompt, .. }) => {
            "started by prompt".to_owned()
        }
        SessionEvent::Turn(TurnEvent::Started { initiator: Initiator::Agent, .. }) => {
            "started by agent".to_owned()
        }
        SessionEvent::Agent(AgentEvent::Initialized { profile, .. }) => {
            format!("agent: {} {}", profile.model, profile.runtime_version)
        }
        SessionEvent::Message(MessageEvent::Text { text, parent_tool_use_id, .. }) => {
            format!("text: {text}{}", below(parent_tool_use_id))
        }
        SessionEvent::Message(MessageEvent::Thinking { text, .. }) => format!("thinking: {text}"),
        SessionEvent::Tool(ToolEvent::Used { tool_use_id, name, parent_tool_use_id, .. }) => {
            format!("tool: {name} {tool_use_id}{}", below(parent_tool_use_id))
        }
        SessionEvent::Tool(ToolEvent::Returned { tool_use_id, content, .. }) => {
            format!("returned: {tool_use_id} {}", content.as_str().unwrap_or_default())
        }
        SessionEvent::Files(FilesEvent::Changed { change, .. }) => {
            format!("file: {} +{}", change.path, change.added)
        }
        SessionEvent::Background(BackgroundEvent::Started { work: task, .. }) => {
            format!("subagent: {}", task.description)
        }
        SessionEvent::Background(BackgroundEvent::Finished { status, .. }) => format!("subagent {status}"),
        SessionEvent::Agent(AgentEvent::ContextCompacted { tokens_before, .. }) => {
            format!("compacted: {tokens_before}")
        }
        SessionEvent::Turn(TurnEvent::Completed(completed)) => format!("completed: {}", completed.result),
        SessionEvent::Turn(TurnEvent::Failed { detail, status, .. }) => {
            format!("failed: {detail} {status:?}")
        }
        SessionEvent::Turn(TurnEvent::Interrupted { cause, .. }) => {
            format!("interrupted: {}", cause.as_str())
        }
        other => other.type_name().to_owned(),
    }
}

pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("import-{}", Uuid::now_v7()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind lies among temporary files.
        fs::remove_dir_all(&self.0).ok();
    }
}
