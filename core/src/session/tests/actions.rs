//! What is to be done about what was decided, and in which order.

use crate::log::Aggregate as _;

use crate::agent::{AgentOutcome, PermissionMode};
use crate::prompt::Prompt;
use crate::request::{DecidedBy, Decision, RequestKind, ToolEffect, ToolGate};
use crate::session::action::{Action, GateAnswer};
use crate::session::command::{SessionChange, SessionCommand, WhileRunning};
use crate::session::event::{
    Asked, Decided, InterruptCause, LifecycleEvent, ParkCause, PromptEvent, RequestEvent, SessionEvent,
    SessionOpened, SettingEvent,
};
use crate::session::tests::samples::{
    answer, asks, asks_in, comes_to_gate, decided, opened, opening, parked, permission_request,
    permission_requested, process, prompted, record_end, released, request_interrupt, resumed, running,
    settle, settlement, spend, start, started, submit, turn,
};
use crate::session::{QueuedPrompt, Session};

fn after(events: &[SessionEvent]) -> Session {
    let mut session = Session::default();
    events.iter().for_each(|event| session.apply(event.clone()));
    session
}

/// What a command leads to in a session with these events: the types of its events, and its actions.
fn effects(given: &[SessionEvent], command: SessionCommand) -> (Vec<&'static str>, Vec<Action>) {
    let effects = after(given).decide(command).unwrap();
    (effects.events.iter().map(SessionEvent::type_name).collect(), effects.actions)
}

fn waiting() -> Vec<SessionEvent> {
    [running(), vec![permission_requested("r1")]].concat()
}

/// A turn that a second process has taken up with the decision about `r1`.
fn taken_up() -> Vec<SessionEvent> {
    let allowed = decided(settlement("r1", Decision::Allow));
    [waiting(), vec![parked(), allowed, resumed("r1", None)]].concat()
}

fn prompt(number: u128) -> QueuedPrompt {
    let SessionEvent::Prompt(PromptEvent::Submitted { turn, text, attachments, .. }) = prompted(number)
    else {
        panic!("a prompt is no prompt")
    };
    QueuedPrompt { turn, text, attachments }
}

fn change(change: SessionChange) -> SessionCommand {
    SessionCommand::Change { change, by: "ada".into() }
}

#[test]
fn another_folder_needs_another_process() {
    let moved = effects(&[opened()], change(SessionChange::WorkingDir("/srv/new".into())));

    assert_eq!(moved, (vec!["working_dir_changed"], vec![Action::RetireAgent]));
}

fn mode_changed(mode: PermissionMode) -> SessionEvent {
    SettingEvent::PermissionModeChanged { mode, by: DecidedBy::user("ada") }.into()
}

fn answered(request_id: &str) -> Action {
    let tool_use_id = permission_request(request_id).tool_use_id;
    Action::AnswerRequest { request_id: request_id.into(), tool_use_id }
}

#[test]
fn first_prompt_begins_a_turn_and_the_next_one_waits() {
    let first = effects(&[opened()], submit(1, WhileRunning::Queue));
    let next = effects(&running(), submit(2, WhileRunning::Queue));

    assert_eq!(first, (vec!["prompt_submitted"], vec![Action::BeginTurn]));
    assert_eq!(next, (vec!["prompt_submitted"], vec![]));
}

#[test]
fn turn_that_begins_starts_the_agent_and_then_gives_it_the_prompt() {
    let (_, actions) = effects(&[opened(), prompted(1)], start());

    let [Action::StartAgent { resume_at: None, .. }, sent] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(*sent, Action::SendPrompt(prompt(1)));
}

#[test]
fn end_of_a_turn_closes_it_and_begins_the_next() {
    let queued = [running(), vec![prompted(2)]].concat();
    let end = || record_end(AgentOutcome::Succeeded, &spend(1));

    assert_eq!(effects(&running(), end()), (vec!["turn_completed"], vec![Action::CloseTurn]));
    assert_eq!(effects(&queued, end()), (vec!["turn_completed"], vec![Action::CloseTurn, Action::BeginTurn]));
}

