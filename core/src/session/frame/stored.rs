//! Stored events as frames.

use serde_json::Value;

use super::{
    BlockFrame, DecisionFrame, FileFrame, Frame, FrameBody, HookFrame, RequestFrame, StatusFrame,
    SubagentFrame,
};
use crate::ids::{SessionId, TurnId};
use crate::log::RecordedEvent;
use crate::request::RequestKind;
use crate::session::event::{
    AgentEvent, Asked, BackgroundEvent, FilesEvent, HookEvent, MessageEvent, PromptEvent, RequestEvent,
    SessionEvent, SettingEvent, SpendEvent, ToolEvent, TurnEvent,
};

impl Frame {
    /// A stored event as a frame; absent where the stream has a frame of its own for it.
    pub fn stored(session: SessionId, recorded: &RecordedEvent, event: &SessionEvent) -> Option<Self> {
        let Told { turn, body } = told(event)?;
        Some(Self { body, timestamp: recorded.happened_at(), session_id: session, turn_id: turn })
    }
}

/// The body of a frame, and the turn that it is of.
struct Told {
    turn: Option<TurnId>,
    body: FrameBody,
}

impl Told {
    fn of(turn: TurnId, body: FrameBody) -> Self {
        Self { turn: Some(turn), body }
    }

    fn status(turn: TurnId, status: StatusFrame) -> Self {
        Self::of(turn, FrameBody::Status(status))
    }
}

fn told(event: &SessionEvent) -> Option<Told> {
    match event {
        SessionEvent::Prompt(event) => prompt(event),
        SessionEvent::Turn(event) => turn(event),
        SessionEvent::Agent(event) => Some(agent(event)),
        SessionEvent::Message(event) => Some(message(event)),
        SessionEvent::Tool(event) => tool(event),
        SessionEvent::Files(event) => files(event),
        SessionEvent::Request(event) => request(event),
        SessionEvent::Background(event) => Some(background(event)),
        SessionEvent::Spend(event) => spend(event),
        SessionEvent::Setting(event) => Some(setting(event)),
        SessionEvent::Hook(event) => hook(event),
        SessionEvent::Lifecycle(_) => None,
    }
}

fn prompt(event: &PromptEvent) -> Option<Told> {
    match event {
        PromptEvent::Steered { turn, text, .. } => {
            Some(Told::status(*turn, StatusFrame::PromptSteered { text: text.clone() }))
        }
        PromptEvent::Submitted { .. } | PromptEvent::Withdrawn { .. } => None,
    }
}

fn turn(event: &TurnEvent) -> Option<Told> {
    Some(match event {
        TurnEvent::Started { turn, .. } => Told::status(*turn, StatusFrame::TurnStarted),
        TurnEvent::InterruptRequested { turn, .. } => Told::status(*turn, StatusFrame::InterruptRequested),
        TurnEvent::Parked { turn, cause } => Told::status(*turn, StatusFrame::TurnParked { cause: *cause }),
        TurnEvent::Resumed(resumed) => {
            let (attempt, fallback) = (resumed.attempt, resumed.fallback);
            Told::status(resumed.turn, StatusFrame::TurnResumed { attempt, fallback })
        }
        TurnEvent::Failed { turn, cause, detail, .. } => {
            let (content, code) = (detail.clone(), cause.code().to_owned());
            Told::of(*turn, FrameBody::Error { content, code, detail: detail.clone() })
        }
        TurnEvent::Interrupted { turn, cause, .. } => {
            let (word, code) = (cause.as_str().to_owned(), cause.code().to_owned());
            Told::of(*turn, FrameBody::Error { content: word.clone(), code, detail: word })
        }
        TurnEvent::Continued { .. } | TurnEvent::Completed(_) => return None,
    })
}

