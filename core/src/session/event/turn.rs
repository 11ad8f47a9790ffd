//! Turns: how they begin, wait, go on and end.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::causes::{self, FailureCause, Fallback, Initiator, InterruptCause, ParkCause};
use super::spend::AgentCounter;
use crate::agent::Denial;
use crate::ids::{ProcessId, TurnId};
use crate::money::MicroDollars;
use crate::spend::Spend;

/// A turn begins, waits, goes on or ends. It ends in exactly one of `turn_completed`, `turn_failed` and
/// `turn_interrupted`; an imported one may go on from there, and ends anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum TurnEvent {
    /// The agent works on a turn from here on. `process` tells whose cost counter counts.
    #[serde(rename = "turn_started")]
    Started {
        turn: TurnId,
        initiator: Initiator,
        process: ProcessId,
        runtime_version: String,
        node: String,
        /// The background work whose end the agent takes up, where it began the turn by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task_id: Option<String>,
    },
    #[serde(rename = "interrupt_requested")]
    InterruptRequested {
        turn: TurnId,
        by: String,
        #[serde(default = "causes::by_a_user", skip_serializing_if = "causes::is_by_a_user")]
        cause: InterruptCause,
    },
    /// The turn waits for people without a process.
    #[serde(rename = "turn_parked")]
    Parked { turn: TurnId, cause: ParkCause },
    /// Another process takes the turn up where a decision was waited for.
    #[serde(rename = "turn_resumed")]
    Resumed(TurnResumed),
    /// The turn was imported before it was over, and has ended in the log; it went on elsewhere. What follows
    /// belongs to it, and it ends once more, with the cost of that.
    #[serde(rename = "turn_continued")]
    Continued { turn: TurnId, process: ProcessId },
    #[serde(rename = "turn_completed")]
    Completed(TurnCompleted),
    #[serde(rename = "turn_failed")]
    Failed {
        turn: TurnId,
        cause: FailureCause,
        detail: String,
        /// The HTTP status of the model's API, where that is what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(flatten)]
        account: TurnAccount,
    },
    #[serde(rename = "turn_interrupted")]
    Interrupted {
        turn: TurnId,
        cause: InterruptCause,
        #[serde(flatten)]
        account: TurnAccount,
    },
}

/// How a parked turn goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnResumed {
    pub turn: TurnId,
    /// Counts from 2: the first process was the first attempt.
    pub attempt: u32,
    pub process: ProcessId,
    pub runtime_version: String,
    pub node: String,
    /// The decision that is taken to the agent.
    pub request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// The result of a turn that the agent finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnCompleted {
    pub turn: TurnId,
    pub outcome: TurnOutcome,
    pub result: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<Value>,
    pub agent_turns: u32,
    pub denials: Vec<Denial>,
    #[serde(flatten)]
    pub account: TurnAccount,
}

/// The cost and the time of a turn, however it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnAccount {
    pub spend: Spend,
    pub duration_ms: u64,
    pub duration_api_ms: u64,
    /// The process's counters after this turn; the next turn's share is counted from here.
    pub counter: AgentCounter,
    #[serde(default, skip_serializing_if = "CostBasis::is_counted")]
    pub cost_basis: CostBasis,
}

/// Where the cost of a turn comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostBasis {
    /// The calls were counted as they were made, by the gateway or by the agent.
    #[default]
    Counted,
    /// Their tokens are known, and what the public price list asks for them.
    PriceList,
    /// They used a model that is not in the price list.
    Unknown,
}

impl CostBasis {
    const fn is_counted(&self) -> bool {
        matches!(self, Self::Counted)
    }
}

impl TurnAccount {
    /// The cost together with another one; absent where either is not known.
    pub fn cost_beside(&self, other: Option<MicroDollars>) -> Option<MicroDollars> {
        match self.cost_basis {
            CostBasis::Counted | CostBasis::PriceList => other.map(|other| other + self.spend.cost_micros),
            CostBasis::Unknown => None,
        }
    }

    /// What a turn has used since an earlier end of it.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            spend: self.spend.since(&earlier.spend),
            duration_ms: self.duration_ms.saturating_sub(earlier.duration_ms),
            duration_api_ms: self.duration_api_ms.saturating_sub(earlier.duration_api_ms),
            counter: self.counter.clone(),
            cost_basis: self.cost_basis,
        }
    }
}

/// How far a turn came that the agent finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    Success,
    MaxTurns,
    MaxBudget,
    Refused,
    /// The final answer does not have the form that was asked for.
    OutputSchemaUnmet,
    /// The agent took the prompt for a command of its own, and asked no model.
    NotSentToModel,
}

impl TurnEvent {
    /// The account with which the turn ends.
    pub const fn account_mut(&mut self) -> Option<&mut TurnAccount> {
        match self {
            Self::Completed(TurnCompleted { account, .. })
            | Self::Failed { account, .. }
            | Self::Interrupted { account, .. } => Some(account),
            Self::Started { .. }
            | Self::InterruptRequested { .. }
            | Self::Parked { .. }
            | Self::Resumed(_)
            | Self::Continued { .. } => None,
        }
    }

    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "turn_started",
            Self::InterruptRequested { .. } => "interrupt_requested",
            Self::Parked { .. } => "turn_parked",
            Self::Resumed(_) => "turn_resumed",
            Self::Continued { .. } => "turn_continued",
            Self::Completed(_) => "turn_completed",
            Self::Failed { .. } => "turn_failed",
            Self::Interrupted { .. } => "turn_interrupted",
        }
    }
}
