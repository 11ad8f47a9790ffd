//! A request of the Messages API, as far as the offline model looks at it.
//!
//! It is read leniently: a field that is not named here may be anything, so a newer program does not break an
//! older model.

use std::{borrow::Cow, collections::HashSet};

use serde::Deserialize;
use serde_json::Value;

/// The part of a Messages API request that the offline model looks at.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) model: String,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    system: Content,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    #[serde(default)]
    pub(super) stream: bool,
    pub(super) max_tokens: Option<u64>,
    pub(super) thinking: Option<Thinking>,
    pub(super) output_config: Option<OutputConfig>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    User,
    Assistant,
    #[serde(other)]
    Other,
}

/// The content of a message. A plain text is the same as one text block.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "ContentJson")]
pub(super) struct Content(pub(super) Vec<Block>);

#[derive(Deserialize)]
#[serde(untagged)]
enum ContentJson {
    Text(String),
    Blocks(Vec<Block>),
}

impl From<ContentJson> for Content {
    fn from(content: ContentJson) -> Self {
        match content {
            ContentJson::Text(text) => Self(vec![Block::Text { text }]),
            ContentJson::Blocks(blocks) => Self(blocks),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(default)]
        content: Content,
        #[serde(default)]
        is_error: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Disabled,
    #[serde(other)]
    Enabled,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutputConfig {
    pub(super) format: Option<OutputFormat>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutputFormat {
    #[serde(default)]
    pub(super) schema: Value,
}

impl Request {
    /// The texts of the newest message in the user's role, whoever wrote it.
    pub(super) fn last_user_texts(&self) -> impl Iterator<Item = &str> {
        let user = self.messages.iter().rev().find(|message| message.role == Role::User);
        user.into_iter().flat_map(|message| message.content.texts())
    }

    /// The folder in which the program says that it works. With a system prompt of the caller's own it names
    /// none; then it is ".", which the tools take for the same.
    pub(super) fn working_folder(&self) -> &str {
        // The program's own words first: a prompt may speak of another folder.
        let of = |is_user: bool| {
            let messages =
                self.messages.iter().filter(move |message| (message.role == Role::User) == is_user);
            messages.flat_map(|message| message.content.texts())
        };
        let texts = of(false).chain(of(true));
        let folder = self.system.texts().chain(texts).flat_map(str::lines).find_map(|line| {
            let line = line.trim_start_matches([' ', '-', '*']);
            let line = line
                .strip_prefix("Primary working directory:")
                .or_else(|| line.strip_prefix("Working directory:"));
            line.map(str::trim).filter(|folder| folder.starts_with('/'))
        });
        folder.unwrap_or(".")
    }

    pub(super) fn has_tool(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }
}

impl Message {
    pub(super) fn answers_any(&self, tool_uses: &HashSet<&str>) -> bool {
        self.content.0.iter().any(|block| match block {
            Block::ToolResult { tool_use_id, .. } => tool_uses.contains(tool_use_id.as_str()),
            Block::Text { .. } | Block::ToolUse { .. } | Block::Other => false,
        })
    }
}

impl Content {
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Block::text)
    }
}

impl Block {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::ToolUse { .. } | Self::ToolResult { .. } | Self::Other => None,
        }
    }

    pub(super) fn text_or_result(&self) -> Cow<'_, str> {
        match self {
            Self::Text { text } => Cow::Borrowed(text),
            Self::ToolResult { content, .. } => Cow::Owned(content.texts().collect::<Vec<_>>().join("\n")),
            Self::ToolUse { .. } | Self::Other => Cow::Borrowed(""),
        }
    }
}
