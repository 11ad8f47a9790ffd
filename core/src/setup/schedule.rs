//! A prompt that is given at set times, each time to a session of its own: rules, and what events change.
//!
//! That a run begins is stored before its session is opened, with the id that the session will have. So a
//! crash between the two leaves a run whose session can be opened afterwards, once; and of two servers that
//! want to begin the same run, the log lets one. What a run came to is told by its session, and noted here.

mod cron;
pub mod definition;
pub mod event;
pub mod runs;
#[cfg(test)]
mod tests;
pub mod timetable;

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{SessionId, TurnId};
use crate::log::{Aggregate, Effects};
use crate::time::Timestamp;
use definition::{ConcurrencyPolicy, ScheduleDefinition};
use event::{DisableReason, RunEnded, RunOutcome, RunStarted, ScheduleCreated, ScheduleEvent, Trigger};
use timetable::Timetable;

pub use cron::CronError;

/// The most schedules that one person has.
pub const MAX_SCHEDULES: usize = 100;

/// After so many failed runs without one that succeeded a schedule is disabled.
pub const MAX_FAILURES: u32 = 5;

/// A run that begins later than this after its time is told as one that was missed.
const PUNCTUAL_MS: u64 = 60_000;

/// A schedule as far as its rules and its users need to know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    created: Option<ScheduleCreated>,
    removed: bool,
    /// Absent while it is enabled.
    pub disabled: Option<DisableReason>,
    pub changed_at: Timestamp,
    /// Times up to this one have been dealt with.
    done_until: Timestamp,
    /// The run that is not over.
    pub running: Option<RunStarted>,
    pub last_run: Option<LastRun>,
    /// Runs that failed since one succeeded, or since somebody changed something.
    pub failures: u32,
}

/// The run that ended last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    pub session: SessionId,
    pub outcome: RunOutcome,
    pub ended_at: Timestamp,
}

/// What can be asked of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleCommand {
    Create(Box<ScheduleCreated>),
    Change {
        definition: Box<ScheduleDefinition>,
        /// The version whose definition it is, where somebody takes an earlier one.
        restored_from: Option<u64>,
        at: Timestamp,
    },
    Enable {
        at: Timestamp,
    },
    Disable {
        at: Timestamp,
    },
    Remove {
        at: Timestamp,
    },
    /// Begin with what is due.
    StartDue(NewRun),
    /// Begin, whatever the time.
    StartNow(NewRun),
    EndRun(RunEnded),
}

/// The ids for a run that may begin, and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRun {
    pub session: SessionId,
    pub turn: TurnId,
    pub now: Timestamp,
    /// Since when there has been somebody to begin runs.
    pub up_since: Timestamp,
}

/// Why a schedule was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScheduleRefusal {
    #[error("there is no such schedule")]
    NoSuchSchedule,
    #[error("the schedule exists already")]
    AlreadyCreated,
    #[error("the run of session {0} is not over")]
    RunInProgress(SessionId),
}

impl Schedule {
    /// What is known of it, unless it was never made or is removed.
    pub fn created(&self) -> Option<&ScheduleCreated> {
        self.created.as_ref().filter(|_| !self.removed)
    }

    /// When it is due next; absent if it is disabled or that time never comes.
    pub fn next_due(&self) -> Option<Timestamp> {
        let timetable = self.timetable().filter(|_| self.disabled.is_none())?;
        timetable.next_after(self.done_until)
    }

    /// Its next times after now, in order.
    pub fn next_runs(&self, now: Timestamp, count: usize) -> Vec<Timestamp> {
        let timetable = self.timetable().filter(|_| self.disabled.is_none());
        timetable.map(|timetable| timetable.upcoming(now, count)).unwrap_or_default()
    }

    /// Whether the run that is not over keeps others waiting.
    pub fn waits_for_run(&self) -> bool {
        let policy = self.created().map(|created| created.definition.concurrency_policy);
        self.running.is_some() && policy == Some(ConcurrencyPolicy::Queue)
    }

    fn timetable(&self) -> Option<Timetable> {
        let ScheduleDefinition { cron, time_zone, .. } = &self.created()?.definition;
        // What was stored was read before; a zone that is gone is never due.
        Timetable::read(cron, time_zone).ok()
    }

    fn start_due(&self, new: NewRun) -> Vec<ScheduleEvent> {
        let timetable = self.timetable().filter(|_| self.disabled.is_none() && !self.waits_for_run());
        let due = timetable.and_then(|timetable| timetable.due(self.done_until, new.now));
        let Some(due) = due else { return vec![] };
        if let Some(running) = &self.running {
            let (due_at, session) = (due.at, running.session);
            return vec![ScheduleEvent::RunSkipped { due_at, earlier: due.earlier, session, at: new.now }];
        }
        let waited = self.last_run.as_ref().is_some_and(|last| last.ended_at >= due.at);
        let is_late = due.at < new.up_since || new.now.millis_since(due.at) > PUNCTUAL_MS;
        let trigger = match (waited, due.earlier > 0 || is_late) {
            (true, _) => Trigger::Queue,
            (false, true) => Trigger::CatchUp,
            (false, false) => Trigger::Schedule,
        };
        let missed = due.earlier;
        vec![ScheduleEvent::RunStarted(RunStarted { missed, due_at: due.at, ..started(new, trigger) })]
    }

