//! What becomes of each kind of tool in each mode, before the agent's own rules.

use super::samples::{asks, comes_to_gate, given, permission_request, requested, running, turn};
use crate::Session;
use crate::agent::PermissionMode::{self, AcceptEdits, BypassPermissions, Default, DontAsk, Plan};
use crate::log::Aggregate;
use crate::request::ToolEffect::{
    self, LoadsSkills, Notes, Other, Reads, RunsCommands, StartsAgents, Withheld, WritesFiles,
};
use crate::request::{AgentRequest, DecidedBy, DeciderKind, Decision};
use crate::session::event::{SessionEvent, SettingEvent, ToolEvent};
use crate::session::gate::GateRule;

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
