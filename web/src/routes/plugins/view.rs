//! A plugin as it may be seen.

use runner_actors::StoredExtension;
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::files::{FileEntry, FileSet};
use runner_core::setup::extension::plugin::{Plugin, PluginContents};
use serde::Serialize;

use crate::routes::extensions::ExtensionHead;
use crate::routes::extensions::history::{Change, ChangeHead};

/// A plugin as it may be seen.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PluginView {
    #[serde(flatten)]
    head: ExtensionHead,
    #[serde(flatten)]
    definition: PluginDefinition,
}

/// What was installed.
#[derive(Default, Serialize, utoipa::ToSchema)]
struct PluginDefinition {
    /// By its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    brings: PluginContents,
    /// SHA-256 of the names and contents of its files: they are these, whatever becomes of where they came
    /// from.
    sha256: String,
    files: Vec<FileEntry>,
}

/// A change of a plugin.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PluginChange {
    #[serde(flatten)]
    head: ChangeHead,
    /// What it is since then, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<PluginDefinition>,
}

impl PluginView {
    pub(super) fn of(plugin: &StoredExtension) -> Self {
        let definition = PluginDefinition::of(plugin.created.definition.clone());
        Self { head: ExtensionHead::of(plugin), definition }
    }
}

impl PluginChange {
    pub(super) fn of((head, definition): Change) -> Self {
        Self { head, definition: definition.map(PluginDefinition::of) }
    }
}

impl PluginDefinition {
    fn of(definition: Definition) -> Self {
        match definition {
            Definition::Plugin(Plugin { plugin_version, description, brings, files }) => {
                let FileSet { digest, files } = files;
                Self { plugin_version, description, brings, sha256: digest.to_string(), files }
            }
            // The routes find one by its kind.
            Definition::McpServer(_) | Definition::Skill(_) | Definition::Hook(_) | Definition::Agent(_) => {
                Self::default()
            }
        }
    }
}
