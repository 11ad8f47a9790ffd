//! What can have happened to a session. Names are frozen: once stored, an event is read for ever.

mod encoding;
mod facts;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{
    AgentProfile, BackgroundUsage, BackgroundWork, FileChange, PermissionMode, TaskListChange,
};
use crate::ids::{ProcessId, TurnId};
use crate::prompt::Attachment;
use crate::request::{DecidedBy, Decision, RequestKind};
use crate::spend::{BudgetSpent, ModelCall};
use crate::workspace::{Unobserved, WorkspaceChange};
pub use facts::{
    AgentCounter, Asked, Decided, FailureCause, Fallback, Initiator, InterruptCause, Origin, Parent,
    ParkCause, SessionOpened, TurnAccount, TurnCompleted, TurnOutcome, TurnResumed, WithdrawReason,
};

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
    /// A file is not what it was before the turn's commands ran, and no tool reported that.
    WorkspaceChanged {
        turn: TurnId,
        #[serde(flatten)]
        change: WorkspaceChange,
    },
    /// Some of what the turn's commands changed in files is not known.
    WorkspaceUnobserved {
        turn: TurnId,
        #[serde(flatten)]
        unobserved: Unobserved,
    },
    PermissionRequested(Asked),
    PermissionDecided(Decided),
    QuestionAsked(Asked),
    QuestionAnswered(Decided),
    PlanProposed(Asked),
    PlanDecided(Decided),
    /// The decision is handed to a process of the agent: from here on the tool may have been used.
    RequestReleased {
        turn: TurnId,
        request_id: String,
        process: ProcessId,
    },
    /// Nobody need decide any more.
    RequestWithdrawn {
        turn: TurnId,
        request_id: String,
        reason: WithdrawReason,
    },
    /// A call was refused without anybody having been asked.
    PolicyApplied {
        turn: TurnId,
        tool_use_id: String,
        tool_name: String,
        decision: Decision,
        decided_by: DecidedBy,
        message: String,
    },
    /// The turn waits for people without a process.
    TurnParked {
        turn: TurnId,
        cause: ParkCause,
    },
    /// Another process takes the turn up where a decision was waited for.
    TurnResumed(TurnResumed),
    /// What the process has spent so far; counts if it never gives an account.
    UsageReported {
        turn: TurnId,
        process: ProcessId,
        counter: AgentCounter,
    },
    /// A model was asked, by whatever part of the agent. The turn's account is the agent's own; this is the
    /// server's, of every call.
    ModelCalled {
        /// The turn at work, or the last one; absent before the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        #[serde(flatten)]
        call: ModelCall,
    },
    /// A model was not asked, because a budget is spent. Told once in a turn.
    BudgetExhausted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        #[serde(flatten)]
        spent: BudgetSpent,
    },
    SubagentStarted {
        turn: TurnId,
        #[serde(flatten)]
        task: BackgroundWork,
    },
    SubagentProgressed {
        turn: TurnId,
        task_id: String,
        description: String,
        usage: BackgroundUsage,
    },
    SubagentFinished {
        turn: TurnId,
        task_id: String,
        status: String,
        summary: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<BackgroundUsage>,
    },
    TaskListChanged {
        turn: TurnId,
        #[serde(flatten)]
        change: TaskListChange,
    },
    PermissionModeChanged {
        mode: PermissionMode,
        by: DecidedBy,
    },
    ModelChanged {
        /// Absent: the agent's own choice.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        by: String,
    },
    SessionRenamed {
        title: String,
        by: String,
    },
    SessionTagged {
        tags: Vec<String>,
        by: String,
    },
    SessionArchived {
        by: String,
    },
    SessionUnarchived {
        by: String,
    },
    /// A prompt that waited was taken back.
    PromptWithdrawn {
        turn: TurnId,
        by: String,
    },
    /// A prompt was given to the turn that runs.
    PromptSteered {
        turn: TurnId,
        /// The agent's id for the message, so that it is taken once.
        message: TurnId,
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
        author: String,
    },
    /// Files were put back to what they were before a turn.
    FilesRewound {
        turn: TurnId,
        files: Vec<String>,
        by: String,
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
        /// Until then nothing is answered, in microseconds since 1970; absent where it is a warning only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resets_at_micros: Option<i64>,
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
        #[serde(default = "facts::by_a_user", skip_serializing_if = "facts::is_by_a_user")]
        cause: InterruptCause,
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
            Self::WorkspaceChanged { .. } => "workspace_changed",
            Self::WorkspaceUnobserved { .. } => "workspace_unobserved",
            Self::PermissionRequested(_) => "permission_requested",
            Self::PermissionDecided(_) => "permission_decided",
            Self::QuestionAsked(_) => "question_asked",
            Self::QuestionAnswered(_) => "question_answered",
            Self::PlanProposed(_) => "plan_proposed",
            Self::PlanDecided(_) => "plan_decided",
            Self::RequestReleased { .. } => "request_released",
            Self::RequestWithdrawn { .. } => "request_withdrawn",
            Self::PolicyApplied { .. } => "policy_applied",
            Self::TurnParked { .. } => "turn_parked",
            Self::TurnResumed(_) => "turn_resumed",
            Self::UsageReported { .. } => "usage_reported",
            Self::ModelCalled { .. } => "model_called",
            Self::BudgetExhausted { .. } => "budget_exhausted",
            Self::SubagentStarted { .. } => "subagent_started",
            Self::SubagentProgressed { .. } => "subagent_progressed",
            Self::SubagentFinished { .. } => "subagent_finished",
            Self::TaskListChanged { .. } => "task_list_changed",
            Self::PermissionModeChanged { .. } => "permission_mode_changed",
            Self::ModelChanged { .. } => "model_changed",
            Self::SessionRenamed { .. } => "session_renamed",
            Self::SessionTagged { .. } => "session_tagged",
            Self::SessionArchived { .. } => "session_archived",
            Self::SessionUnarchived { .. } => "session_unarchived",
            Self::PromptWithdrawn { .. } => "prompt_withdrawn",
            Self::PromptSteered { .. } => "prompt_steered",
            Self::FilesRewound { .. } => "files_rewound",
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
        let (Self::TurnCompleted(TurnCompleted { turn, .. })
        | Self::TurnFailed { turn, .. }
        | Self::TurnInterrupted { turn, .. }) = self
        else {
            return None;
        };
        Some(*turn)
    }

    /// The request that is made with this event.
    pub const fn asked(&self) -> Option<(RequestKind, &Asked)> {
        if let Self::PermissionRequested(asked) = self {
            Some((RequestKind::Permission, asked))
        } else if let Self::QuestionAsked(asked) = self {
            Some((RequestKind::Question, asked))
        } else if let Self::PlanProposed(asked) = self {
            Some((RequestKind::Plan, asked))
        } else {
            None
        }
    }

    /// The request that is settled with this event.
    pub const fn decided(&self) -> Option<&Decided> {
        let (Self::PermissionDecided(decided) | Self::QuestionAnswered(decided) | Self::PlanDecided(decided)) =
            self
        else {
            return None;
        };
        Some(decided)
    }

    pub const fn request_made(kind: RequestKind, asked: Asked) -> Self {
        match kind {
            RequestKind::Permission => Self::PermissionRequested(asked),
            RequestKind::Question => Self::QuestionAsked(asked),
            RequestKind::Plan => Self::PlanProposed(asked),
        }
    }

    pub const fn request_settled(kind: RequestKind, decided: Decided) -> Self {
        match kind {
            RequestKind::Permission => Self::PermissionDecided(decided),
            RequestKind::Question => Self::QuestionAnswered(decided),
            RequestKind::Plan => Self::PlanDecided(decided),
        }
    }
}
