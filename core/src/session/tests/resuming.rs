//! A turn that waits for people gives up its process, and another one goes on with the decision.

use super::samples::{
    again, answer, asks_in, decided, given, interrupt_requested, opened, parked, permission_request,
    permission_requested, process, prompted, record_of, released, request_interrupt, requested, resumed,
    running, said, settle, settlement, spend, turn, unreported,
};

use crate::Session;
use crate::agent::{AgentOutput, BackgroundWork};
use crate::log::Aggregate;
use crate::request::{AgentRequest, Decision};
use crate::session::command::SessionCommand;
use crate::session::error::SessionError;
use crate::session::event::{
    BackgroundEvent, Fallback, InterruptCause, MessageEvent, ParkCause, PromptEvent, RequestEvent,
    SessionEvent, TurnEvent, WithdrawReason,
};
use crate::spend::Spend;

#[test]
fn turn_that_waits_is_parked() {
    for cause in [ParkCause::Idle, ParkCause::ServerStopped, ParkCause::ServerCrashed, ParkCause::AgentDied] {
        given(waiting())
            .when(SessionCommand::Park { cause })
            .then_expect_events(vec![SessionEvent::Turn(TurnEvent::Parked { turn: turn(1), cause })]);
    }
}

#[test]
fn turn_that_does_not_wait_is_not_parked() {
    given(running()).when(park()).then_expect_events(vec![]);
}

#[test]
fn turn_whose_decision_the_agent_has_is_not_parked() {
    let told = vec![decided(settlement("r1", Decision::Allow)), released("r1", 1)];

    given([waiting(), told].concat()).when(park()).then_expect_events(vec![]);
}

#[test]
fn turn_with_a_decision_that_no_agent_has_is_parked() {
    given([waiting(), vec![decided(settlement("r1", Decision::Allow))]].concat())
        .when(park())
        .then_expect_events(vec![parked()]);
}

#[test]
fn turn_is_parked_once() {
    given([waiting(), vec![parked()]].concat()).when(park()).then_expect_events(vec![]);
}

#[test]
fn session_without_a_turn_is_not_parked() {
    given([opened(), prompted(1)]).when(park()).then_expect_events(vec![]);
}

#[test]
fn parked_turn_goes_on_in_a_new_process() {
    given(decided_while_parked()).when(resume()).then_expect_events(vec![resumed("r1", None)]);
}

#[test]
fn turn_without_a_decision_is_not_taken_up() {
    given([waiting(), vec![parked()]].concat()).when(resume()).then_expect_error(SessionError::NothingQueued);
}

#[test]
fn session_without_a_turn_is_not_taken_up() {
    given([opened()]).when(resume()).then_expect_error(SessionError::NothingRunning);
}

#[test]
fn other_requests_are_dropped_when_a_turn_is_taken_up() {
    let (second, third) =
        (again("r2", "tool-2", &permission_request("r1")), again("r3", "tool-3", &permission_request("r1")));
    let events =
        vec![requested(second), requested(third), parked(), decided(settlement("r2", Decision::Deny))];

    let dropped = |request_id: &str| {
        SessionEvent::Request(RequestEvent::Withdrawn {
            turn: turn(1),
            request_id: request_id.into(),
            reason: WithdrawReason::Dropped,
        })
    };
    given([waiting(), events].concat()).when(resume()).then_expect_events(vec![
        resumed("r2", Some(Fallback::OpenCallsDropped)),
        dropped("r1"),
        dropped("r3"),
    ]);
}

#[test]
fn dropped_request_cannot_be_decided_any_more() {
    let second = again("r2", "tool-2", &permission_request("r1"));
    let dropped = SessionEvent::Request(RequestEvent::Withdrawn {
        turn: turn(1),
        request_id: "r1".into(),
        reason: WithdrawReason::Dropped,
    });
    let events = vec![
        requested(second),
        parked(),
        decided(settlement("r2", Decision::Deny)),
        resumed("r2", Some(Fallback::OpenCallsDropped)),
        dropped,
    ];

    given([waiting(), events].concat())
        .when(settle("r1", answer(Decision::Allow)))
        .then_expect_error(SessionError::RequestNotWaiting("r1".into()));
}

#[test]
fn subagent_begins_again_when_its_request_is_decided() {
    let of_subagent = AgentRequest { subagent: Some("task-1".into()), ..permission_request("r1") };
    let events = vec![requested(of_subagent), parked(), decided(settlement("r1", Decision::Allow))];

    given([running(), events].concat())
        .when(resume())
        .then_expect_events(vec![resumed("r1", Some(Fallback::SubagentRestarted))]);
}

#[test]
fn decision_goes_to_the_process_that_asked() {
    given([waiting(), vec![decided(settlement("r1", Decision::Allow))]].concat())
        .when(release(1))
        .then_expect_events(vec![released("r1", 1)]);
}

#[test]
fn nothing_is_released_before_it_is_decided() {
    given(waiting()).when(release(1)).then_expect_events(vec![]);
}

#[test]
fn decisions_are_released_in_the_order_in_which_they_were_made() {
    let second = again("r2", "tool-2", &permission_request("r1"));
    let both = vec![
        requested(second),
        decided(settlement("r2", Decision::Allow)),
        decided(settlement("r1", Decision::Deny)),
    ];

    given([waiting(), both].concat()).when(release(1)).then_expect_events(vec![released("r2", 1)]);
}

