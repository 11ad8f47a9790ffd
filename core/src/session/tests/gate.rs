//! What becomes of each kind of tool in each mode, before the agent's own rules.

use std::sync::Arc;

use super::samples::{
    asks, called_tool, comes_to_gate, given, permission_request, permission_requested, requested, returned,
    running, turn,
};
use crate::Session;
use crate::agent::PermissionMode::{self, AcceptEdits, BypassPermissions, Default, DontAsk, Plan};
use crate::log::Aggregate;
use crate::request::ToolEffect::{
    self, LoadsSkills, Notes, Other, Reads, RunsCommands, StartsAgents, Withheld, WritesFiles,
};
use crate::request::{AgentRequest, DecidedBy, DeciderKind, Decision, ToolGate};
use crate::session::command::SessionCommand;
use crate::session::event::{SessionEvent, SettingEvent, ToolEvent};
use crate::session::gate::{Allowance, GateRule};

const MODES: [PermissionMode; 5] = [Default, AcceptEdits, Plan, DontAsk, BypassPermissions];

fn changed_to(mode: PermissionMode) -> SessionEvent {
    SessionEvent::Setting(SettingEvent::PermissionModeChanged { mode, by: DecidedBy::user("ada") })
}

fn in_mode(mode: PermissionMode) -> Vec<SessionEvent> {
    [running(), vec![changed_to(mode)]].concat()
}

/// `pass`, `ask` or `refuse`.
fn outcome(events: &[SessionEvent], effect: ToolEffect) -> &'static str {
    let mut session = Session::default();
    events.iter().for_each(|event| session.apply(event.clone()));
    let decided = session.decide(comes_to_gate("tool-1", effect)).unwrap();
    match (decided.events.is_empty(), session.gate_rule(effect)) {
        (true, GateRule::Pass) => "pass",
        (true, GateRule::Ask(_)) => "ask",
        (false, GateRule::Refuse(_)) => "refuse",
        (_, rule) => panic!("{decided:?} does not fit {rule:?}"),
    }
}

#[test]
fn only_what_is_named_is_let_through() {
    for (effect, expected) in [
        (Reads, ["pass", "pass", "pass", "pass", "pass"]),
        (Notes, ["pass", "pass", "pass", "pass", "pass"]),
        (WritesFiles, ["pass", "pass", "refuse", "refuse", "pass"]),
        (RunsCommands, ["pass", "pass", "pass", "pass", "pass"]),
        (StartsAgents, ["pass", "pass", "pass", "pass", "pass"]),
        (LoadsSkills, ["pass", "pass", "refuse", "refuse", "pass"]),
        (Other, ["ask", "ask", "refuse", "refuse", "pass"]),
        (Withheld, ["refuse", "refuse", "refuse", "refuse", "refuse"]),
    ] {
        assert_eq!(MODES.map(|mode| outcome(&in_mode(mode), effect)), expected, "{effect:?}");
    }
}

#[test]
fn plan_of_a_session_that_was_allowed_everything_lets_no_command_through_on_any_way_to_it() {
    for between in [vec![], vec![Default], vec![AcceptEdits], vec![Plan, Default]] {
        let way = [BypassPermissions].into_iter().chain(between.clone()).chain([Plan]).map(changed_to);
        let planning: Vec<_> = running().into_iter().chain(way).collect();

        assert_eq!(outcome(&planning, RunsCommands), "refuse", "{between:?}");
        assert_eq!(outcome(&planning, Reads), "pass");
    }
}

#[test]
fn what_no_mode_allows_is_refused_by_the_server() {
    given(in_mode(BypassPermissions)).when(comes_to_gate("tool-1", Withheld)).then_expect_events(vec![
        SessionEvent::Tool(ToolEvent::PolicyApplied {
            turn: turn(1),
            tool_use_id: "tool-1".into(),
            tool_name: "Write".into(),
            decision: Decision::Deny,
            decided_by: DecidedBy { kind: DeciderKind::Policy, id: None, name: Some("server".into()) },
            message: "This server does not let agents use this tool.".into(),
        }),
    ]);
}

/// Whether a call that the agent asks about waits for a person.
fn waits(mode: PermissionMode, effect: ToolEffect) -> bool {
    let request = AgentRequest { effect, ..permission_request("r1") };
    let mut session = Session::default();
    in_mode(mode).into_iter().for_each(|event| session.apply(event));
    session.decide(asks(&request)).unwrap().events == [requested(request)]
}

#[test]
fn people_are_asked_only_where_the_mode_lets_them_decide() {
    for (effect, expected) in [
        (Reads, [true, true, true, false, false]),
        (WritesFiles, [true, true, false, false, false]),
        (RunsCommands, [true, true, false, false, false]),
        (LoadsSkills, [true, true, false, false, false]),
        (Other, [true, true, false, false, false]),
    ] {
        assert_eq!(MODES.map(|mode| waits(mode, effect)), expected, "{effect:?}");
    }
}

