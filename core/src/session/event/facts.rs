//! What the events carry: who, why, and what it cost.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{AgentOptions, Denial, PermissionMode};
use crate::ids::{ProcessId, SessionId, TenantId, TurnId};
use crate::request::{AgentRequest, Settlement};
use crate::spend::Spend;

/// A request as it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub turn: TurnId,
    #[serde(flatten)]
    pub request: AgentRequest,
}

/// A request as it was settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    pub turn: TurnId,
    #[serde(flatten)]
    pub settlement: Settlement,
}

/// How a parked turn goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What could not go on exactly as it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Other calls that were open were dropped; the agent makes them again if it still needs them.
    OpenCallsDropped,
    /// The subagent that asked begins again; when it asks the same, the decision holds.
    SubagentRestarted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawReason {
    /// The agent no longer waits for it.
    AgentWithdrew,
    /// The turn was taken up for another request, and the agent asks again if it still needs this one.
    Dropped,
}

impl WithdrawReason {
    /// For people.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::AgentWithdrew => "the agent no longer waits for it",
            Self::Dropped => "the turn was taken up for another request; the agent asks again if it needs to",
        }
    }
}

/// Why a waiting turn gave up its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkCause {
    /// Nothing happened for a while, or others needed the room.
    Idle,
    ServerStopped,
    ServerCrashed,
    AgentDied,
    /// What the agent ran on was taken back; see [`crate::session::revoked::Revoked`].
    OwnerDisabled,
    OwnerNotPermitted,
    SessionArchived,
    TrustRevoked,
}

/// The facts a session starts with; none of them changes later without an event of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionOpened {
    pub session: SessionId,
    /// Absent in what was stored before there were others than the first.
    #[serde(default, skip_serializing_if = "TenantId::is_first")]
    pub tenant: TenantId,
    pub owner: String,
    /// An absolute path without symbolic links.
    pub working_dir: String,
    pub permission_mode: PermissionMode,
    pub origin: Origin,
    /// Whether the offline model plays the agent's model.
    pub offline: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    #[serde(flatten)]
    pub options: AgentOptions,
}

/// A session and how far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Parent {
    pub session: SessionId,
    pub version: u64,
}

/// What a finished turn achieved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// What a turn took, however it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnAccount {
    pub spend: Spend,
    pub duration_ms: u64,
    pub duration_api_ms: u64,
    /// The process's counters after this turn; the next turn's share is counted from here.
    pub counter: AgentCounter,
}

/// Running totals of one agent process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Api,
    Ui,
    Fork,
    Import,
}

/// Who began a turn: a prompt, or the agent itself when background work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    Prompt,
    Agent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    Success,
    MaxTurns,
    MaxBudget,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// The agent's program could not be started.
    AgentUnavailable,
    /// The agent's program ended in the middle of the turn.
    AgentDied,
    /// The agent reported a failure of its own.
    AgentFailed,
    /// The model's API answered with an error and the agent gave up.
    ModelApiError,
    /// There was no money left for another call.
    Budget,
}

impl FailureCause {
    /// The stable code that clients see.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AgentUnavailable => "agent_unavailable",
            Self::AgentDied => "agent_died",
            Self::AgentFailed => "agent_failed",
            Self::ModelApiError => "model_api_error",
            Self::Budget => "budget",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptCause {
    /// A person or program asked for it.
    User,
    ServerStopped,
    ServerCrashed,
    /// The agent stopped by itself without having been asked.
    AgentAborted,
    /// It took longer than it may.
    Deadline,
    /// The session was copied in the middle of it; it went its way in the other one.
    Forked,
    /// What the agent ran on was taken back; see [`crate::session::revoked::Revoked`].
    OwnerDisabled,
    OwnerNotPermitted,
    SessionArchived,
    TrustRevoked,
}

impl InterruptCause {
    /// The stable code that clients see.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Deadline => "max_duration",
            Self::User | Self::ServerStopped | Self::ServerCrashed | Self::AgentAborted | Self::Forked => {
                "interrupted"
            }
            Self::OwnerDisabled | Self::OwnerNotPermitted | Self::SessionArchived | Self::TrustRevoked => {
                self.as_str()
            }
        }
    }

    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServerStopped => "server_stopped",
            Self::ServerCrashed => "server_crashed",
            Self::AgentAborted => "agent_aborted",
            Self::Deadline => "deadline",
            Self::Forked => "forked",
            Self::OwnerDisabled => "owner_disabled",
            Self::OwnerNotPermitted => "owner_not_permitted",
            Self::SessionArchived => "session_archived",
            Self::TrustRevoked => "trust_revoked",
        }
    }
}

pub(super) const fn by_a_user() -> InterruptCause {
    InterruptCause::User
}

pub(super) fn is_by_a_user(cause: &InterruptCause) -> bool {
    *cause == InterruptCause::User
}
