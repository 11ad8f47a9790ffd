//! Subagents of all sessions, as a monitor shows them.
//!
//! What a subagent cost is what its own calls of models cost, as the gateway counted them; these are a part
//! of the costs of the turn that began it. What the session's agent paid to read its report is not in it.

use serde::{Deserialize, Serialize};

use crate::ids::{SessionId, TurnId};
use crate::money::{MicroDollars, as_usd_if_known};
use crate::people::principal::Reach;
use crate::spend::Usage;
use crate::time::Timestamp;

/// A subagent, or a command that ran beside the conversation, of any session.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Subagent {
    pub id: String,
    pub session_id: SessionId,
    pub turn_id: TurnId,
    pub owner: String,
    /// The tool use that began it.
    pub tool_use_id: Option<String>,
    /// `local_agent`, `local_bash`, or what a newer version calls it.
    pub kind: String,
    /// The name of its definition, or of an agent of Claude Code.
    pub subagent_type: Option<String>,
    pub description: String,
    /// `running`, `completed`, `failed`, `stopped`; `parked` while it waits for people without a process.
    pub state: String,
    /// What it reported at its end.
    pub summary: Option<String>,
    pub tool_calls: u64,
    pub model_calls: u64,
    /// Tokens of its own calls of models.
    pub usage: Usage,
    /// Tokens by its own account.
    pub reported_tokens: u64,
    /// The cost of its own calls of models, a part of what its turn cost. Null where the server counts no
    /// calls: with a login of its own, and in what was imported.
    #[serde(with = "as_usd_if_known")]
    #[schema(value_type = Option<f64>, required)]
    pub cost_usd: Option<MicroDollars>,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Up to its end, or up to now.
    pub duration_ms: u64,
}

/// The states by which subagents are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubagentState {
    Running,
    Parked,
    /// Completed, failed or stopped.
    Ended,
    Completed,
    Failed,
    Stopped,
}

impl SubagentState {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Ended => "ended",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    pub fn covers(self, subagent: &Subagent) -> bool {
        match self {
            Self::Ended => subagent.ended_at.is_some(),
            Self::Running | Self::Parked | Self::Completed | Self::Failed | Self::Stopped => {
                subagent.state == self.as_str()
            }
        }
    }
}

/// Which subagents are wanted.
#[derive(Clone, Debug)]
pub struct SubagentFilter {
    pub reach: Reach,
    pub id: Option<String>,
    pub session: Option<SessionId>,
    pub state: Option<SubagentState>,
}

/// A subagent in the read model.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedSubagent {
    /// Where the log has its beginning.
    pub began: u64,
    /// Where the log has what happened to it last.
    pub changed: u64,
    pub subagent: Subagent,
}

impl Subagent {
    /// Up to its end, or up to now.
    pub fn measured(self, now: Timestamp) -> Self {
        Self { duration_ms: self.ended_at.unwrap_or(now).millis_since(self.started_at), ..self }
    }
}
