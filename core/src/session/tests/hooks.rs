//! What hooks make of calls at the gate, in each mode.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::samples::{
    answer, asks, comes_to_gate_under, given, permission_request, permission_requested, requested, returned,
    running, session, turn,
};
use crate::Session;
use crate::agent::PermissionMode::{self, AcceptEdits, BypassPermissions, Default, DontAsk, Plan};
use crate::ids::ExtensionId;
use crate::log::Aggregate;
use crate::request::ToolEffect::{self, Notes, Other, Reads, RunsCommands, WritesFiles};
use crate::request::{Answer, DecidedBy, DeciderKind, Decision};
use crate::session::action::{Action, GateAnswer};
use crate::session::event::{
    HookCalled, HookEvaluated, HookEvent, HookOutcome, SessionEvent, SettingEvent, ToolEvent,
};
use crate::session::hooks_in_force::HooksInForce;
use crate::setup::extension::hook::answer::HookAnswer;
use crate::setup::extension::hook::condition::{Condition, Operator};
use crate::setup::extension::hook::rules::{ActiveHook, HookAnswers, HookOrigin, HookRules};
use crate::setup::extension::hook::{Hook, HookAction, HookRef, HookTrigger};

const MODES: [PermissionMode; 5] = [Default, AcceptEdits, Plan, DontAsk, BypassPermissions];

fn reference() -> HookRef {
    HookRef { id: ExtensionId(Uuid::from_u128(7)), name: "rule".into(), version: 4 }
}

fn hooks(action: HookAction) -> HooksInForce {
    let field = "tool_input.file_path".to_owned();
    let conditions = vec![Condition { field, operator: Operator::Equals, value: json!("/srv/a") }];
    let definition = Hook {
        event: HookTrigger::PreToolUse,
        action,
        conditions,
        order: 0,
        message: None,
        command: (action == HookAction::Command).then(|| "look".to_owned()),
        timeout_ms: None,
    };
    let active = ActiveHook { hook: reference(), owner: "ada".into(), origin: HookOrigin::Owner, definition };
    HooksInForce {
        rules: Arc::new(HookRules::new([active])),
        may_bypass: BTreeSet::from(["ada".into()]),
        answers: HookAnswers::new(),
    }
}

/// One event of each type, with every field filled.
pub(super) fn hooks_of_a_call() -> Vec<SessionEvent> {
    let called = HookCalled {
        turn: turn(1),
        hook: HookRef { id: ExtensionId(session().0), name: "no-rm".into(), version: 2 },
        event: HookTrigger::PreToolUse,
        tool_use_id: "tool-1".into(),
        tool_name: "Bash".into(),
    };
    let blocked = HookEvaluated {
        turn: called.turn,
        hook: called.hook.clone(),
        event: called.event,
        action: HookAction::Block,
        outcome: HookOutcome::Block,
        tool_use_id: Some(called.tool_use_id.clone()),
        tool_name: Some(called.tool_name.clone()),
        message: Some("Not here.".into()),
        updated_input: None,
    };
    let changed = HookEvaluated {
        action: HookAction::Command,
        outcome: HookOutcome::None,
        message: None,
        updated_input: Some(json!({ "command": "ls" })),
        ..blocked.clone()
    };
    [HookEvent::Called(called), HookEvent::Evaluated(blocked), HookEvent::Evaluated(changed)]
        .map(SessionEvent::Hook)
        .into()
}

fn in_mode(mode: PermissionMode) -> Session {
    let mut session = Session::default();
    running().into_iter().for_each(|event| session.apply(event));
    let changed = SettingEvent::PermissionModeChanged { mode, by: DecidedBy::user("ada") };
    session.apply(SessionEvent::Setting(changed));
    session
}

/// `pass`, `ask`, `allow` or `refuse`, as the agent is told.
fn outcome(mode: PermissionMode, effect: ToolEffect, hooks: HooksInForce) -> &'static str {
    let mut session = in_mode(mode);
    let decided = session.decide(comes_to_gate_under("tool-1", effect, hooks)).unwrap();
    decided.events.into_iter().for_each(|event| session.apply(event));
    let [Action::AnswerGate { gate, refusal, hooked, .. }] = &decided.actions[..] else {
        panic!("no answer")
    };
    match session.gate_answer(gate, refusal.clone(), hooked.clone()) {
        GateAnswer::Pass => "pass",
        GateAnswer::Ask(_) => "ask",
        GateAnswer::Allow(_) => "allow",
        GateAnswer::Refuse(_) => "refuse",
        GateAnswer::Settled(_) => "settled",
    }
}