#[test]
fn mode_is_named_only_where_it_alone_allows_a_call() {
    let (mode, agent) = (DecidedBy::mode, DecidedBy::agent);
    let (inside, outside) = ("/srv/src/a.rs", "/etc/a");
    for (in_mode, effect, target, by) in [
        (BypassPermissions, RunsCommands, "rm -rf .", mode("bypassPermissions")),
        (BypassPermissions, WritesFiles, outside, mode("bypassPermissions")),
        (BypassPermissions, Reads, inside, mode("bypassPermissions")),
        (AcceptEdits, WritesFiles, inside, mode("acceptEdits")),
        (AcceptEdits, WritesFiles, outside, agent("acceptEdits")),
        (AcceptEdits, WritesFiles, "/srv/../etc/a", agent("acceptEdits")),
        (AcceptEdits, WritesFiles, "/srvant/a", agent("acceptEdits")),
        (AcceptEdits, WritesFiles, "/srv/.git/config", agent("acceptEdits")),
        (AcceptEdits, RunsCommands, "touch a", agent("acceptEdits")),
        (Default, RunsCommands, "ls", agent("default")),
        (Default, WritesFiles, inside, agent("default")),
        (Plan, Reads, inside, agent("plan")),
        (DontAsk, RunsCommands, "ls", agent("dontAsk")),
    ] {
        let session = folded(in_mode_of(in_mode));

        let allowance = session.allowance(&gate(effect, Some(target))).unwrap();

        assert_eq!(allowance, Allowance { turn: turn(1), tool_use_id: "tool-1".into(), decided_by: by });
    }
}

#[test]
fn file_without_a_name_is_not_taken_for_one_of_the_folder() {
    let session = folded(in_mode_of(AcceptEdits));

    let allowance = session.allowance(&gate(WritesFiles, None)).unwrap();

    assert_eq!(allowance.decided_by, DecidedBy::agent("acceptEdits"));
}

#[test]
fn after_a_crash_calls_are_told_that_nobody_decided_about_and_no_others() {
    let asked = AgentRequest { tool_use_id: "tool-2".into(), ..permission_request("r1") };
    let calls = ["tool-1", "tool-2", "tool-3", "tool-4"].map(called_tool);
    let refused = SessionEvent::Tool(ToolEvent::PolicyApplied {
        turn: turn(1),
        tool_use_id: "tool-3".into(),
        tool_name: "Write".into(),
        decision: Decision::Deny,
        decided_by: DecidedBy::mode("default"),
        message: "no".into(),
    });
    let told = vec![requested(asked), refused, returned("tool-4")];
    let crashed = [running(), calls.into(), told].concat();

    let left = folded(crashed.clone()).unsettled_calls();

    let decided_by = DecidedBy::agent("acceptEdits");
    assert_eq!(left, [Allowance { turn: turn(1), tool_use_id: "tool-1".into(), decided_by }]);
    let abandoned = folded(crashed).decide(SessionCommand::AbandonCalls(left)).unwrap().events;
    let [SessionEvent::Tool(ToolEvent::Abandoned { tool_use_id, .. })] = &abandoned[..] else {
        panic!("{abandoned:?}")
    };
    assert_eq!(tool_use_id, "tool-1");
}

#[test]
fn call_that_was_given_up_is_told_once_and_is_still_missing_when_its_turn_is_taken_up() {
    let calls = ["tool-1", "tool-2"].map(called_tool);
    let given_up = ToolEvent::Abandoned {
        turn: turn(1),
        tool_use_id: "tool-2".into(),
        decided_by: DecidedBy::agent("default"),
    };
    let asked = vec![permission_requested("r1"), SessionEvent::Tool(given_up)];
    let session = folded([running(), calls.into(), asked].concat());

    assert_eq!(session.unsettled_calls(), []);
    assert!(session.open_calls.has_other_than("tool-1"));
}

fn folded(events: Vec<SessionEvent>) -> Session {
    let mut session = Session::default();
    events.into_iter().for_each(|event| session.apply(event));
    session
}

fn in_mode_of(mode: PermissionMode) -> Vec<SessionEvent> {
    [in_mode(mode), vec![called_tool("tool-1")]].concat()
}

fn gate(effect: ToolEffect, target: Option<&str>) -> ToolGate {
    let (gate_id, tool_use_id, tool_name) = ("g1".into(), "tool-1".into(), "Write".into());
    let target = target.map(str::to_owned);
    ToolGate { gate_id, tool_use_id, tool_name, effect, target, input: Arc::default() }
}
