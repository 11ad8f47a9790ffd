//! How a session began, what it is called, whether it was put away, and whose it is.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentOptions, PermissionMode};
use crate::ids::{ScheduleId, SessionId, TenantId};

/// A session is opened, named, tagged, put away or handed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
#[expect(clippy::large_enum_variant, reason = "a session is opened once")]
pub enum LifecycleEvent {
    #[serde(rename = "session_opened")]
    Opened(SessionOpened),
    #[serde(rename = "session_renamed")]
    Renamed { title: String, by: String },
    #[serde(rename = "session_tagged")]
    Tagged { tags: Vec<String>, by: String },
    #[serde(rename = "session_archived")]
    Archived { by: String },
    #[serde(rename = "session_unarchived")]
    Unarchived { by: String },
    /// Somebody else owns it from now on: it runs in their name, with their keys and budget.
    #[serde(rename = "session_handed_over")]
    HandedOver {
        from: String,
        to: String,
        by: String,
        /// Whether the offline model plays the agent's model from now on.
        offline: bool,
    },
}

/// The facts a session starts with; none of them changes later without an event of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionOpened {
    pub session: SessionId,
    /// Absent in what was stored before there were others than the first.
    #[serde(default, skip_serializing_if = "TenantId::is_first")]
    pub tenant: TenantId,
    pub owner: String,
    /// An absolute path without symbolic links.
    pub working_dir: String,
    pub permission_mode: PermissionMode,
    pub origin: Origin,
    /// Whether the offline model plays the agent's model.
    pub offline: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The session that this one was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The schedule of which this is a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
    #[serde(flatten)]
    pub options: AgentOptions,
}

/// A session and how far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Parent {
    pub session: SessionId,
    pub version: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Api,
    Ui,
    Fork,
    Import,
    Schedule,
}

impl LifecycleEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "session_opened",
            Self::Renamed { .. } => "session_renamed",
            Self::Tagged { .. } => "session_tagged",
            Self::Archived { .. } => "session_archived",
            Self::Unarchived { .. } => "session_unarchived",
            Self::HandedOver { .. } => "session_handed_over",
        }
    }
}
