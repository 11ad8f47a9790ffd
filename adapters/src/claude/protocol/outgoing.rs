//! Lines for the agent: prompts, answers and control requests.
//!
//! Every line is made by serializing values, for one malformed line would end the process.

use runner_core::agent::PermissionMode;
use runner_core::ids::TurnId;
use runner_core::ports::GateVerdict;
use runner_core::prompt::Attachment;
use runner_core::request::{Decision, RequestKind};
use runner_core::session::requests::SettledRequest;
use runner_core::setup::extension::active::ActiveExtensions;
use runner_core::setup::extension::agent::AgentDefinition;
use serde_json::{Map, Value, json};

/// The text for the model where a person said no and nothing more.
const NO: &str = "The person who was asked does not want this.";

/// A request of this program, and the id by which the agent answers it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ControlRequest {
    pub(crate) id: String,
    pub(crate) line: Value,
}

/// The prompt of a turn. The message has the turn's id: sent twice, it is taken once.
pub(crate) fn prompt(turn: TurnId, text: &str, attachments: &[Attachment]) -> Value {
    let mut content: Vec<Value> = attachments
        .iter()
        .map(|Attachment::Image { media_type, data }| {
            let source = json!({ "type": "base64", "media_type": media_type, "data": data });
            json!({ "type": "image", "source": source })
        })
        .collect();
    content.push(json!({ "type": "text", "text": text }));
    json!({
        "type": "user", "uuid": turn, "session_id": "", "parent_tool_use_id": null,
        "message": { "role": "user", "content": content },
    })
}

/// The first request. One of its hooks is the gate of every tool use, whatever the mode; the other reports
/// changes of files, which the lines of subagents leave out. It brings the agents that people defined: the
/// program drops all of them where one lacks a description or a prompt.
pub(crate) fn initialize(extensions: &ActiveExtensions) -> Value {
    let hooks = json!({
        "PreToolUse": [{ "hookCallbackIds": ["gate"] }],
        "PostToolUse": [{ "matcher": "Write|Edit", "hookCallbackIds": ["file"] }],
    });
    let mut request = json!({ "subtype": "initialize", "hooks": hooks });
    let agents: Map<String, Value> =
        extensions.agents().map(|(extension, agent)| (extension.name.clone(), definition(agent))).collect();
    if !agents.is_empty() {
        request["agents"] = Value::Object(agents);
    }
    control(&request).line
}

fn definition(agent: &AgentDefinition) -> Value {
    let AgentDefinition { description, prompt, tools, model } = agent;
    let mut definition = json!({ "description": description, "prompt": prompt });
    if let Some(tools) = tools {
        definition["tools"] = json!(tools);
    }
    if let Some(model) = model {
        definition["model"] = json!(model);
    }
    definition
}

pub(crate) fn interrupt() -> Value {
    control(&json!({ "subtype": "interrupt" })).line
}

pub(crate) fn stop_task(task_id: &str) -> Value {
    control(&json!({ "subtype": "stop_task", "task_id": task_id })).line
}

pub(crate) fn withdraw(message: TurnId) -> Value {
    control(&json!({ "subtype": "cancel_async_message", "message_uuid": message })).line
}

pub(crate) fn change_mode(mode: PermissionMode) -> ControlRequest {
    control(&json!({ "subtype": "set_permission_mode", "mode": mode }))
}

pub(crate) fn change_model(model: Option<&str>) -> Value {
    control(&json!({ "subtype": "set_model", "model": model })).line
}

/// Asks for the spending of the process.
pub(crate) fn usage() -> ControlRequest {
    control(&json!({ "subtype": "get_usage" }))
}

pub(crate) fn rewind(turn: TurnId, dry_run: bool) -> ControlRequest {
    control(&json!({ "subtype": "rewind_files", "user_message_id": turn, "dry_run": dry_run }))
}

fn control(request: &Value) -> ControlRequest {
    let id = uuid::Uuid::now_v7().to_string();
    let line = json!({ "type": "control_request", "request_id": id, "request": request });
    ControlRequest { id, line }
}

