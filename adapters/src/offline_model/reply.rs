//! One answer to a model call: a message and its pace, or an error.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One answer to a model call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Message(Message),
    Error(HttpError),
}

impl Reply {
    /// A reply with `{{cwd}}` replaced in every string of its blocks.
    pub(super) fn in_folder(self, folder: &str) -> Self {
        match self {
            Self::Message(message) => Self::Message(message.in_folder(folder)),
            Self::Error(error) => Self::Error(error),
        }
    }
}

/// A message of the model and how it travels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) blocks: Vec<Block>,
    pub(super) delay: Duration,
    pub(super) chunk_delay: Duration,
    pub(super) ending: Ending,
    pub(super) usage: Usage,
    pub(super) stop_reason: StopReason,
}

impl Message {
    /// A complete message, sent at once.
    pub(super) fn new(blocks: Vec<Block>) -> Self {
        Self {
            stop_reason: StopReason::of(&blocks),
            blocks,
            delay: Duration::ZERO,
            chunk_delay: Duration::ZERO,
            ending: Ending::Complete,
            usage: Usage::default(),
        }
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Block::Text(text.into())])
    }

    fn in_folder(mut self, folder: &str) -> Self {
        for block in &mut self.blocks {
            match block {
                Block::Text(text) | Block::Thinking(text) => replace_folder(text, folder),
                Block::ToolUse(tool_use) => replace_folder_in_value(&mut tool_use.input, folder),
            }
        }
        self
    }
}

fn replace_folder(text: &mut String, folder: &str) {
    if text.contains("{{cwd}}") {
        *text = text.replace("{{cwd}}", folder);
    }
}

fn replace_folder_in_value(value: &mut Value, folder: &str) {
    match value {
        Value::String(text) => replace_folder(text, folder),
        Value::Array(values) => values.iter_mut().for_each(|value| replace_folder_in_value(value, folder)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_folder_in_value(value, folder)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The end of a message's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Complete,
    /// Stays open without a `message_stop` until the client leaves.
    Hang,
    /// The connection is closed in the middle of the message.
    Cut,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Block {
    Text(String),
    Thinking(String),
    ToolUse(ToolUse),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolUse {
    pub(super) name: String,
    #[serde(default = "empty_object")]
    pub(super) input: Value,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Token counts as the API reports them; the defaults are small and cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Usage {
    pub(super) input_tokens: u64,
    pub(super) cache_creation_input_tokens: u64,
    pub(super) cache_read_input_tokens: u64,
    pub(super) output_tokens: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            input_tokens: 100,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 20,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StopReason {
    EndTurn,
    ToolUse,
    MaxTokens,
    StopSequence,
    PauseTurn,
    Refusal,
    ModelContextWindowExceeded,
}

impl StopReason {
    fn of(blocks: &[Block]) -> Self {
        match blocks.iter().any(|block| matches!(block, Block::ToolUse(_))) {
            true => Self::ToolUse,
            false => Self::EndTurn,
        }
    }
}

/// An answer that is no message: status and body as the API words them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpError {
    /// 400 to 599.
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) retry_after_s: Option<u64>,
    /// The number of times that it is answered before the script goes on; `None` is always.
    pub(super) times: Option<u64>,
    pub(super) delay: Duration,
}

impl HttpError {
    /// An error with the type that belongs to its status.
    pub(super) fn new(status: u16, message: impl fmt::Display) -> Self {
        Self {
            status,
            kind: default_error(status).0.into(),
            message: message.to_string(),
            retry_after_s: None,
            times: None,
            delay: Duration::ZERO,
        }
    }
}

/// Type and message of the API for a status.
pub(super) fn default_error(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "Your credit balance is too low to access the Anthropic API."),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", "model: not found"),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => ("rate_limit_error", "This request would exceed your rate limit."),
        504 => ("timeout_error", "The request timed out."),
        529 => ("overloaded_error", "Overloaded"),
        400..=499 => ("invalid_request_error", "The request is invalid."),
        _ => ("api_error", "Internal server error"),
    }
}