#[test]
fn agent_with_a_budget_works_on_one_turn() {
    let mut budgeted: SessionOpened = opening();
    budgeted.options.max_budget_micros = Some(crate::money::MicroDollars(1));
    let given = [LifecycleEvent::Opened(budgeted).into(), prompted(1), started(1), prompted(2)];

    let (_, actions) = effects(&given, record_end(AgentOutcome::Succeeded, &spend(1)));

    assert_eq!(actions, [Action::CloseTurn, Action::RetireAgent, Action::BeginTurn]);
}

#[test]
fn interrupt_asks_the_agent_and_where_there_is_none_ends_the_turn() {
    let parked = [waiting(), vec![parked()]].concat();

    let working = effects(&running(), request_interrupt());
    let again =
        effects(&[running(), vec![super::samples::interrupt_requested(1)]].concat(), request_interrupt());
    let waiting = effects(&parked, request_interrupt());

    assert_eq!(working, (vec!["interrupt_requested"], vec![Action::Interrupt(turn(1))]));
    assert_eq!(again, (vec![], vec![Action::Interrupt(turn(1))]));
    assert_eq!(waiting, (vec!["interrupt_requested", "turn_interrupted"], vec![Action::CloseTurn]));
}

#[test]
fn decision_is_delivered_released_and_told_in_this_order() {
    let made = effects(&waiting(), settle("r1", answer(Decision::Allow)));
    let allowed = [waiting(), vec![decided(settlement("r1", Decision::Allow))]].concat();
    let denied = [waiting(), vec![decided(settlement("r1", Decision::Deny))]].concat();
    let release = || SessionCommand::Release { process: process(1) };

    assert_eq!(made, (vec!["permission_decided"], vec![Action::DeliverDecision]));
    // Only a command that runs is not to be blamed for what changed while people thought.
    let mut command = permission_request("r1");
    command.effect = ToolEffect::RunsCommands;
    let asked = super::samples::requested(command);
    let of_command = [running(), vec![asked, decided(settlement("r1", Decision::Allow))]].concat();
    assert_eq!(effects(&of_command, release()).1, [Action::ResnapshotFolder, answered("r1")]);
    assert_eq!(effects(&denied, release()).1, [answered("r1")]);
    assert_eq!(effects(&allowed, release()).0, ["request_released"]);
}

#[test]
fn what_nobody_need_decide_is_told_with_its_events() {
    let bypassing = [running(), vec![mode_changed(PermissionMode::BypassPermissions)]].concat();
    let request = permission_request("r1");

    let asked = effects(&running(), asks(&request));
    let allowed = effects(&bypassing, asks(&request));

    assert_eq!(asked, (vec!["permission_requested"], vec![]));
    let events = vec!["permission_requested", "permission_decided", "request_released"];
    assert_eq!(allowed, (events, vec![answered("r1")]));
}

#[test]
fn every_gate_is_answered_and_a_refusal_holds_whatever_the_mode_becomes() {
    let planning = [running(), vec![mode_changed(PermissionMode::Plan)]].concat();
    let passed = effects(&running(), comes_to_gate("tool-1", ToolEffect::Reads));
    let refused = effects(&planning, comes_to_gate("tool-1", ToolEffect::WritesFiles));

    let [Action::AnswerGate { refusal: None, .. }] = &passed.1[..] else { panic!("{passed:?}") };
    let [Action::AnswerGate { gate, refusal: Some(message), .. }] = &refused.1[..] else {
        panic!("{refused:?}")
    };
    let later = after(&running());
    assert_eq!(later.gate_answer(gate, Some(message.clone()), None), GateAnswer::Refuse(message.clone()));
    let stricter: &ToolGate = gate;
    assert!(matches!(after(&planning).gate_answer(stricter, None, None), GateAnswer::Refuse(_)));
}

