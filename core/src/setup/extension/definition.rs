//! What an extension is, by kind, and where it is active.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::agent::{AgentDefinition, AgentDefinitionEdit};
use super::files::FileSet;
use super::hook::{Hook, HookAction};
use super::mcp_server::{McpServer, McpServerEdit};
use super::plugin::Plugin;
use super::secrets::SecretValues;
use super::skill::{Skill, SkillEdit};
use crate::request::Mismatch;

/// The sorts of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionKind {
    McpServer,
    Skill,
    Plugin,
    Hook,
    /// What a subagent is made of.
    Agent,
}

impl ExtensionKind {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::McpServer => "mcp_server",
            Self::Skill => "skill",
            Self::Plugin => "plugin",
            Self::Hook => "hook",
            Self::Agent => "agent",
        }
    }
}

/// The sessions in which an extension is active.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Scope {
    /// All of its owner's.
    #[default]
    User,
    /// Everybody's of the team in this folder and below.
    Workspace { working_dir: String },
}

impl Scope {
    /// Whether it covers a session of this owner in this folder.
    pub fn covers(&self, owner: &str, session: (&str, &Path)) -> bool {
        let (session_owner, working_dir) = session;
        match self {
            Self::User => owner == session_owner,
            Self::Workspace { working_dir: folder } => working_dir.starts_with(folder),
        }
    }
}

/// What an extension does. Values that are secret are not in it; their names are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Definition {
    McpServer(McpServer),
    Skill(Skill),
    Plugin(Plugin),
    Hook(Hook),
    Agent(AgentDefinition),
}

impl Definition {
    pub const fn kind(&self) -> ExtensionKind {
        match self {
            Self::McpServer(_) => ExtensionKind::McpServer,
            Self::Skill(_) => ExtensionKind::Skill,
            Self::Plugin(_) => ExtensionKind::Plugin,
            Self::Hook(_) => ExtensionKind::Hook,
            Self::Agent(_) => ExtensionKind::Agent,
        }
    }

    /// The names of the values that are kept secret.
    pub fn secret_names(&self) -> &[String] {
        match self {
            Self::McpServer(server) => server.secret_names(),
            Self::Skill(_) | Self::Plugin(_) | Self::Hook(_) | Self::Agent(_) => &[],
        }
    }

    /// The files that belong to it.
    pub const fn files(&self) -> Option<&FileSet> {
        match self {
            Self::McpServer(_) | Self::Hook(_) | Self::Agent(_) => None,
            Self::Skill(skill) => skill.files.as_ref(),
            Self::Plugin(plugin) => Some(&plugin.files),
        }
    }

    /// Whether only admins may have it active there: it runs a program without asking anybody, or it is in
    /// the sessions of others.
    pub fn is_for_admins_in(&self, scope: &Scope) -> bool {
        self.is_for_admins() || *scope != Scope::User
    }

    /// Whether only admins may make it so: it runs a program without asking anybody.
    pub const fn is_for_admins(&self) -> bool {
        match self {
            Self::McpServer(McpServer::Stdio { .. }) | Self::Plugin(_) => true,
            Self::Hook(hook) => matches!(hook.action, HookAction::Command),
            Self::McpServer(McpServer::Http { .. } | McpServer::Sse { .. })
            | Self::Skill(_)
            | Self::Agent(_) => false,
        }
    }
}

/// A definition with its secret values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    pub definition: Definition,
    pub secrets: SecretValues,
}

/// What to make of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefinitionEdit {
    Replace(Definition),
    McpServer(McpServerEdit),
    Skill(SkillEdit),
    Agent(AgentDefinitionEdit),
}

impl DefinitionEdit {
    /// The definition that it leads to.
    pub fn apply(self, to: Defined) -> Result<Defined, Mismatch> {
        match (self, to) {
            (Self::Replace(definition), Defined { secrets, .. }) => Ok(Defined { definition, secrets }),
            (Self::McpServer(edit), Defined { definition: Definition::McpServer(server), secrets }) => {
                let (server, secrets) = edit.apply(server, secrets)?;
                Ok(Defined { definition: Definition::McpServer(server), secrets })
            }
            (Self::Skill(edit), Defined { definition: Definition::Skill(skill), secrets }) => {
                Ok(Defined { definition: Definition::Skill(edit.apply(skill)), secrets })
            }
            (Self::Agent(edit), Defined { definition: Definition::Agent(agent), secrets }) => {
                Ok(Defined { definition: Definition::Agent(edit.apply(agent)), secrets })
            }
            (Self::McpServer(_) | Self::Skill(_) | Self::Agent(_), Defined { definition, .. }) => {
                Err(Mismatch {
                    pointer: String::new(),
                    detail: format!("a {} has no such fields", definition.kind().as_str()),
                })
            }
        }
    }
}
