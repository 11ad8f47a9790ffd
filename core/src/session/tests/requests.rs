//! What the agent asks: what waits for people, what holds without asking them, what plan mode refuses.

use serde_json::json;

use super::samples::{
    again, asks, asks_in, comes_to_gate, completed, decided, given, opening, permission_request,
    permission_requested, profile, prompted, record, released, requested, resumed, running, settlement,
    spend, started, turn,
};
use crate::agent::{AgentOutput, PermissionMode};
use crate::request::{AgentRequest, DecidedBy, DeciderKind, Decision, RequestKind, Settlement, ToolEffect};
use crate::session::event::{
    AgentEvent, Asked, LifecycleEvent, RequestEvent, SessionEvent, SessionOpened, SettingEvent, ToolEvent,
    WithdrawReason,
};

const NOT_WHILE_PLANNING: &str = "Plan mode is on: nothing may be changed before the plan is approved. \
     Read what you need, then present the plan.";

#[test]
fn request_waits() {
    for kind in [RequestKind::Permission, RequestKind::Question, RequestKind::Plan] {
        let request = permission_request("r1");

        given(running())
            .when(record(AgentOutput::Asked { kind, request: request.clone() }))
            .then_expect_events(vec![SessionEvent::Request(RequestEvent::Asked(Asked {
                kind,
                turn: turn(1),
                request,
            }))]);
    }
}

#[test]
fn requests_of_one_turn_wait_beside_each_other() {
    let second = again("r2", "tool-2", &permission_request("r1"));

    given([running(), vec![permission_requested("r1")]].concat())
        .when(asks(&second))
        .then_expect_events(vec![requested(second)]);
}

#[test]
fn request_that_the_agent_takes_back_is_withdrawn() {
    let (request_id, reason) = ("r1".into(), WithdrawReason::AgentWithdrew);

    given([running(), vec![permission_requested("r1")]].concat())
        .when(record(AgentOutput::RequestWithdrawn { request_id: "r1".into() }))
        .then_expect_events(vec![SessionEvent::Request(RequestEvent::Withdrawn {
            turn: turn(1),
            request_id,
            reason,
        })]);
}

#[test]
fn request_that_was_decided_cannot_be_taken_back() {
    given([running(), vec![permission_requested("r1"), decided(settlement("r1", Decision::Allow))]].concat())
        .when(record(AgentOutput::RequestWithdrawn { request_id: "r1".into() }))
        .then_expect_events(vec![]);
}

#[test]
fn remembered_decision_holds_for_the_same_target() {
    for decision in [Decision::Allow, Decision::Deny] {
        let second = AgentRequest {
            input: json!({ "file_path": "/srv/a", "content": "new" }),
            ..again("r2", "tool-2", &permission_request("r1"))
        };

        given(remembering(remembered(decision)))
            .when(asks(&second))
            .then_expect_events(held(second, Settlement { ..of_memory("r2", decision) }));
    }
}

#[test]
fn remembered_decision_holds_in_later_turns() {
    let second = again("r2", "tool-2", &permission_request("r1"));
    let later = vec![completed(1, &spend(1), &spend(1)), prompted(2), started(2)];

    let asked = given([remembering(remembered(Decision::Allow)), later].concat())
        .when(asks(&second))
        .inspect_result()
        .unwrap();

    let types: Vec<_> = asked.iter().map(SessionEvent::type_name).collect();
    assert_eq!(types, ["permission_requested", "permission_decided", "request_released"]);
}

#[test]
fn remembered_decision_does_not_hold_for_another_target() {
    let other =
        AgentRequest { target: Some("/srv/b".into()), ..again("r2", "tool-2", &permission_request("r1")) };

    given(remembering(remembered(Decision::Allow)))
        .when(asks(&other))
        .then_expect_events(vec![requested(other)]);
}

#[test]
fn remembered_decision_does_not_hold_for_another_tool() {
    let other = AgentRequest { tool_name: "Edit".into(), ..again("r2", "tool-2", &permission_request("r1")) };

    given(remembering(remembered(Decision::Allow)))
        .when(asks(&other))
        .then_expect_events(vec![requested(other)]);
}

#[test]
fn remembered_denial_keeps_its_message() {
    let second = again("r2", "tool-2", &permission_request("r1"));
    let denial = Settlement { message: Some("leave it".into()), ..remembered(Decision::Deny) };

    given(remembering(denial)).when(asks(&second)).then_expect_events(held(
        second,
        Settlement { message: Some("leave it".into()), ..of_memory("r2", Decision::Deny) },
    ));
}

