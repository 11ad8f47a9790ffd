//! A hook as it may be seen.

use runner_actors::StoredExtension;
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::hook::condition::Condition;
use runner_core::setup::extension::hook::{Hook, HookAction, HookTrigger};
use serde::Serialize;

use crate::routes::extensions::ExtensionHead;
use crate::routes::extensions::history::{Change, ChangeHead};

/// A hook.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HookView {
    #[serde(flatten)]
    pub(super) head: ExtensionHead,
    #[serde(flatten)]
    definition: HookDefinition,
}

/// A change of a hook.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HookChange {
    #[serde(flatten)]
    head: ChangeHead,
    /// What it is since then, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<HookDefinition>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct HookDefinition {
    event: HookTrigger,
    action: HookAction,
    conditions: Vec<Condition>,
    order: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
}

impl HookView {
    /// Absent where it is none: the routes find one by its kind.
    pub(super) fn of(stored: &StoredExtension) -> Option<Self> {
        let definition = HookDefinition::of(stored.created.definition.clone())?;
        Some(Self { head: ExtensionHead::of(stored), definition })
    }
}

impl HookChange {
    pub(super) fn of((head, definition): Change) -> Self {
        Self { head, definition: definition.and_then(HookDefinition::of) }
    }
}

impl HookDefinition {
    fn of(definition: Definition) -> Option<Self> {
        match definition {
            Definition::Hook(Hook { event, action, conditions, order, message, command, timeout_ms }) => {
                Some(Self { event, action, conditions, order, message, command, timeout_ms })
            }
            Definition::McpServer(_)
            | Definition::Skill(_)
            | Definition::Plugin(_)
            | Definition::Agent(_) => None,
        }
    }
}
