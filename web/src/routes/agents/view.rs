//! An agent that can be started, as it may be seen.

use runner_actors::StoredExtension;
use runner_core::ids::ExtensionId;
use runner_core::setup::extension::agent::AgentDefinition;
use runner_core::setup::extension::definition::Definition;
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::routes::extensions::ScopeName;
use crate::routes::extensions::history::{Change, ChangeHead};

/// Where an agent comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AgentSource {
    /// Somebody has defined it here.
    Managed,
    /// It is part of Claude Code.
    BuiltIn,
    /// It lies in a trusted folder.
    Workspace,
}

/// An agent. Those that nobody has defined here have no id, no owner and no history.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AgentView {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ExtensionId>,
    pub(super) name: String,
    pub(super) source: AgentSource,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    /// Absent where it has those of the session's agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    /// Absent where it has that of the session's agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<String>,
    /// The version of its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

/// A change of an agent.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AgentChange {
    #[serde(flatten)]
    head: ChangeHead,
    /// What it is since then, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<AgentContent>,
}

/// What an agent is made of.
#[derive(Serialize, utoipa::ToSchema)]
struct AgentContent {
    description: String,
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

impl AgentView {
    /// One of which only the name is known, and whether there is a word about it.
    pub(super) fn named(name: String, source: AgentSource, description: Option<String>) -> Self {
        Self {
            id: None,
            name,
            source,
            enabled: true,
            description,
            prompt: None,
            tools: None,
            model: None,
            owner: None,
            scope: None,
            working_dir: None,
            version: None,
            created_at: None,
            updated_at: None,
        }
    }

    /// The whole of one that somebody has defined.
    pub(super) fn of(stored: &StoredExtension) -> Self {
        let created = &stored.created;
        let (scope, working_dir) = ScopeName::of(&created.scope);
        let view = Self {
            id: Some(stored.id),
            enabled: stored.is_enabled,
            owner: Some(created.owner.clone()),
            scope: Some(scope),
            working_dir,
            version: Some(stored.version),
            created_at: Some(created.at),
            updated_at: Some(stored.changed_at),
            ..Self::named(created.name.clone(), AgentSource::Managed, None)
        };
        match created.definition.clone() {
            Definition::Agent(AgentDefinition { description, prompt, tools, model }) => {
                let (description, prompt) = (Some(description), Some(prompt));
                Self { description, prompt, tools, model, ..view }
            }
            // The routes find one by its kind.
            Definition::McpServer(_) | Definition::Skill(_) | Definition::Plugin(_) | Definition::Hook(_) => {
                view
            }
        }
    }

    /// As it stands in a list.
    pub(super) fn in_list(self) -> Self {
        Self { prompt: None, ..self }
    }

    /// Its place in a list.
    pub(super) fn place(&self) -> String {
        let id = self.id.map_or_else(String::new, |id| id.to_string());
        format!("{} {} {id}", self.name, self.source as u8)
    }
}

impl AgentChange {
    pub(super) fn of((head, definition): Change) -> Self {
        let definition = definition.and_then(|definition| match definition {
            Definition::Agent(AgentDefinition { description, prompt, tools, model }) => {
                Some(AgentContent { description, prompt, tools, model })
            }
            Definition::McpServer(_) | Definition::Skill(_) | Definition::Plugin(_) | Definition::Hook(_) => {
                None
            }
        });
        Self { head, definition }
    }
}
