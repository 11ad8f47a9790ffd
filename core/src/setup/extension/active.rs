//! The extensions that an agent works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::definition::{Definition, ExtensionKind};
use super::files::FileBundle;
use super::mcp_server::McpServer;
use super::plugin::Plugin;
use super::secrets::SecretValues;
use super::skill::Skill;
use crate::ids::ExtensionId;
use crate::log::Digest;

/// Everything that extends one agent, by kind and name. An agent whose session would get others now is
/// replaced before the next turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveExtensions(pub(super) Vec<ActiveExtension>, BTreeMap<ExtensionId, Arc<FileBundle>>);

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
        Self(extensions, BTreeMap::new())
    }

    /// With the files that belong to them.
    #[must_use]
    pub fn with_files(self, files: BTreeMap<ExtensionId, Arc<FileBundle>>) -> Self {
        Self(self.0, files)
    }

    /// The files that belong to one of them.
    pub fn files(&self, extension: &ActiveExtension) -> Option<&FileBundle> {
        self.1.get(&extension.id).map(|files| &**files)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn mcp_servers(&self) -> impl Iterator<Item = (&ActiveExtension, &McpServer)> {
        self.0.iter().filter_map(|extension| match &extension.definition {
            Definition::McpServer(server) => Some((extension, server)),
            Definition::Skill(_) | Definition::Plugin(_) => None,
        })
    }

    pub fn skills(&self) -> impl Iterator<Item = (&ActiveExtension, &Skill)> {
        self.0.iter().filter_map(|extension| match &extension.definition {
            Definition::Skill(skill) => Some((extension, skill)),
            Definition::McpServer(_) | Definition::Plugin(_) => None,
        })
    }

    pub fn plugins(&self) -> impl Iterator<Item = (&ActiveExtension, &Plugin)> {
        self.0.iter().filter_map(|extension| match &extension.definition {
            Definition::Plugin(plugin) => Some((extension, plugin)),
            Definition::McpServer(_) | Definition::Skill(_) => None,
        })
    }

    /// What the log tells of them; nothing where there are none.
    pub fn loaded(&self) -> Option<LoadedExtensions> {
        let extensions: Vec<LoadedExtension> = self.0.iter().map(ActiveExtension::loaded).collect();
        let mut hash = Sha256::new();
        for extension in &extensions {
            hash.update(format!("{} {}\n", extension.id, extension.version));
        }
        let fingerprint = Digest(hash.finalize().into());
        (!self.is_empty()).then_some(LoadedExtensions { fingerprint, extensions })
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
