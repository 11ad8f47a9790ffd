//! Money and tokens: what the agent's process counts, and what the server counts at the gateway.

use serde::{Deserialize, Serialize};

use crate::ids::{ProcessId, TurnId};
use crate::spend::{BudgetSpent, ModelCall, Spend};

/// Money was spent, or none is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum SpendEvent {
    /// A reading of the process's counters; it counts if the process never gives an account.
    #[serde(rename = "usage_reported")]
    UsageReported { turn: TurnId, process: ProcessId, counter: AgentCounter },
    /// A model was asked, by whatever part of the agent. The turn's account is the agent's own; this is the
    /// server's, of every call.
    #[serde(rename = "model_called")]
    ModelCalled {
        /// The turn at work, or the last one; absent before the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        #[serde(flatten)]
        call: ModelCall,
    },
    /// A model was not asked, because a budget is spent. Told once in a turn.
    #[serde(rename = "budget_exhausted")]
    BudgetExhausted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        #[serde(flatten)]
        spent: BudgetSpent,
    },
}

/// Running totals of one agent process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgentCounter {
    pub spend: Spend,
    pub duration_api_ms: u64,
}

impl AgentCounter {
    /// Both together.
    pub fn plus(&self, other: &Self) -> Self {
        let duration_api_ms = self.duration_api_ms.saturating_add(other.duration_api_ms);
        Self { spend: self.spend.plus(&other.spend), duration_api_ms }
    }
}

impl SpendEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::UsageReported { .. } => "usage_reported",
            Self::ModelCalled { .. } => "model_called",
            Self::BudgetExhausted { .. } => "budget_exhausted",
        }
    }
}
