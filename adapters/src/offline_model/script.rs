//! The model's script: a list of replies, read from JSON.
//!
//! The JSON form is forgiving to write (one block or several, options only where wanted) and strict to read:
//! with a misspelt option a test would pass for the wrong reason.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::reply::{Block, Ending, HttpError, Message, Reply, StopReason, ToolUse, Usage, default_error};

/// The replies of one turn, in order. Reply n answers the n-th model call.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Value>")]
pub struct Script {
    replies: Vec<Reply>,
}

/// The reason why a text is not a script, and the place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    #[error("a script is a JSON array of replies: {problem}")]
    NotAnArray { problem: String },
    #[error("reply {number} of the script: {problem}")]
    Reply { number: usize, problem: String },
    #[error("the ```offline block is not closed by a line of three backticks")]
    NotClosed,
}

impl Script {
    /// Reads the JSON array that `docs/offline-model.md` describes.
    pub fn parse(json: &str) -> Result<Self, ScriptError> {
        let replies: Vec<Value> = serde_json::from_str(json)
            .map_err(|error| ScriptError::NotAnArray { problem: error.to_string() })?;
        Self::try_from(replies)
    }

    /// The script in the last fenced block of a prompt that opens with "```offline"; `None` without such a
    /// block.
    pub(super) fn find_in_prompt(prompt: &str) -> Option<Result<Self, ScriptError>> {
        let mut block = None;
        let mut open = false;
        for line in prompt.lines() {
            match (open, line.trim()) {
                (false, "```offline") => (block, open) = (Some(String::new()), true),
                (true, "```") => open = false,
                (true, line) => block.iter_mut().for_each(|block| block.push_str(&format!("{line}\n"))),
                (false, _) => {}
            }
        }
        match open {
            true => Some(Err(ScriptError::NotClosed)),
            false => block.map(|json| Self::parse(&json)),
        }
    }

    pub(super) fn replies(&self) -> &[Reply] {
        &self.replies
    }
}

impl TryFrom<Vec<Value>> for Script {
    type Error = ScriptError;

    fn try_from(replies: Vec<Value>) -> Result<Self, ScriptError> {
        let parse = |(index, reply): (usize, Value)| {
            let number = index + 1;
            let json: ReplyJson = serde_json::from_value(reply)
                .map_err(|error| ScriptError::Reply { number, problem: error.to_string() })?;
            Reply::try_from(json).map_err(|problem| ScriptError::Reply { number, problem: problem.into() })
        };
        Ok(Self { replies: replies.into_iter().enumerate().map(parse).collect::<Result<_, _>>()? })
    }
}

/// A reply as people write it: every field is optional, none is unknown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyJson {
    text: Option<String>,
    thinking: Option<String>,
    tool_use: Option<ToolUse>,
    blocks: Option<Vec<Block>>,
    error: Option<ErrorJson>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    chunk_delay_ms: u64,
    #[serde(default)]
    hang: bool,
    #[serde(default)]
    cut: bool,
    usage: Option<Usage>,
    stop_reason: Option<StopReason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorJson {
    status: u16,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    retry_after_s: Option<u64>,
    times: Option<u64>,
}

impl TryFrom<ReplyJson> for Reply {
    type Error = &'static str;

    fn try_from(json: ReplyJson) -> Result<Self, &'static str> {
        let ending = match (json.hang, json.cut) {
            (false, false) => Ending::Complete,
            (true, false) => Ending::Hang,
            (false, true) => Ending::Cut,
            (true, true) => return Err("`hang` and `cut` exclude each other"),
        };
        let delay = Duration::from_millis(json.delay_ms);
        let mut contents = [
            json.text.map(|text| vec![Block::Text(text)]),
            json.thinking.map(|thinking| vec![Block::Thinking(thinking)]),
            json.tool_use.map(|tool_use| vec![Block::ToolUse(tool_use)]),
            json.blocks,
        ]
        .into_iter()
        .flatten();
        let content = contents.next();
        if contents.next().is_some() {
            return Err("has several of `text`, `thinking`, `tool_use`, `blocks`; put them into `blocks`");
        }

        let blocks = match (json.error, content) {
            (Some(error), None) if ending == Ending::Complete => return error.into_reply(delay),
            (Some(_), _) => return Err("`error` goes with no blocks, no `hang` and no `cut`"),
            (None, Some(blocks)) => blocks,
            (None, None) if ending != Ending::Complete => vec![],
            (None, None) => return Err("needs one of `text`, `thinking`, `tool_use`, `blocks`, `error`"),
        };
        let message = Message::new(blocks);
        Ok(Self::Message(Message {
            delay,
            chunk_delay: Duration::from_millis(json.chunk_delay_ms),
            ending,
            usage: json.usage.unwrap_or_default(),
            stop_reason: json.stop_reason.unwrap_or(message.stop_reason),
            ..message
        }))
    }
}

impl ErrorJson {
    fn into_reply(self, delay: Duration) -> Result<Reply, &'static str> {
        if !(400..=599).contains(&self.status) {
            return Err("`error.status` must be from 400 to 599");
        }
        let (kind, message) = default_error(self.status);
        Ok(Reply::Error(HttpError {
            status: self.status,
            kind: self.kind.unwrap_or_else(|| kind.into()),
            message: self.message.unwrap_or_else(|| message.into()),
            retry_after_s: self.retry_after_s,
            times: self.times,
            delay,
        }))
    }
}
