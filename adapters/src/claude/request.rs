//! Lines for the agent: prompts, answers and control requests.
//!
//! Everything here is made by serializing values: one malformed line would end the process.

use runner_core::ids::TurnId;
use runner_core::prompt::Attachment;
use serde_json::{Value, json};

/// The prompt of a turn. The turn's id is the message's: sent twice, it is taken once.
pub(super) fn prompt(turn: TurnId, text: &str, attachments: &[Attachment]) -> Value {
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

pub(super) fn initialize() -> Value {
    control_request("initialize")
}

pub(super) fn interrupt() -> Value {
    control_request("interrupt")
}

fn control_request(subtype: &str) -> Value {
    let request_id = uuid::Uuid::now_v7();
    json!({ "type": "control_request", "request_id": request_id, "request": { "subtype": subtype } })
}

/// The answer no to a question whether a tool may be used; the model reads the message.
pub(super) fn refusal(request_id: &str, message: &str) -> Value {
    let answer = json!({ "behavior": "deny", "message": message });
    let response = json!({ "subtype": "success", "request_id": request_id, "response": answer });
    json!({ "type": "control_response", "response": response })
}

/// The answer to a request that this program does not offer; without one the agent would wait.
pub(super) fn unsupported(request_id: &str, subtype: &str) -> Value {
    let error = format!("{subtype} is not supported");
    let response = json!({ "subtype": "error", "request_id": request_id, "error": error });
    json!({ "type": "control_response", "response": response })
}
