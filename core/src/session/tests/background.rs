//! Subagents that work on after the turn that started them, and what they ask.

use super::samples::{
    answer, at, called_tool, completed, decided, given, model_call, opened, permission_request, process,
    prompted, record_end, record_of, returned, running, settle, settlement, spend, started, submit, turn,
    usage, viewed,
};
use crate::agent::{AgentOutcome, AgentOutput, BackgroundWork};
use crate::ids::TurnId;
use crate::log::Aggregate as _;
use crate::money::MicroDollars;
use crate::request::{AgentRequest, Decision, RequestKind};
use crate::session::Session;
use crate::session::action::Action;
use crate::session::command::{SessionCommand, WhileRunning};
use crate::session::error::SessionError;
use crate::session::event::{
    Asked, BackgroundEvent, InterruptCause, ParkCause, PromptEvent, RequestEvent, SessionEvent, SpendEvent,
    TurnEvent,
};
use crate::session::index::{SessionIndex, SessionStatus};
use crate::spend::ModelCall;

#[test]
fn request_of_a_subagent_outlives_the_turn_that_started_it() {
    let session = after(&asked_after_the_turn());

    assert_eq!(types(&session, allow()), ["permission_decided"]);
    assert_eq!(session.decide(allow()).unwrap().actions, [Action::DeliverDecision]);
    assert!(!session.is_waiting() && session.has_background_work() && !session.is_working_beside());
}

#[test]
fn decision_after_the_turn_goes_to_the_process_that_waits() {
    let session = after(&[asked_after_the_turn(), vec![allowed()]].concat());

    let released = session.decide(SessionCommand::Release { process: process(1) }).unwrap();

    assert_eq!(released.events[0].type_name(), "request_released");
    assert!(
        matches!(&released.actions[..], [.., Action::AnswerRequest { request_id, .. }] if request_id == "r1")
    );
}

#[test]
fn decision_waits_for_no_turn_that_runs_meanwhile() {
    let next_turn = vec![prompted(2), started(2), allowed()];
    let session = after(&[asked_after_the_turn(), next_turn].concat());

    let released = session.decide(SessionCommand::Release { process: process(1) }).unwrap();

    assert_eq!(released.events[0].type_name(), "request_released");
    assert!(session.undelivered().is_none() && !session.outlives_its_process());
}

#[test]
fn turn_whose_subagent_works_beside_it_does_not_wait() {
    let asked = [launched(), vec![asked()]].concat();

    assert!(!after(&asked).is_waiting());
    assert_eq!(types(&after(&asked), park()), Vec::<&str>::new());
}

#[test]
fn turn_waits_for_a_subagent_whose_report_it_needs() {
    let foreground = [running(), vec![called_tool("tool-0"), begun(), asked()]].concat();

    assert!(after(&foreground).is_waiting());
    assert_eq!(types(&after(&foreground), park()), ["turn_parked"]);
}

#[test]
fn request_of_such_a_subagent_ends_with_its_turn() {
    let foreground = [running(), vec![called_tool("tool-0"), begun(), asked()]].concat();

    let ended = types(&after(&foreground), record_end(AgentOutcome::Failed, &spend(1)));

    assert_eq!(ended, ["request_withdrawn", "turn_failed"]);
}

#[test]
fn end_of_a_subagent_withdraws_what_it_asked() {
    let ended = types(&after(&asked_after_the_turn()), record_of(1, finished()));

    assert_eq!(ended, ["request_withdrawn", "subagent_finished"]);
}

#[test]
fn words_of_a_subagent_are_of_the_turn_that_started_it() {
    let session = after(&[launched(), vec![over(), prompted(2), started(2)]].concat());
    let said = |parent: Option<&str>| AgentOutput::Text {
        message_id: "m1".into(),
        text: "found it".into(),
        parent_tool_use_id: parent.map(str::to_owned),
    };
    let turn_of = |output| {
        let effects = session.decide(record_of(1, output)).unwrap();
        serde_json::to_value(&effects.events[0]).unwrap()["data"]["turn"].clone()
    };

    assert_eq!(turn_of(said(Some("tool-0"))), turn(1).to_string());
    assert_eq!(turn_of(said(None)), turn(2).to_string());
}

#[test]
fn what_waits_is_parked_when_its_process_ends_and_the_rest_is_over() {
    let session = after(&[asked_after_the_turn(), vec![begun_as("task-2")]].concat());

    assert_eq!(
        types(&session, SessionCommand::CloseBackgroundWork),
        ["subagent_parked", "subagent_finished"]
    );
}

#[test]
fn work_beside_a_turn_is_parked_with_it() {
    let own = AgentRequest { tool_use_id: "tool-9".into(), subagent: None, ..permission_request("r2") };
    let asks = SessionEvent::Request(RequestEvent::Asked(Asked {
        kind: RequestKind::Permission,
        turn: turn(1),
        request: own,
    }));

    let session = after(&[launched(), vec![asked(), called_tool("tool-9"), asks]].concat());

    assert_eq!(types(&session, park()), ["subagent_parked", "turn_parked"]);
}

