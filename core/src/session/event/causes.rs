//! Why turns begin, wait, go on in another way, and end.

use serde::{Deserialize, Serialize};

/// The beginner of a turn: a prompt, or the agent itself when background work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    Prompt,
    Agent,
}

/// Why a waiting turn gave up its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParkCause {
    /// Nothing happened for a while, or others needed the room.
    Idle,
    ServerStopped,
    ServerCrashed,
    /// What happened could not be stored.
    StoreUnavailable,
    AgentDied,
    /// Somebody else owns the session from now on.
    HandedOver,
    /// The right or the trust that the agent ran on was taken back; see [`crate::session::revoked::Revoked`].
    OwnerDisabled,
    OwnerNotPermitted,
    SessionArchived,
    TrustRevoked,
}

/// The part of a turn that could not go on exactly as it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Other calls that were open were dropped; the agent makes them again if it still needs them.
    OpenCallsDropped,
    /// The subagent that asked begins again; when it asks the same, the decision holds.
    SubagentRestarted,
}

/// Why a turn failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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

/// Why a turn was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterruptCause {
    /// A person or program asked for it.
    User,
    ServerStopped,
    ServerCrashed,
    /// What happened in it could not be stored.
    StoreUnavailable,
    /// The agent stopped by itself without having been asked.
    AgentAborted,
    /// It took longer than it may.
    Deadline,
    /// The session was copied in the middle of it; it went its way in the other one.
    Forked,
    /// The right or the trust that the agent ran on was taken back; see [`crate::session::revoked::Revoked`].
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
            Self::StoreUnavailable
            | Self::OwnerDisabled
            | Self::OwnerNotPermitted
            | Self::SessionArchived
            | Self::TrustRevoked => self.as_str(),
        }
    }

    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServerStopped => "server_stopped",
            Self::ServerCrashed => "server_crashed",
            Self::StoreUnavailable => "store_unavailable",
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