#[test]
fn request_of_the_second_process_waits_as_well() {
    let other = again("r2", "tool-2", &AgentRequest { target: None, ..other_call() });

    given([decided_while_parked(), vec![resumed("r1", None), released("r1", 2)]].concat())
        .when(asks_in(2, &other))
        .then_expect_events(vec![requested(other)]);
}

#[test]
fn second_process_gets_its_own_decision_before_it_comes_to_the_first() {
    let of_subagent = AgentRequest { subagent: Some("task-1".into()), ..permission_request("r1") };
    let other = again("r2", "tool-2", &other_call());
    let events = vec![
        requested(of_subagent),
        parked(),
        decided(settlement("r1", Decision::Allow)),
        resumed("r1", Some(Fallback::SubagentRestarted)),
        requested(other),
        decided(settlement("r2", Decision::Allow)),
    ];

    given([running(), events].concat()).when(release(2)).then_expect_events(vec![released("r2", 2)]);
}

#[test]
fn decision_that_a_process_was_started_with_waits_for_its_gate() {
    given([decided_while_parked(), vec![resumed("r1", None)]].concat())
        .when(release(2))
        .then_expect_events(vec![]);
}

#[test]
fn interrupt_ends_a_parked_turn_at_once() {
    let (cause, account) = (InterruptCause::User, unreported(&Spend::default()));

    given([waiting(), vec![parked()]].concat()).when(request_interrupt()).then_expect_events(vec![
        interrupt_requested(1),
        SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause, account }),
    ]);
}

#[test]
fn interrupt_of_a_turn_that_waits_with_its_process_is_only_asked_for() {
    given(waiting()).when(request_interrupt()).then_expect_events(vec![interrupt_requested(1)]);
}

#[test]
fn prompt_for_a_parked_turn_is_kept_for_the_process_that_takes_it_up() {
    let (message, author) = (turn(50), "ada".to_owned());
    let text = "go on".to_owned().try_into().unwrap();
    let (said, by) = ("go on".to_owned(), author.clone());

    given([waiting(), vec![parked()]].concat())
        .when(SessionCommand::Steer { message, text, attachments: vec![], author })
        .then_expect_events(vec![SessionEvent::Prompt(PromptEvent::Steered {
            turn: turn(1),
            message,
            text: said,
            attachments: vec![],
            author: by,
        })]);
}

#[test]
fn turn_that_was_asked_to_stop_waits_for_nobody() {
    let mut session = Session::default();
    for event in [waiting(), vec![interrupt_requested(1)]].concat() {
        session.apply(event);
    }

    // It may not be parked: nobody would end it then.
    assert_eq!((session.is_waiting(), session.outlives_its_process()), (false, false));
}

#[test]
fn requests_end_with_their_turn() {
    let over = super::samples::completed(1, &spend(1), &spend(1));

    given([waiting(), vec![over]].concat())
        .when(settle("r1", answer(Decision::Allow)))
        .then_expect_error(SessionError::RequestNotWaiting("r1".into()));
}

#[test]
fn session_waits_from_the_request_to_the_process_that_has_the_decision() {
    let mut session = Session::default();
    let mut seen = vec![];

    let steps = [
        permission_requested("r1"),
        parked(),
        decided(settlement("r1", Decision::Allow)),
        resumed("r1", None),
    ];
    running().into_iter().for_each(|event| session.apply(event));
    for event in steps.into_iter().chain([released("r1", 2)]) {
        session.apply(event);
        seen.push((session.is_waiting(), session.outlives_its_process()));
    }

    assert_eq!(seen, [(true, true), (true, true), (true, true), (false, true), (false, false)]);
}

#[test]
fn what_ran_beside_the_turn_has_ended_with_its_process() {
    let task = BackgroundWork {
        task_id: "task-1".into(),
        tool_use_id: Some("tool-0".into()),
        kind: "local_agent".into(),
        description: "Look around".into(),
        subagent_type: None,
    };
    let begun = SessionEvent::Background(BackgroundEvent::Started { turn: turn(1), work: task });
    let finished = AgentOutput::TaskFinished {
        task_id: "task-1".into(),
        status: "completed".into(),
        summary: String::new(),
        usage: None,
    };

    given(
        [
            running(),
            vec![
                begun,
                permission_requested("r1"),
                parked(),
                decided(settlement("r1", Decision::Allow)),
                resumed("r1", None),
            ],
        ]
        .concat(),
    )
    .when(record_of(2, finished))
    .then_expect_events(vec![]);
}

#[test]
fn words_of_the_second_process_belong_to_the_same_turn() {
    let (message_id, text) = ("m1".into(), "on it".into());

    given([decided_while_parked(), vec![resumed("r1", None)]].concat())
        .when(record_of(2, said("on it")))
        .then_expect_events(vec![SessionEvent::Message(MessageEvent::Text {
            turn: turn(1),
            message_id,
            text,
            parent_tool_use_id: None,
        })]);
}

fn waiting() -> Vec<SessionEvent> {
    [running(), vec![permission_requested("r1")]].concat()
}

fn decided_while_parked() -> Vec<SessionEvent> {
    [waiting(), vec![parked(), decided(settlement("r1", Decision::Allow))]].concat()
}

fn other_call() -> AgentRequest {
    AgentRequest { tool_name: "Bash".into(), ..permission_request("r2") }
}

fn park() -> SessionCommand {
    SessionCommand::Park { cause: ParkCause::Idle }
}

fn resume() -> SessionCommand {
    SessionCommand::Resume { process: process(2), runtime_version: "2.1".into(), node: "n1".into() }
}

fn release(number: u128) -> SessionCommand {
    SessionCommand::Release { process: process(number) }
}
