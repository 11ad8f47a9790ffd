//! The agent about itself: how it is set up, what comes in its way, and what this program does not know.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::AgentProfile;
use crate::ids::TurnId;

/// The agent tells of itself, beside the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum AgentEvent {
    /// Stored when it differs from what the agent said of itself last.
    #[serde(rename = "agent_initialized")]
    Initialized {
        turn: TurnId,
        #[serde(flatten)]
        profile: AgentProfile,
    },
    /// The model's API answered with an error, and the agent asks again.
    #[serde(rename = "api_retried")]
    ApiRetried {
        turn: TurnId,
        attempt: u32,
        max_attempts: u32,
        delay_ms: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        error: String,
    },
    #[serde(rename = "rate_limited")]
    RateLimited {
        turn: TurnId,
        info: Value,
        /// Until then nothing is answered, in microseconds since 1970; absent where it is a warning only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resets_at_micros: Option<i64>,
    },
    #[serde(rename = "context_compacted")]
    ContextCompacted { turn: TurnId, trigger: String, tokens_before: u64, tokens_after: u64 },
    /// Something the agent said that this program does not know; nothing of it is lost.
    #[serde(rename = "agent_message")]
    Unknown {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        raw: Value,
    },
}

impl AgentEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Initialized { .. } => "agent_initialized",
            Self::ApiRetried { .. } => "api_retried",
            Self::RateLimited { .. } => "rate_limited",
            Self::ContextCompacted { .. } => "context_compacted",
            Self::Unknown { .. } => "agent_message",
        }
    }
}
