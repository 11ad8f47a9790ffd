//! What a turn costs where the agent does not tell it: what is known of the calls that it made.

use super::samples::{
    completed, completion, decided, given, model_call, opened, parked, permission_requested, process,
    prompted, record_end, record_of, released, report, resumed, running, settlement, spend, started,
    started_in, turn, usage,
};
use crate::agent::{AgentOutcome, AgentOutput};
use crate::money::MicroDollars;
use crate::request::Decision;
use crate::session::command::SessionCommand;
use crate::session::event::{
    AgentCounter, InterruptCause, SessionEvent, SpendEvent, TurnAccount, TurnCompleted, TurnEvent,
    TurnOutcome,
};
use crate::spend::{CallOutcome, ModelCall, Spend};

#[test]
fn turn_that_is_cut_short_costs_the_calls_that_were_made() {
    given([running(), vec![called(30), called(12)]].concat())
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(42), &spend(42))]);
}

#[test]
fn call_that_was_cut_off_with_its_turn_is_one_of_them() {
    given([running(), vec![called(30), cut_off(12)]].concat())
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(42), &spend(42))]);
}

#[test]
fn calls_after_the_last_reading_count_and_those_before_it_once() {
    given([running(), vec![called(30), read(30), called(12)]].concat())
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(42), &spend(42))]);
}

#[test]
fn reading_of_more_than_the_calls_holds() {
    given([running(), vec![called(30), read(35)]].concat()).when(crash()).then_expect_events(vec![crashed(
        1,
        &spend(35),
        &spend(35),
    )]);
}

#[test]
fn calls_before_the_first_turn_are_paid_by_it() {
    given([opened(), beside(None, 9), prompted(1), started(1), called(30)])
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(39), &spend(39))]);
}

#[test]
fn agents_own_account_is_not_added_to() {
    given([running(), vec![called(30), called(10)]].concat())
        .when(record_end(AgentOutcome::Succeeded, &spend(40)))
        .then_expect_events(vec![completed(1, &spend(40), &spend(40))]);
}

#[test]
fn calls_of_an_account_are_not_paid_again() {
    let turn_1 = [called(40), completed(1, &spend(40), &spend(40))];

    given([running(), turn_1.to_vec(), vec![prompted(2), started(2)]].concat())
        .when(crash())
        .then_expect_events(vec![crashed(2, &Spend::default(), &spend(40))]);
}

#[test]
fn process_that_goes_on_is_not_paid_twice_for_a_turn() {
    let turn_1 = [called(25), crashed(1, &spend(25), &spend(25))];

    given([running(), turn_1.to_vec(), vec![prompted(2), started(2), called(35)]].concat())
        .when(record_end(AgentOutcome::Succeeded, &spend(60)))
        .then_expect_events(vec![completed(2, &spend(35), &spend(60))]);
}

#[test]
fn attempt_that_died_without_a_reading_costs_the_calls_it_made() {
    let waited = vec![
        called(30),
        permission_requested("r1"),
        parked(),
        decided(settlement("r1", Decision::Allow)),
        resumed("r1", None),
        released("r1", 2),
    ];
    let end = AgentOutput::TurnEnded(Box::new(report(AgentOutcome::Succeeded, &spend(12))));

    let ended = given([running(), waited, vec![called(12)]].concat())
        .when(record_of(2, end))
        .inspect_result()
        .unwrap();

    let SessionEvent::Turn(TurnEvent::Completed(TurnCompleted { account, .. })) = &ended[0] else {
        panic!("{ended:?}")
    };
    assert_eq!((&account.spend, &account.counter.spend), (&spend(42), &spend(12)));
}

#[test]
fn work_beside_the_conversation_of_a_process_that_is_gone_is_left_to_the_next_turn() {
    let turn_1 = vec![called(40), completed(1, &spend(40), &spend(40)), beside(Some(1), 9), cut_off(2)];
    let turn_2 = vec![prompted(2), started_in(2, 8), called(30)];

    let ended = given([running(), turn_1, turn_2].concat())
        .when(record_of(8, AgentOutput::TurnEnded(Box::new(report(AgentOutcome::Succeeded, &spend(30))))))
        .inspect_result()
        .unwrap();

    let SessionEvent::Turn(TurnEvent::Completed(TurnCompleted { account, .. })) = &ended[0] else {
        panic!("{ended:?}")
    };
    assert_eq!((&account.spend, &account.counter.spend), (&spend(39), &spend(30)));
}

#[test]
fn work_beside_the_conversation_is_in_the_counters_of_a_process_that_goes_on() {
    let turn_1 = vec![called(40), completed(1, &spend(40), &spend(40)), beside(Some(1), 9)];
    let share = completion(turn(2), TurnOutcome::Success, &spend(20), &spend(60));

    given([running(), turn_1, vec![prompted(2), started(2), called(11)]].concat())
        .when(record_end(AgentOutcome::Succeeded, &spend(60)))
        .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Completed(share))]);
}

fn call(micros: u64) -> ModelCall {
    let (outcome, cost_micros) = (CallOutcome::Completed, MicroDollars(micros));
    ModelCall { outcome, cost_micros, usage: usage(micros), duration_ms: micros, ..model_call() }
}

fn called(micros: u64) -> SessionEvent {
    beside(Some(1), micros)
}

fn beside(number: Option<u128>, micros: u64) -> SessionEvent {
    SessionEvent::Spend(SpendEvent::ModelCalled { turn: number.map(turn), call: call(micros) })
}

fn cut_off(micros: u64) -> SessionEvent {
    let call = ModelCall { outcome: CallOutcome::CutOff, ..call(micros) };
    SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(1)), call })
}

fn read(micros: u64) -> SessionEvent {
    SessionEvent::Spend(SpendEvent::UsageReported {
        turn: turn(1),
        process: process(1),
        counter: counter(&spend(micros)),
    })
}

fn crash() -> SessionCommand {
    SessionCommand::InterruptTurn { cause: InterruptCause::ServerCrashed }
}

fn crashed(number: u128, share: &Spend, total: &Spend) -> SessionEvent {
    let account = TurnAccount {
        spend: share.clone(),
        duration_ms: 0,
        duration_api_ms: share.cost_micros.0,
        counter: counter(total),
    };
    SessionEvent::Turn(TurnEvent::Interrupted {
        turn: turn(number),
        cause: InterruptCause::ServerCrashed,
        account,
    })
}

fn counter(total: &Spend) -> AgentCounter {
    AgentCounter { spend: total.clone(), duration_api_ms: total.cost_micros.0 }
}
