//! Settings of the agent that change while the session goes on.

use serde::{Deserialize, Serialize};

use crate::agent::PermissionMode;
use crate::request::DecidedBy;

/// A setting of the agent was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum SettingEvent {
    #[serde(rename = "permission_mode_changed")]
    PermissionModeChanged { mode: PermissionMode, by: DecidedBy },
    #[serde(rename = "model_changed")]
    ModelChanged {
        /// Absent: the agent's own choice.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        by: String,
    },
    /// The folder that it worked in is gone, and somebody named another one.
    #[serde(rename = "working_dir_changed")]
    WorkingDirChanged {
        /// An absolute path without symbolic links.
        working_dir: String,
        by: String,
    },
}

impl SettingEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::PermissionModeChanged { .. } => "permission_mode_changed",
            Self::ModelChanged { .. } => "model_changed",
            Self::WorkingDirChanged { .. } => "working_dir_changed",
        }
    }
}