#[test]
fn process_that_takes_a_turn_up_is_told_the_rest_after_its_decision() {
    let mode = PermissionMode::DontAsk;
    let resume =
        SessionCommand::Resume { process: process(2), runtime_version: "2.1".into(), node: "n1".into() };
    let allowed = decided(settlement("r1", Decision::Allow));
    let (events, actions) = effects(&[waiting(), vec![parked(), allowed]].concat(), resume);
    assert_eq!(events, ["turn_resumed"]);
    let tool_use_id = permission_request("r1").tool_use_id;
    let started = Action::StartAgent { process: process(2), resume_at: Some(tool_use_id.clone()) };
    assert_eq!(actions, [started]);

    // What people change and say before that is told then.
    let steer = SessionCommand::Steer {
        message: turn(50),
        text: Prompt::try_from("the other one".to_owned()).unwrap(),
        attachments: vec![],
        author: "ada".into(),
    };
    let changed = effects(&taken_up(), change(SessionChange::PermissionMode(mode)));
    assert_eq!(changed, (vec!["permission_mode_changed"], vec![]));
    assert_eq!(effects(&taken_up(), steer).1, []);
    let (_, actions) = effects(&taken_up(), comes_to_gate(&tool_use_id, ToolEffect::WritesFiles));
    let [Action::AnswerGate { .. }, caught_up] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(*caught_up, Action::CatchUp { started_in: PermissionMode::Default });
    let told = [taken_up(), vec![released("r1", 2)]].concat();
    assert_eq!(
        effects(&told, change(SessionChange::PermissionMode(mode))).1,
        [Action::ChangeMode(mode)],
        "from then on it is told at once"
    );
}

#[test]
fn process_that_takes_up_a_plan_is_started_planning() {
    let (kind, turn) = (RequestKind::Plan, turn(1));
    let asked = RequestEvent::Asked(Asked { kind, turn, request: permission_request("r1") }).into();
    let settlement = settlement("r1", Decision::Allow);
    let settled = RequestEvent::Decided(Decided { kind, turn, settlement }).into();
    let session = after(&[running(), vec![asked, parked(), settled, resumed("r1", None)]].concat());

    assert_eq!(session.asks_everything(), Some(PermissionMode::Plan));
}

#[test]
fn another_attempt_is_answered_what_it_asks_again() {
    let request = permission_request("r1");
    let asked_again = super::samples::again("r9", &request.tool_use_id, &request);

    let (events, actions) = effects(&taken_up(), asks_in(2, &asked_again));

    assert_eq!(events, ["request_released"]);
    let answer = Action::AnswerRequest { request_id: "r9".into(), tool_use_id: request.tool_use_id };
    assert_eq!(actions, [answer, Action::CatchUp { started_in: PermissionMode::Default }]);
}

#[test]
fn parking_kills_the_agent_and_archiving_looks_whether_it_may_go_on() {
    let park = SessionCommand::Park { cause: ParkCause::Idle };
    let archive = change(SessionChange::Archived(true));

    assert_eq!(effects(&waiting(), park), (vec!["turn_parked"], vec![Action::KillAgent]));
    assert_eq!(effects(&[opened()], archive), (vec!["session_archived"], vec![Action::CheckRights]));
}

#[test]
fn change_of_mode_by_the_agent_itself_is_not_told_to_it() {
    let by_agent = crate::agent::AgentOutput::ModeChanged { mode: PermissionMode::Plan };

    let (events, actions) = effects(&running(), super::samples::record(by_agent));

    assert_eq!((events, actions), (vec!["permission_mode_changed"], vec![]));
}

#[test]
fn events_of_another_server_lead_to_the_same_actions() {
    let session = after(&waiting());
    let command = settle("r1", answer(Decision::Allow));
    let effects = session.decide(command).unwrap();

    let reactions: Vec<Action> = effects.events.iter().flat_map(|event| session.reactions(event)).collect();

    assert_eq!(reactions, effects.actions);
    let stopped = SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped };
    assert_eq!(after(&running()).decide(stopped).unwrap().actions, [Action::CloseTurn]);
}
