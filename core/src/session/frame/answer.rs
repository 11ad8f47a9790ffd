//! The answer of a task: how its turn ended, or how it stands.

use serde::Serialize;
use serde_json::Value;

use crate::ids::{SessionId, TurnId};
use crate::session::view::{RequestView, SessionView, TurnError, TurnView};

/// What running a task leads to, waited for or streamed.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TaskAnswer {
    pub success: bool,
    /// The agent's final text, or why there is none.
    pub message: String,
    pub session_id: SessionId,
    pub turn_id: TurnId,
    pub cost_usd: f64,
    pub duration_ms: u64,
    pub duration_api_ms: u64,
    pub files_changed: Vec<String>,
    pub tools_used: Vec<String>,
    /// Subagents and commands that work on after the turn. What they do and cost is added to it.
    pub background: u32,
    pub model: Option<String>,
    pub num_turns: u32,
    pub usage: crate::spend::Usage,
    pub permission_denials: Vec<crate::agent::Denial>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<Value>,
    pub stop_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TurnError>,
}

impl TaskAnswer {
    /// The answer of a turn that is over.
    pub fn new(session: SessionId, turn: &TurnView) -> Self {
        let because = turn.error.as_ref().map(|error| error.detail.clone());
        Self {
            success: turn.error.is_none(),
            message: turn.result.clone().or(because).unwrap_or_default(),
            session_id: session,
            turn_id: turn.id,
            cost_usd: turn.cost_usd.unwrap_or_default().as_usd(),
            duration_ms: turn.duration_ms,
            duration_api_ms: turn.duration_api_ms,
            files_changed: turn.files_changed.clone(),
            tools_used: turn.tools_used.clone(),
            background: turn.background,
            model: turn.model.clone(),
            num_turns: turn.num_turns,
            usage: turn.usage,
            permission_denials: turn.permission_denials.clone(),
            structured_output: turn.structured_output.clone(),
            stop_reason: turn.stop_reason.clone(),
            error: turn.error.clone(),
        }
    }
}

/// What a task led to that is not over; its session goes on.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct UnfinishedTask {
    /// `running` or `waiting`.
    pub(super) status: &'static str,
    pub(super) session_id: SessionId,
    pub(super) turn_id: TurnId,
    pending: Vec<RequestView>,
}

impl UnfinishedTask {
    pub fn new(view: &SessionView, turn_id: TurnId) -> Self {
        let pending = view.pending.clone();
        let status = if pending.is_empty() { "running" } else { "waiting" };
        Self { status, session_id: view.head.id, turn_id, pending }
    }
}
