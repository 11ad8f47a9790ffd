//! What a schedule has done, when, and how.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentOptions, PermissionMode};

/// Everything about a schedule that people set. Each of its versions stands whole in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleDefinition {
    /// Each of somebody's schedules has another one.
    pub name: String,
    pub prompt: String,
    /// Five fields, or a nickname like `@daily`.
    pub cron: String,
    /// A name of the IANA database.
    pub time_zone: String,
    pub concurrency_policy: ConcurrencyPolicy,
    /// An absolute path without symbolic links.
    pub working_dir: String,
    pub permission_mode: PermissionMode,
    /// Of each session; absent: the schedule's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(flatten)]
    pub options: AgentOptions,
}

/// What becomes of a run that is due while another one of the schedule is not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConcurrencyPolicy {
    /// It is left out, and that is told.
    #[default]
    Skip,
    /// One begins when the other has ended, however many were due by then.
    Queue,
}
