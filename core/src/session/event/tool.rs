//! Uses of tools, and what came of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::TurnId;
use crate::request::{DecidedBy, Decision};

/// The agent uses a tool, the tool answers or is not heard of again, or the use is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum ToolEvent {
    #[serde(rename = "tool_used")]
    Used {
        turn: TurnId,
        tool_use_id: String,
        name: String,
        input: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_use_id: Option<String>,
    },
    #[serde(rename = "tool_returned")]
    Returned {
        turn: TurnId,
        tool_use_id: String,
        is_error: bool,
        content: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        structured: Option<Value>,
        /// Who or what let the tool be used without asking. Absent where a decision stands in an event of
        /// its own, where the call never came as far as that, and in what is older than this field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decided_by: Option<DecidedBy>,
    },
    /// The tool may have been used, wholly or in part: its process ended before anything came back.
    #[serde(rename = "tool_abandoned")]
    Abandoned {
        turn: TurnId,
        tool_use_id: String,
        /// Who or what let it be used without asking, if it came to that.
        decided_by: DecidedBy,
    },
    /// A call was refused without anybody having been asked.
    #[serde(rename = "policy_applied")]
    PolicyApplied {
        turn: TurnId,
        tool_use_id: String,
        tool_name: String,
        decision: Decision,
        decided_by: DecidedBy,
        message: String,
    },
}

impl ToolEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Used { .. } => "tool_used",
            Self::Returned { .. } => "tool_returned",
            Self::Abandoned { .. } => "tool_abandoned",
            Self::PolicyApplied { .. } => "policy_applied",
        }
    }
}
