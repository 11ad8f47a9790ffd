//! The blocks that the agent's model writes for people.

use serde::{Deserialize, Serialize};

use crate::ids::TurnId;

/// The agent's model wrote a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum MessageEvent {
    #[serde(rename = "assistant_text")]
    Text {
        turn: TurnId,
        message_id: String,
        text: String,
        /// The tool use that began the subagent, if it is one that speaks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_use_id: Option<String>,
    },
    #[serde(rename = "assistant_thinking")]
    Thinking {
        turn: TurnId,
        message_id: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_use_id: Option<String>,
    },
}

impl MessageEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "assistant_text",
            Self::Thinking { .. } => "assistant_thinking",
        }
    }
}
