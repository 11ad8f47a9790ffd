//! What a turn costs where its calls pass the gateway.

use super::samples::{
    completed, completion, decided, given, model_call, opened, parked, permission_requested, process,
    prompted, record_end, record_of, released, report, resumed, running, settlement, spend, started,
    started_in, turn, usage,
};
use crate::agent::{AgentOutcome, AgentOutput, BackgroundWork, TurnReport};
use crate::money::MicroDollars;
use crate::request::Decision;
use crate::session::command::SessionCommand;
use crate::session::event::{
    AgentCounter, BackgroundEvent, CostBasis, InterruptCause, SessionEvent, SpendEvent, TurnAccount,
    TurnCompleted, TurnEvent, TurnOutcome,
};
use crate::spend::{CallOutcome, ModelCall, Spend};

#[test]
fn turn_costs_the_calls_that_were_made_for_it_whatever_the_agent_says() {
    for told in [Spend::default(), spend(40), spend(100)] {
        given([running(), vec![called(30), called(12)]].concat())
            .when(record_end(AgentOutcome::Succeeded, &told))
            .then_expect_events(vec![completed(1, &spend(42), &told)]);
    }
}

#[test]
fn turn_that_is_cut_short_costs_the_calls_that_were_made() {
    given([running(), vec![called(30), cut_off(12)]].concat())
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(42), &Spend::default())]);
}

#[test]
fn readings_of_the_agents_counters_add_nothing_to_the_calls() {
    given([running(), vec![called(30), read(35), called(12)]].concat())
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(42), &spend(35))]);
}

#[test]
fn calls_before_the_first_turn_are_paid_by_it() {
    given([opened(), beside(None, 9), prompted(1), started(1), called(30)])
        .when(crash())
        .then_expect_events(vec![crashed(1, &spend(39), &Spend::default())]);
}

#[test]
fn turn_without_a_call_costs_nothing_although_a_new_process_tells_what_the_session_cost() {
    let turn_1 = vec![called(40), completed(1, &spend(40), &spend(40))];

    given([running(), turn_1, vec![prompted(2), started_in(2, 8)]].concat())
        .when(record_of(8, AgentOutput::TurnEnded(Box::new(report(AgentOutcome::Succeeded, &spend(40))))))
        .then_expect_events(vec![completed(2, &Spend::default(), &spend(40))]);
}

#[test]
fn turn_of_two_processes_costs_the_calls_of_both() {
    let waited = vec![
        called(30),
        permission_requested("r1"),
        parked(),
        decided(settlement("r1", Decision::Allow)),
        resumed("r1", None),
        released("r1", 2),
    ];
    let end = AgentOutput::TurnEnded(Box::new(report(AgentOutcome::Succeeded, &spend(42))));

    let ended = given([running(), waited, vec![called(12)]].concat())
        .when(record_of(2, end))
        .inspect_result()
        .unwrap();

    let SessionEvent::Turn(TurnEvent::Completed(TurnCompleted { account, .. })) = &ended[0] else {
        panic!("{ended:?}")
    };
    assert_eq!((&account.spend, &account.counter.spend), (&spend(42), &spend(42)));
}

#[test]
fn call_for_an_earlier_turn_is_not_paid_by_the_one_that_runs() {
    let turn_1 = vec![called(40), completed(1, &spend(40), &spend(40)), beside(Some(1), 9)];
    let share = completion(turn(2), TurnOutcome::Success, &spend(11), &spend(60));
    let turn_2 = vec![prompted(2), started(2), beside(Some(2), 11), beside(Some(1), 5)];

    given([running(), turn_1, turn_2].concat())
        .when(record_end(AgentOutcome::Succeeded, &spend(60)))
        .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Completed(share))]);
}

#[test]
fn call_of_a_subagent_is_of_the_turn_that_started_it() {
    let turn_1 = vec![subagent_started(), called(9), completed(1, &spend(9), &spend(9))];
    let given_events = [running(), turn_1, vec![prompted(2), started(2)]].concat();
    let called_by = |subagent: Option<&str>| {
        let call = ModelCall { subagent: subagent.map(str::to_owned), ..call(9) };
        given(given_events.clone())
            .when(record_of(1, AgentOutput::ModelCalled(call)))
            .inspect_result()
            .unwrap()
    };
    let turn_of = |events: Vec<SessionEvent>| match &events[..] {
        [SessionEvent::Spend(SpendEvent::ModelCalled { turn, .. })] => *turn,
        events => panic!("{events:?}"),
    };

    assert_eq!(turn_of(called_by(Some("task-1"))), Some(turn(1)));
    assert_eq!(turn_of(called_by(Some("nobody"))), Some(turn(2)));
    assert_eq!(turn_of(called_by(None)), Some(turn(2)));
}

#[test]
fn without_a_gateway_the_turns_own_spend_holds_that_the_agent_tells() {
    let told = TurnReport { own_spend: Some(spend(7)), ..report(AgentOutcome::Succeeded, &spend(47)) };

    given([running(), vec![completed(1, &spend(40), &spend(40)), prompted(2), started_in(2, 8)]].concat())
        .when(record_of(8, AgentOutput::TurnEnded(Box::new(told))))
        .then_expect_events(vec![completed(2, &spend(7), &spend(47))]);
}

fn subagent_started() -> SessionEvent {
    let work = BackgroundWork {
        task_id: "task-1".into(),
        tool_use_id: Some("tool-0".into()),
        kind: "local_agent".into(),
        description: "Look around".into(),
        subagent_type: None,
    };
    SessionEvent::Background(BackgroundEvent::Started { turn: turn(1), work })
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
        cost_basis: CostBasis::Counted,
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
