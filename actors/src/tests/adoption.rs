//! Sessions that were held elsewhere, taken in once and further.

use std::sync::Arc;

use runner_core::ids::TurnId;
use runner_core::ports::{AgentFile, EventLog as _};
use runner_core::session::adoption::PastEvent;
use runner_core::session::event::{
    InterruptCause, LifecycleEvent, Origin, SessionEvent, SessionOpened, TurnAccount, TurnCompleted,
    TurnEvent, TurnOutcome,
};
use runner_core::time::Timestamp;

use super::memory_log::MemoryLog;
use super::samples::{opened, opening, prompted, run, session, started, turn};
use crate::{Adopted, Adoption, Foreign, RunnerError};

const HAPPENED_AT: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

#[test]
fn session_is_taken_in_once_with_its_files() {
    run(async {
        let log = Arc::new(MemoryLog::default());

        let first = adopt(&log, held(2)).await.unwrap();
        let again = adopt(&log, held(2)).await.unwrap();

        assert_eq!((first, again), (Adopted::New, Adopted::Unchanged));
        assert_eq!(log.events(session(1)), held(2));
        let recorded = log.read(session(1).into(), 0, 100).await.unwrap();
        assert!(
            recorded
                .iter()
                .all(|event| event.happened_at() == HAPPENED_AT && event.recorded_at != HAPPENED_AT)
        );
        assert_eq!(log.saved(session(1)).unwrap().files, files(&held(2)));
    });
}

#[test]
fn what_is_new_is_taken_in_behind_what_was_there() {
    run(async {
        let log = Arc::new(MemoryLog::default());
        adopt(&log, held(1)).await.unwrap();

        let renamed = SessionOpened { title: Some("Mine".into()), ..imported() };
        let grown =
            [vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(renamed))], held(3).split_off(1)].concat();
        let adopted = adopt(&log, grown.clone()).await.unwrap();

        assert_eq!(adopted, Adopted::Grown);
        assert_eq!(log.events(session(1)), held(3), "and the opening stays as it was");
        assert_eq!(log.saved(session(1)).unwrap().files, files(&grown));
    });
}

#[test]
fn session_that_went_on_in_another_way_is_left_as_it_is() {
    run(async {
        let log = Arc::new(MemoryLog::default());
        let (stored, mut told) = (held(2), held(3));
        adopt(&log, stored.clone()).await.unwrap();
        told.drain(4..7);

        let adopted = adopt(&log, told).await.unwrap();

        assert_eq!(adopted, Adopted::Branch(turn(3)));
        assert_eq!(log.events(session(1)), stored);
        assert_eq!(log.saved(session(1)).unwrap().files, files(&stored));
    });
}

#[test]
fn turn_that_was_not_over_goes_on() {
    run(async {
        let log = Arc::new(MemoryLog::default());
        let mut stored = held(2);
        let (cause, account) = (InterruptCause::AgentAborted, TurnAccount::default());
        stored.pop();
        stored.push(SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(2), cause, account }));
        adopt(&log, stored.clone()).await.unwrap();

        let adopted = adopt(&log, held(3)).await.unwrap();

        let types: Vec<_> = log.events(session(1)).iter().map(SessionEvent::type_name).collect();
        let more = ["turn_continued", "turn_completed", "prompt_submitted", "turn_started", "turn_completed"];
        assert_eq!((adopted, &types[stored.len()..]), (Adopted::Grown, &more[..]));
    });
}

#[test]
fn session_that_went_on_here_has_nothing_new() {
    run(async {
        let log = Arc::new(MemoryLog::default());
        adopt(&log, held(3)).await.unwrap();

        assert_eq!(adopt(&log, held(2)).await.unwrap(), Adopted::Unchanged);
    });
}

#[test]
fn session_that_was_made_here_is_left_alone() {
    run(async {
        let log = Arc::new(MemoryLog::default());
        let made_here = [vec![opened(1)], held(1).split_off(1)].concat();
        adopt(&log, made_here.clone()).await.unwrap();

        assert_eq!(adopt(&log, held(2)).await.unwrap(), Adopted::MadeHere);
        assert_eq!(log.events(session(1)), made_here);
    });
}

#[test]
fn import_that_fails_leaves_no_turn_half_there_and_is_finished_later() {
    run(async {
        let log = Arc::new(MemoryLog::default());
        let mut long = held(400);
        long.push(SessionEvent::Lifecycle(LifecycleEvent::Tagged { tags: vec![], by: "ada".into() }));
        log.fail_next("session_tagged");

        let failed = adopt(&log, long.clone()).await;
        let there = log.events(session(1));
        let adopted = adopt(&log, long.clone()).await.unwrap();

        assert!(matches!(failed, Err(RunnerError::LogUnavailable(_))), "{failed:?}");
        assert!(!there.is_empty() && there.len() < long.len());
        assert!(there.last().unwrap().ended_turn().is_some());
        assert_eq!(adopted, Adopted::Grown);
        assert_eq!(log.events(session(1)), long);
    });
}

async fn adopt(log: &Arc<MemoryLog>, events: Vec<SessionEvent>) -> Result<Adopted, RunnerError> {
    let (port, files) = (Arc::clone(log), files(&events));
    let adoption = Adoption::new(port, Arc::clone(log) as _, "user:ada".into());
    let past = |event| PastEvent { happened_at: Some(HAPPENED_AT), event };
    let events = events.into_iter().map(past).collect();
    adoption.adopt(Foreign { session: session(1), events, files }).await
}

fn imported() -> SessionOpened {
    SessionOpened { origin: Origin::Import, ..opening(session(1)) }
}

/// A session of so many turns.
fn held(turns: u128) -> Vec<SessionEvent> {
    let turns = (1..=turns).flat_map(|number| [prompted(number), started(number), over(turn(number))]);
    [SessionEvent::Lifecycle(LifecycleEvent::Opened(imported()))].into_iter().chain(turns).collect()
}

fn over(turn: TurnId) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
        turn,
        outcome: TurnOutcome::Success,
        result: "done".into(),
        stop_reason: None,
        structured_output: None,
        agent_turns: 1,
        denials: vec![],
        account: TurnAccount::default(),
    }))
}

fn files(events: &[SessionEvent]) -> Vec<AgentFile> {
    vec![AgentFile { path: "transcript".into(), bytes: events.len().to_string().into_bytes() }]
}
