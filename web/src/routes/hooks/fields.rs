//! The checks on what is said about a hook.

use runner_core::ids::CommandId;
use runner_core::setup::extension::definition::{Defined, Definition};
use runner_core::setup::extension::hook::condition::Condition;
use runner_core::setup::extension::hook::{Hook, HookAction, HookTrigger};
use runner_core::setup::extension::secrets::SecretValues;
use serde::Deserialize;

use crate::http::error::Problem;
use crate::request::name;
use crate::routes::extensions::ScopeName;

const MAX_ORDER: i32 = 1_000_000;
const MAX_MESSAGE_CHARS: usize = 1000;

/// A hook: what becomes of something that an agent is about to do.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookBody {
    /// One is made up if it is absent.
    #[schema(min_length = 1, max_length = 100)]
    pub(super) name: Option<String>,
    pub(super) event: HookTrigger,
    pub(super) action: HookAction,
    /// All of them must hold. Without any the hook always applies.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub(super) conditions: Vec<Condition>,
    /// Hooks are looked at from the lowest to the highest; 0 if absent.
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub(super) order: Option<i32>,
    /// What the agent reads where the hook blocks, and people where it asks.
    #[schema(min_length = 1, max_length = 1000)]
    pub(super) message: Option<String>,
    /// The line that the shell runs, with the action `command`.
    #[schema(min_length = 1, max_length = 4096)]
    pub(super) command: Option<String>,
    /// How long that may take; 60000 if absent.
    #[schema(minimum = 100, maximum = 600_000)]
    pub(super) timeout_ms: Option<u64>,
    pub(super) scope: Option<ScopeName>,
    /// The folder of the scope `workspace`.
    pub(super) working_dir: Option<String>,
    /// True if absent.
    pub(super) enabled: Option<bool>,
}

/// Fields to set anew; absent ones stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookPatch {
    pub(super) scope: Option<ScopeName>,
    pub(super) working_dir: Option<String>,
    pub(super) enabled: Option<bool>,
}

impl HookBody {
    /// One that is tried and not stored.
    pub(super) fn of(event: HookTrigger, action: HookAction, conditions: Vec<Condition>) -> Self {
        Self {
            name: None,
            event,
            action,
            conditions,
            order: None,
            message: None,
            command: None,
            timeout_ms: None,
            scope: None,
            working_dir: None,
            enabled: None,
        }
    }

    pub(super) fn defined(&self) -> Result<Defined, Problem> {
        let definition = Definition::Hook(self.hook()?);
        Ok(Defined { definition, secrets: SecretValues::default() })
    }

    pub(super) fn hook(&self) -> Result<Hook, Problem> {
        let order = self.order.unwrap_or_default();
        if !(-MAX_ORDER..=MAX_ORDER).contains(&order) {
            let detail = format!("must be from -{MAX_ORDER} to {MAX_ORDER}");
            return Err(Problem::field("field_invalid", "/order", detail));
        }
        let hook = Hook {
            event: self.event,
            action: self.action,
            conditions: self.conditions.clone(),
            order,
            message: self.message.as_deref().map(message).transpose()?,
            command: self.command.clone(),
            timeout_ms: self.timeout_ms,
        };
        let checked = hook.check();
        checked.map_err(|wrong| Problem::field("field_invalid", &wrong.pointer, wrong.detail))?;
        Ok(hook)
    }

    /// The name that it is given, or one that says what it does; the same for the same command.
    pub(super) fn name_for(&self, command: CommandId) -> Result<String, Problem> {
        if let Some(given) = &self.name {
            return name::name(given.clone());
        }
        let unique = command.0.simple().to_string();
        let unique = unique.get(unique.len() - 8..).unwrap_or_default();
        Ok(format!("{}-{}-{unique}", self.event.as_str(), self.action.as_str()))
    }
}

fn message(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if (1..=MAX_MESSAGE_CHARS).contains(&text.chars().count()) && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let detail = format!("must have 1 to {MAX_MESSAGE_CHARS} characters that are not all spaces");
    Err(Problem::field("field_invalid", "/message", detail))
}
