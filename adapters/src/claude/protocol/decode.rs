//! Lines from the agent, in the words of the domain.
//!
//! Newer versions write lines that this program does not know. A line is therefore read as JSON first, typed
//! only where its fields are needed, and kept whole where that fails.

use claude_codes::InitMessage;
use claude_codes::io::ContentBlock;
use runner_core::agent::{AgentOutput, AgentProfile, Delta, DeltaKind, ToolReturn};
use serde_json::Value;
use uuid::Uuid;

use super::incoming::Incoming;
use super::json::{number, text};
use super::{control, file_change, result_line};

/// Lines that say nothing which another line does not say better.
const PASSING: &[&str] = &["thinking_tokens", "session_state_changed", "background_tasks_changed"];

/// The deepest nesting that is kept as JSON; deeper parts are kept as text. An event puts a few levels around
/// it, and readers of JSON commonly give up at 128.
const MAX_DEPTH: usize = 64;

/// Reads one line. A line that does not look like JSON is no message; Claude Code's own clients skip it too.
pub(super) fn decode(line: &[u8], current_message: &mut String) -> Vec<Incoming> {
    let raw = match parse(line) {
        Some(raw) => raw,
        None if line.starts_with(b"{") => return vec![Incoming::Output(unreadable(line))],
        None => return vec![],
    };
    match raw["type"].as_str() {
        Some("system") => system(raw),
        Some("assistant") => assistant(&raw),
        Some("user") => user(raw),
        Some("stream_event") => stream_event(&raw, current_message).into_iter().collect(),
        Some("result") => {
            vec![Incoming::Output(AgentOutput::TurnEnded(Box::new(result_line::turn_report(&raw))))]
        }
        Some("control_request") => vec![control::request(&raw)],
        Some("control_response") => vec![control::response(&raw)],
        Some("control_cancel_request") => vec![control::withdrawn(&raw)],
        Some("rate_limit_event") => {
            vec![Incoming::Output(control::rate_limit(&raw["rate_limit_info"]))]
        }
        // The progress of a prompt, which the lines of its turn show as well.
        Some("keep_alive" | "tool_progress" | "command_lifecycle") => vec![],
        Some("progress") => progress(raw),
        // The outcome of a hook that this program itself has answered.
        Some("attachment") if text(&raw["attachment"]["type"]).starts_with("hook_") => vec![],
        Some(_) | None => vec![Incoming::Output(AgentOutput::Other { raw })],
    }
}

pub(crate) fn parse(line: &[u8]) -> Option<Value> {
    let mut raw = parse_whole(line)?;
    flatten_below(&mut raw, MAX_DEPTH);
    Some(raw)
}

/// Reads a line of JSON as deep as it is.
pub(crate) fn parse_whole(line: &[u8]) -> Option<Value> {
    match serde_json::from_slice::<Value>(line) {
        Ok(raw) => Some(raw),
        // A text that was cut inside a character has half of one, which JavaScript allows and JSON does not.
        Err(_) => serde_json::from_str(&without_lone_surrogates(std::str::from_utf8(line).ok()?)).ok(),
    }
}

/// Replaces each escaped half of a surrogate pair by the replacement character.
fn without_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut mended = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(found) = text[rest..].find('\\') {
        let at = rest + found;
        mended.push_str(&text[rest..at]);
        let (length, is_lone) = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, false),
            (Some(0xD800..=0xDFFF), _) => (6, true),
            (_, _) => (1 + text[at + 1..].chars().next().map_or(0, char::len_utf8), false),
        };
        mended.push_str(if is_lone { "\\ufffd" } else { &text[at..at + length] });
        rest = at + length;
    }
    mended.push_str(&text[rest..]);
    mended
}

