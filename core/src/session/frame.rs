//! One turn as a client watches it: each stored event as a frame, and the answer at the end.

mod answer;
mod stored;

use serde::Serialize;
use serde_json::Value;

use crate::agent::{
    AgentProfile, BackgroundUsage, BackgroundWork, Delta, DeltaKind, FileChange, PermissionMode,
    TaskListChange,
};
use crate::ids::{ExtensionId, SessionId, TurnId};
use crate::request::{AgentRequest, DecidedBy, Decision, Settlement};
use crate::session::event::{Fallback, HookOutcome, ParkCause};
use crate::session::view::SessionView;
use crate::setup::extension::hook::{HookAction, HookTrigger};
use crate::spend::BudgetSpent;
use crate::time::Timestamp;
use crate::workspace::{Unobserved, WorkspaceChange};
pub use answer::{TaskAnswer, UnfinishedTask};
pub(super) use stored::plain_text;

/// A frame of a task's stream: `type` and `content`, the fields of its type, and the turn that it is of.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Frame {
    #[serde(flatten)]
    pub body: FrameBody,
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    pub session_id: SessionId,
    /// Absent in settings that are changed outside of turns.
    pub turn_id: Option<TurnId>,
}

/// The types of frames. In each, `content` is the part that people read.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FrameBody {
    /// The first frame of a stream. `content` is the session's id.
    Session {
        content: String,
        metadata: SessionFrame,
    },
    Text(BlockFrame),
    Thinking(BlockFrame),
    TextDelta(DeltaFrame),
    ThinkingDelta(DeltaFrame),
    ToolUse {
        content: String,
        tool_name: String,
        tool_input: Value,
        tool_use_id: String,
        parent_tool_use_id: Option<String>,
    },
    ToolResult {
        content: String,
        tool_use_id: String,
        is_error: bool,
        metadata: Option<Value>,
    },
    /// `content` is the path.
    FileChange {
        content: String,
        #[serde(flatten)]
        change: FileFrame,
    },
    PermissionRequest(RequestFrame),
    Question(RequestFrame),
    Plan(RequestFrame),
    Decision {
        content: String,
        #[serde(flatten)]
        decision: DecisionFrame,
    },
    /// A hook applied. `content` is its name.
    Hook {
        content: String,
        #[serde(flatten)]
        hook: HookFrame,
    },
    Status(StatusFrame),
    Subagent {
        content: String,
        #[serde(flatten)]
        state: SubagentFrame,
    },
    TaskList {
        content: String,
        #[serde(flatten)]
        change: TaskListChange,
    },
    Retry {
        content: String,
        attempt: u32,
        max_attempts: u32,
        delay_ms: u64,
        status: Option<u16>,
    },
    RateLimit {
        content: String,
        metadata: Value,
    },
    Compact {
        content: String,
        tokens_before: u64,
        tokens_after: u64,
    },
    AgentMessage {
        content: String,
        metadata: Value,
    },
    Error {
        content: String,
        code: String,
        detail: String,
    },
    /// The last frame of a stream.
    Complete {
        content: String,
        metadata: CompleteFrame,
    },
}

/// The session as its stream begins.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SessionFrame {
    pub resumed: bool,
    pub model: Option<String>,
    pub working_dir: String,
    pub permission_mode: PermissionMode,
    pub offline: bool,
}

/// A block that the agent's model wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BlockFrame {
    pub content: String,
    pub message_id: String,
    pub parent_tool_use_id: Option<String>,
}

/// A piece of a block that is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DeltaFrame {
    pub content: String,
    pub message_id: String,
    pub index: u32,
}

/// A changed file, as a tool reported it or as it was found after commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum FileFrame {
    Reported(FileChange),
    Found(WorkspaceChange),
}

/// A request that waits for a decision. `content` is its description.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RequestFrame {
    pub content: String,
    #[serde(flatten)]
    pub request: AgentRequest,
}

/// How a request was settled, or that a call was refused without one. `content` is the message to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum DecisionFrame {
    Settled(Settlement),
    Refused { tool_use_id: String, tool_name: String, decision: Decision, decided_by: DecidedBy },
}

