//! A skill as it may be seen.

use runner_actors::StoredExtension;
use runner_core::ids::ExtensionId;
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::files::{FileEntry, FileSet};
use runner_core::setup::extension::skill::{Skill, SkillCategory};
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::routes::extensions::ScopeName;
use crate::routes::extensions::history::{Change, ChangeHead};

/// Where a skill comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SkillSource {
    /// Somebody has added it here.
    Managed,
    /// It comes with this server, and is off until one switches it on for oneself.
    Offered,
    /// It lies in a trusted folder.
    Workspace,
    /// It is part of Claude Code, or of a plugin, as the session's agent told.
    Bundled,
}

/// A skill. Those that nobody has added here have no id, no owner and no history.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SkillView {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ExtensionId>,
    pub(super) name: String,
    pub(super) source: SkillSource,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<SkillCategory>,
    /// Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
    /// Its other files. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileEntry>>,
    /// The fields of an imported `SKILL.md` that were not taken: skills get no tools unasked and run nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_fields: Vec<String>,
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

/// A change of a skill.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SkillChange {
    #[serde(flatten)]
    head: ChangeHead,
    /// What it is since then, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<SkillDefinition>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct SkillDefinition {
    description: String,
    category: SkillCategory,
    instruction: String,
    files: Vec<FileEntry>,
}

impl SkillView {
    /// One of which only the name is known, and whether there is a word about it.
    pub(super) fn named(name: String, source: SkillSource, description: Option<String>) -> Self {
        Self {
            id: None,
            name,
            source,
            enabled: source != SkillSource::Offered,
            description,
            category: None,
            instruction: None,
            files: None,
            ignored_fields: vec![],
            owner: None,
            scope: None,
            working_dir: None,
            version: None,
            created_at: None,
            updated_at: None,
        }
    }

    /// The whole of one that somebody has added.
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
            ..Self::named(created.name.clone(), SkillSource::Managed, None)
        };
        match &created.definition {
            Definition::Skill(skill) => view.with(skill),
            Definition::McpServer(_) | Definition::Plugin(_) | Definition::Hook(_) | Definition::Agent(_) => {
                view
            }
        }
    }

    /// With what a skill says.
    pub(super) fn with(self, skill: &Skill) -> Self {
        let files = skill.files.clone().map_or_else(Vec::new, |FileSet { files, .. }| files);
        Self {
            description: Some(skill.description.clone()),
            category: Some(skill.category),
            instruction: Some(skill.instruction.clone()),
            files: Some(files),
            ..self
        }
    }

    /// As it stands in a list.
    pub(super) fn in_list(self) -> Self {
        Self { instruction: None, files: None, ..self }
    }

    pub(super) fn without(self, ignored_fields: Vec<String>) -> Self {
        Self { ignored_fields, ..self }
    }

    /// Its place in a list.
    pub(super) fn place(&self) -> String {
        let id = self.id.map_or_else(String::new, |id| id.to_string());
        format!("{} {} {id}", self.name, self.source as u8)
    }
}

impl SkillChange {
    pub(super) fn of((head, definition): Change) -> Self {
        let definition = definition.and_then(|definition| match definition {
            Definition::Skill(Skill { description, instruction, category, files }) => {
                let files = files.map_or_else(Vec::new, |FileSet { files, .. }| files);
                Some(SkillDefinition { description, category, instruction, files })
            }
            Definition::McpServer(_) | Definition::Plugin(_) | Definition::Hook(_) | Definition::Agent(_) => {
                None
            }
        });
        Self { head, definition }
    }
}