fn agent(event: &AgentEvent) -> Told {
    match event {
        AgentEvent::Initialized { turn, profile } => {
            Told::status(*turn, StatusFrame::AgentInitialized { metadata: profile.clone() })
        }
        AgentEvent::ApiRetried { turn, attempt, max_attempts, delay_ms, status, error } => {
            let body = FrameBody::Retry {
                content: error.clone(),
                attempt: *attempt,
                max_attempts: *max_attempts,
                delay_ms: *delay_ms,
                status: *status,
            };
            Told::of(*turn, body)
        }
        AgentEvent::RateLimited { turn, info, .. } => {
            Told::of(*turn, FrameBody::RateLimit { content: String::new(), metadata: info.clone() })
        }
        AgentEvent::ContextCompacted { turn, trigger, tokens_before, tokens_after } => {
            let (content, tokens_before, tokens_after) = (trigger.clone(), *tokens_before, *tokens_after);
            Told::of(*turn, FrameBody::Compact { content, tokens_before, tokens_after })
        }
        AgentEvent::Unknown { turn, raw } => {
            let body = FrameBody::AgentMessage { content: String::new(), metadata: raw.clone() };
            Told { turn: *turn, body }
        }
    }
}

fn message(event: &MessageEvent) -> Told {
    let block = |text: &String, message_id: &String, parent: &Option<String>| BlockFrame {
        content: text.clone(),
        message_id: message_id.clone(),
        parent_tool_use_id: parent.clone(),
    };
    match event {
        MessageEvent::Text { turn, message_id, text, parent_tool_use_id } => {
            Told::of(*turn, FrameBody::Text(block(text, message_id, parent_tool_use_id)))
        }
        MessageEvent::Thinking { turn, message_id, text, parent_tool_use_id } => {
            Told::of(*turn, FrameBody::Thinking(block(text, message_id, parent_tool_use_id)))
        }
    }
}

fn tool(event: &ToolEvent) -> Option<Told> {
    let told = match event {
        ToolEvent::Used { turn, tool_use_id, name, input, parent_tool_use_id } => {
            let body = FrameBody::ToolUse {
                content: name.clone(),
                tool_name: name.clone(),
                tool_input: input.clone(),
                tool_use_id: tool_use_id.clone(),
                parent_tool_use_id: parent_tool_use_id.clone(),
            };
            Told::of(*turn, body)
        }
        ToolEvent::Returned { turn, tool_use_id, is_error, content, structured, decided_by: _ } => {
            let body = FrameBody::ToolResult {
                content: plain_text(content),
                tool_use_id: tool_use_id.clone(),
                is_error: *is_error,
                metadata: structured.clone(),
            };
            Told::of(*turn, body)
        }
        ToolEvent::PolicyApplied { turn, tool_use_id, tool_name, decision, decided_by, message } => {
            let decision = DecisionFrame::Refused {
                tool_use_id: tool_use_id.clone(),
                tool_name: tool_name.clone(),
                decision: *decision,
                decided_by: decided_by.clone(),
            };
            Told::of(*turn, FrameBody::Decision { content: message.clone(), decision })
        }
        // The end of its turn says what came of it.
        ToolEvent::Abandoned { .. } => return None,
    };
    Some(told)
}

fn files(event: &FilesEvent) -> Option<Told> {
    match event {
        FilesEvent::Changed { turn, change } => {
            let (content, change) = (change.path.clone(), FileFrame::Reported(change.clone()));
            Some(Told::of(*turn, FrameBody::FileChange { content, change }))
        }
        FilesEvent::WorkspaceChanged { turn, change } => {
            let (content, change) = (change.path.clone(), FileFrame::Found(change.clone()));
            Some(Told::of(*turn, FrameBody::FileChange { content, change }))
        }
        FilesEvent::WorkspaceUnobserved { turn, unobserved } => {
            Some(Told::status(*turn, StatusFrame::WorkspaceUnobserved(*unobserved)))
        }
        FilesEvent::Rewound { .. } => None,
    }
}

fn request(event: &RequestEvent) -> Option<Told> {
    match event {
        RequestEvent::Asked(Asked { kind, turn, request }) => {
            let frame = RequestFrame { content: request.description.clone(), request: request.clone() };
            let body = match kind {
                RequestKind::Permission => FrameBody::PermissionRequest(frame),
                RequestKind::Question => FrameBody::Question(frame),
                RequestKind::Plan => FrameBody::Plan(frame),
            };
            Some(Told::of(*turn, body))
        }
        RequestEvent::Decided(decided) => {
            let content = decided.settlement.message.clone().unwrap_or_default();
            let decision = DecisionFrame::Settled(decided.settlement.clone());
            Some(Told::of(decided.turn, FrameBody::Decision { content, decision }))
        }
        RequestEvent::Withdrawn { turn, request_id, reason } => {
            let (request_id, reason) = (request_id.clone(), reason.as_text());
            Some(Told::status(*turn, StatusFrame::RequestWithdrawn { request_id, reason }))
        }
        RequestEvent::Released { .. } => None,
    }
}

