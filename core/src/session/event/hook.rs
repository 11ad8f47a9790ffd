//! Hooks that applied to something an agent did.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::TurnId;
use crate::setup::extension::hook::{HookAction, HookRef, HookTrigger};

/// A hook was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum HookEvent {
    /// Its program is asked, and the call waits for that.
    #[serde(rename = "hook_called")]
    Called(HookCalled),
    /// It applied, or nobody can tell whether it does.
    #[serde(rename = "hook_evaluated")]
    Evaluated(HookEvaluated),
}

/// A hook that applied, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HookEvaluated {
    pub turn: TurnId,
    pub hook: HookRef,
    pub event: HookTrigger,
    pub action: HookAction,
    pub outcome: HookOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// What the agent or a person reads because of it, or why its action was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What its program has the tool used with instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_input: Option<Value>,
}

/// A hook whose program was asked. After a crash nobody knows what that has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HookCalled {
    pub turn: TurnId,
    pub hook: HookRef,
    pub event: HookTrigger,
    pub tool_use_id: String,
    pub tool_name: String,
}

/// What came of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookOutcome {
    Allow,
    Block,
    Ask,
    /// It has decided nothing.
    None,
}

impl HookEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Called(_) => "hook_called",
            Self::Evaluated(_) => "hook_evaluated",
        }
    }
}
