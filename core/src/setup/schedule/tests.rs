//! The rules of schedules: what is due begins once, and what is not over keeps others waiting.

mod stored_events;
mod timetable;

use chrono::DateTime;
use uuid::Uuid;

use super::definition::{ConcurrencyPolicy, ScheduleDefinition};
use super::event::{
    DisableReason, RunEnded, RunOutcome, RunStarted, ScheduleCreated, ScheduleEvent, Trigger,
};
use super::{MAX_FAILURES, NewRun, Schedule, ScheduleCommand, ScheduleRefusal};
use crate::agent::{AgentOptions, PermissionMode};
use crate::ids::{ScheduleId, SessionId, TurnId};
use crate::log::Aggregate as _;
use crate::time::Timestamp;

#[test]
fn what_is_due_begins_once() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);

    let early = schedule.execute(ScheduleCommand::StartDue(new(1, "12:59:59")));
    let begun = schedule.execute(ScheduleCommand::StartDue(new(1, "13:00:01")));
    schedule.ends(1, RunOutcome::Succeeded, "13:00:05");
    let again = schedule.execute(ScheduleCommand::StartDue(new(2, "13:00:06")));

    assert_eq!(early, []);
    assert_eq!(begun, [started(1, Trigger::Schedule, ("13:00:00", 0, "13:00:01"))]);
    assert_eq!(again, []);
    assert_eq!(schedule.next_due(), Some(at("14:00:00")));
}

#[test]
fn of_what_was_missed_the_last_one_is_caught_up_with() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    let after_a_pause = NewRun { up_since: at("16:20:00"), ..new(1, "16:20:01") };

    let begun = schedule.execute(ScheduleCommand::StartDue(after_a_pause));

    assert_eq!(begun, [started(1, Trigger::CatchUp, ("16:00:00", 3, "16:20:01"))]);
    assert_eq!(schedule.next_due(), Some(at("17:00:00")));
}

#[test]
fn one_that_was_missed_is_told_as_such_however_short_the_pause() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    let restarted = NewRun { up_since: at("13:00:02"), ..new(1, "13:00:03") };

    let begun = schedule.execute(ScheduleCommand::StartDue(restarted));

    assert_eq!(begun, [started(1, Trigger::CatchUp, ("13:00:00", 0, "13:00:03"))]);
}

#[test]
fn run_that_is_not_over_has_the_next_one_skipped() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    schedule.execute(ScheduleCommand::StartDue(new(1, "13:00:00")));

    let skipped = schedule.execute(ScheduleCommand::StartDue(new(2, "14:00:00")));
    schedule.ends(1, RunOutcome::Succeeded, "14:30:00");
    let later = schedule.execute(ScheduleCommand::StartDue(new(3, "14:30:01")));

    let (due_at, session) = (at("14:00:00"), session(1));
    assert_eq!(skipped, [ScheduleEvent::RunSkipped { due_at, earlier: 0, session, at: due_at }]);
    assert_eq!(later, []);
}

#[test]
fn run_that_is_not_over_keeps_one_waiting_where_they_queue() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Queue);
    schedule.execute(ScheduleCommand::StartDue(new(1, "13:00:00")));

    let meanwhile = schedule.execute(ScheduleCommand::StartDue(new(2, "15:00:00")));
    schedule.ends(1, RunOutcome::Succeeded, "15:30:00");
    let then = schedule.execute(ScheduleCommand::StartDue(new(3, "15:30:01")));

    assert_eq!(meanwhile, []);
    assert_eq!(then, [started(3, Trigger::Queue, ("15:00:00", 1, "15:30:01"))]);
}

#[test]
fn run_on_demand_needs_no_time_and_takes_none() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    schedule.execute(ScheduleCommand::Disable { at: at("12:10:00") });

    let begun = schedule.execute(ScheduleCommand::StartNow(new(1, "12:20:00")));
    let second = schedule.events_of(ScheduleCommand::StartNow(new(2, "12:20:01")));
    schedule.execute(ScheduleCommand::Enable { at: at("12:30:00") });

    assert_eq!(begun, [started(1, Trigger::Manual, ("12:20:00", 0, "12:20:00"))]);
    assert_eq!(second, Err(ScheduleRefusal::RunInProgress(session(1))));
    assert_eq!(schedule.next_due(), Some(at("13:00:00")));
}

#[test]
fn failures_without_a_success_between_disable_it() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    let fail = |schedule: &mut Schedule, number| {
        schedule.execute(ScheduleCommand::StartNow(new(number, "12:20:00")));
        schedule.ends(number, RunOutcome::Failed, "12:20:01")
    };
    for number in 1..u128::from(MAX_FAILURES) {
        assert_eq!(fail(&mut schedule, number).len(), 1);
    }
    schedule.execute(ScheduleCommand::StartNow(new(90, "12:30:00")));
    schedule.ends(90, RunOutcome::Succeeded, "12:30:01");

    let last = (1..=u128::from(MAX_FAILURES)).map(|number| fail(&mut schedule, 100 + number)).last();

    let (reason, disabled_at) = (DisableReason::RepeatedFailures, at("12:20:01"));
    let disabled = ScheduleEvent::Disabled { reason, at: disabled_at };
    assert_eq!(last.unwrap()[1..], [disabled]);
    assert_eq!((schedule.disabled, schedule.next_due()), (Some(reason), None));
    schedule.execute(ScheduleCommand::Enable { at: at("18:00:00") });
    assert_eq!((schedule.failures, schedule.next_due()), (0, Some(at("19:00:00"))));
}

