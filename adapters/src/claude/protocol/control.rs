//! The control side of the protocol: the agent's requests to its host, and its reports about its own work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use runner_core::agent::{AgentOutput, BackgroundUsage, BackgroundWork, PermissionMode, TaskListChange};
use runner_core::people::audit::decision::CallNature;
use runner_core::request::{AgentRequest, RequestKind, ToolEffect, ToolGate};
use runner_core::time::Timestamp;
use serde_json::Value;

use super::incoming::Incoming;
use super::json::{number, text};
use super::subagent_files::FileReport;
use super::tools;

/// The folder of the agent's plans below its configuration folder.
const PLANS: &str = "plans";

pub(super) fn request(raw: &Value) -> Incoming {
    let request_id = text(&raw["request_id"]);
    let request = &raw["request"];
    match request["subtype"].as_str() {
        Some("can_use_tool") => Incoming::Output(asked(request_id, request)),
        Some("hook_callback") if request["input"]["hook_event_name"] == "PreToolUse" => {
            Incoming::Output(gated(request_id, &request["input"]))
        }
        Some("hook_callback") if request["input"]["hook_event_name"] == "PostToolUse" => {
            Incoming::Reported { request_id, report: FileReport::of_subagent(&request["input"]) }
        }
        other => Incoming::Unsupported { request_id, subtype: other.unwrap_or_default().to_owned() },
    }
}

/// The answer to a control request of this program.
pub(super) fn response(raw: &Value) -> Incoming {
    let response = &raw["response"];
    let outcome = match response["subtype"].as_str() {
        Some("error") => Err(text(&response["error"])),
        Some(_) | None => Ok(response["response"].clone()),
    };
    Incoming::Answered { request_id: text(&response["request_id"]), outcome }
}

pub(super) fn withdrawn(raw: &Value) -> Incoming {
    Incoming::Output(AgentOutput::RequestWithdrawn { request_id: text(&raw["request_id"]) })
}

fn asked(request_id: String, request: &Value) -> AgentOutput {
    let (tool_name, input) = (text(&request["tool_name"]), request["input"].clone());
    let kind = match tool_name.as_str() {
        "AskUserQuestion" => RequestKind::Question,
        "ExitPlanMode" => RequestKind::Plan,
        _ => RequestKind::Permission,
    };
    let request = AgentRequest {
        request_id,
        tool_use_id: text(&request["tool_use_id"]),
        description: text(&request["description"]),
        reason: request["decision_reason"].as_str().map(str::to_owned),
        suggestions: request["permission_suggestions"].as_array().cloned().unwrap_or_default(),
        subagent: request["agent_id"].as_str().map(str::to_owned),
        effect: effect(&tool_name, &input, None),
        target: target(&tool_name, &input),
        tool_name,
        input,
    };
    AgentOutput::Asked { kind, request }
}

fn gated(gate_id: String, input: &Value) -> AgentOutput {
    let tool_name = text(&input["tool_name"]);
    let config_dir = input["transcript_path"].as_str().and_then(|path| Path::new(path).ancestors().nth(3));
    let plans = config_dir.map(|folder| folder.join(PLANS));
    AgentOutput::ToolGated(ToolGate {
        gate_id,
        tool_use_id: text(&input["tool_use_id"]),
        effect: effect(&tool_name, &input["tool_input"], plans),
        target: target(&tool_name, &input["tool_input"]),
        tool_name,
        input: Arc::new(input["tool_input"].clone()),
    })
}

/// What a call of a tool may do and what it is about, whoever wants to know afterwards.
pub fn nature_of_call(tool_name: &str, input: &Value) -> CallNature {
    CallNature { effect: effect(tool_name, input, None), target: target(tool_name, input) }
}

/// The effect of one tool use. The agent's own plan is no file of anybody's work, and a subagent in a copy of
/// the repository is more than a subagent.
fn effect(tool_name: &str, input: &Value, plans: Option<PathBuf>) -> ToolEffect {
    let effect = tools::effect(tool_name);
    if effect == ToolEffect::WritesFiles {
        let path = Path::new(file_path(input).unwrap_or_default());
        let is_plan = plans.is_some_and(|plans| path.parent() == Some(&plans));
        return if is_plan { ToolEffect::Notes } else { ToolEffect::WritesFiles };
    }
    if effect == ToolEffect::StartsAgents && !input["isolation"].is_null() {
        return ToolEffect::Other;
    }
    effect
}

