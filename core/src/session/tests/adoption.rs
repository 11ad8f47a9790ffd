//! Sessions that were held elsewhere.

use super::samples::{
    account, completed, completion, given, opened, opening, process, prompted, prompted_with, spend, started,
    turn, viewed,
};
use crate::session::adoption::{News, PastEvent, news, shared};
use crate::session::command::SessionCommand;
use crate::session::error::SessionError;
use crate::session::event::{
    BackgroundEvent, InterruptCause, LifecycleEvent, Origin, SessionEvent, SessionOpened, ToolEvent,
    TurnEvent, TurnOutcome,
};
use crate::session::index::SessionStatus;
use crate::session::view::TurnStatus;

#[test]
fn session_begins_with_what_happened_elsewhere() {
    let told = vec![imported(), prompted(1), started(1), over()];

    given([]).when(SessionCommand::Adopt(told.clone())).then_expect_events(told);
}

#[test]
fn what_happened_elsewhere_begins_with_an_opening() {
    for told in [vec![], vec![prompted(1)]] {
        given([]).when(SessionCommand::Adopt(told)).then_expect_error(SessionError::NotALog);
    }
}

#[test]
fn import_goes_on_with_what_is_new() {
    let news = vec![prompted(2), started(2)];

    given([imported(), prompted(1), started(1), over()])
        .when(SessionCommand::Adopt(news.clone()))
        .then_expect_events(news);
}

#[test]
fn import_is_opened_once() {
    given([imported()])
        .when(SessionCommand::Adopt(vec![imported()]))
        .then_expect_error(SessionError::AlreadyOpened);
}

#[test]
fn import_does_not_go_on_in_the_middle_of_a_turn() {
    given([imported(), prompted(1), started(1)])
        .when(SessionCommand::Adopt(vec![prompted(2)]))
        .then_expect_error(SessionError::TurnInProgress);
}

#[test]
fn session_that_was_made_here_adopts_nothing() {
    given([opened()])
        .when(SessionCommand::Adopt(vec![prompted(1)]))
        .then_expect_error(SessionError::AlreadyOpened);
}

#[test]
fn everything_of_a_session_that_is_not_stored_is_new() {
    assert_eq!(news(&[], past(&held())), News::First(past(&held())));
}

#[test]
fn what_people_did_to_an_import_is_no_difference() {
    let mut stored = held();
    stored.push(LifecycleEvent::Renamed { title: "Mine".into(), by: "ada".into() }.into());
    let grown = [held(), vec![prompted(2), started(2), over_at(2, 4)]].concat();

    assert_eq!(news(&stored, past(&held())), News::More(vec![]));
    assert_eq!(news(&stored, past(&grown)), News::More(past(&grown[4..])));
}

#[test]
fn price_that_changed_is_no_difference() {
    let stored = [imported(), prompted(1), started(1), over_at(1, 9)];

    assert_eq!(news(&stored, past(&held())), News::More(vec![]));
}

#[test]
fn turn_that_went_on_elsewhere_goes_on_and_costs_the_rest() {
    let stored = [imported(), prompted(1), started(1), tool(1), cut_off(1, 2)];
    let told = [imported(), prompted(1), started(1), tool(1), returned(1), over_at(1, 5)];

    let more = news(&stored, past(&told));

    let mut rest = completion(turn(1), TurnOutcome::Success, &spend(3), &spend(5));
    rest.account.duration_ms = 0;
    let (continued, rest) = (
        TurnEvent::Continued { turn: turn(1), process: process(1) }.into(),
        SessionEvent::Turn(TurnEvent::Completed(rest)),
    );
    assert_eq!(more, News::More(past(&[continued, returned(1), rest])));
    let News::More(more) = more else { panic!("{more:?}") };
    let more: Vec<SessionEvent> = more.into_iter().map(|past| past.event).collect();
    let stored = [stored.to_vec(), more].concat();
    assert_eq!(news(&stored, past(&told)), News::More(vec![]), "once");
    let view = viewed(&stored[1..]);
    assert_eq!(
        (view.turns[0].status, view.turns[0].cost_usd),
        (TurnStatus::Completed, Some(spend(5).cost_micros))
    );
    assert_eq!((view.turns.len(), view.head.cost_usd), (1, Some(spend(5).cost_micros)));
    assert_eq!(view.head.status, SessionStatus::Idle);
}

