//! Prompts: given, taken back, and given to a turn that runs.

use serde::{Deserialize, Serialize};

use crate::ids::TurnId;
use crate::prompt::Attachment;

/// A prompt is given or taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum PromptEvent {
    #[serde(rename = "prompt_submitted")]
    Submitted {
        turn: TurnId,
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
        author: String,
    },
    /// A prompt that waited was taken back.
    #[serde(rename = "prompt_withdrawn")]
    Withdrawn { turn: TurnId, by: String },
    /// A prompt was given to the turn that runs.
    #[serde(rename = "prompt_steered")]
    Steered {
        turn: TurnId,
        /// The agent's id for the message, so that it is taken once.
        message: TurnId,
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
        author: String,
    },
}

impl PromptEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "prompt_submitted",
            Self::Withdrawn { .. } => "prompt_withdrawn",
            Self::Steered { .. } => "prompt_steered",
        }
    }
}
