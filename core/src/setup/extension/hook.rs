//! Hooks: rules that people add about what their agents do, and what becomes of it then.
//!
//! A hook belongs to an event. It applies where all of its conditions hold; one without conditions always
//! does. How several of them come to one outcome is in [`rules`].

pub mod condition;
pub mod rules;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::condition::{Condition, Field, Operator, Test};
use crate::ids::ExtensionId;
use crate::people::audit::decision::NatureOfCall;
use crate::request::{Mismatch, ToolEffect};

/// The most conditions of one hook.
pub const MAX_CONDITIONS: usize = 20;

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
        }
    }
}

impl Hook {
    /// Whether it can be evaluated; what is wrong with it otherwise.
    pub fn check(&self) -> Result<(), Mismatch> {
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