#[test]
fn newest_of_two_remembered_decisions_holds() {
    let (first, third) = (permission_request("r1"), again("r3", "tool-3", &permission_request("r1")));
    let denial = Settlement { remember: true, ..settlement("r2", Decision::Deny) };
    // The second was asked before the first was decided.
    let both = vec![
        requested(first.clone()),
        requested(again("r2", "tool-2", &first)),
        decided(remembered(Decision::Allow)),
        released("r1", 1),
        decided(denial),
        released("r2", 1),
    ];

    let by_the_second = DecidedBy { id: Some("r2".into()), ..of_memory("r3", Decision::Deny).decided_by };
    given([running(), both].concat()).when(asks(&third)).then_expect_events(held(
        third,
        Settlement { decided_by: by_the_second, ..of_memory("r3", Decision::Deny) },
    ));
}

#[test]
fn question_is_asked_again_whatever_was_remembered() {
    let question = again("r2", "tool-2", &permission_request("r1"));
    let (kind, request) = (RequestKind::Question, question.clone());

    given(remembering(remembered(Decision::Allow)))
        .when(record(AgentOutput::Asked { kind, request }))
        .then_expect_events(vec![SessionEvent::Request(RequestEvent::Asked(Asked {
            kind: RequestKind::Question,
            turn: turn(1),
            request: question,
        }))]);
}

#[test]
fn plan_mode_refuses_to_write_files_and_to_run_commands_when_asked() {
    for effect in [ToolEffect::WritesFiles, ToolEffect::RunsCommands] {
        let request = AgentRequest { effect, ..permission_request("r1") };

        given(planning()).when(asks(&request)).then_expect_events(held(
            request,
            Settlement {
                decided_by: DecidedBy::mode("plan"),
                message: Some(NOT_WHILE_PLANNING.into()),
                ..settlement("r1", Decision::Deny)
            },
        ));
    }
}

#[test]
fn plan_mode_leaves_what_only_reads_to_people() {
    let request = AgentRequest { effect: ToolEffect::Reads, ..permission_request("r1") };

    given(planning()).when(asks(&request)).then_expect_events(vec![requested(request)]);
}

#[test]
fn plan_mode_goes_before_what_was_remembered() {
    let second = again("r2", "tool-2", &permission_request("r1"));
    let planning = SessionEvent::Setting(SettingEvent::PermissionModeChanged {
        mode: PermissionMode::Plan,
        by: DecidedBy::user("ada"),
    });

    given([remembering(remembered(Decision::Allow)), vec![planning]].concat())
        .when(asks(&second))
        .then_expect_events(held(
            second,
            Settlement {
                decided_by: DecidedBy::mode("plan"),
                message: Some(NOT_WHILE_PLANNING.into()),
                ..settlement("r2", Decision::Deny)
            },
        ));
}

#[test]
fn plan_mode_refuses_to_write_files_at_the_gate() {
    given(planning())
        .when(comes_to_gate("tool-1", ToolEffect::WritesFiles))
        .then_expect_events(vec![refused_by_plan_mode()]);
}

#[test]
fn plan_mode_lets_the_agent_ask_about_commands_by_itself() {
    given(planning()).when(comes_to_gate("tool-1", ToolEffect::RunsCommands)).then_expect_events(vec![]);
}

#[test]
fn plan_mode_refuses_commands_at_the_gate_where_the_agent_would_not_ask() {
    let mode = |mode| {
        SessionEvent::Setting(SettingEvent::PermissionModeChanged { mode, by: DecidedBy::user("ada") })
    };
    let from_bypass = vec![mode(PermissionMode::BypassPermissions), mode(PermissionMode::Plan)];

    given([running(), from_bypass].concat())
        .when(comes_to_gate("tool-1", ToolEffect::RunsCommands))
        .then_expect_events(vec![refused_by_plan_mode()]);
}

#[test]
fn plan_mode_that_was_left_refuses_nothing() {
    let by = DecidedBy::user("ada");
    let left = vec![SessionEvent::Setting(SettingEvent::PermissionModeChanged {
        mode: PermissionMode::Default,
        by,
    })];

    given([planning(), left].concat())
        .when(comes_to_gate("tool-1", ToolEffect::WritesFiles))
        .then_expect_events(vec![]);
}

#[test]
fn decision_is_released_at_the_gate_of_its_tool_use() {
    given(decided_and_resumed())
        .when(comes_to_gate("tool-1", ToolEffect::WritesFiles))
        .then_expect_events(vec![released("r1", 2)]);
}

#[test]
fn gate_of_another_tool_use_releases_nothing() {
    given(decided_and_resumed())
        .when(comes_to_gate("tool-2", ToolEffect::WritesFiles))
        .then_expect_events(vec![]);
}

#[test]
fn decision_is_released_when_its_tool_use_is_asked_about_again() {
    let second = again("r9", "tool-1", &permission_request("r1"));

    given(decided_and_resumed()).when(asks_in(2, &second)).then_expect_events(vec![released("r1", 2)]);
}

