//! What happens to a session that is given to another owner, and when it is not.

use super::samples::{
    again, asks, at, completed, decided, given, interrupt_requested, opened, opening, parked,
    permission_request, permission_requested, prompted, released, request_interrupt, running, settlement,
    spend, started, turn,
};
use crate::agent::PermissionMode;
use crate::ids::SessionId;
use crate::log::Aggregate as _;
use crate::request::{DecidedBy, Decision, Settlement};
use crate::session::Session;
use crate::session::action::Action;
use crate::session::command::{Handover, SessionCommand};
use crate::session::error::SessionError;
use crate::session::event::{
    InterruptCause, LifecycleEvent, Parent, ParkCause, SessionEvent, SessionOpened, SettingEvent, TurnEvent,
};
use crate::session::fork::Fork;
use crate::session::index::SessionIndex;

fn hand_over() -> SessionCommand {
    SessionCommand::HandOver(Handover {
        to: "bob".into(),
        by: "root".into(),
        offline: true,
        may_bypass: false,
    })
}

fn handed_over() -> SessionEvent {
    let (from, to, by) = ("ada".into(), "bob".into(), "root".into());
    LifecycleEvent::HandedOver { from, to, by, offline: true }.into()
}

fn opened_in(permission_mode: PermissionMode) -> SessionEvent {
    LifecycleEvent::Opened(SessionOpened { permission_mode, ..opening() }).into()
}

fn mode_changed(mode: PermissionMode) -> SessionEvent {
    SettingEvent::PermissionModeChanged { mode, by: DecidedBy::user("root") }.into()
}

fn after(events: &[SessionEvent]) -> Session {
    let mut session = Session::default();
    events.iter().for_each(|event| session.apply(event.clone()));
    session
}

fn waiting() -> Vec<SessionEvent> {
    [running(), vec![permission_requested("r1")]].concat()
}

#[test]
fn session_that_does_nothing_changes_its_owner_and_loses_its_agent() {
    let effects = after(&[opened()]).decide(hand_over()).unwrap();

    assert_eq!(effects.events, [handed_over()]);
    assert_eq!(effects.actions, [Action::KillAgent, Action::DeliverDecision]);
    let now = after(&[opened(), handed_over()]);
    assert_eq!(now.opened().map(|opened| (&*opened.owner, opened.offline)), Some(("bob", true)));
    given([opened(), handed_over()]).when(hand_over()).then_expect_events(vec![]);
}

#[test]
fn turn_that_works_or_is_about_to_is_not_taken_away() {
    let stopping = [waiting(), vec![interrupt_requested(1)]].concat();
    let queued = [waiting(), vec![prompted(2)]].concat();

    for busy in [running(), vec![opened(), prompted(1)], stopping, queued] {
        given(busy).when(hand_over()).then_expect_error(SessionError::TurnInProgress);
    }
}

#[test]
fn what_waits_is_parked_and_waits_on() {
    let handed = after(&waiting()).decide(hand_over()).unwrap();

    let by_handover: SessionEvent = TurnEvent::Parked { turn: turn(1), cause: ParkCause::HandedOver }.into();
    assert_eq!(handed.events, [by_handover, handed_over()]);
    let kill = || Action::KillAgent;
    assert_eq!(handed.actions, [kill(), kill(), Action::DeliverDecision]);
    let now = after(&[waiting(), handed.events].concat());
    assert!(now.is_waiting() && now.waiting().len() == 1);
    let parked_before = [waiting(), vec![parked()]].concat();
    given(parked_before).when(hand_over()).then_expect_events(vec![handed_over()]);
}

#[test]
fn mode_in_which_nobody_is_asked_needs_the_right_of_the_new_owner() {
    let (bypass, default) = (PermissionMode::BypassPermissions, PermissionMode::Default);
    let planning = vec![opened_in(bypass), mode_changed(PermissionMode::Plan)];

    for given_events in [vec![opened_in(bypass)], planning] {
        let expected = vec![handed_over(), mode_changed(default)];
        given(given_events).when(hand_over()).then_expect_events(expected);
    }
    let SessionCommand::HandOver(handover) = hand_over() else { panic!("it hands over") };
    let with_right = SessionCommand::HandOver(Handover { may_bypass: true, ..handover });
    given([opened_in(bypass)]).when(with_right).then_expect_events(vec![handed_over()]);
}

#[test]
fn what_the_owner_before_allowed_for_the_session_is_asked_about_again() {
    let remembered = Settlement { remember: true, ..settlement("r1", Decision::Allow) };
    let decided = vec![decided(remembered), released("r1", 1), completed(1, &spend(1), &spend(1))];
    let next = vec![prompted(2), started(2)];
    let asked = |between: Vec<SessionEvent>| {
        let session = after(&[waiting(), decided.clone(), between, next.clone()].concat());
        let again = again("r2", "toolu_2", &permission_request("r1"));
        session.decide(asks(&again)).unwrap().events.len()
    };

    assert_eq!((asked(vec![]), asked(vec![handed_over()])), (3, 1));
}

#[test]
fn copy_of_a_session_that_was_handed_over_is_of_whoever_copied_it() {
    let session = SessionId(uuid::Uuid::from_u128(0xf));
    let parent = Parent { session: SessionId(uuid::Uuid::from_u128(0xa)), version: 2 };
    let fork = Fork { session, parent, by: "carol".into(), offline: false, may_bypass: false };

    let copied = fork.events(vec![opened(), handed_over()]);

    let mut index = SessionIndex::open(&copied[0], at(0)).unwrap();
    index.apply(&copied[1], at(1));
    assert_eq!((&*index.head.owner, index.head.offline), ("carol", false));
    assert_eq!(after(&copied).opened().unwrap().owner, "carol");
}

#[test]
fn interrupt_of_what_was_handed_over_ends_its_turn() {
    let handed = after(&waiting()).decide(hand_over()).unwrap().events;
    let session = after(&[waiting(), handed].concat());

    let ended = session.decide(request_interrupt()).unwrap().events;

    let is_end = |event: &SessionEvent| {
        matches!(event, SessionEvent::Turn(TurnEvent::Interrupted { cause: InterruptCause::User, .. }))
    };
    assert!(ended.last().is_some_and(is_end), "{ended:?}");
}
