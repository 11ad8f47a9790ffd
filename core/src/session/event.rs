//! What can have happened to a session. Names are frozen: once stored, an event is read for ever.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{
    AgentOptions, AgentProfile, Denial, FileChange, PermissionMode, PermissionRequest, Spend,
};
use crate::ids::{ProcessId, SessionId, TurnId};
use crate::prompt::Attachment;

/// A fact about a session. In JSON: `{"type": …, "data": …}`; the log keeps both apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum SessionEvent {
    SessionOpened(SessionOpened),
    PromptSubmitted {
        turn: TurnId,
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
        author: String,
    },
    /// The agent works on a turn from here on. `process` tells whose cost counter counts.
    TurnStarted {
        turn: TurnId,
        initiator: Initiator,
        process: ProcessId,
        runtime_version: String,
        node: String,
    },
    /// Stored when it differs from what the agent said of itself last.
    AgentInitialized {
        turn: TurnId,
        #[serde(flatten)]
        profile: AgentProfile,
    },
    AssistantText {
        turn: TurnId,
        message_id: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_use_id: Option<String>,
    },
    AssistantThinking {
        turn: TurnId,
        message_id: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_use_id: Option<String>,
    },
    ToolUsed {
        turn: TurnId,
        tool_use_id: String,
        name: String,
        input: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_use_id: Option<String>,
    },
    ToolReturned {
        turn: TurnId,
        tool_use_id: String,
        is_error: bool,
        content: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        structured: Option<Value>,
    },
    FileChanged {
        turn: TurnId,
        #[serde(flatten)]
        change: FileChange,
    },
    PermissionRequested {
        turn: TurnId,
        #[serde(flatten)]
        request: PermissionRequest,
    },
    PermissionDecided {
        turn: TurnId,
        request_id: String,
        decision: Decision,
        decided_by: DecidedBy,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    ApiRetried {
        turn: TurnId,
        attempt: u32,
        max_attempts: u32,
        delay_ms: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        error: String,
    },
    RateLimited {
        turn: TurnId,
        info: Value,
    },
    ContextCompacted {
        turn: TurnId,
        trigger: String,
        tokens_before: u64,
        tokens_after: u64,
    },
    /// Something the agent said that this program does not know; nothing of it is lost.
    AgentMessage {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        raw: Value,
    },
    InterruptRequested {
        turn: TurnId,
        by: String,
    },
    TurnCompleted(TurnCompleted),
    TurnFailed {
        turn: TurnId,
        cause: FailureCause,
        detail: String,
        /// The HTTP status of the model's API, where that is what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(flatten)]
        account: TurnAccount,
    },
    TurnInterrupted {
        turn: TurnId,
        cause: InterruptCause,
        #[serde(flatten)]
        account: TurnAccount,
    },
}

/// The facts a session starts with; none of them changes later without an event of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionOpened {
    pub session: SessionId,
    pub owner: String,
    /// An absolute path without symbolic links.
    pub working_dir: String,
    pub permission_mode: PermissionMode,
    pub origin: Origin,
    /// Whether the offline model plays the agent's model.
    pub offline: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(flatten)]
    pub options: AgentOptions,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Api,
    Ui,
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
pub enum Decision {
    Allow,
    Deny,
}

/// Who or what settled a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DecidedBy {
    pub kind: DeciderKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeciderKind {
    System,
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
}

impl FailureCause {
    /// The stable code that clients see.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AgentUnavailable => "agent_unavailable",
            Self::AgentDied => "agent_died",
            Self::AgentFailed => "agent_failed",
            Self::ModelApiError => "model_api_error",
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
}

impl InterruptCause {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServerStopped => "server_stopped",
            Self::ServerCrashed => "server_crashed",
            Self::AgentAborted => "agent_aborted",
        }
    }
}

impl SessionEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::SessionOpened(_) => "session_opened",
            Self::PromptSubmitted { .. } => "prompt_submitted",
            Self::TurnStarted { .. } => "turn_started",
            Self::AgentInitialized { .. } => "agent_initialized",
            Self::AssistantText { .. } => "assistant_text",
            Self::AssistantThinking { .. } => "assistant_thinking",
            Self::ToolUsed { .. } => "tool_used",
            Self::ToolReturned { .. } => "tool_returned",
            Self::FileChanged { .. } => "file_changed",
            Self::PermissionRequested { .. } => "permission_requested",
            Self::PermissionDecided { .. } => "permission_decided",
            Self::ApiRetried { .. } => "api_retried",
            Self::RateLimited { .. } => "rate_limited",
            Self::ContextCompacted { .. } => "context_compacted",
            Self::AgentMessage { .. } => "agent_message",
            Self::InterruptRequested { .. } => "interrupt_requested",
            Self::TurnCompleted(_) => "turn_completed",
            Self::TurnFailed { .. } => "turn_failed",
            Self::TurnInterrupted { .. } => "turn_interrupted",
        }
    }

    /// The turn that is over with this event.
    pub const fn ended_turn(&self) -> Option<TurnId> {
        match self {
            Self::TurnCompleted(TurnCompleted { turn, .. })
            | Self::TurnFailed { turn, .. }
            | Self::TurnInterrupted { turn, .. } => Some(*turn),
            Self::SessionOpened(_)
            | Self::PromptSubmitted { .. }
            | Self::TurnStarted { .. }
            | Self::AgentInitialized { .. }
            | Self::AssistantText { .. }
            | Self::AssistantThinking { .. }
            | Self::ToolUsed { .. }
            | Self::ToolReturned { .. }
            | Self::FileChanged { .. }
            | Self::PermissionRequested { .. }
            | Self::PermissionDecided { .. }
            | Self::ApiRetried { .. }
            | Self::RateLimited { .. }
            | Self::ContextCompacted { .. }
            | Self::AgentMessage { .. }
            | Self::InterruptRequested { .. } => None,
        }
    }

    /// The version of its shape. Raise it, and upcast in [`SessionEvent::decode`], when a shape changes.
    pub const fn schema(&self) -> u32 {
        1
    }

    /// The fields alone, as the log stores and hashes them: JSON text.
    pub fn encode(&self) -> serde_json::Result<String> {
        let mut tagged = serde_json::to_string(self)?;
        // Names need no escapes, so what stands around the fields has a known length.
        tagged.truncate(tagged.len() - "}".len());
        tagged.drain(..r#"{"type":"","data":"#.len() + self.type_name().len());
        Ok(tagged)
    }

    /// Reads a stored event back.
    pub fn decode(type_name: &str, data: &str) -> serde_json::Result<Self> {
        // The tag goes first: then the data is read straight into its variant.
        let type_name = serde_json::to_string(type_name)?;
        serde_json::from_str(&format!(r#"{{"type":{type_name},"data":{data}}}"#))
    }
}

impl DomainEvent for SessionEvent {
    fn event_type(&self) -> String {
        self.type_name().to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().to_string()
    }
}
