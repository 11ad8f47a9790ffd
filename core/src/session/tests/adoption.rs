//! Sessions that were held elsewhere.

use super::samples::{completed, given, opened, opening, prompted, spend, started};
use crate::session::command::SessionCommand;
use crate::session::error::SessionError;
use crate::session::event::{LifecycleEvent, Origin, SessionEvent, SessionOpened};

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

fn imported() -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened { origin: Origin::Import, ..opening() }))
}

fn over() -> SessionEvent {
    completed(1, &spend(5), &spend(5))
}
