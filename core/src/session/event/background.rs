//! Work beside the conversation, and the agent's list of things to do.

use serde::{Deserialize, Serialize};

use crate::agent::{BackgroundUsage, BackgroundWork, TaskListChange};
use crate::ids::TurnId;

/// Work beside the conversation begins, goes on or ends, or the list of things to do changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum BackgroundEvent {
    #[serde(rename = "subagent_started")]
    Started {
        turn: TurnId,
        #[serde(flatten)]
        work: BackgroundWork,
    },
    #[serde(rename = "subagent_progressed")]
    Progressed { turn: TurnId, task_id: String, description: String, usage: BackgroundUsage },
    #[serde(rename = "subagent_finished")]
    Finished {
        turn: TurnId,
        task_id: String,
        status: String,
        summary: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<BackgroundUsage>,
    },
    /// The work waits for people, and its process has ended.
    #[serde(rename = "subagent_parked")]
    Parked { turn: TurnId, task_id: String },
    /// The decision that parked work waited for goes to the conversation, with the prompt of `turn`.
    #[serde(rename = "subagent_taken_up")]
    TakenUp { turn: TurnId, task_id: String, request_id: String },
    /// Somebody wants the work to end; its process is told so.
    #[serde(rename = "subagent_stop_requested")]
    StopRequested { turn: TurnId, task_id: String, by: String },
    #[serde(rename = "task_list_changed")]
    TaskListChanged {
        turn: TurnId,
        #[serde(flatten)]
        change: TaskListChange,
    },
}

impl BackgroundEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "subagent_started",
            Self::Progressed { .. } => "subagent_progressed",
            Self::Finished { .. } => "subagent_finished",
            Self::Parked { .. } => "subagent_parked",
            Self::TakenUp { .. } => "subagent_taken_up",
            Self::StopRequested { .. } => "subagent_stop_requested",
            Self::TaskListChanged { .. } => "task_list_changed",
        }
    }
}
