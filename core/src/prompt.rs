//! What a person or a program hands to the agent.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most characters a prompt may have.
pub const MAX_PROMPT_CHARS: usize = 100_000;

/// Text for the agent. Never blank, at most [`MAX_PROMPT_CHARS`] characters, free of NUL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Prompt(String);

/// Why a text is not a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PromptError {
    #[error("the prompt is empty")]
    Empty,
    #[error("the prompt is longer than {MAX_PROMPT_CHARS} characters")]
    TooLong,
    #[error("the prompt contains a NUL character")]
    ContainsNul,
}

impl Prompt {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Prompt {
    type Error = PromptError;

    fn try_from(text: String) -> Result<Self, PromptError> {
        if text.trim().is_empty() {
            return Err(PromptError::Empty);
        }
        if text.chars().count() > MAX_PROMPT_CHARS {
            return Err(PromptError::TooLong);
        }
        if text.contains('\0') {
            return Err(PromptError::ContainsNul);
        }
        Ok(Self(text))
    }
}

/// Something that goes with a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Attachment {
    /// A picture; `data` is base64.
    Image { media_type: String, data: String },
}