/// Turns parts that are nested deeper than `depth` into their own text.
fn flatten_below(value: &mut Value, depth: usize) {
    match value {
        Value::Array(_) | Value::Object(_) if depth == 0 => *value = Value::String(value.to_string()),
        Value::Array(items) => items.iter_mut().for_each(|item| flatten_below(item, depth - 1)),
        Value::Object(fields) => fields.values_mut().for_each(|field| flatten_below(field, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unreadable(line: &[u8]) -> AgentOutput {
    let text: String = String::from_utf8_lossy(line).chars().take(4096).collect();
    AgentOutput::Other { raw: serde_json::json!({ "type": "unreadable_line", "text": text }) }
}

fn system(raw: Value) -> Vec<Incoming> {
    if let Some(outputs) = control::system(&raw) {
        return outputs.into_iter().map(Incoming::Output).collect();
    }
    let output = match raw["subtype"].as_str() {
        Some("init") => match serde_json::from_value::<InitMessage>(raw.clone()) {
            Ok(init) => AgentOutput::Initialized(profile(init, &raw)),
            // A turn begins with this line, whatever else a newer version says there.
            Err(_) => AgentOutput::Initialized(bare_profile(&raw)),
        },
        Some("api_retry") => AgentOutput::ApiRetried {
            attempt: number(&raw["attempt"]),
            max_attempts: number(&raw["max_retries"]),
            delay_ms: raw["retry_delay_ms"].as_f64().unwrap_or_default() as u64,
            status: raw["error_status"].as_u64().and_then(|status| u16::try_from(status).ok()),
            error: text(&raw["error"]),
        },
        Some("compact_boundary") => {
            let metadata = &raw["compact_metadata"];
            AgentOutput::ContextCompacted {
                trigger: text(&metadata["trigger"]),
                tokens_before: metadata["pre_tokens"].as_u64().unwrap_or_default(),
                tokens_after: metadata["post_tokens"].as_u64().unwrap_or_default(),
            }
        }
        Some(passing) if PASSING.contains(&passing) => return vec![],
        Some(_) | None => AgentOutput::Other { raw },
    };
    vec![Incoming::Output(output)]
}

fn profile(init: InitMessage, raw: &Value) -> AgentProfile {
    AgentProfile {
        model: init.model.unwrap_or_default(),
        permission_mode: text(&raw["permissionMode"]),
        runtime_version: init.claude_code_version.unwrap_or_default(),
        tools: init.tools,
        mcp_servers: init.mcp_servers,
        skills: init.skills,
        agents: init.agents,
        plugins: raw["plugins"].as_array().cloned().unwrap_or_default(),
        trusted_folder: false,
        extensions: None,
        conversation: conversation(raw),
    }
}

fn bare_profile(raw: &Value) -> AgentProfile {
    AgentProfile {
        model: text(&raw["model"]),
        permission_mode: text(&raw["permissionMode"]),
        runtime_version: text(&raw["claude_code_version"]),
        conversation: conversation(raw),
        ..AgentProfile::default()
    }
}

/// The agent's name for the conversation that it is in. It is the session's until people begin anew.
fn conversation(raw: &Value) -> Option<Uuid> {
    Uuid::try_parse(raw["session_id"].as_str()?).ok()
}

pub(crate) fn assistant(raw: &Value) -> Vec<Incoming> {
    let message_id = text(&raw["message"]["id"]);
    let parent_tool_use_id = raw["parent_tool_use_id"].as_str().map(str::to_owned);
    let blocks = raw["message"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    if blocks.is_empty() {
        return vec![Incoming::Output(AgentOutput::Other { raw: raw.clone() })];
    }
    let outputs = blocks.iter().map(|block| {
        let (message_id, parent_tool_use_id) = (message_id.clone(), parent_tool_use_id.clone());
        match serde_json::from_value::<ContentBlock>(block.clone()) {
            Ok(ContentBlock::Text(text)) => {
                AgentOutput::Text { message_id, text: text.text, parent_tool_use_id }
            }
            Ok(ContentBlock::Thinking(thinking)) => {
                AgentOutput::Thinking { message_id, text: thinking.thinking, parent_tool_use_id }
            }
            Ok(ContentBlock::ToolUse(tool)) => AgentOutput::ToolUsed {
                tool_use_id: tool.id,
                name: tool.name,
                input: tool.input,
                parent_tool_use_id,
            },
            // A thinking block may come without a signature.
            Err(_) if block["type"] == "thinking" => {
                AgentOutput::Thinking { message_id, text: text(&block["thinking"]), parent_tool_use_id }
            }
            Ok(_) | Err(_) => AgentOutput::Other { raw: raw.clone() },
        }
    });
    outputs.map(Incoming::Output).collect()
}

/// Reads a line of a subagent that comes wrapped, before the agent is up again after a resume.
fn progress(mut raw: Value) -> Vec<Incoming> {
    let mut inner = raw["data"]["message"].take();
    match (raw["data"]["type"].as_str(), inner["type"].as_str()) {
        // The outcome of a hook that this program itself has answered.
        (Some("hook_progress"), _) => return vec![],
        (Some("agent_progress"), Some("assistant")) => {}
        (Some("agent_progress"), Some("user")) => {
            inner["parent_tool_use_id"] = raw["parentToolUseID"].take();
            return user(inner);
        }
        (_, _) => {
            raw["data"]["message"] = inner;
            return vec![Incoming::Output(AgentOutput::Other { raw })];
        }
    }
    inner["parent_tool_use_id"] = raw["parentToolUseID"].take();
    assistant(&inner)
}

pub(crate) fn user(raw: Value) -> Vec<Incoming> {
    // An echo of a changed setting, which nobody said.
    if raw["isReplay"] == true {
        return vec![];
    }
    let blocks = raw["message"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let results: Vec<&Value> = blocks.iter().filter(|block| block["type"] == "tool_result").collect();
    if results.is_empty() && raw["parent_tool_use_id"].is_string() {
        return vec![]; // The prompt of a subagent: the tool use that started it has it.
    }
    if results.is_empty() {
        return vec![Incoming::Output(AgentOutput::Other { raw })];
    }
    // The field has the transcript's name where the tool was used before the agent was up again.
    let structured = raw.get("tool_use_result").or_else(|| raw.get("toolUseResult"));
    let mut structured = structured.filter(|result| !result.is_null());
    let list_change = structured.and_then(control::task_list_change).map(AgentOutput::TaskListChanged);
    let outputs = results.into_iter().map(|block| {
        // A line has one structured part, and one result as a rule.
        let structured = structured.take();
        let tool_use_id = text(&block["tool_use_id"]);
        let file_change = structured.and_then(|result| file_change::file_change(result, &tool_use_id));
        AgentOutput::ToolReturned(ToolReturn {
            is_error: block["is_error"] == true,
            content: block["content"].clone(),
            structured: structured.cloned(),
            file_change,
            tool_use_id,
            allowed_by: None,
        })
    });
    outputs.chain(list_change).map(Incoming::Output).collect()
}

fn stream_event(raw: &Value, current_message: &mut String) -> Option<Incoming> {
    let event = &raw["event"];
    match event["type"].as_str()? {
        "message_start" => {
            *current_message = text(&event["message"]["id"]);
            None
        }
        "content_block_delta" => {
            let delta = &event["delta"];
            let (kind, piece) = match delta["type"].as_str()? {
                "text_delta" => (DeltaKind::Text, &delta["text"]),
                "thinking_delta" => (DeltaKind::Thinking, &delta["thinking"]),
                _ => return None,
            };
            let message_id = current_message.clone();
            Some(Incoming::Delta(Delta {
                kind,
                message_id,
                index: number(&event["index"]),
                text: text(piece),
            }))
        }
        _ => None,
    }
}
