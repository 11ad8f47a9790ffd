//! What can have happened to a schedule. Names are frozen: once stored, an event is read for ever.

use serde::{Deserialize, Serialize};

use super::definition::ScheduleDefinition;
use crate::ids::{ScheduleId, SessionId, TurnId};
use crate::log::AggregateEvent;
use crate::time::Timestamp;

/// A fact about a schedule. In JSON: `{"type": …, "data": …}`. Who did it is the event's actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ScheduleEvent {
    #[serde(rename = "schedule_created")]
    Created(Box<ScheduleCreated>),
    #[serde(rename = "schedule_changed")]
    Changed {
        definition: Box<ScheduleDefinition>,
        /// The version of the schedule whose definition was taken again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restored_from: Option<u64>,
        at: Timestamp,
    },
    #[serde(rename = "schedule_enabled")]
    Enabled { at: Timestamp },
    #[serde(rename = "schedule_disabled")]
    Disabled { reason: DisableReason, at: Timestamp },
    #[serde(rename = "schedule_removed")]
    Removed { at: Timestamp },
    /// The session is opened after this is stored, under the id that stands here.
    #[serde(rename = "schedule_run_started")]
    RunStarted(RunStarted),
    /// Another run was not over.
    #[serde(rename = "schedule_run_skipped")]
    RunSkipped {
        due_at: Timestamp,
        /// How many other times had passed before it, since the last one that was dealt with.
        #[serde(default, skip_serializing_if = "is_zero")]
        earlier: u32,
        /// Of the run that was not over.
        session: SessionId,
        at: Timestamp,
    },
    #[serde(rename = "schedule_run_ended")]
    RunEnded(RunEnded),
}

impl AggregateEvent for ScheduleEvent {}

/// A schedule as it was made, or with the definition that it got later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleCreated {
    pub schedule: ScheduleId,
    /// In whose name its sessions run.
    pub owner: String,
    pub definition: ScheduleDefinition,
    pub at: Timestamp,
}

/// A run begins: a turn of a session of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    pub session: SessionId,
    pub turn: TurnId,
    pub trigger: Trigger,
    /// The time for which it stands.
    pub due_at: Timestamp,
    /// How many other times had passed before that, for which nothing runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u32,
    pub at: Timestamp,
}

/// Why a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RunTrigger)]
pub enum Trigger {
    /// It is time.
    Schedule,
    /// It was time while the server did not run, or was too busy.
    CatchUp,
    /// It was time while another run was not over.
    Queue,
    /// Somebody asked for it.
    Manual,
}

/// A run is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    pub session: SessionId,
    pub outcome: RunOutcome,
    /// Absent after a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Succeeded,
    /// Its turn failed or fell short, or could not begin.
    Failed,
    /// Somebody stopped it, or the server did.
    Interrupted,
}

/// Why a schedule is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    Requested,
    /// Its runs failed one after the other.
    RepeatedFailures,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