#[test]
fn a_hook_never_lifts_what_the_mode_refuses() {
    for (action, effect, expected) in [
        (HookAction::Block, Reads, ["refuse", "refuse", "refuse", "refuse", "refuse"]),
        (HookAction::Block, RunsCommands, ["refuse", "refuse", "refuse", "refuse", "refuse"]),
        (HookAction::Allow, Reads, ["allow", "allow", "allow", "pass", "allow"]),
        (HookAction::Allow, RunsCommands, ["allow", "allow", "pass", "pass", "allow"]),
        (HookAction::Allow, WritesFiles, ["allow", "allow", "refuse", "refuse", "allow"]),
        (HookAction::Allow, Other, ["allow", "allow", "refuse", "refuse", "allow"]),
        (HookAction::Allow, Notes, ["pass", "pass", "pass", "pass", "pass"]),
        (HookAction::Ask, Reads, ["ask", "ask", "ask", "refuse", "ask"]),
        (HookAction::Ask, RunsCommands, ["ask", "ask", "ask", "refuse", "ask"]),
        (HookAction::Ask, WritesFiles, ["ask", "ask", "refuse", "refuse", "ask"]),
        (HookAction::Log, WritesFiles, ["pass", "pass", "refuse", "refuse", "pass"]),
    ] {
        let found = MODES.map(|mode| outcome(mode, effect, hooks(action)));
        assert_eq!(found, expected, "{action:?} {effect:?}");
    }
}

#[test]
fn more_than_reading_is_allowed_only_in_the_name_of_somebody_who_may() {
    let untrusted = || HooksInForce { may_bypass: BTreeSet::new(), ..hooks(HookAction::Allow) };

    assert_eq!(outcome(Default, WritesFiles, untrusted()), "pass");
    assert_eq!(outcome(Default, Reads, untrusted()), "allow");
}

fn evaluated(action: HookAction, outcome: HookOutcome, message: Option<&str>) -> SessionEvent {
    SessionEvent::Hook(HookEvent::Evaluated(HookEvaluated {
        turn: turn(1),
        hook: reference(),
        event: HookTrigger::PreToolUse,
        action,
        outcome,
        tool_use_id: Some("tool-1".into()),
        tool_name: Some("Write".into()),
        message: message.map(str::to_owned),
        updated_input: None,
    }))
}

#[test]
fn a_call_that_is_blocked_names_the_hook() {
    let message = "The hook `rule` blocks this.";
    given(running())
        .when(comes_to_gate_under("tool-1", WritesFiles, hooks(HookAction::Block)))
        .then_expect_events(vec![
            evaluated(HookAction::Block, HookOutcome::Block, Some(message)),
            SessionEvent::Tool(ToolEvent::PolicyApplied {
                turn: turn(1),
                tool_use_id: "tool-1".into(),
                tool_name: "Write".into(),
                decision: Decision::Deny,
                decided_by: DecidedBy {
                    kind: DeciderKind::Rule,
                    id: Some(reference().id.to_string()),
                    name: Some("rule".into()),
                },
                message: message.into(),
            }),
        ]);
}

#[test]
fn a_call_that_is_allowed_names_the_hook_as_what_decided() {
    let session = in_mode(Default);
    let allow = comes_to_gate_under("tool-1", WritesFiles, hooks(HookAction::Allow));
    let actions = session.decide(allow).unwrap().actions;

    let [Action::AnswerGate { gate, refusal, hooked, .. }] = &actions[..] else { panic!("{actions:?}") };
    let GateAnswer::Allow(by) = session.gate_answer(gate, refusal.clone(), hooked.clone()) else { panic!() };
    assert_eq!((by.kind, by.name.as_deref()), (DeciderKind::Rule, Some("rule")));
    // The mode may have changed in the same breath of the agent.
    for stricter in [Plan, DontAsk] {
        let answer = in_mode(stricter).gate_answer(gate, None, hooked.clone());
        assert!(matches!(answer, GateAnswer::Refuse(_)), "{answer:?}");
    }
}

