//! The runs of a schedule as its history shows them: a fold over a part of its events.

use serde::Serialize;

use super::event::{RunEnded, RunOutcome, RunStarted, ScheduleEvent, Trigger};
use crate::ids::{SessionId, TurnId};
use crate::time::Timestamp;

/// A run, or a time at which there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScheduleRun)]
pub struct RunView {
    /// Where the history of the schedule has its begin.
    pub version: u64,
    pub status: RunStatus,
    /// Absent where it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// The time for which it stands.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// How many other times had passed before that, for which nothing ran; at most 1000 are counted.
    pub missed: u32,
    /// The session of the run; where it was skipped, that of the run that was not over.
    pub session_id: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScheduleRunStatus)]
pub enum RunStatus {
    Running,
    Succeeded,
    Failed,
    Interrupted,
    /// Another run of the schedule was not over.
    Skipped,
}

impl RunView {
    /// The entry that an event begins.
    pub fn begin(version: u64, event: &ScheduleEvent) -> Option<Self> {
        match event {
            ScheduleEvent::RunStarted(run) => Some(Self::started(version, run)),
            ScheduleEvent::RunSkipped { due_at, earlier, session, at } => Some(Self {
                version,
                status: RunStatus::Skipped,
                trigger: None,
                due_at: *due_at,
                missed: *earlier,
                session_id: *session,
                turn_id: None,
                started_at: *at,
                ended_at: Some(*at),
                code: Some("run_in_progress".to_owned()),
                detail: Some("another run of the schedule was not over".to_owned()),
            }),
            ScheduleEvent::Created(_)
            | ScheduleEvent::Changed { .. }
            | ScheduleEvent::Enabled { .. }
            | ScheduleEvent::Disabled { .. }
            | ScheduleEvent::Removed { .. }
            | ScheduleEvent::RunEnded(_) => None,
        }
    }

    fn started(version: u64, run: &RunStarted) -> Self {
        Self {
            version,
            status: RunStatus::Running,
            trigger: Some(run.trigger),
            due_at: run.due_at,
            missed: run.missed,
            session_id: run.session,
            turn_id: Some(run.turn),
            started_at: run.at,
            ended_at: None,
            code: None,
            detail: None,
        }
    }

    /// Adds how it ended.
    pub fn end(&mut self, ended: &RunEnded) {
        self.status = match ended.outcome {
            RunOutcome::Succeeded => RunStatus::Succeeded,
            RunOutcome::Failed => RunStatus::Failed,
            RunOutcome::Interrupted => RunStatus::Interrupted,
        };
        self.ended_at = Some(ended.at);
        self.code.clone_from(&ended.code);
        self.detail.clone_from(&ended.detail);
    }
}
