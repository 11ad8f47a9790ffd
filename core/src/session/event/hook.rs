//! Hooks that applied to something an agent did.

use serde::{Deserialize, Serialize};

use crate::ids::TurnId;
use crate::setup::extension::hook::{HookAction, HookRef, HookTrigger};

/// A hook was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum HookEvent {
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
            Self::Evaluated(_) => "hook_evaluated",
        }
    }
}