#[test]
fn what_a_hook_has_asked_about_waits_for_a_person_in_every_mode_that_asks() {
    let request = permission_request("r1");
    let mut session = in_mode(BypassPermissions);
    assert!(session.decide(asks(&request)).unwrap().events.len() > 1, "the mode allows it");
    let asked = comes_to_gate_under("tool-1", WritesFiles, hooks(HookAction::Ask));
    session.decide(asked).unwrap().events.into_iter().for_each(|event| session.apply(event));

    assert_eq!(session.decide(asks(&request)).unwrap().events, [requested(request.clone())]);

    session.apply(returned("tool-1"));
    assert!(session.decide(asks(&request)).unwrap().events.len() > 1, "it was for that call");
}

#[test]
fn nobody_has_a_call_used_with_what_a_hook_blocks() {
    let mut session = in_mode(Default);
    session.apply(permission_requested("r1"));
    let changed =
        |path: &str| Answer { updated_input: Some(json!({ "file_path": path })), ..answer(Decision::Allow) };
    let rules = |action| hooks(action).rules;

    let blocked = session.blocked_answer("r1", &changed("/srv/a"), &rules(HookAction::Block)).unwrap();
    assert_eq!(blocked.pointer, "/updated_input");
    assert_eq!(session.blocked_answer("r1", &changed("/srv/b"), &rules(HookAction::Block)), None);
    assert_eq!(session.blocked_answer("r1", &changed("/srv/a"), &rules(HookAction::Ask)), None);
    assert_eq!(session.blocked_answer("r1", &answer(Decision::Allow), &rules(HookAction::Block)), None);
}

fn answered(answer: HookAnswer) -> HooksInForce {
    let answers = HookAnswers::from([(reference().id, answer)]);
    HooksInForce { answers, ..hooks(HookAction::Command) }
}

#[test]
fn a_call_waits_for_the_program_of_a_hook_and_is_judged_by_what_that_says() {
    let mut session = in_mode(Default);
    let waiting =
        session.decide(comes_to_gate_under("tool-1", WritesFiles, hooks(HookAction::Command))).unwrap();
    let [SessionEvent::Hook(HookEvent::Called(called))] = &waiting.events[..] else { panic!("{waiting:?}") };
    assert_eq!(called.hook, reference());
    assert!(matches!(&waiting.actions[..], [Action::CallHook { .. }]), "{waiting:?}");
    session.apply(super::samples::called_tool("tool-1"));
    assert_eq!(session.unsettled_calls().len(), 1);
    waiting.events.into_iter().for_each(|event| session.apply(event));
    assert_eq!(session.unsettled_calls(), [], "it has not come as far as its tool");

    let decision = |decision| HookAnswer { decision, ..HookAnswer::default() };
    for (answer, expected) in [
        (decision(None), "pass"),
        (decision(Some(HookAction::Allow)), "allow"),
        (decision(Some(HookAction::Ask)), "ask"),
        (decision(Some(HookAction::Block)), "refuse"),
        (HookAnswer { fault: Some("it is broken".into()), ..HookAnswer::default() }, "refuse"),
    ] {
        assert_eq!(outcome(Default, WritesFiles, answered(answer.clone())), expected, "{answer:?}");
    }
    assert_eq!(outcome(Plan, WritesFiles, answered(decision(Some(HookAction::Allow)))), "refuse");
}

#[test]
fn what_a_program_puts_in_place_of_an_input_is_what_the_tool_gets() {
    let other = json!({ "file_path": "/srv/b" });
    let answer = HookAnswer { updated_input: Some(other.clone()), ..HookAnswer::default() };

    let actions = in_mode(Default)
        .decide(comes_to_gate_under("tool-1", WritesFiles, answered(answer)))
        .unwrap()
        .actions;

    let [Action::AnswerGate { updated_input, .. }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(*updated_input, Some(other));
}
