//! Changes to files: reported by tools, found after commands, and undone.

use serde::{Deserialize, Serialize};

use crate::agent::FileChange;
use crate::ids::TurnId;
use crate::workspace::{Unobserved, WorkspaceChange};

/// A file of the working folder is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum FilesEvent {
    /// A tool reported a change that it made.
    #[serde(rename = "file_changed")]
    Changed {
        turn: TurnId,
        #[serde(flatten)]
        change: FileChange,
    },
    /// A file is not what it was before the turn's commands ran, and no tool reported that.
    #[serde(rename = "workspace_changed")]
    WorkspaceChanged {
        turn: TurnId,
        #[serde(flatten)]
        change: WorkspaceChange,
    },
    /// Some of what the turn's commands changed in files is not known.
    #[serde(rename = "workspace_unobserved")]
    WorkspaceUnobserved {
        turn: TurnId,
        #[serde(flatten)]
        unobserved: Unobserved,
    },
    /// Files were put back to what they were before a turn.
    #[serde(rename = "files_rewound")]
    Rewound { turn: TurnId, files: Vec<String>, by: String },
}

impl FilesEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "file_changed",
            Self::WorkspaceChanged { .. } => "workspace_changed",
            Self::WorkspaceUnobserved { .. } => "workspace_unobserved",
            Self::Rewound { .. } => "files_rewound",
        }
    }
}
