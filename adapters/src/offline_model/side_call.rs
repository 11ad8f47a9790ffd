//! Calls that the program makes for itself: probes, titles, summaries, judgements. They never play a script.

use serde_json::{Map, Value, json};

use super::{
    reply::Message,
    request::{Request, Thinking},
};

/// The beginnings of the program's requests for a summary of the conversation.
const SUMMARY_REQUESTS: &[&str] =
    &["CRITICAL: Respond with TEXT ONLY", "Your task is to create a detailed summary"];
const SUMMARY: &str =
    "<summary>\nThe offline model sums up: there was a conversation before this one.\n</summary>";
const SIDE_ANSWER: &str = "This is the offline model; it has nothing to say to that.";
/// A classifier that cannot judge must refuse: only what needs no judgement runs in auto mode.
const VERDICT: &str =
    "<block>yes</block><reason>[Offline Model] the offline model cannot judge whether this is safe</reason>";

/// The harmless answer to a call that is not part of a turn; `None` for a turn.
pub(super) fn find_answer(request: &Request) -> Option<Message> {
    let format = request.output_config.as_ref().and_then(|config| config.format.as_ref());
    let is_bare = request.tools.is_empty();
    if request.max_tokens == Some(1) {
        return Some(Message::text("."));
    }
    // Summary and side question come with the tools and the conversation of the turn before them.
    let is_said = |beginning: &str| request.last_user_texts().any(|text| text.starts_with(beginning));
    if SUMMARY_REQUESTS.iter().copied().any(is_said) {
        return Some(Message::text(SUMMARY));
    }
    if is_said("<system-reminder>This is a side question") {
        return Some(Message::text(SIDE_ANSWER));
    }
    if let (true, Some(format)) = (is_bare, format) {
        return Some(Message::text(example(&format.schema).to_string()));
    }
    if is_bare && request.thinking == Some(Thinking::Disabled) {
        let is_judgement = request.last_user_texts().any(|text| text.contains("<block>"));
        return Some(Message::text(if is_judgement { VERDICT } else { SIDE_ANSWER }));
    }
    None
}

/// The smallest value that a JSON schema describes, so that a request for a title gets one.
fn example(schema: &Value) -> Value {
    if let Some(value) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return value.clone();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "object" => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Value::Object(
                properties.map(|(name, schema)| (name.clone(), example(schema))).collect::<Map<_, _>>(),
            )
        }
        "array" => json!([]),
        "boolean" => json!(false),
        "integer" | "number" => json!(0),
        "null" => Value::Null,
        _ => json!("Offline session"),
    }
}