#[test]
fn decision_about_a_parked_subagent_becomes_a_prompt_for_its_conversation() {
    let session = after(&[parked_after_the_turn(), vec![allowed()]].concat());

    let reported = session.decide(report()).unwrap();

    assert_eq!(reported.actions, [Action::BeginTurn]);
    let [
        SessionEvent::Prompt(PromptEvent::Submitted { turn: prompted, text, author, .. }),
        SessionEvent::Background(BackgroundEvent::TakenUp { turn: taken_up_in, task_id, request_id }),
    ] = &reported.events[..]
    else {
        panic!("{:?}", reported.events)
    };
    assert_eq!((taken_up_in, prompted), (&turn(2), &turn(2)));
    assert_eq!((task_id.as_str(), request_id.as_str(), author.as_str()), ("task-1", "r1", "system"));
    assert!(text.contains("\"Look around\"") && text.contains("allowed"), "{text}");
}

#[test]
fn same_call_is_then_decided_alike_until_that_turn_ends() {
    let reported = report_of(&[parked_after_the_turn(), vec![allowed()]].concat());
    let begun_again = [reported, vec![started(2)]].concat();
    let again = || {
        let request = AgentRequest { request_id: "r7".into(), subagent: None, ..request() };
        record_of(1, AgentOutput::Asked { kind: RequestKind::Permission, request })
    };

    let while_it_runs = types(&after(&begun_again), again());
    let later = [begun_again, vec![completed(2, &spend(1), &spend(1)), prompted(3), started(3)]].concat();

    let known = ["permission_requested", "permission_decided", "request_released", "request_released"];
    assert_eq!(while_it_runs, known);
    assert_eq!(types(&after(&later), again()), ["permission_requested"]);
}

#[test]
fn next_process_does_not_end_what_is_parked() {
    let session = after(&[parked_after_the_turn(), vec![prompted(2), started(2)]].concat());

    assert_eq!(types(&session, record_of(1, finished())), Vec::<&str>::new());
    assert_eq!(types(&session, allow()), ["permission_decided"]);
}

#[test]
fn interrupt_reaches_subagents_that_work_on() {
    let stop = || SessionCommand::RequestInterrupt { by: "ada".into(), cause: InterruptCause::User };
    let session = after(&asked_after_the_turn());

    assert_eq!(types(&session, stop()), ["interrupt_requested"]);
    assert_eq!(session.decide(stop()).unwrap().actions, [Action::Interrupt(turn(1))]);
    given(parked_after_the_turn()).when(stop()).then_expect_error(SessionError::NothingRunning);
}

#[test]
fn a_subagent_is_stopped_once_and_its_end_says_by_whom() {
    let stop = || SessionCommand::StopWork { task_id: "task-1".into(), by: "ada".into() };
    let session = after(&asked_after_the_turn());

    let effects = session.decide(stop()).unwrap();
    assert_eq!(effects.actions, [Action::StopWork { task_id: "task-1".into() }]);
    let stopping = after(&[asked_after_the_turn(), effects.events].concat());
    assert_eq!(types(&stopping, stop()), Vec::<&str>::new());
    let (task_id, status) = ("task-1".into(), "stopped".into());
    let told = AgentOutput::TaskFinished { task_id, status, summary: String::new(), usage: None };
    let ended = stopping.decide(record_of(1, told)).unwrap().events;
    let [.., SessionEvent::Background(BackgroundEvent::Finished { summary, .. })] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert_eq!(summary, "stopped by ada");
    assert_eq!(
        ended.iter().map(SessionEvent::type_name).collect::<Vec<_>>(),
        ["request_withdrawn", "subagent_finished"]
    );
    let over = [asked_after_the_turn(), ended].concat();
    given(over).when(stop()).then_expect_error(SessionError::SubagentNotRunning);
}

#[test]
fn a_subagent_without_a_process_is_over_when_somebody_stops_it() {
    let stop = SessionCommand::StopWork { task_id: "task-1".into(), by: "ada".into() };
    let effects = after(&parked_after_the_turn()).decide(stop).unwrap();

    let types: Vec<_> = effects.events.iter().map(SessionEvent::type_name).collect();
    assert_eq!(types, ["subagent_stop_requested", "request_withdrawn", "subagent_finished"]);
    assert_eq!(effects.actions, []);
}

#[test]
fn interrupt_that_ends_a_subagent_says_so() {
    let asked_to_stop = SessionEvent::Turn(TurnEvent::InterruptRequested {
        turn: turn(1),
        by: "ada".into(),
        cause: InterruptCause::User,
    });
    let killed = AgentOutput::TaskFinished {
        task_id: "task-1".into(),
        status: "stopped".into(),
        summary: String::new(),
        usage: None,
    };

    let session = after(&[launched(), vec![asked_to_stop]].concat());
    let ended = session.decide(record_of(1, killed)).unwrap().events;

    let [SessionEvent::Background(BackgroundEvent::Finished { summary, .. })] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert_eq!(summary, "ended with the turn that was interrupted");
}

