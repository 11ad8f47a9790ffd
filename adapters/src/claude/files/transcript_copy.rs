//! The agent's files for a session that begins as a copy of another.
//!
//! The transcript is cut behind its last line with a part of the conversation to copy, and every line names
//! the new session. Of several conversations, which a session has once people began anew with `/clear`, the
//! one with the last such part is copied. Lines between such lines (attachments, snapshots, results that
//! belong together) link them and are kept. Lines that are left without an answer do not disturb the agent:
//! it leaves them out, as it does after a crash.

use std::collections::HashMap;
use std::time::Duration;

use runner_core::ids::SessionId;
use runner_core::ports::AgentFile;
use runner_core::session::fork::ConversationPart;
use serde_json::Value;

use super::transcript::{MAX_LINE_BYTES, Transcript, UNTIL_WRITTEN, conversation_of};
use crate::claude::protocol::decode::parse_whole;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A copy to make: from one session to another, with these parts of the conversation.
#[derive(Clone, Debug)]
pub(crate) struct TranscriptCopy {
    from: SessionId,
    to: SessionId,
    said: Vec<ConversationPart>,
}

/// The files of a copy, and whether they have the whole conversation to copy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    pub(crate) files: Vec<AgentFile>,
    pub(super) is_whole: bool,
}

impl TranscriptCopy {
    pub(crate) fn new(from: SessionId, to: SessionId, said: Vec<ConversationPart>) -> Self {
        Self { from, to, said }
    }

    /// Copies the saved files, or the machine's if they have more. The agent writes a little after it speaks;
    /// what it has not written in time, it never writes.
    pub(crate) async fn collect(self, stored: Vec<AgentFile>, transcript: &Transcript) -> Vec<AgentFile> {
        if self.said.is_empty() {
            return vec![];
        }
        let deadline = tokio::time::Instant::now() + UNTIL_WRITTEN;
        let kept = self.copy_beside(move || stored).await;
        if kept.is_whole {
            return kept.files;
        }
        loop {
            let live = transcript.clone();
            let copied = self.copy_beside(move || live.read()).await;
            if copied.is_whole {
                return copied.files;
            }
            if tokio::time::Instant::now() >= deadline {
                tracing::warn!(session.id = %self.from, "the agent did not write all that it said");
                return if copied.files.is_empty() { kept.files } else { copied.files };
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Copies on another thread, for transcripts may be large.
    async fn copy_beside(&self, files: impl FnOnce() -> Vec<AgentFile> + Send + 'static) -> Copied {
        let copy = self.clone();
        tokio::task::spawn_blocking(move || copy.copy(files())).await.unwrap_or_default()
    }

    pub(super) fn copy(&self, files: Vec<AgentFile>) -> Copied {
        let conversations =
            files.iter().filter_map(|file| Some((conversation_of(&file.path)?, self.find_end(&file.bytes))));
        // One that is not whole is the best there is.
        let best = conversations.filter(|(_, (end, _))| *end > 0).max_by_key(|(_, (_, is_whole))| *is_whole);
        let Some((from, (end, is_whole))) = best else { return Copied::default() };
        let others: Vec<String> = files
            .iter()
            .filter_map(|file| conversation_of(&file.path).filter(|id| *id != from))
            .map(|id| id.to_string())
            .collect();
        let is_of_others = |file: &AgentFile| others.iter().any(|other| file.path.contains(other));
        let copied = files.iter().filter(|file| !is_of_others(file)).map(|file| {
            let is_main = conversation_of(&file.path) == Some(from);
            let kept = if is_main { end } else { file.bytes.len() };
            self.rename(SessionId(from), file, kept)
        });
        Copied { files: copied.collect(), is_whole }
    }

    /// The end of the last line with a part of the conversation to copy, and whether that part is the last
    /// one.
    fn find_end(&self, transcript: &[u8]) -> (usize, bool) {
        let mut missing: HashMap<&ConversationPart, usize> = HashMap::new();
        for said in &self.said {
            *missing.entry(said).or_default() += 1;
        }
        let (mut position, mut end) = (0, 0);
        for line in transcript.split_inclusive(|byte| *byte == b'\n') {
            position += line.len();
            for said in parts(line) {
                if let Some(count) = missing.get_mut(&said).filter(|count| **count > 0) {
                    *count -= 1;
                    end = position;
                }
            }
        }
        let is_whole = self.said.last().is_some_and(|last| missing.get(last) == Some(&0));
        (end, is_whole)
    }

    /// The first bytes of a file of the conversation `from`, as the copy has them.
    fn rename(&self, from: SessionId, file: &AgentFile, length: usize) -> AgentFile {
        let mut file = AgentFile { path: file.path.clone(), bytes: file.bytes[..length].to_vec() };
        name_session(&mut file, from, self.to);
        let (from, main) = (from.to_string(), format!("{from}.jsonl"));
        let renamed = file.path.split('/').map(|part| match part {
            part if part == main => format!("{}.jsonl", self.to),
            part if part == from => self.to.to_string(),
            part => part.to_owned(),
        });
        file.path = renamed.collect::<Vec<_>>().join("/");
        file
    }
}

/// Gives the lines of a transcript to another session.
pub(crate) fn name_session(file: &mut AgentFile, from: SessionId, to: SessionId) {
    if file.path.ends_with(".jsonl") {
        // Replaced as text, so that the rest of a line stays as it is, to the last byte.
        let name = |session: SessionId| format!(r#""sessionId":"{session}""#);
        let text = String::from_utf8_lossy(&file.bytes).replace(&name(from), &name(to));
        file.bytes = text.into_bytes();
    }
}

/// The parts of the conversation in a line; none where the line is of another kind.
fn parts(line: &[u8]) -> Vec<ConversationPart> {
    if line.len() > MAX_LINE_BYTES {
        return vec![];
    }
    let Some(line) = parse_whole(line) else { return vec![] };
    let blocks = line["message"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    match line["type"].as_str() {
        Some("assistant") => {
            blocks.iter().filter_map(|block| part_of_answer(block, &line["message"]["id"])).collect()
        }
        Some("user") => {
            let prompt =
                line["uuid"].as_str().and_then(|uuid| uuid.parse().ok()).map(ConversationPart::Prompt);
            let results = blocks.iter().filter(|block| block["type"] == "tool_result");
            let results =
                results.filter_map(|block| Some(ConversationPart::ToolResult(id(&block["tool_use_id"])?)));
            prompt.into_iter().chain(results).collect()
        }
        Some(_) | None => vec![],
    }
}

fn part_of_answer(block: &Value, message: &Value) -> Option<ConversationPart> {
    match block["type"].as_str()? {
        "text" => Some(ConversationPart::Text(id(message)?)),
        "thinking" => Some(ConversationPart::Thinking(id(message)?)),
        "tool_use" => Some(ConversationPart::ToolUse(id(&block["id"])?)),
        _ => None,
    }
}

fn id(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
