//! The extensions that an agent works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::agent::AgentDefinition;
use super::definition::{Definition, ExtensionKind};
use super::files::FileBundle;
use super::hook::rules::{ActiveHook, HookRules};
use super::mcp_server::McpServer;
use super::plugin::Plugin;
use super::secrets::SecretValues;
use super::skill::Skill;
use crate::ids::ExtensionId;
use crate::log::Digest;

/// Everything that extends one agent, by kind and name. An agent whose session would get others now is
/// replaced before the next turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveExtensions {
    extensions: Vec<ActiveExtension>,
    files: BTreeMap<ExtensionId, Arc<FileBundle>>,
    /// In the order in which they are looked at.
    hooks: Vec<ActiveHook>,
}

/// One of them, as it was when the agent was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveExtension {
    pub id: ExtensionId,
    pub name: String,
    /// The version of its stream.
    pub version: u64,
    pub definition: Definition,
    pub secrets: SecretValues,
}

/// What a process was extended with, as its session's log tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LoadedExtensions {
    /// The same for the same extensions in the same versions.
    #[schema(value_type = String)]
    pub fingerprint: Digest,
    pub extensions: Vec<LoadedExtension>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LoadedExtension {
    pub id: ExtensionId,
    pub kind: ExtensionKind,
    pub name: String,
    /// The version of its history.
    pub version: u64,
}

impl ActiveExtensions {
    pub fn new(mut extensions: Vec<ActiveExtension>) -> Self {
        extensions.sort_by(|one, other| one.order().cmp(&other.order()));
        Self { extensions, ..Self::default() }
    }

    /// With the files that belong to them.
    #[must_use]
    pub fn with_files(self, files: BTreeMap<ExtensionId, Arc<FileBundle>>) -> Self {
        Self { files, ..self }
    }

    /// With hooks, in the order in which they are looked at.
    #[must_use]
    pub fn with_hooks(self, hooks: Vec<ActiveHook>) -> Self {
        Self { hooks, ..self }
    }

    /// The hooks, ready to be evaluated.
    pub fn hook_rules(&self) -> HookRules {
        HookRules::new(self.hooks.iter().cloned())
    }

    /// The files that belong to one of them.
    pub fn files(&self, extension: &ActiveExtension) -> Option<&FileBundle> {
        self.files.get(&extension.id).map(|files| &**files)
    }

    /// Whether the agent's program gets nothing.
    pub fn is_empty(&self) -> bool {
        self.extensions.is_empty()
    }

    pub fn mcp_servers(&self) -> impl Iterator<Item = (&ActiveExtension, &McpServer)> {
        self.extensions.iter().filter_map(|extension| match &extension.definition {
            Definition::McpServer(server) => Some((extension, server)),
            Definition::Skill(_) | Definition::Plugin(_) | Definition::Hook(_) | Definition::Agent(_) => None,
        })
    }

    pub fn skills(&self) -> impl Iterator<Item = (&ActiveExtension, &Skill)> {
        self.extensions.iter().filter_map(|extension| match &extension.definition {
            Definition::Skill(skill) => Some((extension, skill)),
            Definition::McpServer(_) | Definition::Plugin(_) | Definition::Hook(_) | Definition::Agent(_) => {
                None
            }
        })
    }

    pub fn plugins(&self) -> impl Iterator<Item = (&ActiveExtension, &Plugin)> {
        self.extensions.iter().filter_map(|extension| match &extension.definition {
            Definition::Plugin(plugin) => Some((extension, plugin)),
            Definition::McpServer(_) | Definition::Skill(_) | Definition::Hook(_) | Definition::Agent(_) => {
                None
            }
        })
    }

    pub fn agents(&self) -> impl Iterator<Item = (&ActiveExtension, &AgentDefinition)> {
        self.extensions.iter().filter_map(|extension| match &extension.definition {
            Definition::Agent(agent) => Some((extension, agent)),
            Definition::McpServer(_) | Definition::Skill(_) | Definition::Plugin(_) | Definition::Hook(_) => {
                None
            }
        })
    }

    /// What the log tells of them; nothing where there are none.
    pub fn loaded(&self) -> Option<LoadedExtensions> {
        let hooks = self.hooks.iter().map(|active| LoadedExtension {
            id: active.hook.id,
            kind: ExtensionKind::Hook,
            name: active.hook.name.clone(),
            version: active.hook.version,
        });
        let extensions: Vec<LoadedExtension> =
            self.extensions.iter().map(ActiveExtension::loaded).chain(hooks).collect();
        let mut hash = Sha256::new();
        for extension in &extensions {
            hash.update(format!("{} {}\n", extension.id, extension.version));
        }
        let fingerprint = Digest(hash.finalize().into());
        (!extensions.is_empty()).then_some(LoadedExtensions { fingerprint, extensions })
    }
}

impl ActiveExtension {
    fn order(&self) -> (ExtensionKind, &str, ExtensionId) {
        (self.definition.kind(), &self.name, self.id)
    }

    fn loaded(&self) -> LoadedExtension {
        LoadedExtension {
            id: self.id,
            kind: self.definition.kind(),
            name: self.name.clone(),
            version: self.version,
        }
    }
}
