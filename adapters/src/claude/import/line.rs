//! One line of a transcript and its meaning.

use runner_core::agent::AgentOutput;
use runner_core::ids::TurnId;
use runner_core::prompt::Attachment;
use runner_core::time::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::claude::protocol::decode;
use crate::claude::protocol::incoming::Incoming;
use crate::claude::protocol::json::text;

/// The agent's own answer when it takes up a conversation that was cut off.
const NO_ANSWER: &str = "No response requested.";

/// The beginning of the line that the agent writes where a person stopped it.
const INTERRUPTION: &str = "[Request interrupted by user";

/// The beginning of what the agent's program tells the model in a person's place.
const REMINDER: &str = "<system-reminder>";

/// Elements with the output of a command that needs no model.
const LOCAL_OUTPUT: [&str; 4] =
    ["local-command-stdout", "local-command-stderr", "bash-stdout", "bash-stderr"];

/// The meaning of a line in the conversation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A prompt of a person.
    Prompt(Written),
    /// A message of a person while the agent worked.
    Steering(Written),
    /// Background work has ended, and the agent takes it up.
    TakenUp,
    Interruption,
    /// The output of a command that needs no model.
    LocalOutput(String),
    /// The agent said something or used a tool.
    Said,
    /// The model's API failed for good, or the model would not answer.
    Failure,
    ToolsReturned,
    StructuredOutput(Value),
    TurnLimit(u64),
    Compaction(AgentOutput),
    /// A line that is not shown.
    Nothing,
}

/// Text and pictures from a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) attachments: Vec<Attachment>,
    /// Whether it is a command of the agent's program, which may have nothing to answer.
    pub(super) is_command: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    raw: Value,
}

