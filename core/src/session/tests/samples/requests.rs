//! What an agent asks, and what people answer.

use std::sync::Arc;

use serde_json::json;

use super::{process, record_of, turn};
use crate::agent::AgentOutput;
use crate::request::{
    AgentRequest, Answer, DecidedBy, Decision, RequestKind, Settlement, ToolEffect, ToolGate,
};
use crate::session::command::SessionCommand;
use crate::session::event::{Asked, Decided, RequestEvent, SessionEvent};
use crate::session::hooks_in_force::HooksInForce;

/// A request of the main agent to write `/srv/a`.
pub(in crate::session::tests) fn permission_request(request_id: &str) -> AgentRequest {
    AgentRequest {
        request_id: request_id.into(),
        tool_name: "Write".into(),
        tool_use_id: "tool-1".into(),
        input: json!({ "file_path": "/srv/a" }),
        description: "a".into(),
        reason: Some("workingDir".into()),
        suggestions: vec![json!({ "type": "setMode" })],
        subagent: None,
        effect: ToolEffect::WritesFiles,
        target: Some("/srv/a".into()),
    }
}

pub(in crate::session::tests) fn permission_requested(request_id: &str) -> SessionEvent {
    requested(permission_request(request_id))
}

pub(in crate::session::tests) fn requested(request: AgentRequest) -> SessionEvent {
    SessionEvent::Request(RequestEvent::Asked(Asked {
        kind: RequestKind::Permission,
        turn: turn(1),
        request,
    }))
}

/// A request with another id, from another tool use, to do the same.
pub(in crate::session::tests) fn again(
    request_id: &str,
    tool_use_id: &str,
    request: &AgentRequest,
) -> AgentRequest {
    AgentRequest { request_id: request_id.into(), tool_use_id: tool_use_id.into(), ..request.clone() }
}

/// What the agent says when it asks whether it may use a tool.
pub(in crate::session::tests) fn asks(request: &AgentRequest) -> SessionCommand {
    asks_in(1, request)
}

pub(in crate::session::tests) fn asks_in(process_number: u128, request: &AgentRequest) -> SessionCommand {
    let (kind, request) = (RequestKind::Permission, request.clone());
    record_of(process_number, AgentOutput::Asked { kind, request })
}

/// What the agent says when it is about to use a tool.
pub(in crate::session::tests) fn comes_to_gate(tool_use_id: &str, effect: ToolEffect) -> SessionCommand {
    comes_to_gate_under(tool_use_id, effect, HooksInForce::default())
}

/// The same where people have added hooks.
pub(in crate::session::tests) fn comes_to_gate_under(
    tool_use_id: &str,
    effect: ToolEffect,
    hooks: HooksInForce,
) -> SessionCommand {
    let gate = ToolGate {
        gate_id: "g1".into(),
        tool_use_id: tool_use_id.into(),
        tool_name: "Write".into(),
        effect,
        target: None,
        input: Arc::new(json!({ "file_path": "/srv/a" })),
    };
    let SessionCommand::Record(mut recording) = record_of(2, AgentOutput::ToolGated(gate)) else {
        unreachable!("it is something that the agent says")
    };
    recording.hooks = hooks;
    SessionCommand::Record(recording)
}

pub(in crate::session::tests) fn answer(decision: Decision) -> Answer {
    Answer { decision, message: None, updated_input: None, answers: None, remember: false, interrupt: false }
}

pub(in crate::session::tests) fn settle(request_id: &str, answer: Answer) -> SessionCommand {
    let (request_id, answer, by) = (request_id.into(), Box::new(answer), DecidedBy::user("ada"));
    SessionCommand::Settle { request_id, answer, by }
}

pub(in crate::session::tests) fn released(request_id: &str, process_number: u128) -> SessionEvent {
    let (request_id, process) = (request_id.into(), process(process_number));
    SessionEvent::Request(RequestEvent::Released { turn: turn(1), request_id, process })
}

/// Ada's decision, with nothing more to it.
pub(in crate::session::tests) fn settlement(request_id: &str, decision: Decision) -> Settlement {
    Settlement {
        request_id: request_id.into(),
        decision,
        decided_by: DecidedBy::user("ada"),
        message: None,
        updated_input: None,
        answers: None,
        remember: false,
        interrupt: false,
    }
}

pub(in crate::session::tests) fn decided(settlement: Settlement) -> SessionEvent {
    SessionEvent::Request(RequestEvent::Decided(Decided {
        kind: RequestKind::Permission,
        turn: turn(1),
        settlement,
    }))
}
