//! What commands change in a working folder. Nobody reports it: it is seen by comparing the files from
//! before and after.

use serde::{Deserialize, Serialize};

use crate::agent::FileChangeKind;

/// A change to one file that no tool of the agent reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkspaceChange {
    pub path: String,
    pub kind: FileChangeKind,
    /// Lines; 0 where they were not compared.
    pub added: u32,
    pub removed: u32,
    /// A unified diff without file headers, or git's form for what is no text; absent where the file is too
    /// large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Whether the file may be executed now, where that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
}

/// Why some of what commands changed is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Unobserved {
    pub reason: UnobservedReason,
    /// Changed files that are not listed; 0 where it is not known how many there are.
    #[serde(default)]
    pub files: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnobservedReason {
    /// The folder has more files than are looked at.
    TooManyFiles,
    /// More files changed than are listed.
    TooManyChanges,
    TookTooLong,
    Unreadable,
}

/// What changed between two looks at a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceReport {
    /// In the order of the paths.
    pub changes: Vec<WorkspaceChange>,
    pub unobserved: Option<Unobserved>,
}

impl From<UnobservedReason> for WorkspaceReport {
    fn from(reason: UnobservedReason) -> Self {
        Self { changes: vec![], unobserved: Some(Unobserved { reason, files: 0 }) }
    }
}
