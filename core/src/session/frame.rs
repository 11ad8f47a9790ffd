//! One turn as a client watches it: each stored event as a frame, and the answer at the end.

use serde::Serialize;
use serde_json::{Value, json};

use crate::agent::{Delta, DeltaKind};
use crate::event_log::RecordedEvent;
use crate::ids::{SessionId, TurnId};
use crate::session::event::SessionEvent;
use crate::session::view::{SessionView, TurnError, TurnView};
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
    pub usage: crate::agent::Usage,
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
    Some(match event {
        SessionEvent::TurnStarted { turn, .. } => status(*turn, "turn_started", json!({})),
        SessionEvent::AgentInitialized { turn, profile } => {
            status(*turn, "agent_initialized", json!({ "metadata": profile }))
        }
        SessionEvent::InterruptRequested { turn, .. } => status(*turn, "interrupt_requested", json!({})),
        SessionEvent::AssistantText { turn, text, parent_tool_use_id, message_id } => {
            block("text", *turn, text, message_id, parent_tool_use_id.as_ref())
        }
        SessionEvent::AssistantThinking { turn, text, parent_tool_use_id, message_id } => {
            block("thinking", *turn, text, message_id, parent_tool_use_id.as_ref())
        }
        SessionEvent::ToolUsed { turn, tool_use_id, name, input, parent_tool_use_id } => {
            let fields = json!({
                "tool_name": name, "tool_input": input, "tool_use_id": tool_use_id,
                "parent_tool_use_id": parent_tool_use_id,
            });
            ("tool_use", Some(*turn), name.clone(), fields)
        }
        SessionEvent::ToolReturned { turn, tool_use_id, is_error, content, structured } => {
            let fields = json!({ "tool_use_id": tool_use_id, "is_error": is_error, "metadata": structured });
            ("tool_result", Some(*turn), plain_text(content), fields)
        }
        SessionEvent::FileChanged { turn, change } => {
            ("file_change", Some(*turn), change.path.clone(), json!(change))
        }
        SessionEvent::PermissionRequested { turn, request } => {
            ("permission_request", Some(*turn), request.description.clone(), json!(request))
        }
        SessionEvent::PermissionDecided { turn, request_id, decision, decided_by, message } => {
            let fields = json!({ "request_id": request_id, "decision": decision, "decided_by": decided_by });
            ("decision", Some(*turn), message.clone().unwrap_or_default(), fields)
        }
        SessionEvent::ApiRetried { turn, attempt, max_attempts, delay_ms, status, error } => {
            let fields = json!({
                "attempt": attempt, "max_attempts": max_attempts, "delay_ms": delay_ms, "status": status,
            });
            ("retry", Some(*turn), error.clone(), fields)
        }
        SessionEvent::RateLimited { turn, info } => {
            ("rate_limit", Some(*turn), String::new(), json!({ "metadata": info }))
        }
        SessionEvent::ContextCompacted { turn, trigger, tokens_before, tokens_after } => {
            let fields = json!({ "tokens_before": tokens_before, "tokens_after": tokens_after });
            ("compact", Some(*turn), trigger.clone(), fields)
        }
        SessionEvent::AgentMessage { turn, raw } => {
            ("agent_message", *turn, String::new(), json!({ "metadata": raw }))
        }
        SessionEvent::TurnFailed { turn, cause, detail, .. } => {
            ("error", Some(*turn), detail.clone(), json!({ "code": cause.code(), "detail": detail }))
        }
        SessionEvent::TurnInterrupted { turn, cause, .. } => {
            let fields = json!({ "code": "interrupted", "detail": cause.as_str() });
            ("error", Some(*turn), cause.as_str().to_owned(), fields)
        }
        SessionEvent::SessionOpened(_)
        | SessionEvent::PromptSubmitted { .. }
        | SessionEvent::TurnCompleted(_) => return None,
    })
}

fn status(turn: TurnId, content: &str, fields: Value) -> Parts {
    ("status", Some(turn), content.to_owned(), fields)
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
fn plain_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
