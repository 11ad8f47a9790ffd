//! One turn as a client watches it: each stored event as a frame, and the answer at the end.

use serde::Serialize;
use serde_json::{Value, json};

use crate::agent::{Delta, DeltaKind};
use crate::ids::{SessionId, TurnId};
use crate::log::event_log::RecordedEvent;
use crate::session::event::{Asked, SessionEvent};
use crate::session::view::{RequestView, SessionView, TurnError, TurnView};
use crate::time::Timestamp;

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
    pub model: Option<String>,
    pub num_turns: u32,
    pub usage: crate::spend::Usage,
    #[schema(value_type = Vec<Object>)]
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
            cost_usd: turn.cost_usd.as_usd(),
            duration_ms: turn.duration_ms,
            duration_api_ms: turn.duration_api_ms,
            files_changed: turn.files_changed.clone(),
            tools_used: turn.tools_used.clone(),
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
    status: &'static str,
    session_id: SessionId,
    turn_id: TurnId,
    pending: Vec<RequestView>,
}

impl UnfinishedTask {
    pub fn new(view: &SessionView, turn_id: TurnId) -> Self {
        let pending = view.pending.clone();
        let status = if pending.is_empty() { "running" } else { "waiting" };
        Self { status, session_id: view.head.id, turn_id, pending }
    }
}

/// A frame of a task's stream: `type` and `content`, what identifies it, and fields of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frame {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub content: String,
    pub timestamp: Timestamp,
    pub session_id: SessionId,
    pub turn_id: Option<TurnId>,
    #[serde(flatten)]
    pub fields: Value,
}

impl Frame {
    /// The first frame of a stream.
    pub fn session(view: &SessionView, turn: TurnId, resumed: bool, at: Timestamp) -> Self {
        let head = &view.head;
        let metadata = json!({
            "resumed": resumed, "model": head.model, "working_dir": head.working_dir,
            "permission_mode": head.permission_mode, "offline": head.offline,
        });
        Self {
            kind: "session",
            content: head.id.to_string(),
            timestamp: at,
            session_id: head.id,
            turn_id: Some(turn),
            fields: json!({ "metadata": metadata }),
        }
    }

    /// The last frame of a stream.
    pub fn complete(answer: &TaskAnswer, at: Timestamp) -> Self {
        Self {
            kind: "complete",
            content: answer.message.clone(),
            timestamp: at,
            session_id: answer.session_id,
            turn_id: Some(answer.turn_id),
            fields: json!({ "metadata": answer }),
        }
    }

    /// The last frame of a stream that the server ends before the turn is over.
    pub fn unfinished(task: &UnfinishedTask, at: Timestamp) -> Self {
        Self {
            kind: "complete",
            content: task.status.to_owned(),
            timestamp: at,
            session_id: task.session_id,
            turn_id: Some(task.turn_id),
            fields: json!({ "metadata": task }),
        }
    }

    /// A piece of a block that is being written.
    pub fn delta(session: SessionId, turn: Option<TurnId>, delta: &Delta, at: Timestamp) -> Self {
        let kind = match delta.kind {
            DeltaKind::Text => "text_delta",
            DeltaKind::Thinking => "thinking_delta",
        };
        Self {
            kind,
            content: delta.text.clone(),
            timestamp: at,
            session_id: session,
            turn_id: turn,
            fields: json!({ "message_id": delta.message_id, "index": delta.index }),
        }
    }

    /// A stored event as a frame; absent where the stream has a frame of its own for it.
    pub fn stored(session: SessionId, recorded: &RecordedEvent, event: &SessionEvent) -> Option<Self> {
        let (kind, turn, content, fields) = parts(event)?;
        let timestamp = recorded.recorded_at;
        Some(Self { kind, content, timestamp, session_id: session, turn_id: turn, fields })
    }
}