    fn change(
        &self,
        created: &ScheduleCreated,
        definition: Box<ScheduleDefinition>,
        (restored_from, at): (Option<u64>, Timestamp),
    ) -> Vec<ScheduleEvent> {
        match created.definition == *definition {
            true => vec![],
            false => vec![ScheduleEvent::Changed { definition, restored_from, at }],
        }
    }

    fn end(&self, ended: RunEnded) -> Vec<ScheduleEvent> {
        // Somebody else has noted it.
        if self.running.as_ref().is_none_or(|running| running.session != ended.session) {
            return vec![];
        }
        let at = ended.at;
        let is_too_much = ended.outcome == RunOutcome::Failed && self.failures + 1 >= MAX_FAILURES;
        let reason = DisableReason::RepeatedFailures;
        let disabled =
            (is_too_much && self.disabled.is_none()).then_some(ScheduleEvent::Disabled { reason, at });
        [ScheduleEvent::RunEnded(ended)].into_iter().chain(disabled).collect()
    }

    fn note_end(&mut self, ended: RunEnded) {
        self.failures = match ended.outcome {
            RunOutcome::Succeeded => 0,
            RunOutcome::Failed => self.failures + 1,
            RunOutcome::Interrupted => self.failures,
        };
        self.running = None;
        self.last_run = Some(LastRun { session: ended.session, outcome: ended.outcome, ended_at: ended.at });
    }

    /// Times that have passed are not made up for, and nothing counts as failed.
    fn begin_anew(&mut self, at: Timestamp) {
        (self.done_until, self.changed_at, self.failures) = (at, at, 0);
    }
}

/// A run that begins now.
fn started(new: NewRun, trigger: Trigger) -> RunStarted {
    let NewRun { session, turn, now, up_since: _ } = new;
    RunStarted { session, turn, trigger, due_at: now, missed: 0, at: now }
}

impl Aggregate for Schedule {
    type Command = ScheduleCommand;
    type Event = ScheduleEvent;
    type Action = Infallible;
    type Refusal = ScheduleRefusal;

    const KIND: &'static str = "schedule";

    fn decide(
        &self,
        command: ScheduleCommand,
    ) -> Result<Effects<ScheduleEvent, Infallible>, ScheduleRefusal> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: ScheduleEvent) {
        match event {
            ScheduleEvent::Created(created) => {
                self.begin_anew(created.at);
                self.created = Some(*created);
            }
            ScheduleEvent::Changed { definition, restored_from: _, at } => {
                let Some(created) = &mut self.created else { return };
                let times = |of: &ScheduleDefinition| (of.cron.clone(), of.time_zone.clone());
                let has_other_times = times(&created.definition) != times(&definition);
                created.definition = *definition;
                let done_until = if has_other_times { at } else { self.done_until };
                self.begin_anew(at);
                self.done_until = done_until;
            }
            ScheduleEvent::Enabled { at } => {
                self.disabled = None;
                self.begin_anew(at);
            }
            ScheduleEvent::Disabled { reason, at } => {
                self.disabled = Some(reason);
                self.changed_at = at;
            }
            ScheduleEvent::Removed { at } => {
                self.removed = true;
                self.changed_at = at;
            }
            ScheduleEvent::RunStarted(run) => {
                if run.trigger != Trigger::Manual {
                    self.done_until = run.due_at;
                }
                self.running = Some(run);
            }
            ScheduleEvent::RunSkipped { due_at, earlier: _, session: _, at: _ } => self.done_until = due_at,
            ScheduleEvent::RunEnded(ended) => self.note_end(ended),
        }
    }
}

impl Schedule {
    fn events_of(&self, command: ScheduleCommand) -> Result<Vec<ScheduleEvent>, ScheduleRefusal> {
        if let ScheduleCommand::Create(created) = command {
            return match self.created {
                None => Ok(vec![ScheduleEvent::Created(created)]),
                Some(_) => Err(ScheduleRefusal::AlreadyCreated),
            };
        }
        let created = self.created().ok_or(ScheduleRefusal::NoSuchSchedule)?;
        Ok(match command {
            ScheduleCommand::Create(_) => return Err(ScheduleRefusal::AlreadyCreated),
            ScheduleCommand::Change { definition, restored_from, at } => {
                self.change(created, definition, (restored_from, at))
            }
            ScheduleCommand::Enable { at } => {
                self.disabled.map(|_| ScheduleEvent::Enabled { at }).into_iter().collect()
            }
            ScheduleCommand::Disable { at } => {
                let reason = DisableReason::Requested;
                let is_new = self.disabled.is_none();
                is_new.then_some(ScheduleEvent::Disabled { reason, at }).into_iter().collect()
            }
            ScheduleCommand::Remove { at } => vec![ScheduleEvent::Removed { at }],
            ScheduleCommand::StartDue(new) => self.start_due(new),
            ScheduleCommand::StartNow(new) => match &self.running {
                Some(running) => return Err(ScheduleRefusal::RunInProgress(running.session)),
                None => vec![ScheduleEvent::RunStarted(started(new, Trigger::Manual))],
            },
            ScheduleCommand::EndRun(ended) => self.end(ended),
        })
    }
}