#[test]
fn prompts_are_taken_while_a_subagent_waits() {
    assert_eq!(
        types(&after(&parked_after_the_turn()), submit(2, WhileRunning::Refuse)),
        ["prompt_submitted"]
    );
}

#[test]
fn status_follows_the_work_beside_the_conversation() {
    let statuses = |events: &[SessionEvent]| {
        let mut index = SessionIndex::open(&opened(), at(1)).unwrap();
        let mut seen = vec![];
        for event in &events[1..] {
            index.apply(event, at(2));
            seen.push(index.head.status);
        }
        seen.split_off(seen.len() - 4)
    };
    let (idle, running, waiting) = (SessionStatus::Idle, SessionStatus::Running, SessionStatus::Waiting);
    let done = [launched(), vec![over(), asked(), allowed(), end()]].concat();
    let taken_up = report_of(&[parked_after_the_turn(), vec![allowed()]].concat());

    assert_eq!(statuses(&done), [running, waiting, running, idle]);
    assert_eq!(statuses(&taken_up), [waiting, running, running, running]);
}

#[test]
fn view_keeps_the_request_and_pays_what_is_called_after_the_turn() {
    let call = ModelCall { cost_micros: MicroDollars(9), usage: usage(9), ..model_call() };
    let call = SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(1)), call });

    let view = viewed(&[asked_after_the_turn(), vec![call]].concat()[1..]);

    assert_eq!((view.pending.len(), view.turns[0].background), (1, 1));
    assert_eq!((view.turns[0].cost_usd, view.turns[0].usage), (Some(MicroDollars(10)), usage(10)));
    assert_eq!((view.head.cost_usd, view.head.usage), (Some(MicroDollars(10)), usage(10)));
    assert_eq!(viewed(&parked_after_the_turn()[1..]).subagents[0].status, "parked");
}

/// A subagent that works beside its turn.
fn launched() -> Vec<SessionEvent> {
    [running(), vec![called_tool("tool-0"), begun(), returned("tool-0")]].concat()
}

fn asked_after_the_turn() -> Vec<SessionEvent> {
    [launched(), vec![over(), asked()]].concat()
}

fn parked_after_the_turn() -> Vec<SessionEvent> {
    let task_id = "task-1".to_owned();
    let parked = SessionEvent::Background(BackgroundEvent::Parked { turn: turn(1), task_id });
    [asked_after_the_turn(), vec![parked]].concat()
}

fn report_of(events: &[SessionEvent]) -> Vec<SessionEvent> {
    [events.to_vec(), after(events).decide(report()).unwrap().events].concat()
}

fn after(events: &[SessionEvent]) -> Session {
    let mut session = Session::default();
    events.iter().for_each(|event| session.apply(event.clone()));
    session
}

fn types(session: &Session, command: SessionCommand) -> Vec<&'static str> {
    session.decide(command).unwrap().events.iter().map(SessionEvent::type_name).collect()
}

fn begun() -> SessionEvent {
    begun_as("task-1")
}

fn begun_as(task_id: &str) -> SessionEvent {
    let work = BackgroundWork {
        task_id: task_id.into(),
        tool_use_id: Some("tool-0".into()),
        kind: "local_agent".into(),
        description: "Look around".into(),
        subagent_type: Some("Explore".into()),
    };
    SessionEvent::Background(BackgroundEvent::Started { turn: turn(1), work })
}

fn request() -> AgentRequest {
    AgentRequest { subagent: Some("task-1".into()), ..permission_request("r1") }
}

fn asked() -> SessionEvent {
    let (kind, turn): (_, TurnId) = (RequestKind::Permission, turn(1));
    SessionEvent::Request(RequestEvent::Asked(Asked { kind, turn, request: request() }))
}

fn over() -> SessionEvent {
    completed(1, &spend(1), &spend(1))
}

fn allow() -> SessionCommand {
    settle("r1", answer(Decision::Allow))
}

fn allowed() -> SessionEvent {
    decided(settlement("r1", Decision::Allow))
}

fn report() -> SessionCommand {
    SessionCommand::ReportDecision { turn: turn(2) }
}

fn park() -> SessionCommand {
    SessionCommand::Park { cause: ParkCause::Idle }
}

fn end() -> SessionEvent {
    SessionEvent::Background(BackgroundEvent::Finished {
        turn: turn(1),
        task_id: "task-1".into(),
        status: "completed".into(),
        summary: String::new(),
        usage: None,
    })
}

fn finished() -> AgentOutput {
    let (task_id, status, summary) = ("task-1".into(), "completed".into(), "All is well".into());
    AgentOutput::TaskFinished { task_id, status, summary, usage: None }
}