/// The decision about a request, for an agent that waits for it.
pub(crate) fn answer(
    request_id: &str,
    settled: &SettledRequest,
    mode_after: Option<PermissionMode>,
) -> Value {
    let settlement = &settled.settlement;
    let answer = match settlement.decision {
        Decision::Allow => {
            let mut answer = json!({ "behavior": "allow", "updatedInput": input(settled) });
            if let Some(mode) = mode_after {
                let change = json!({ "type": "setMode", "mode": mode, "destination": "session" });
                answer["updatedPermissions"] = json!([change]);
            }
            answer
        }
        Decision::Deny => json!({
            "behavior": "deny", "message": denial(settled), "interrupt": settlement.interrupt,
        }),
    };
    success(request_id, &answer)
}

/// The verdict about a tool use at its gate.
pub(crate) fn gate(gate_id: &str, verdict: GateVerdict<'_>, updated_input: Option<&Value>) -> Value {
    let decision = |decision: &str, mut more: Value| {
        more["hookEventName"] = json!("PreToolUse");
        more["permissionDecision"] = json!(decision);
        json!({ "hookSpecificOutput": more })
    };
    let mut answer = match verdict {
        GateVerdict::Pass if updated_input.is_some() => {
            json!({ "hookSpecificOutput": { "hookEventName": "PreToolUse" } })
        }
        GateVerdict::Pass => json!({}),
        GateVerdict::Allow => decision("allow", json!({})),
        GateVerdict::Ask(why) => decision("ask", json!({ "permissionDecisionReason": why })),
        GateVerdict::Refuse(message) => decision("deny", json!({ "permissionDecisionReason": message })),
        GateVerdict::Settled(settled) => match settled.settlement.decision {
            Decision::Allow => decision("allow", json!({ "updatedInput": input(settled) })),
            Decision::Deny => decision("deny", json!({ "permissionDecisionReason": denial(settled) })),
        },
    };
    if let (GateVerdict::Pass | GateVerdict::Ask(_) | GateVerdict::Allow, Some(input)) =
        (verdict, updated_input)
    {
        answer["hookSpecificOutput"]["updatedInput"] = input.clone();
    }
    success(gate_id, &answer)
}

/// The input with which the tool is used.
fn input(settled: &SettledRequest) -> Value {
    let (asked, settlement) = (&settled.open.request.input, &settled.settlement);
    match (settled.open.kind, &settlement.updated_input, &settlement.answers) {
        (RequestKind::Permission, Some(changed), _) => changed.clone(),
        (RequestKind::Plan, Some(changed), _) => {
            let mut input = asked.clone();
            input["plan"] = changed["plan"].clone();
            input
        }
        (RequestKind::Question, _, Some(answers)) => {
            let mut input = asked.clone();
            let told =
                answers.iter().map(|(question, answer)| (question.clone(), told(asked, question, answer)));
            input["answers"] = Value::Object(told.collect());
            input
        }
        (RequestKind::Permission | RequestKind::Plan | RequestKind::Question, _, _) => asked.clone(),
    }
}

/// An answer as the agent writes several labels itself: one that could be taken for two stands in quotes. It
/// takes a list as well, but joins that so that nobody can tell where a label with a comma ends.
fn told(asked: &Value, question: &str, answer: &Value) -> Value {
    let Some(labels) = answer.as_array() else { return answer.clone() };
    let questions = asked["questions"].as_array().into_iter().flatten();
    let takes_several = |asked: &Value| asked["question"] == question && asked["multiSelect"] == true;
    match &labels[..] {
        [only] if !questions.into_iter().any(takes_several) => only.clone(),
        labels => {
            let labels = labels.iter().filter_map(Value::as_str).map(|label| match label {
                ambiguous if ambiguous.contains(", ") || ambiguous.contains('"') => {
                    json!(ambiguous).to_string()
                }
                clear => clear.to_owned(),
            });
            labels.collect::<Vec<_>>().join(", ").into()
        }
    }
}

fn denial(settled: &SettledRequest) -> &str {
    settled.settlement.message.as_deref().filter(|message| !message.trim().is_empty()).unwrap_or(NO)
}

fn success(request_id: &str, answer: &Value) -> Value {
    let response = json!({ "subtype": "success", "request_id": request_id, "response": answer });
    json!({ "type": "control_response", "response": response })
}

/// The answer to a report.
pub(super) fn heard(request_id: &str) -> Value {
    success(request_id, &json!({}))
}

/// The refusal of a request that this program does not offer; without an answer the agent would wait.
pub(crate) fn unsupported(request_id: &str, subtype: &str) -> Value {
    let error = format!("{subtype} is not supported");
    let response = json!({ "subtype": "error", "request_id": request_id, "error": error });
    json!({ "type": "control_response", "response": response })
}