/// What came of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HookFrame {
    pub hook_id: ExtensionId,
    pub event: HookTrigger,
    pub action: HookAction,
    pub outcome: HookOutcome,
    pub tool_use_id: Option<String>,
    pub tool_name: Option<String>,
    pub message: Option<String>,
}

/// How the turn stands, and with which settings; `content` tells which of these it is.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "content", rename_all = "snake_case")]
pub enum StatusFrame {
    TurnStarted,
    AgentInitialized { metadata: AgentProfile },
    InterruptRequested,
    RequestWithdrawn { request_id: String, reason: &'static str },
    WorkspaceUnobserved(Unobserved),
    TurnParked { cause: ParkCause },
    TurnResumed { attempt: u32, fallback: Option<Fallback> },
    PromptSteered { text: String },
    PermissionModeChanged { permission_mode: PermissionMode },
    ModelChanged { model: Option<String> },
    WorkingDirChanged { working_dir: String },
    BudgetExhausted { budget: BudgetSpent, detail: String },
}

/// How far work beside the conversation has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SubagentFrame {
    Started(BackgroundWork),
    Progressed {
        task_id: String,
        usage: BackgroundUsage,
    },
    /// It waits for people, and its process has ended.
    Parked {
        task_id: String,
    },
    /// Somebody wants it to end.
    StopRequested {
        task_id: String,
        by: String,
    },
    Finished {
        task_id: String,
        status: String,
        usage: Option<BackgroundUsage>,
    },
}

/// The answer at the end of a stream, or how the task stands if the server ends the stream before.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum CompleteFrame {
    Answer(Box<TaskAnswer>),
    Unfinished(UnfinishedTask),
}

impl Frame {
    /// The first frame of a stream.
    pub fn session(view: &SessionView, turn: TurnId, resumed: bool, at: Timestamp) -> Self {
        let head = &view.head;
        let metadata = SessionFrame {
            resumed,
            model: head.model.clone(),
            working_dir: head.working_dir.clone(),
            permission_mode: head.permission_mode,
            offline: head.offline,
        };
        let body = FrameBody::Session { content: head.id.to_string(), metadata };
        Self { body, timestamp: at, session_id: head.id, turn_id: Some(turn) }
    }

    /// The last frame of a stream.
    pub fn complete(answer: &TaskAnswer, at: Timestamp) -> Self {
        let metadata = CompleteFrame::Answer(Box::new(answer.clone()));
        let body = FrameBody::Complete { content: answer.message.clone(), metadata };
        Self { body, timestamp: at, session_id: answer.session_id, turn_id: Some(answer.turn_id) }
    }

    /// The last frame of a stream that the server ends before the turn is over.
    pub fn unfinished(task: &UnfinishedTask, at: Timestamp) -> Self {
        let metadata = CompleteFrame::Unfinished(task.clone());
        let body = FrameBody::Complete { content: task.status.to_owned(), metadata };
        Self { body, timestamp: at, session_id: task.session_id, turn_id: Some(task.turn_id) }
    }

    /// The last frame of a stream that the server ends because nothing of its session can be stored.
    pub fn cut_off(session: SessionId, turn: TurnId, (code, detail): (&str, &str), at: Timestamp) -> Self {
        let (content, code, detail) = (detail.to_owned(), code.to_owned(), detail.to_owned());
        let body = FrameBody::Error { content, code, detail };
        Self { body, timestamp: at, session_id: session, turn_id: Some(turn) }
    }

    /// A piece of a block that is being written.
    pub fn delta(session: SessionId, turn: Option<TurnId>, delta: &Delta, at: Timestamp) -> Self {
        let Delta { kind, message_id, index, text } = delta;
        let piece = DeltaFrame { content: text.clone(), message_id: message_id.clone(), index: *index };
        let body = match kind {
            DeltaKind::Text => FrameBody::TextDelta(piece),
            DeltaKind::Thinking => FrameBody::ThinkingDelta(piece),
        };
        Self { body, timestamp: at, session_id: session, turn_id: turn }
    }
}
