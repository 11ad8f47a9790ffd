//! How a session's event is stored and read back.

use cqrs_es::DomainEvent;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::SessionEvent;
use crate::log::{AggregateEvent, EncodedEvent};

/// The enum of events that a stored name belongs to.
enum Subject {
    Lifecycle,
    Prompt,
    Turn,
    Agent,
    Message,
    Tool,
    Files,
    Request,
    Background,
    Spend,
    Setting,
    Hook,
}

impl Subject {
    /// Every name that was ever stored.
    fn of(type_name: &str) -> Option<Self> {
        Some(match type_name {
            "assistant_text" | "assistant_thinking" => Self::Message,
            "tool_used" | "tool_returned" | "tool_abandoned" | "policy_applied" => Self::Tool,
            "model_called" | "usage_reported" | "budget_exhausted" => Self::Spend,
            "prompt_submitted" | "prompt_withdrawn" | "prompt_steered" => Self::Prompt,
            "turn_started"
            | "turn_parked"
            | "turn_resumed"
            | "turn_continued"
            | "turn_completed"
            | "turn_failed"
            | "turn_interrupted"
            | "interrupt_requested" => Self::Turn,
            "file_changed" | "workspace_changed" | "workspace_unobserved" | "files_rewound" => Self::Files,
            "agent_initialized" | "agent_message" | "api_retried" | "rate_limited" | "context_compacted" => {
                Self::Agent
            }
            "permission_requested"
            | "permission_decided"
            | "question_asked"
            | "question_answered"
            | "plan_proposed"
            | "plan_decided"
            | "request_released"
            | "request_withdrawn" => Self::Request,
            "subagent_started"
            | "subagent_progressed"
            | "subagent_finished"
            | "subagent_parked"
            | "subagent_taken_up"
            | "subagent_stop_requested"
            | "task_list_changed" => Self::Background,
            "hook_called" | "hook_evaluated" => Self::Hook,
            "permission_mode_changed" | "model_changed" | "working_dir_changed" => Self::Setting,
            "session_opened"
            | "session_renamed"
            | "session_tagged"
            | "session_archived"
            | "session_unarchived"
            | "session_handed_over" => Self::Lifecycle,
            _ => return None,
        })
    }
}

impl SessionEvent {
    /// The version of its shape. Raise it, and upcast in [`SessionEvent::decode`], when a shape changes.
    pub const fn schema(&self) -> u32 {
        1
    }

    /// The fields alone, as the log stores and hashes them: JSON text.
    pub fn encode(&self) -> serde_json::Result<String> {
        let mut tagged = serde_json::to_string(self)?;
        // Names need no escapes, so what stands around the fields has a known length.
        tagged.truncate(tagged.len() - "}".len());
        tagged.drain(..r#"{"type":"","data":"#.len() + self.type_name().len());
        Ok(tagged)
    }

    /// Reads a stored event back.
    pub fn decode(type_name: &str, data: &str) -> serde_json::Result<Self> {
        let Some(subject) = Subject::of(type_name) else {
            return Err(serde_json::Error::custom(format!("unknown variant `{type_name}`")));
        };
        // The tag goes first: then the data is read straight into its variant. A known name needs no escapes.
        let tagged = format!(r#"{{"type":"{type_name}","data":{data}}}"#);
        match subject {
            Subject::Lifecycle => read(&tagged, Self::Lifecycle),
            Subject::Prompt => read(&tagged, Self::Prompt),
            Subject::Turn => read(&tagged, Self::Turn),
            Subject::Agent => read(&tagged, Self::Agent),
            Subject::Message => read(&tagged, Self::Message),
            Subject::Tool => read(&tagged, Self::Tool),
            Subject::Files => read(&tagged, Self::Files),
            Subject::Request => read(&tagged, Self::Request),
            Subject::Background => read(&tagged, Self::Background),
            Subject::Spend => read(&tagged, Self::Spend),
            Subject::Setting => read(&tagged, Self::Setting),
            Subject::Hook => read(&tagged, Self::Hook),
        }
    }
}

fn read<E: DeserializeOwned>(tagged: &str, wrap: fn(E) -> SessionEvent) -> serde_json::Result<SessionEvent> {
    serde_json::from_str(tagged).map(wrap)
}

impl<'de> Deserialize<'de> for SessionEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tagged {
            #[serde(rename = "type")]
            type_name: String,
            data: Box<RawValue>,
        }

        let Tagged { type_name, data } = Tagged::deserialize(deserializer)?;
        Self::decode(&type_name, data.get()).map_err(D::Error::custom)
    }
}

impl AggregateEvent for SessionEvent {
    fn to_encoded(&self) -> serde_json::Result<EncodedEvent> {
        let (type_name, schema) = (self.type_name().into(), self.schema());
        Ok(EncodedEvent { type_name, schema, data: self.encode()? })
    }

    fn decode_data(type_name: &str, data: &str) -> serde_json::Result<Self> {
        Self::decode(type_name, data)
    }
}

impl DomainEvent for SessionEvent {
    fn event_type(&self) -> String {
        self.type_name().to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().to_string()
    }
}