impl Line {
    /// Reads all lines; tells the numbers of those that cannot be read.
    pub(super) fn parse_all(bytes: &[u8]) -> (Vec<Self>, Vec<usize>) {
        let (mut lines, mut unreadable) = (vec![], vec![]);
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            match decode::parse(line) {
                Some(raw) if raw.is_object() => lines.push(Self { raw }),
                Some(_) | None if line.trim_ascii().is_empty() => {}
                Some(_) | None => unreadable.push(number),
            }
        }
        (lines, unreadable)
    }

    /// The line's id; present in lines that belong to the tree.
    pub(super) fn uuid(&self) -> Option<&str> {
        self.raw["uuid"].as_str()
    }

    pub(super) fn parent(&self) -> Option<&str> {
        self.raw["parentUuid"].as_str()
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.raw["sessionId"].as_str()
    }

    /// The session in which the line was written first.
    pub(super) fn origin(&self) -> Option<&str> {
        self.raw["forkedFrom"]["sessionId"].as_str().or_else(|| self.session())
    }

    pub(super) fn working_dir(&self) -> Option<&str> {
        self.raw["cwd"].as_str().filter(|folder| folder.starts_with('/'))
    }

    pub(super) fn own_title(&self) -> Option<&str> {
        self.raw["customTitle"].as_str().filter(|_| self.is("custom-title"))
    }

    pub(super) fn made_title(&self) -> Option<&str> {
        self.raw["aiTitle"].as_str().filter(|_| self.is("ai-title"))
    }

    /// The summary of a conversation, and the line that it ends with.
    pub(super) fn summary(&self) -> Option<(&str, &str)> {
        let summary = self.raw["summary"].as_str().filter(|_| self.is("summary"))?;
        Some((summary, self.raw["leafUuid"].as_str()?))
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        serde_json::from_value(self.raw["timestamp"].clone()).ok()
    }

    pub(super) fn runtime_version(&self) -> String {
        text(&self.raw["version"])
    }

    pub(super) fn permission_mode(&self) -> Option<&str> {
        self.raw["permissionMode"].as_str()
    }

    /// The turn that begins with this line: the agent knows a prompt by the same id.
    pub(super) fn turn(&self) -> TurnId {
        let uuid = self.uuid().unwrap_or_default();
        TurnId(Uuid::try_parse(uuid).unwrap_or_else(|_| derived_uuid(uuid)))
    }

    pub(super) fn is_of_subagent(&self) -> bool {
        self.raw["isSidechain"] == true
    }

    pub(super) fn is_boundary(&self) -> bool {
        self.is("system") && self.raw["subtype"] == "compact_boundary"
    }

    /// The line that was the last one before a compaction.
    pub(super) fn compacted(&self) -> Option<&str> {
        self.raw["logicalParentUuid"].as_str().filter(|_| self.is_boundary())
    }

    /// The line that the conversation goes on from, by what the agent's program noted last.
    pub(super) fn leaf(&self) -> Option<&str> {
        self.raw["leafUuid"].as_str().filter(|_| self.is("last-prompt"))
    }

    /// The id of the API message that the line is a part of.
    pub(super) fn message(&self) -> Option<&str> {
        self.raw["message"]["id"].as_str().filter(|_| self.is("assistant"))
    }

    /// The model of the message; absent where the agent's program made it up.
    pub(super) fn model(&self) -> Option<&str> {
        self.raw["message"]["model"].as_str().filter(|model| self.is("assistant") && *model != "<synthetic>")
    }

    pub(super) fn usage(&self) -> &Value {
        &self.raw["message"]["usage"]
    }

    pub(super) fn stop_reason(&self) -> Option<&str> {
        self.raw["message"]["stop_reason"].as_str()
    }

    pub(super) fn api_status(&self) -> Option<u16> {
        self.raw["apiErrorStatus"].as_u64().and_then(|status| u16::try_from(status).ok())
    }

    pub(super) fn tool_uses(&self) -> impl Iterator<Item = &str> {
        let of_agent = self.blocks().iter().filter(|_| self.is("assistant"));
        of_agent.filter(|block| block["type"] == "tool_use").filter_map(|block| block["id"].as_str())
    }

    /// The tool uses whose results are in the line.
    pub(super) fn tool_results(&self) -> impl Iterator<Item = &str> {
        let of_user = self.blocks().iter().filter(|_| self.is("user"));
        let results = of_user.filter(|block| block["type"] == "tool_result");
        results.filter_map(|block| block["tool_use_id"].as_str())
    }

    /// The tool use that gave the turn's structured output.
    pub(super) fn output_of(&self) -> Option<&str> {
        let attachment = &self.raw["attachment"];
        attachment["toolUseID"].as_str().filter(|_| attachment["type"] == "structured_output")
    }

    /// The subagent that a tool result speaks of.
    pub(super) fn subagent(&self) -> Option<&str> {
        self.raw["toolUseResult"]["agentId"].as_str()
    }

    pub(super) fn structured_result(&self) -> &Value {
        &self.raw["toolUseResult"]
    }

    pub(super) fn ends_turn(&self) -> bool {
        self.raw["toolEndsTurn"] == true
    }

    /// The text blocks of a message, one after the other.
    pub(super) fn message_text(&self) -> String {
        written(&self.raw["message"]["content"]).text
    }

    /// The outputs of the agent in the line, in the words of the live protocol.
    pub(super) fn outputs(&self, parent_tool_use: Option<&str>) -> Vec<AgentOutput> {
        let mut raw = self.raw.clone();
        if let Some(tool_use) = parent_tool_use {
            raw["parent_tool_use_id"] = tool_use.into();
        }
        let incoming = match self.raw["type"].as_str() {
            Some("assistant") => decode::assistant(&raw),
            Some("user") => decode::user(raw),
            Some(_) | None => vec![],
        };
        let outputs = incoming.into_iter().filter_map(|incoming| match incoming {
            Incoming::Output(output) => Some(output),
            Incoming::Delta(_)
            | Incoming::Answered { .. }
            | Incoming::Reported { .. }
            | Incoming::Unsupported { .. } => None,
        });
        outputs.collect()
    }

    pub(super) fn meaning(&self) -> Meaning {
        match self.raw["type"].as_str() {
            Some("user") => self.meaning_of_user(),
            Some("assistant") if self.raw["isApiErrorMessage"] == true => Meaning::Failure,
            Some("assistant") if self.model().is_none() && self.message_text() == NO_ANSWER => {
                Meaning::Nothing
            }
            Some("assistant") => Meaning::Said,
            Some("system") => self.meaning_of_system(),
            Some("attachment") => self.meaning_of_attachment(),
            Some(_) | None => Meaning::Nothing,
        }
    }

    fn meaning_of_user(&self) -> Meaning {
        if self.tool_results().next().is_some() {
            return Meaning::ToolsReturned;
        }
        if self.is_hidden() {
            return Meaning::Nothing;
        }
        let written = written(&self.raw["message"]["content"]);
        match self.raw["origin"]["kind"].as_str() {
            Some("task-notification") => Meaning::TakenUp,
            Some(_) | None if written.text.starts_with("<task-notification>") => Meaning::TakenUp,
            Some(_) | None if written.text.starts_with(INTERRUPTION) => Meaning::Interruption,
            Some(_) | None => typed(written),
        }
    }

    fn is_hidden(&self) -> bool {
        ["isMeta", "isCompactSummary", "isVisibleInTranscriptOnly"].iter().any(|flag| self.raw[flag] == true)
    }

    /// The meaning of what stands beside the results of tools: a person refused one and said what to do.
    pub(super) fn meaning_beside_results(&self) -> Meaning {
        let is_of_program = |block: &&Value| text(&block["text"]).trim_start().starts_with(REMINDER);
        let of_person = self.blocks().iter().filter(|block| !is_of_program(block)).cloned();
        let written = written(&Value::Array(of_person.collect()));
        match written.text.trim() {
            _ if self.is_hidden() => Meaning::Nothing,
            "" if written.attachments.is_empty() => Meaning::Nothing,
            text if text.starts_with(INTERRUPTION) => Meaning::Interruption,
            _ => Meaning::Steering(written),
        }
    }

    fn meaning_of_system(&self) -> Meaning {
        match self.raw["subtype"].as_str() {
            Some("compact_boundary") => {
                let metadata = &self.raw["compactMetadata"];
                Meaning::Compaction(AgentOutput::ContextCompacted {
                    trigger: text(&metadata["trigger"]),
                    tokens_before: metadata["preTokens"].as_u64().unwrap_or_default(),
                    tokens_after: metadata["postTokens"].as_u64().unwrap_or_default(),
                })
            }
            Some("local_command") => {
                typed(Written { text: text(&self.raw["content"]), is_command: true, ..Written::default() })
            }
            Some(_) | None => Meaning::Nothing,
        }
    }

    fn meaning_of_attachment(&self) -> Meaning {
        let attachment = &self.raw["attachment"];
        match attachment["type"].as_str() {
            Some("queued_command") if attachment["commandMode"] == "task-notification" => Meaning::Nothing,
            Some("queued_command") => Meaning::Steering(written(&attachment["prompt"])),
            Some("structured_output") => Meaning::StructuredOutput(attachment["data"].clone()),
            Some("max_turns_reached") => {
                Meaning::TurnLimit(attachment["maxTurns"].as_u64().unwrap_or_default())
            }
            Some(_) | None => Meaning::Nothing,
        }
    }

    fn blocks(&self) -> &[Value] {
        self.raw["message"]["content"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn is(&self, kind: &str) -> bool {
        self.raw["type"] == kind
    }
}

/// The text and the pictures of a message; plain text is text.
fn written(content: &Value) -> Written {
    if let Some(text) = content.as_str() {
        return Written { text: text.to_owned(), ..Written::default() };
    }
    let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = blocks.iter().filter(|block| block["type"] == "text").map(|block| text(&block["text"]));
    let text = texts.collect::<Vec<_>>().join("\n");
    Written { text, attachments: blocks.iter().filter_map(picture).collect(), is_command: false }
}

fn picture(block: &Value) -> Option<Attachment> {
    let source = &block["source"];
    let data = source["data"].as_str().filter(|_| block["type"] == "image")?.to_owned();
    Some(Attachment::Image { media_type: text(&source["media_type"]), data })
}

/// The meaning of a text that was typed at a terminal: the agent's program marks its own commands and their
/// output.
fn typed(written: Written) -> Meaning {
    if let Some(name) = between(&written.text, "command-name") {
        let arguments = between(&written.text, "command-args").unwrap_or_default();
        let text = format!("{name} {arguments}").trim().to_owned();
        return Meaning::Prompt(Written { text, is_command: true, ..written });
    }
    if let Some(command) = between(&written.text, "bash-input") {
        let text = format!("! {command}");
        return Meaning::Prompt(Written { text, is_command: true, ..written });
    }
    let outputs: Vec<&str> = LOCAL_OUTPUT.iter().filter_map(|tag| between(&written.text, tag)).collect();
    match outputs.is_empty() {
        true if written.text.trim().is_empty() && written.attachments.is_empty() => Meaning::Nothing,
        true => Meaning::Prompt(written),
        false => Meaning::LocalOutput(outputs.concat().trim().to_owned()),
    }
}

/// The content of an element that the text begins with, or that follows its first one.
fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let marked = ["<command-", "<bash-", "<local-command-"].iter().any(|start| text.starts_with(start));
    let inside = text.split_once(&format!("<{tag}>"))?.1.split_once(&format!("</{tag}>"))?.0;
    marked.then_some(inside.trim())
}

/// An id made from a text.
pub(super) fn derived_uuid(text: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text)[..16]);
    Uuid::new_v8(bytes)
}
