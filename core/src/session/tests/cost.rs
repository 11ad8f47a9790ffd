//! What a turn costs: the difference between two readings of its process's counter, or the sum of several
//! such differences if several processes worked on it.

use super::samples::{
    account, completed, completion, decided, given, opened, parked, permission_request, permission_requested,
    process, prompted, record_end, record_of, released, resumed, running, settlement, spend, spend_of,
    started, started_in, turn, unreported,
};
use crate::agent::{AgentOutcome, AgentOutput};
use crate::money::MicroDollars;
use crate::request::{Decision, RequestKind};
use crate::session::command::SessionCommand;
use crate::session::event::{
    AgentCounter, Asked, Decided, FailureCause, InterruptCause, RequestEvent, SessionEvent, SpendEvent,
    TurnAccount, TurnCompleted, TurnEvent, TurnOutcome, TurnResumed,
};
use crate::spend::Spend;

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
    let failed = SessionEvent::Turn(TurnEvent::Failed {
        turn: turn(1),
        cause: FailureCause::ModelApiError,
        detail: "overloaded".into(),
        status: Some(529),
        account: account(&spend(40), &spend(40)),
    });

    given([opened(), prompted(1), started(1), failed, prompted(2), started(2)])
        .when(record_end(AgentOutcome::Succeeded, &spend(100)))
        .then_expect_events(vec![completed(2, &spend(60), &spend(100))]);
}

#[test]
fn turn_that_was_interrupted_from_outside_leaves_its_costs_to_the_next() {
    let cut_off = SessionEvent::Turn(TurnEvent::Interrupted {
        turn: turn(2),
        cause: InterruptCause::User,
        account: unreported(&spend(40)),
    });
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
        .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Interrupted {
            turn: turn(2),
            cause: InterruptCause::ServerStopped,
            account: unreported(&spend(40)),
        })]);
}

#[test]
fn turn_of_a_new_process_without_a_report_has_a_counter_at_zero() {
    let turn_1 = completed(1, &spend(40), &spend(40));

    given([opened(), prompted(1), started(1), turn_1, prompted(2), started_in(2, 8)])
        .when(SessionCommand::FailTurn { cause: FailureCause::AgentUnavailable, detail: "gone".into() })
        .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Failed {
            turn: turn(2),
            cause: FailureCause::AgentUnavailable,
            detail: "gone".into(),
            status: None,
            account: unreported(&Spend::default()),
        })]);
}

#[test]
fn turn_that_the_agent_began_counts_from_the_turn_before() {
    let turn_1 = completed(1, &spend(40), &spend(40));
    let share = completion(super::samples::SPARE, TurnOutcome::Success, &spend(2), &spend(42));

    given([opened(), prompted(1), started(1), turn_1, super::samples::began_by_itself()])
        .when(record_end(AgentOutcome::Succeeded, &spend(42)))
        .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Completed(share))]);
}

#[test]
fn usage_of_a_spend_is_that_of_all_its_models() {
    let both = spend_of(&[("opus", 40), ("haiku", 2)]);

    assert_eq!(both.usage(), super::samples::usage(42));
    assert_eq!(both.cost_micros, MicroDollars(42));
}

#[test]
fn turn_of_two_processes_costs_what_both_have_spent() {
    given(resumed_after(&spend(30))).when(end_in(2, &spend(12))).then_expect_events(vec![completed_by_two(
        &spend(42),
        42,
        &spend(12),
    )]);
}

#[test]
fn what_was_spent_in_earlier_turns_is_not_counted_again() {
    let turn_1 = completed(1, &spend(100), &spend(100));
    let turn_2 = [prompted(2), started(2)];
    let waited =
        [usage_reported(2, 1, &spend(130)), request_of_turn_2(), decided_in_turn_2(), resumed_turn_2()];

    let events = running().into_iter().chain([turn_1]).chain(turn_2).chain(waited);
    let ended = given(events).when(end_in(2, &spend(12))).inspect_result().unwrap();

    let SessionEvent::Turn(TurnEvent::Completed(TurnCompleted { account, .. })) = &ended[0] else {
        panic!("{ended:?}")
    };
    assert_eq!(account.spend, spend(42));
}