fn background(event: &BackgroundEvent) -> Told {
    match event {
        BackgroundEvent::Started { turn, work } => {
            let (content, state) = (work.description.clone(), SubagentFrame::Started(work.clone()));
            Told::of(*turn, FrameBody::Subagent { content, state })
        }
        BackgroundEvent::Progressed { turn, task_id, description, usage } => {
            let state = SubagentFrame::Progressed { task_id: task_id.clone(), usage: *usage };
            Told::of(*turn, FrameBody::Subagent { content: description.clone(), state })
        }
        BackgroundEvent::Finished { turn, task_id, status, summary, usage } => {
            let (task_id, status) = (task_id.clone(), status.clone());
            let state = SubagentFrame::Finished { task_id, status, usage: *usage };
            Told::of(*turn, FrameBody::Subagent { content: summary.clone(), state })
        }
        BackgroundEvent::Parked { turn, task_id } => {
            let state = SubagentFrame::Parked { task_id: task_id.clone() };
            Told::of(*turn, FrameBody::Subagent { content: String::new(), state })
        }
        BackgroundEvent::StopRequested { turn, task_id, by } => {
            let state = SubagentFrame::StopRequested { task_id: task_id.clone(), by: by.clone() };
            Told::of(*turn, FrameBody::Subagent { content: String::new(), state })
        }
        BackgroundEvent::TakenUp { turn, task_id, .. } => {
            let (task_id, status) = (task_id.clone(), "stopped".to_owned());
            let state = SubagentFrame::Finished { task_id, status, usage: None };
            Told::of(*turn, FrameBody::Subagent { content: String::new(), state })
        }
        BackgroundEvent::TaskListChanged { turn, change } => {
            let content = change.subject.clone().unwrap_or_default();
            Told::of(*turn, FrameBody::TaskList { content, change: change.clone() })
        }
    }
}

fn spend(event: &SpendEvent) -> Option<Told> {
    match event {
        SpendEvent::BudgetExhausted { turn, spent } => {
            let status = StatusFrame::BudgetExhausted { budget: spent.clone(), detail: spent.message() };
            Some(Told { turn: *turn, body: FrameBody::Status(status) })
        }
        SpendEvent::UsageReported { .. } | SpendEvent::ModelCalled { .. } => None,
    }
}

/// Settings change in turns and outside of them.
fn setting(event: &SettingEvent) -> Told {
    let status = match event {
        SettingEvent::PermissionModeChanged { mode, by: _ } => {
            StatusFrame::PermissionModeChanged { permission_mode: *mode }
        }
        SettingEvent::ModelChanged { model, by: _ } => StatusFrame::ModelChanged { model: model.clone() },
        SettingEvent::WorkingDirChanged { working_dir, by: _ } => {
            StatusFrame::WorkingDirChanged { working_dir: working_dir.clone() }
        }
    };
    Told { turn: None, body: FrameBody::Status(status) }
}

fn hook(event: &HookEvent) -> Option<Told> {
    // What comes of a call is told then.
    let HookEvent::Evaluated(evaluated) = event else { return None };
    let hook = HookFrame {
        hook_id: evaluated.hook.id,
        event: evaluated.event,
        action: evaluated.action,
        outcome: evaluated.outcome,
        tool_use_id: evaluated.tool_use_id.clone(),
        tool_name: evaluated.tool_name.clone(),
        message: evaluated.message.clone(),
    };
    Some(Told::of(evaluated.turn, FrameBody::Hook { content: evaluated.hook.name.clone(), hook }))
}

/// The text of a tool's result, whether it came as a string or as blocks.
pub(in crate::session) fn plain_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
