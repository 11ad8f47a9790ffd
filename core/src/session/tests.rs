//! The rules for what people and programs ask of a session. The other files beside this one, in
//! `tests/`, hold the rules for what the agent says, the views, and the stored form of events.

mod actions;
mod adoption;
mod agent_output;
mod answers;
mod background;
mod calls;
mod changes;
mod conversation;
mod cost;
mod every_event;
mod file_changes;
mod forks;
mod frames;
mod gate;
mod handovers;
mod hooks;
mod index;
mod one_end_per_turn;
mod request_views;
mod requests;
mod resuming;
mod samples;
mod shortfalls;
mod stored_events;

mod views;

use crate::prompt::{Attachment, Prompt};
use crate::request::Decision;
use crate::session::MAX_QUEUED_PROMPTS;
use crate::session::command::{SessionChange, SessionCommand, WhileRunning};
use crate::session::error::SessionError;
use crate::session::event::{FailureCause, InterruptCause, ParkCause, PromptEvent, SessionEvent, TurnEvent};
use samples::{
    answer, completed, given, interrupt_requested, opened, opening, prompted, request_interrupt, settle,
    spend, start, started, submit, turn, unreported,
};

use crate::spend::Spend;

#[test]
fn session_is_opened_once() {
    given([]).when(open()).then_expect_events(vec![opened()]);
}

#[test]
fn opening_twice_is_refused() {
    given([opened()]).when(open()).then_expect_error(SessionError::AlreadyOpened);
}

#[test]
fn session_that_was_not_opened_refuses_everything_else() {
    for command in [
        submit(1, WhileRunning::Queue),
        start(),
        request_interrupt(),
        samples::record(samples::said("hello")),
        settle("r1", answer(Decision::Allow)),
        SessionCommand::Release { process: samples::process(1) },
        SessionCommand::CloseBackgroundWork,
        SessionCommand::Park { cause: ParkCause::Idle },
        SessionCommand::Change { change: SessionChange::Archived(true), by: "ada".into() },
        SessionCommand::InterruptTurn { cause: InterruptCause::User },
        fail(),
    ] {
        given([]).when(command).then_expect_error(SessionError::NotOpened);
    }
}

#[test]
fn prompt_to_an_idle_session_is_submitted_whoever_would_wait() {
    for while_running in [WhileRunning::Queue, WhileRunning::Refuse] {
        given([opened()]).when(submit(1, while_running)).then_expect_events(vec![prompted(1)]);
    }
}

#[test]
fn prompt_keeps_its_text_and_attachments() {
    let attachments = vec![Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() }];
    let text = " two\nlines, 你好 ";

    let command = SessionCommand::SubmitPrompt {
        turn: turn(1),
        text: Prompt::try_from(text.to_owned()).unwrap(),
        attachments: attachments.clone(),
        author: "grace".into(),
        while_running: WhileRunning::Refuse,
    };

    let (text, author) = (text.to_owned(), "grace".to_owned());
    given([opened()]).when(command).then_expect_events(vec![SessionEvent::Prompt(PromptEvent::Submitted {
        turn: turn(1),
        text,
        attachments,
        author,
    })]);
}

#[test]
fn prompt_while_running_waits_if_it_may() {
    given([opened(), prompted(1), started(1)])
        .when(submit(2, WhileRunning::Queue))
        .then_expect_events(vec![prompted(2)]);
}

#[test]
fn prompt_while_running_is_refused_if_it_may_not_wait() {
    given([opened(), prompted(1), started(1)])
        .when(submit(2, WhileRunning::Refuse))
        .then_expect_error(SessionError::TurnInProgress);
}

#[test]
fn prompt_that_may_not_wait_is_refused_while_another_one_waits() {
    given([opened(), prompted(1)])
        .when(submit(2, WhileRunning::Refuse))
        .then_expect_error(SessionError::TurnInProgress);
}

#[test]
fn last_free_place_in_the_queue_is_given() {
    let waiting = (2..=16).map(prompted);

    given([opened(), prompted(1), started(1)].into_iter().chain(waiting))
        .when(submit(17, WhileRunning::Queue))
        .then_expect_events(vec![prompted(17)]);
}

