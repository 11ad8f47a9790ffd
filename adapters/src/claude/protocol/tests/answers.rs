//! Decisions on their way to the agent: as answers to what it asks, and at the gate of a tool use.

use runner_core::agent::PermissionMode;
use runner_core::ids::TurnId;
use runner_core::ports::GateVerdict;
use runner_core::request::{AgentRequest, DecidedBy, Decision, RequestKind, Settlement, ToolEffect};
use runner_core::session::requests::{OpenRequest, SettledRequest};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::claude::protocol::outgoing;

const NO: &str = "The person who was asked does not want this.";

#[test]
fn allowance_repeats_the_input() {
    let allowed = settled(RequestKind::Permission, Decision::Allow);

    then_answered(&allowed, json!({ "behavior": "allow", "updatedInput": { "command": "ls" } }));
}

#[test]
fn allowance_with_a_changed_input_has_that() {
    let mut allowed = settled(RequestKind::Permission, Decision::Allow);
    allowed.settlement.updated_input = Some(json!({ "command": "ls -l" }));

    then_answered(&allowed, json!({ "behavior": "allow", "updatedInput": { "command": "ls -l" } }));
}

#[test]
fn answers_stand_beside_their_questions_with_each_label_told_from_the_next() {
    for (several, answer, told) in [
        (false, json!("A"), "A"),
        (false, json!(["A, or B"]), "A, or B"),
        (true, json!(["A", "B"]), "A, B"),
        (true, json!(["A, or B", "C,D", "the \"E\""]), r#""A, or B", C,D, "the \"E\"""#),
        (true, json!(["A, or B"]), r#""A, or B""#),
        (true, json!("whatever, really"), "whatever, really"),
    ] {
        let questions = json!([{ "question": "Which?", "multiSelect": several }]);
        let mut answered = settled(RequestKind::Question, Decision::Allow);
        answered.open.request.input = json!({ "questions": questions });
        answered.settlement.answers = Some([("Which?".to_owned(), answer)].into());

        let input = json!({ "questions": questions, "answers": { "Which?": told } });
        then_answered(&answered, json!({ "behavior": "allow", "updatedInput": input }));
    }
}

#[test]
fn changed_plan_leaves_the_rest_of_the_input() {
    let mut approved = settled(RequestKind::Plan, Decision::Allow);
    approved.open.request.input = json!({ "plan": "1. Read", "planFilePath": "/srv/agent/plans/a.md" });
    approved.settlement.updated_input = Some(json!({ "plan": "1. Write" }));

    let input = json!({ "plan": "1. Write", "planFilePath": "/srv/agent/plans/a.md" });
    then_answered(&approved, json!({ "behavior": "allow", "updatedInput": input }));
}

#[test]
fn approved_plan_names_the_mode_to_go_back_to() {
    let approved = settled(RequestKind::Plan, Decision::Allow);

    let line = outgoing::answer("r9", &approved, Some(PermissionMode::AcceptEdits));

    let change = json!({ "type": "setMode", "mode": "acceptEdits", "destination": "session" });
    let answer = json!({
        "behavior": "allow", "updatedInput": { "command": "ls" }, "updatedPermissions": [change],
    });
    assert_eq!(line, response("r9", &answer));
}

#[test]
fn denial_says_why() {
    let mut denied = settled(RequestKind::Permission, Decision::Deny);
    denied.settlement.message = Some("not there".into());

    then_answered(&denied, json!({ "behavior": "deny", "message": "not there", "interrupt": false }));
}

#[test]
fn denial_without_a_reason_says_that_somebody_said_no() {
    for message in [None, Some(" ".to_owned())] {
        let mut denied = settled(RequestKind::Permission, Decision::Deny);
        denied.settlement.message = message;

        then_answered(&denied, json!({ "behavior": "deny", "message": NO, "interrupt": false }));
    }
}

#[test]
fn denial_that_ends_the_turn_says_so() {
    let mut denied = settled(RequestKind::Permission, Decision::Deny);
    denied.settlement.interrupt = true;

    then_answered(&denied, json!({ "behavior": "deny", "message": NO, "interrupt": true }));
}

#[test]
fn tool_use_that_passes_the_gate_comes_to_the_agents_own_rules() {
    assert_eq!(outgoing::gate("h1", GateVerdict::Pass, None), response("h1", &json!({})));
}

#[test]
fn tool_use_that_people_are_asked_about_says_why() {
    let line = outgoing::gate("h1", GateVerdict::Ask("nobody knows it"), None);

    let question = json!({ "hookEventName": "PreToolUse", "permissionDecision": "ask",
        "permissionDecisionReason": "nobody knows it" });
    assert_eq!(line, response("h1", &json!({ "hookSpecificOutput": question })));
}

#[test]
fn refusal_at_the_gate_says_why() {
    let line = outgoing::gate("h1", GateVerdict::Refuse("plan mode is on"), None);

    let refusal = json!({ "hookEventName": "PreToolUse", "permissionDecision": "deny",
        "permissionDecisionReason": "plan mode is on" });
    assert_eq!(line, response("h1", &json!({ "hookSpecificOutput": refusal })));
}

#[test]
fn allowance_is_given_at_the_gate_with_its_input() {
    let mut allowed = settled(RequestKind::Permission, Decision::Allow);
    allowed.settlement.updated_input = Some(json!({ "command": "ls -l" }));

    let line = outgoing::gate("h1", GateVerdict::Settled(&allowed), None);

    let decision = json!({ "hookEventName": "PreToolUse", "permissionDecision": "allow",
        "updatedInput": { "command": "ls -l" } });
    assert_eq!(line, response("h1", &json!({ "hookSpecificOutput": decision })));
}

#[test]
fn denial_is_given_at_the_gate_with_its_reason() {
    let denied = settled(RequestKind::Permission, Decision::Deny);

    let line = outgoing::gate("h1", GateVerdict::Settled(&denied), None);

    let decision = json!({ "hookEventName": "PreToolUse", "permissionDecision": "deny",
        "permissionDecisionReason": NO });
    assert_eq!(line, response("h1", &json!({ "hookSpecificOutput": decision })));
}

fn settled(kind: RequestKind, decision: Decision) -> SettledRequest {
    let request = AgentRequest {
        request_id: "r1".into(),
        tool_name: "Bash".into(),
        tool_use_id: "toolu_1".into(),
        input: json!({ "command": "ls" }),
        description: String::new(),
        reason: None,
        suggestions: vec![],
        subagent: None,
        effect: ToolEffect::RunsCommands,
        target: None,
    };
    let settlement = Settlement {
        request_id: "r1".into(),
        decision,
        decided_by: DecidedBy::user("ada"),
        message: None,
        updated_input: None,
        answers: None,
        remember: false,
        interrupt: false,
    };
    let open = OpenRequest { kind, turn: TurnId(Uuid::from_u128(1)), attempt: 1, request };
    SettledRequest { open, settlement }
}

/// The agent may wait under another id than the one that was decided about.
fn then_answered(settled: &SettledRequest, answer: Value) {
    assert_eq!(outgoing::answer("r9", settled, None), response("r9", &answer));
}

fn response(request_id: &str, answer: &Value) -> Value {
    let response = json!({ "subtype": "success", "request_id": request_id, "response": answer });
    json!({ "type": "control_response", "response": response })
}

#[test]
fn another_input_goes_with_every_verdict_that_lets_the_tool_be_used() {
    let input = json!({ "command": "ls" });
    for (verdict, mut expected) in [
        (GateVerdict::Pass, json!({})),
        (GateVerdict::Allow, json!({ "permissionDecision": "allow" })),
        (GateVerdict::Ask("why"), json!({ "permissionDecision": "ask", "permissionDecisionReason": "why" })),
    ] {
        expected["hookEventName"] = json!("PreToolUse");
        expected["updatedInput"] = input.clone();

        let line = outgoing::gate("h1", verdict, Some(&input));

        assert_eq!(line, response("h1", &json!({ "hookSpecificOutput": expected })));
    }
    let refused = outgoing::gate("h1", GateVerdict::Refuse("no"), Some(&input));
    assert_eq!(refused, outgoing::gate("h1", GateVerdict::Refuse("no"), None));
}