fn file_path(input: &Value) -> Option<&str> {
    input["file_path"].as_str().or_else(|| input["notebook_path"].as_str())
}

/// The target that a remembered decision is bound to. A tool without a target is remembered as a whole.
fn target(tool_name: &str, input: &Value) -> Option<String> {
    let target = match tool_name {
        "Bash" | "Monitor" => input["command"].as_str(),
        "WebFetch" => input["url"].as_str().map(host),
        "Skill" => input["skill"].as_str(),
        _ => file_path(input),
    };
    target.map(str::to_owned)
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// Reads a `system` line about the agent's mode or its tasks; absent for lines about anything else.
pub(super) fn system(raw: &Value) -> Option<Vec<AgentOutput>> {
    let task_id = || text(&raw["task_id"]);
    let outputs = match raw["subtype"].as_str()? {
        "status" => {
            mode(&raw["permissionMode"]).map(|mode| AgentOutput::ModeChanged { mode }).into_iter().collect()
        }
        "permission_denied" => vec![AgentOutput::ToolRefused {
            tool_use_id: text(&raw["tool_use_id"]),
            tool_name: text(&raw["tool_name"]),
            reason: text(&raw["decision_reason_type"]),
            message: text(&raw["message"]),
        }],
        "task_started" => vec![AgentOutput::TaskStarted(BackgroundWork {
            task_id: task_id(),
            tool_use_id: raw["tool_use_id"].as_str().map(str::to_owned),
            kind: text(&raw["task_type"]),
            description: text(&raw["description"]),
            subagent_type: raw["subagent_type"].as_str().map(str::to_owned),
        })],
        "task_progress" => vec![AgentOutput::TaskProgressed {
            task_id: task_id(),
            description: text(&raw["description"]),
            usage: usage(&raw["usage"]).unwrap_or_default(),
        }],
        "task_notification" => vec![AgentOutput::TaskFinished {
            task_id: task_id(),
            status: text(&raw["status"]),
            summary: text(&raw["summary"]),
            usage: usage(&raw["usage"]),
        }],
        // A notification line follows every other end.
        "task_updated" if raw["patch"]["status"] == "killed" => vec![AgentOutput::TaskFinished {
            task_id: task_id(),
            status: "stopped".to_owned(),
            summary: String::new(),
            usage: None,
        }],
        "task_updated" => vec![],
        _ => return None,
    };
    Some(outputs)
}

/// Reads the state of a limit. A near limit is reported too; at a reached one the model answers nothing until
/// it resets.
pub(super) fn rate_limit(info: &Value) -> AgentOutput {
    let is_reached = info["status"] == "rejected";
    let resets_at = info["resetsAt"].as_i64().filter(|_| is_reached);
    let resets_at = resets_at.map(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)));
    AgentOutput::RateLimited { info: info.clone(), resets_at }
}

fn usage(raw: &Value) -> Option<BackgroundUsage> {
    raw.is_object().then(|| BackgroundUsage {
        total_tokens: raw["total_tokens"].as_u64().unwrap_or_default(),
        tool_uses: number(&raw["tool_uses"]),
        duration_ms: raw["duration_ms"].as_u64().unwrap_or_default(),
    })
}

fn mode(raw: &Value) -> Option<PermissionMode> {
    serde_json::from_value(raw.clone()).ok()
}

/// The change to the to-do list in a tool's structured result.
pub(super) fn task_list_change(result: &Value) -> Option<TaskListChange> {
    if let (Some(id), Some(subject)) = (result["task"]["id"].as_str(), result["task"]["subject"].as_str()) {
        let (id, subject) = (id.to_owned(), Some(subject.to_owned()));
        return Some(TaskListChange { id, subject, status: "pending".to_owned() });
    }
    let (id, status) = (result["taskId"].as_str()?, result["statusChange"]["to"].as_str()?);
    Some(TaskListChange { id: id.to_owned(), subject: None, status: status.to_owned() })
}