type Parts = (&'static str, Option<TurnId>, String, Value);

fn parts(event: &SessionEvent) -> Option<Parts> {
    match event {
        SessionEvent::AssistantText { .. }
        | SessionEvent::AssistantThinking { .. }
        | SessionEvent::ToolUsed { .. }
        | SessionEvent::ToolReturned { .. }
        | SessionEvent::FileChanged { .. }
        | SessionEvent::WorkspaceChanged { .. } => said(event),
        SessionEvent::PermissionRequested(asked) => Some(request("permission_request", asked)),
        SessionEvent::QuestionAsked(asked) => Some(request("question", asked)),
        SessionEvent::PlanProposed(asked) => Some(request("plan", asked)),
        SessionEvent::PermissionDecided(decided)
        | SessionEvent::QuestionAnswered(decided)
        | SessionEvent::PlanDecided(decided) => {
            let message = decided.settlement.message.clone().unwrap_or_default();
            Some(("decision", Some(decided.turn), message, json!(decided.settlement)))
        }
        SessionEvent::PolicyApplied { turn, tool_use_id, tool_name, decision, decided_by, message } => {
            let fields = json!({
                "tool_use_id": tool_use_id, "tool_name": tool_name,
                "decision": decision, "decided_by": decided_by,
            });
            Some(("decision", Some(*turn), message.clone(), fields))
        }
        SessionEvent::TurnStarted { .. }
        | SessionEvent::AgentInitialized { .. }
        | SessionEvent::InterruptRequested { .. }
        | SessionEvent::RequestWithdrawn { .. }
        | SessionEvent::WorkspaceUnobserved { .. }
        | SessionEvent::TurnParked { .. }
        | SessionEvent::TurnResumed(_)
        | SessionEvent::PromptSteered { .. }
        | SessionEvent::PermissionModeChanged { .. }
        | SessionEvent::ModelChanged { .. } => standing(event),
        SessionEvent::SubagentStarted { .. }
        | SessionEvent::SubagentProgressed { .. }
        | SessionEvent::SubagentFinished { .. }
        | SessionEvent::TaskListChanged { .. } => beside(event),
        SessionEvent::ApiRetried { .. }
        | SessionEvent::RateLimited { .. }
        | SessionEvent::ContextCompacted { .. }
        | SessionEvent::AgentMessage { .. }
        | SessionEvent::BudgetExhausted { .. }
        | SessionEvent::TurnFailed { .. }
        | SessionEvent::TurnInterrupted { .. } => trouble(event),
        SessionEvent::SessionOpened(_)
        | SessionEvent::PromptSubmitted { .. }
        | SessionEvent::PromptWithdrawn { .. }
        | SessionEvent::RequestReleased { .. }
        | SessionEvent::UsageReported { .. }
        | SessionEvent::ModelCalled { .. }
        | SessionEvent::SessionRenamed { .. }
        | SessionEvent::SessionTagged { .. }
        | SessionEvent::SessionArchived { .. }
        | SessionEvent::SessionUnarchived { .. }
        | SessionEvent::FilesRewound { .. }
        | SessionEvent::TurnCompleted(_) => None,
    }
}

/// What the agent said and did.
fn said(event: &SessionEvent) -> Option<Parts> {
    if let SessionEvent::AssistantText { turn, text, parent_tool_use_id, message_id } = event {
        Some(block("text", *turn, text, message_id, parent_tool_use_id.as_ref()))
    } else if let SessionEvent::AssistantThinking { turn, text, parent_tool_use_id, message_id } = event {
        Some(block("thinking", *turn, text, message_id, parent_tool_use_id.as_ref()))
    } else if let SessionEvent::ToolUsed { turn, tool_use_id, name, input, parent_tool_use_id } = event {
        let fields = json!({
            "tool_name": name, "tool_input": input, "tool_use_id": tool_use_id,
            "parent_tool_use_id": parent_tool_use_id,
        });
        Some(("tool_use", Some(*turn), name.clone(), fields))
    } else if let SessionEvent::ToolReturned { turn, tool_use_id, is_error, content, structured } = event {
        let fields = json!({ "tool_use_id": tool_use_id, "is_error": is_error, "metadata": structured });
        Some(("tool_result", Some(*turn), plain_text(content), fields))
    } else if let SessionEvent::FileChanged { turn, change } = event {
        Some(("file_change", Some(*turn), change.path.clone(), json!(change)))
    } else if let SessionEvent::WorkspaceChanged { turn, change } = event {
        Some(("file_change", Some(*turn), change.path.clone(), json!(change)))
    } else {
        None
    }
}

/// How the turn stands, and with which settings.
fn standing(event: &SessionEvent) -> Option<Parts> {
    if let SessionEvent::TurnStarted { turn, .. } = event {
        Some(status(*turn, "turn_started", json!({})))
    } else if let SessionEvent::AgentInitialized { turn, profile } = event {
        Some(status(*turn, "agent_initialized", json!({ "metadata": profile })))
    } else if let SessionEvent::InterruptRequested { turn, .. } = event {
        Some(status(*turn, "interrupt_requested", json!({})))
    } else if let SessionEvent::RequestWithdrawn { turn, request_id, reason } = event {
        let fields = json!({ "request_id": request_id, "reason": reason.as_text() });
        Some(status(*turn, "request_withdrawn", fields))
    } else if let SessionEvent::WorkspaceUnobserved { turn, unobserved } = event {
        Some(status(*turn, "workspace_unobserved", json!(unobserved)))
    } else if let SessionEvent::TurnParked { turn, cause } = event {
        Some(status(*turn, "turn_parked", json!({ "cause": cause })))
    } else if let SessionEvent::TurnResumed(resumed) = event {
        let fields = json!({ "attempt": resumed.attempt, "fallback": resumed.fallback });
        Some(status(resumed.turn, "turn_resumed", fields))
    } else if let SessionEvent::PromptSteered { turn, text, .. } = event {
        Some(status(*turn, "prompt_steered", json!({ "text": text })))
    } else if let SessionEvent::PermissionModeChanged { mode, .. } = event {
        let fields = json!({ "permission_mode": mode });
        Some(("status", None, "permission_mode_changed".to_owned(), fields))
    } else if let SessionEvent::ModelChanged { model, .. } = event {
        Some(("status", None, "model_changed".to_owned(), json!({ "model": model })))
    } else {
        None
    }
}

/// What goes on beside the conversation.
fn beside(event: &SessionEvent) -> Option<Parts> {
    if let SessionEvent::SubagentStarted { turn, task } = event {
        Some(("subagent", Some(*turn), task.description.clone(), state("started", json!(task))))
    } else if let SessionEvent::SubagentProgressed { turn, task_id, description, usage } = event {
        let fields = json!({ "task_id": task_id, "usage": usage });
        Some(("subagent", Some(*turn), description.clone(), state("progressed", fields)))
    } else if let SessionEvent::SubagentFinished { turn, task_id, status, summary, usage } = event {
        let fields = json!({ "task_id": task_id, "usage": usage, "status": status });
        Some(("subagent", Some(*turn), summary.clone(), state("finished", fields)))
    } else if let SessionEvent::TaskListChanged { turn, change } = event {
        Some(("task_list", Some(*turn), change.subject.clone().unwrap_or_default(), json!(change)))
    } else {
        None
    }
}

/// What came in the way.
fn trouble(event: &SessionEvent) -> Option<Parts> {
    if let SessionEvent::ApiRetried { turn, attempt, max_attempts, delay_ms, status, error } = event {
        let fields = json!({
            "attempt": attempt, "max_attempts": max_attempts, "delay_ms": delay_ms, "status": status,
        });
        Some(("retry", Some(*turn), error.clone(), fields))
    } else if let SessionEvent::RateLimited { turn, info, .. } = event {
        Some(("rate_limit", Some(*turn), String::new(), json!({ "metadata": info })))
    } else if let SessionEvent::ContextCompacted { turn, trigger, tokens_before, tokens_after } = event {
        let fields = json!({ "tokens_before": tokens_before, "tokens_after": tokens_after });
        Some(("compact", Some(*turn), trigger.clone(), fields))
    } else if let SessionEvent::BudgetExhausted { turn, spent } = event {
        let fields = json!({ "budget": spent, "detail": spent.message() });
        Some(("status", *turn, "budget_exhausted".to_owned(), fields))
    } else if let SessionEvent::AgentMessage { turn, raw } = event {
        Some(("agent_message", *turn, String::new(), json!({ "metadata": raw })))
    } else if let SessionEvent::TurnFailed { turn, cause, detail, .. } = event {
        Some(("error", Some(*turn), detail.clone(), json!({ "code": cause.code(), "detail": detail })))
    } else if let SessionEvent::TurnInterrupted { turn, cause, .. } = event {
        let fields = json!({ "code": cause.code(), "detail": cause.as_str() });
        Some(("error", Some(*turn), cause.as_str().to_owned(), fields))
    } else {
        None
    }
}

fn status(turn: TurnId, content: &str, fields: Value) -> Parts {
    ("status", Some(turn), content.to_owned(), fields)
}

fn request(kind: &'static str, asked: &Asked) -> Parts {
    (kind, Some(asked.turn), asked.request.description.clone(), json!(asked.request))
}

fn state(state: &str, mut fields: Value) -> Value {
    fields["state"] = json!(state);
    fields
}

fn block(
    kind: &'static str,
    turn: TurnId,
    text: &str,
    message_id: &str,
    parent_tool_use_id: Option<&String>,
) -> Parts {
    let fields = json!({ "message_id": message_id, "parent_tool_use_id": parent_tool_use_id });
    (kind, Some(turn), text.to_owned(), fields)
}

/// The text of a tool's result, whether it came as a string or as blocks.
pub(super) fn plain_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