#[test]
fn subagent_that_went_on_is_finished_anew() {
    let finished = |status: &str| -> SessionEvent {
        let (turn, task_id, status) = (turn(1), "t".to_owned(), status.to_owned());
        BackgroundEvent::Finished { turn, task_id, status, summary: "look".into(), usage: None }.into()
    };
    let stored = [imported(), prompted(1), started(1), finished("stopped"), cut_off(1, 2)];
    let told = [imported(), prompted(1), started(1), tool(1), finished("completed"), over_at(1, 5)];

    let News::More(more) = news(&stored, past(&told)) else { panic!("it went on") };

    let types: Vec<&str> = more.iter().map(|past| past.event.type_name()).collect();
    assert_eq!(types, ["turn_continued", "tool_used", "subagent_finished", "turn_completed"]);
}

#[test]
fn another_way_is_a_branch() {
    let next = |text: &str| vec![prompted_with(2, text), started(2), over_at(2, 4)];
    let other = |number| vec![prompted(number), started(number), over_at(number, 4)];
    let stored = [held(), other(3)].concat();

    assert_eq!(news(&stored, past(&[held(), other(4)].concat())), News::Branch(turn(4)));
    let (one, another) = ([held(), next("one")].concat(), [held(), next("another")].concat());
    assert_eq!(news(&one, past(&another)), News::Branch(turn(2)), "the same turn");
    let went_on_here = [stored.clone(), other(5)].concat();
    assert_eq!(news(&went_on_here, past(&[stored, other(6)].concat())), News::Branch(turn(6)));
}

#[test]
fn copy_from_before_says_nothing_new() {
    let stored = [imported(), prompted(1), started(1), tool(1), returned(1), over_at(1, 5)];
    let before = [imported(), prompted(1), started(1), tool(1), cut_off(1, 2)];

    assert_eq!(news(&stored, past(&before)), News::More(vec![]));
}

#[test]
fn session_that_was_made_here_has_no_news() {
    assert_eq!(news(&[opened()], past(&held())), News::MadeHere);
}

#[test]
fn sessions_share_what_both_begin_with() {
    let stored = [held(), vec![prompted(2), started(2), tool(2), over_at(2, 9)]].concat();
    let told = [held(), vec![prompted(3), started(3), over_at(3, 4)]].concat();

    let shared = shared(&stored, &past(&told));

    assert_eq!((shared.version, shared.parts), (4, ["tool 2".to_owned()].into()));
}

fn held() -> Vec<SessionEvent> {
    vec![imported(), prompted(1), started(1), over()]
}

fn past(events: &[SessionEvent]) -> Vec<PastEvent> {
    events.iter().cloned().map(|event| PastEvent { happened_at: None, event }).collect()
}

fn tool(number: u128) -> SessionEvent {
    let (name, input) = ("Bash".to_owned(), serde_json::json!({}));
    let (turn, tool_use_id) = (turn(number), format!("tool {number}"));
    ToolEvent::Used { turn, tool_use_id, name, input, parent_tool_use_id: None }.into()
}

fn returned(number: u128) -> SessionEvent {
    let (turn, tool_use_id) = (turn(number), format!("tool {number}"));
    let content = serde_json::json!("ok");
    ToolEvent::Returned { turn, tool_use_id, is_error: false, content, structured: None, decided_by: None }
        .into()
}

fn over_at(number: u128, cost: u64) -> SessionEvent {
    completed(number, &spend(cost), &spend(cost))
}

fn cut_off(number: u128, cost: u64) -> SessionEvent {
    let (turn, cause, account) =
        (turn(number), InterruptCause::AgentAborted, account(&spend(cost), &spend(cost)));
    TurnEvent::Interrupted { turn, cause, account }.into()
}

fn imported() -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened { origin: Origin::Import, ..opening() }))
}

fn over() -> SessionEvent {
    completed(1, &spend(5), &spend(5))
}