#[test]
fn decision_that_the_agent_has_is_not_asked_for_again() {
    let second = again("r9", "tool-1", &permission_request("r1"));

    given([decided_and_resumed(), vec![released("r1", 2)]].concat())
        .when(asks_in(2, &second))
        .then_expect_events(vec![]);
}

#[test]
fn same_call_under_another_id_takes_the_decision_over() {
    let second = again("r9", "tool-9", &permission_request("r1"));
    let changed = json!({ "file_path": "/srv/b" });
    let allowed = Settlement { updated_input: Some(changed.clone()), ..settlement("r1", Decision::Allow) };
    let events =
        [running(), vec![permission_requested("r1"), decided(allowed), resumed("r1", None)]].concat();

    let taken_over = Settlement { updated_input: Some(changed), ..of_memory("r9", Decision::Allow) };
    given(events).when(asks_in(2, &second)).then_expect_events(vec![
        requested(second),
        decided(taken_over),
        released("r9", 2),
        released("r1", 2),
    ]);
}

#[test]
fn other_call_of_the_resumed_turn_is_asked_about() {
    let second = AgentRequest { input: json!({}), ..again("r9", "tool-9", &permission_request("r1")) };

    given(decided_and_resumed()).when(asks_in(2, &second)).then_expect_events(vec![requested(second)]);
}

#[test]
fn call_that_the_agent_refused_by_itself_is_told_with_its_reason() {
    for (reason, kind, name) in
        [("mode", DeciderKind::Mode, "acceptEdits"), ("rule", DeciderKind::Rule, "rule")]
    {
        let (tool_use_id, tool_name, message) = ("tool-1".to_owned(), "Bash".to_owned(), "no".to_owned());
        let refused = AgentOutput::ToolRefused {
            tool_use_id: tool_use_id.clone(),
            tool_name: tool_name.clone(),
            reason: reason.into(),
            message: message.clone(),
        };

        given(running()).when(record(refused)).then_expect_events(vec![SessionEvent::Tool(
            ToolEvent::PolicyApplied {
                turn: turn(1),
                tool_use_id,
                tool_name,
                decision: Decision::Deny,
                decided_by: DecidedBy { kind, id: None, name: Some(name.into()) },
                message,
            },
        )]);
    }
}

#[test]
fn agent_that_changes_its_mode_is_believed() {
    let by = DecidedBy { kind: DeciderKind::System, id: None, name: Some("agent".into()) };
    let mode = PermissionMode::Default;

    given(running())
        .when(record(AgentOutput::ModeChanged { mode }))
        .then_expect_events(vec![SessionEvent::Setting(SettingEvent::PermissionModeChanged { mode, by })]);
}

#[test]
fn agent_that_says_its_mode_again_changes_nothing() {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });

    given([running(), vec![introduced]].concat())
        .when(record(AgentOutput::ModeChanged { mode: opening().permission_mode }))
        .then_expect_events(vec![]);
}

/// The first request with its decision, which the agent has been given.
fn remembering(settlement: Settlement) -> Vec<SessionEvent> {
    [running(), vec![permission_requested("r1"), decided(settlement), released("r1", 1)]].concat()
}

fn remembered(decision: Decision) -> Settlement {
    Settlement { remember: true, ..settlement("r1", decision) }
}

/// The settlement of a request by what was decided about the first.
fn of_memory(request_id: &str, decision: Decision) -> Settlement {
    let decided_by =
        DecidedBy { kind: DeciderKind::Remembered, id: Some("r1".into()), name: Some("ada".into()) };
    Settlement { decided_by, ..settlement(request_id, decision) }
}

/// A request that is settled at once.
fn held(request: AgentRequest, settlement: Settlement) -> Vec<SessionEvent> {
    let released = released(&request.request_id, 1);
    vec![requested(request), decided(settlement), released]
}

fn planning() -> Vec<SessionEvent> {
    let opened = SessionOpened { permission_mode: PermissionMode::Plan, ..opening() };
    vec![SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)), prompted(1), started(1)]
}

fn refused_by_plan_mode() -> SessionEvent {
    SessionEvent::Tool(ToolEvent::PolicyApplied {
        turn: turn(1),
        tool_use_id: "tool-1".into(),
        tool_name: "Write".into(),
        decision: Decision::Deny,
        decided_by: DecidedBy::mode("plan"),
        message: NOT_WHILE_PLANNING.into(),
    })
}

/// The process that asked is gone, and another one was started with the decision.
fn decided_and_resumed() -> Vec<SessionEvent> {
    let allowed = decided(settlement("r1", Decision::Allow));
    [running(), vec![permission_requested("r1"), super::samples::parked(), allowed, resumed("r1", None)]]
        .concat()
}
