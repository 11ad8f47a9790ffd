//! Hooks: rules that people add about what their agents do, and what becomes of it then.
//!
//! A hook belongs to an event. It applies where all of its conditions hold; one without conditions always
//! does. How several of them come to one outcome is in [`rules`].

pub mod answer;
pub mod condition;
pub mod rules;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::condition::{Condition, Field, Operator, Test};
use crate::ids::ExtensionId;
use crate::people::audit::decision::NatureOfCall;
use crate::request::{Mismatch, ToolEffect};

/// The most conditions of one hook.
pub const MAX_CONDITIONS: usize = 20;

/// The most bytes of the line that a hook has run.
const MAX_COMMAND_BYTES: usize = 4096;

/// How long a program may take, and how long if nothing is said.
const TIMEOUTS_MS: RangeInclusive<u64> = 100..=600_000;
const DEFAULT_TIMEOUT_MS: u64 = 60_000;

/// A rule about what agents do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub event: HookTrigger,
    pub action: HookAction,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// Hooks are looked at from the lowest to the highest, and in the order in which they were made.
    #[serde(default)]
    pub order: i32,
    /// What the agent reads where it blocks, and people where it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The line that the shell runs, of a hook that runs a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How long that may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// The moment that a hook is about, by Claude Code's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum HookTrigger {
    /// A tool is about to be used.
    PreToolUse,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookAction {
    /// Nobody is asked, as far as the permission mode leaves that to people.
    Allow,
    Block,
    /// A person decides, also where the mode would have let it pass.
    Ask,
    /// It is noted that the hook applies, and the next one is looked at.
    Log,
    /// A program decides, or leaves it to the next one.
    Command,
}

/// A hook as it was when something was judged by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HookRef {
    pub id: ExtensionId,
    pub name: String,
    /// The version of its history.
    pub version: u64,
}

impl HookTrigger {
    /// Claude Code's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreToolUse => "PreToolUse",
        }
    }
}

impl HookAction {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Ask => "ask",
            Self::Log => "log",
            Self::Command => "command",
        }
    }
}

impl Hook {
    /// Whether it can be evaluated; what is wrong with it otherwise.
    pub fn check(&self) -> Result<(), Mismatch> {
        self.check_command()?;
        if self.conditions.len() > MAX_CONDITIONS {
            let detail = format!("a hook has at most {MAX_CONDITIONS} conditions");
            return Err(Mismatch { pointer: "/conditions".to_owned(), detail });
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let test = Test::compile(condition).map_err(|fault| Mismatch {
                pointer: format!("/conditions/{index}/{}", fault.at),
                detail: fault.detail,
            });
            drop(test?);
        }
        Ok(())
    }

    fn check_command(&self) -> Result<(), Mismatch> {
        let wrong = |pointer: &str, detail: String| Err(Mismatch { pointer: pointer.to_owned(), detail });
        let is_line =
            |line: &str| (1..=MAX_COMMAND_BYTES).contains(&line.trim().len()) && !line.contains('\0');
        match (self.action, &self.command, self.timeout_ms) {
            (HookAction::Command, None, _) => {
                wrong("/command", "is required: the line that the shell runs".to_owned())
            }
            (HookAction::Command, Some(line), _) if !is_line(line) => wrong(
                "/command",
                format!("must be a line for the shell of at most {MAX_COMMAND_BYTES} bytes"),
            ),
            (HookAction::Command, Some(_), Some(given)) if !TIMEOUTS_MS.contains(&given) => {
                let (least, most) = (TIMEOUTS_MS.start(), TIMEOUTS_MS.end());
                wrong("/timeout_ms", format!("must be from {least} to {most}"))
            }
            (HookAction::Command, Some(_), _) => Ok(()),
            (HookAction::Allow | HookAction::Block | HookAction::Ask | HookAction::Log, Some(_), _) => {
                wrong("/command", "goes with the action `command` only".to_owned())
            }
            (HookAction::Allow | HookAction::Block | HookAction::Ask | HookAction::Log, None, Some(_)) => {
                wrong("/timeout_ms", "goes with the action `command` only".to_owned())
            }
            (HookAction::Allow | HookAction::Block | HookAction::Ask | HookAction::Log, None, None) => Ok(()),
        }
    }

    /// How long its program may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS))
    }

    /// Whether it may let through, without asking anybody, what does more than read.
    pub fn may_allow_more_than_reading(&self, nature: NatureOfCall) -> bool {
        let reads = |name: &Value| {
            let name = name.as_str();
            name.is_some_and(|name| nature(name, &Value::Null).effect == ToolEffect::Reads)
        };
        let keeps_to_reading = |condition: &Condition| {
            let is_about_tool = Field::parse(&condition.field) == Some(Field::ToolName);
            let named = match (condition.operator, &condition.value) {
                (Operator::In, Value::Array(names)) => &names[..],
                (Operator::Equals, name) => std::slice::from_ref(name),
                (
                    Operator::In
                    | Operator::NotEquals
                    | Operator::NotIn
                    | Operator::Contains
                    | Operator::Matches
                    | Operator::Glob,
                    _,
                ) => return false,
            };
            is_about_tool && named.iter().all(reads)
        };
        self.action == HookAction::Allow && !self.conditions.iter().any(keeps_to_reading)
    }
}
