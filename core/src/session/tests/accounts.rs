//! What a turn costs: the difference between two readings of its process's counter.

use super::samples::{
    account, completed, completion, given, opened, prompted, record_end, spend, spend_of, started,
    started_in, turn, unreported,
};
use crate::agent::{AgentOutcome, Spend};
use crate::money::MicroDollars;
use crate::session::command::SessionCommand;
use crate::session::event::{FailureCause, InterruptCause, SessionEvent, TurnOutcome};

#[test]
fn first_turn_of_a_process_costs_all_that_its_counter_shows() {
    given([opened(), prompted(1), started(1)])
        .when(record_end(AgentOutcome::Succeeded, &spend(40)))
        .then_expect_events(vec![completed(1, &spend(40), &spend(40))]);
}

#[test]
fn second_turn_of_a_process_costs_what_the_counter_grew_by() {
    given([opened(), prompted(1), started(1), completed(1, &spend(40), &spend(40)), prompted(2), started(2)])
        .when(record_end(AgentOutcome::Succeeded, &spend(100)))
        .then_expect_events(vec![completed(2, &spend(60), &spend(100))]);
}

#[test]
fn counter_of_a_new_process_starts_at_zero() {
    let turn_1 = completed(1, &spend(40), &spend(40));

    given([opened(), prompted(1), started_in(1, 7), turn_1, prompted(2), started_in(2, 8)])
        .when(record_end(AgentOutcome::Succeeded, &spend(30)))
        .then_expect_events(vec![completed(2, &spend(30), &spend(30))]);
}

#[test]
fn each_model_is_charged_with_its_own_difference() {
    let (before, after) =
        (spend_of(&[("opus", 40), ("sonnet", 9)]), spend_of(&[("opus", 40), ("sonnet", 10), ("haiku", 5)]));

    let share = spend_of(&[("sonnet", 1), ("haiku", 5)]);

    given([opened(), prompted(1), started(1), completed(1, &before, &before), prompted(2), started(2)])
        .when(record_end(AgentOutcome::Succeeded, &after))
        .then_expect_events(vec![completed(2, &share, &after)]);
}

#[test]
fn counter_that_runs_backwards_costs_nothing() {
    let (before, after) = (spend(40), spend(30));

    given([opened(), prompted(1), started(1), completed(1, &before, &before), prompted(2), started(2)])
        .when(record_end(AgentOutcome::Succeeded, &after))
        .then_expect_events(vec![completed(2, &Spend::default(), &after)]);
}

#[test]
fn turn_that_fails_by_its_own_report_moves_the_counter() {
    let failed = SessionEvent::TurnFailed {
        turn: turn(1),
        cause: FailureCause::ModelApiError,
        detail: "overloaded".into(),
        status: Some(529),
        account: account(&spend(40), &spend(40)),
    };

    given([opened(), prompted(1), started(1), failed, prompted(2), started(2)])
        .when(record_end(AgentOutcome::Succeeded, &spend(100)))
        .then_expect_events(vec![completed(2, &spend(60), &spend(100))]);
}

#[test]
fn turn_that_was_interrupted_from_outside_leaves_its_costs_to_the_next() {
    let cut_off = SessionEvent::TurnInterrupted {
        turn: turn(2),
        cause: InterruptCause::User,
        account: unreported(&spend(40)),
    };
    let turn_1 = completed(1, &spend(40), &spend(40));

    given([
        opened(),
        prompted(1),
        started(1),
        turn_1,
        prompted(2),
        started(2),
        cut_off,
        prompted(3),
        started(3),
    ])
    .when(record_end(AgentOutcome::Succeeded, &spend(100)))
    .then_expect_events(vec![completed(3, &spend(60), &spend(100))]);
}

#[test]
fn turn_without_a_report_keeps_the_counter_where_it_stood() {
    let turn_1 = completed(1, &spend(40), &spend(40));

    given([opened(), prompted(1), started(1), turn_1, prompted(2), started(2)])
        .when(SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped })
        .then_expect_events(vec![SessionEvent::TurnInterrupted {
            turn: turn(2),
            cause: InterruptCause::ServerStopped,
            account: unreported(&spend(40)),
        }]);
}

#[test]
fn turn_of_a_new_process_without_a_report_has_a_counter_at_zero() {
    let turn_1 = completed(1, &spend(40), &spend(40));

    given([opened(), prompted(1), started(1), turn_1, prompted(2), started_in(2, 8)])
        .when(SessionCommand::FailTurn { cause: FailureCause::AgentUnavailable, detail: "gone".into() })
        .then_expect_events(vec![SessionEvent::TurnFailed {
            turn: turn(2),
            cause: FailureCause::AgentUnavailable,
            detail: "gone".into(),
            status: None,
            account: unreported(&Spend::default()),
        }]);
}

#[test]
fn turn_that_the_agent_began_counts_from_the_turn_before() {
    let turn_1 = completed(1, &spend(40), &spend(40));
    let share = completion(super::samples::SPARE, TurnOutcome::Success, &spend(2), &spend(42));

    given([opened(), prompted(1), started(1), turn_1, super::samples::began_by_itself()])
        .when(record_end(AgentOutcome::Succeeded, &spend(42)))
        .then_expect_events(vec![SessionEvent::TurnCompleted(share)]);
}

#[test]
fn usage_of_a_spend_is_that_of_all_its_models() {
    let both = spend_of(&[("opus", 40), ("haiku", 2)]);

    assert_eq!(both.usage(), super::samples::usage(42));
    assert_eq!(both.cost_micros, MicroDollars(42));
}