#[test]
fn next_turn_counts_from_where_the_second_process_stood() {
    let turn_1 = completed_by_two(&spend(42), 42, &spend(12));

    let next = vec![turn_1, prompted(2), started_in(2, 2)];
    given([resumed_after(&spend(30)), next].concat())
        .when(end_in(2, &spend(20)))
        .then_expect_events(vec![completed(2, &spend(8), &spend(20))]);
}

#[test]
fn turn_that_fails_without_an_account_costs_what_was_read_last() {
    let read = vec![usage_reported(1, 2, &spend(5))];

    given([resumed_after(&spend(30)), read].concat())
        .when(SessionCommand::FailTurn { cause: FailureCause::AgentDied, detail: "signal: 9".into() })
        .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Failed {
            turn: turn(1),
            cause: FailureCause::AgentDied,
            detail: "signal: 9".into(),
            status: None,
            account: account_of(&spend(35), 35, &spend(5), 0),
        })]);
}

#[test]
fn reading_that_says_nothing_new_is_not_stored() {
    given([running(), vec![usage_reported(1, 1, &spend(30))]].concat())
        .when(record_of(1, metered(&spend(30))))
        .then_expect_events(vec![]);
}

#[test]
fn reading_of_a_process_is_stored() {
    given(running()).when(record_of(1, metered(&spend(30)))).then_expect_events(vec![usage_reported(
        1,
        1,
        &spend(30),
    )]);
}

/// The first process had spent this when it gave the turn up.
fn resumed_after(spent: &Spend) -> Vec<SessionEvent> {
    let events = vec![
        usage_reported(1, 1, spent),
        permission_requested("r1"),
        parked(),
        decided(settlement("r1", Decision::Allow)),
        resumed("r1", None),
        released("r1", 2),
    ];
    [running(), events].concat()
}

fn request_of_turn_2() -> SessionEvent {
    let (turn, request) = (turn(2), permission_request("r1"));
    SessionEvent::Request(RequestEvent::Asked(Asked { kind: RequestKind::Permission, turn, request }))
}

fn decided_in_turn_2() -> SessionEvent {
    let (turn, settlement) = (turn(2), settlement("r1", Decision::Allow));
    SessionEvent::Request(RequestEvent::Decided(Decided { kind: RequestKind::Permission, turn, settlement }))
}

fn resumed_turn_2() -> SessionEvent {
    let SessionEvent::Turn(TurnEvent::Resumed(resumed)) = resumed("r1", None) else {
        panic!("it is resumed")
    };
    SessionEvent::Turn(TurnEvent::Resumed(TurnResumed { turn: turn(2), ..resumed }))
}

fn end_in(process_number: u128, total: &Spend) -> SessionCommand {
    let SessionCommand::Record(recording) = record_end(AgentOutcome::Succeeded, total) else {
        panic!("it is recorded")
    };
    record_of(process_number, recording.output)
}

fn metered(total: &Spend) -> AgentOutput {
    AgentOutput::Metered { total: total.clone(), total_duration_api_ms: total.cost_micros.0 }
}

fn usage_reported(turn_number: u128, process_number: u128, total: &Spend) -> SessionEvent {
    let counter = AgentCounter { spend: total.clone(), duration_api_ms: total.cost_micros.0 };
    SessionEvent::Spend(SpendEvent::UsageReported {
        turn: turn(turn_number),
        process: process(process_number),
        counter,
    })
}

/// The end of a turn of several processes: its time is not what the last of them measured.
fn completed_by_two(share: &Spend, duration_api_ms: u64, total: &Spend) -> SessionEvent {
    let SessionEvent::Turn(TurnEvent::Completed(completed)) = completed(1, share, total) else {
        panic!("it is completed")
    };
    let account = account_of(share, duration_api_ms, total, 0);
    SessionEvent::Turn(TurnEvent::Completed(TurnCompleted { account, ..completed }))
}

fn account_of(share: &Spend, duration_api_ms: u64, total: &Spend, duration_ms: u64) -> TurnAccount {
    let counter = AgentCounter { spend: total.clone(), duration_api_ms: total.cost_micros.0 };
    TurnAccount { spend: share.clone(), duration_ms, duration_api_ms, counter, ..TurnAccount::default() }
}