#[test]
fn prompt_to_a_full_queue_is_refused() {
    let waiting = (2..=17).map(prompted);

    given([opened(), prompted(1), started(1)].into_iter().chain(waiting))
        .when(submit(18, WhileRunning::Queue))
        .then_expect_error(SessionError::QueueFull { limit: MAX_QUEUED_PROMPTS });
}

#[test]
fn turn_starts_with_the_prompt_that_waited_longest() {
    given([opened(), prompted(1), prompted(2), prompted(3)])
        .when(start())
        .then_expect_events(vec![started(1)]);
}

#[test]
fn next_turn_starts_with_the_prompt_that_came_next() {
    let over = completed(1, &spend(5), &spend(5));

    given([opened(), prompted(1), prompted(2), started(1), prompted(3), over])
        .when(start())
        .then_expect_events(vec![started(2)]);
}

#[test]
fn second_turn_beside_a_running_one_is_refused() {
    given([opened(), prompted(1), prompted(2), started(1)])
        .when(start())
        .then_expect_error(SessionError::TurnInProgress);
}

#[test]
fn turn_without_a_prompt_is_refused() {
    let over = completed(1, &spend(5), &spend(5));

    given([opened(), prompted(1), started(1), over])
        .when(start())
        .then_expect_error(SessionError::NothingQueued);
}

#[test]
fn running_turn_is_asked_to_stop() {
    given([opened(), prompted(1), started(1)])
        .when(request_interrupt())
        .then_expect_events(vec![interrupt_requested(1)]);
}

#[test]
fn asking_twice_to_stop_changes_nothing() {
    given([opened(), prompted(1), started(1), interrupt_requested(1)])
        .when(request_interrupt())
        .then_expect_events(vec![]);
}

#[test]
fn request_to_stop_one_turn_does_not_reach_the_next() {
    let over = completed(1, &spend(5), &spend(5));

    given([opened(), prompted(1), started(1), interrupt_requested(1), over, prompted(2), started(2)])
        .when(request_interrupt())
        .then_expect_events(vec![interrupt_requested(2)]);
}

#[test]
fn interrupt_is_refused_while_nothing_runs() {
    for command in [request_interrupt(), SessionCommand::InterruptTurn { cause: InterruptCause::User }] {
        given([opened()]).when(command).then_expect_error(SessionError::NothingRunning);
    }
}

#[test]
fn interrupt_takes_back_the_prompt_whose_turn_comes_next() {
    given([opened(), prompted(1), prompted(2)]).when(request_interrupt()).then_expect_events(vec![
        SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(1), by: "ada".into() }),
    ]);
}

#[test]
fn turn_is_interrupted_with_the_cause_that_was_given() {
    for cause in [InterruptCause::ServerStopped, InterruptCause::ServerCrashed, InterruptCause::User] {
        given([opened(), prompted(1), started(1)])
            .when(SessionCommand::InterruptTurn { cause })
            .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Interrupted {
                turn: turn(1),
                cause,
                account: unreported(&Spend::default()),
            })]);
    }
}

#[test]
fn turn_fails_with_the_cause_and_the_detail_that_were_given() {
    given([opened(), prompted(1), started(1)]).when(fail()).then_expect_events(vec![SessionEvent::Turn(
        TurnEvent::Failed {
            turn: turn(1),
            cause: FailureCause::AgentDied,
            detail: "signal: 9".into(),
            status: None,
            account: unreported(&Spend::default()),
        },
    )]);
}

#[test]
fn agent_that_dies_after_it_was_asked_to_stop_has_stopped() {
    let account = unreported(&Spend::default());

    given([opened(), prompted(1), started(1), interrupt_requested(1)]).when(fail()).then_expect_events(vec![
        SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause: InterruptCause::User, account }),
    ]);
}

#[test]
fn failure_is_refused_while_nothing_runs() {
    given([opened()]).when(fail()).then_expect_error(SessionError::NothingRunning);
}

fn open() -> SessionCommand {
    SessionCommand::Open(Box::new(opening()))
}

fn fail() -> SessionCommand {
    SessionCommand::FailTurn { cause: FailureCause::AgentDied, detail: "signal: 9".into() }
}