#[test]
fn run_that_was_stopped_is_no_failure_and_no_success() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    for (number, outcome) in [(1, RunOutcome::Failed), (2, RunOutcome::Interrupted)] {
        schedule.execute(ScheduleCommand::StartNow(new(number, "12:20:00")));
        schedule.ends(number, outcome, "12:20:01");
    }

    assert_eq!(schedule.failures, 1);
}

#[test]
fn end_of_a_run_is_noted_once() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    schedule.execute(ScheduleCommand::StartDue(new(1, "13:00:00")));

    assert_eq!(schedule.ends(1, RunOutcome::Succeeded, "13:00:05").len(), 1);
    assert_eq!(schedule.ends(1, RunOutcome::Failed, "13:00:06"), []);
}

#[test]
fn other_times_count_from_the_change_and_other_words_change_no_times() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    let change = |definition: ScheduleDefinition| ScheduleCommand::Change {
        definition: Box::new(definition),
        restored_from: None,
        at: at("13:10:00"),
    };
    let words = ScheduleDefinition { prompt: "other".into(), ..definition(ConcurrencyPolicy::Skip) };
    let times = ScheduleDefinition { cron: "5 * * * *".into(), ..words.clone() };

    schedule.execute(change(words.clone()));
    let due_after_words = schedule.next_due();
    let nothing_new = schedule.execute(change(words));
    schedule.execute(change(times));

    assert_eq!(due_after_words, Some(at("13:00:00")));
    assert_eq!(nothing_new, []);
    assert_eq!(schedule.next_due(), Some(at("14:05:00")));
}

#[test]
fn what_is_removed_is_not_there() {
    let mut schedule = Schedule::hourly(ConcurrencyPolicy::Skip);
    schedule.execute(ScheduleCommand::Remove { at: at("12:10:00") });

    assert_eq!(schedule.next_due(), None);
    let due = schedule.events_of(ScheduleCommand::StartDue(new(1, "13:00:00")));
    assert_eq!(due, Err(ScheduleRefusal::NoSuchSchedule));
    let created = ScheduleCommand::Create(Box::new(created(ConcurrencyPolicy::Skip)));
    assert_eq!(schedule.events_of(created), Err(ScheduleRefusal::AlreadyCreated));
}

impl Schedule {
    fn hourly(policy: ConcurrencyPolicy) -> Self {
        let mut schedule = Self::default();
        schedule.execute(ScheduleCommand::Create(Box::new(created(policy))));
        schedule
    }

    /// Decides and applies.
    fn execute(&mut self, command: ScheduleCommand) -> Vec<ScheduleEvent> {
        let events = self.events_of(command).unwrap();
        events.iter().cloned().for_each(|event| self.apply(event));
        events
    }

    fn ends(&mut self, number: u128, outcome: RunOutcome, time: &str) -> Vec<ScheduleEvent> {
        let (session, at) = (session(number), at(time));
        self.execute(ScheduleCommand::EndRun(RunEnded { session, outcome, code: None, detail: None, at }))
    }
}

fn created(policy: ConcurrencyPolicy) -> ScheduleCreated {
    let (schedule, owner) = (ScheduleId(Uuid::from_u128(7)), "ada".to_owned());
    ScheduleCreated { schedule, owner, definition: definition(policy), at: at("12:05:00") }
}

fn definition(concurrency_policy: ConcurrencyPolicy) -> ScheduleDefinition {
    ScheduleDefinition {
        name: "nightly".into(),
        prompt: "look".into(),
        cron: "0 * * * *".into(),
        time_zone: "UTC".into(),
        concurrency_policy,
        working_dir: "/srv".into(),
        permission_mode: PermissionMode::DontAsk,
        title: None,
        options: AgentOptions::default(),
    }
}

fn new(number: u128, time: &str) -> NewRun {
    let (session, turn) = (session(number), TurnId(Uuid::from_u128(number)));
    NewRun { session, turn, now: at(time), up_since: at("12:00:00") }
}

fn started(number: u128, trigger: Trigger, (due, missed, now): (&str, u32, &str)) -> ScheduleEvent {
    let (session, turn) = (session(number), TurnId(Uuid::from_u128(number)));
    ScheduleEvent::RunStarted(RunStarted { session, turn, trigger, due_at: at(due), missed, at: at(now) })
}

fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

/// A time of one day.
fn at(time: &str) -> Timestamp {
    let time = DateTime::parse_from_rfc3339(&format!("2026-11-22T{time}Z")).unwrap();
    Timestamp::from_micros(time.timestamp_micros())
}
