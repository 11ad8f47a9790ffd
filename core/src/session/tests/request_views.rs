//! What people see of the agent's requests, of its subagents and of its list of things to do.

use serde_json::{Value, json};

use super::samples::{
    again, at, completed, decided, parked, permission_request, permission_requested, prompted, session,
    settlement, spend, started, turn, viewed,
};
use crate::agent::{BackgroundUsage, BackgroundWork, TaskListChange};
use crate::request::{DecidedBy, Decision, RequestKind, Settlement};
use crate::session::event::{
    Asked, BackgroundEvent, Decided, PromptEvent, RequestEvent, SessionEvent, ToolEvent, WithdrawReason,
};
use crate::session::view::{DecidedView, RequestView, SessionView, SubagentView, TaskView};

const USAGE: BackgroundUsage = BackgroundUsage { total_tokens: 1200, tool_uses: 3, duration_ms: 450 };

#[test]
fn request_is_pending_with_when_and_where_it_was_made() {
    for (kind, event) in [
        (RequestKind::Permission, permission_requested("r1")),
        (RequestKind::Question, asked(RequestKind::Question, "r1")),
        (RequestKind::Plan, asked(RequestKind::Plan, "r1")),
    ] {
        let view = after(&[event]);

        assert_eq!(view.pending, [RequestView { kind, ..waiting("r1", 4) }]);
        assert_eq!(view.closed_requests(), []);
    }
}

#[test]
fn request_that_was_decided_is_closed_with_the_decision() {
    let answers = Some([("Which?".to_owned(), json!("A"))].into());
    let settlement = Settlement {
        message: Some("only there".into()),
        updated_input: Some(json!({ "file_path": "/srv/b" })),
        answers: answers.clone(),
        ..settlement("r1", Decision::Allow)
    };

    let view = after(&[permission_requested("r1"), permission_requested("r2"), decided(settlement)]);

    let decision = DecidedView {
        decision: Decision::Allow,
        decided_by: DecidedBy::user("ada"),
        decided_at: at(6),
        message: Some("only there".into()),
        updated_input: Some(json!({ "file_path": "/srv/b" })),
        answers,
    };
    assert_eq!(view.pending, [waiting("r2", 5)]);
    assert_eq!(view.closed_requests(), [RequestView { decided: Some(decision), ..waiting("r1", 4) }]);
}

#[test]
fn every_kind_of_request_is_closed_by_its_decision() {
    for kind in [RequestKind::Question, RequestKind::Plan] {
        let settlement = settlement("r1", Decision::Deny);
        let made = asked(kind, "r1");
        let settled = RequestEvent::Decided(Decided { kind, turn: turn(1), settlement }).into();

        let view = after(&[made, settled]);

        assert_eq!(view.pending, []);
        assert_eq!(view.closed_requests()[0].decided.as_ref().unwrap().decision, Decision::Deny);
    }
}

#[test]
fn request_that_was_withdrawn_says_why() {
    for (reason, why) in [
        (WithdrawReason::AgentWithdrew, "the agent no longer waits for it"),
        (
            WithdrawReason::Dropped,
            "the turn was taken up for another request; the agent asks again if it needs to",
        ),
    ] {
        let withdrawn =
            SessionEvent::Request(RequestEvent::Withdrawn { turn: turn(1), request_id: "r1".into(), reason });

        let view = after(&[permission_requested("r1"), withdrawn]);

        assert_eq!(view.pending, []);
        assert_eq!(view.closed_requests(), [RequestView { withdrawn: Some(why.into()), ..waiting("r1", 4) }]);
    }
}

#[test]
fn request_that_nobody_decided_is_withdrawn_by_the_end_of_its_turn() {
    let view = after(&[permission_requested("r1"), completed(1, &spend(1), &spend(1))]);

    let why = "the turn ended before it was decided".to_owned();
    assert_eq!(view.pending, []);
    assert_eq!(view.closed_requests(), [RequestView { withdrawn: Some(why), ..waiting("r1", 4) }]);
}

#[test]
fn request_waits_on_while_its_turn_is_parked() {
    let view = after(&[permission_requested("r1"), parked()]);

    assert_eq!(view.pending, [waiting("r1", 4)]);
}

#[test]
fn request_is_found_by_its_id_whether_it_waits_or_not() {
    let view = after(&[
        permission_requested("r1"),
        permission_requested("r2"),
        decided(settlement("r1", Decision::Deny)),
    ]);

    let found = |request_id| view.request(request_id).map(|request| request.decided.is_some());
    assert_eq!((found("r1"), found("r2"), found("r3")), (Some(true), Some(false), None));
}

#[test]
fn request_in_json_is_flat() {
    let view = after(&[permission_requested("r1"), decided(settlement("r1", Decision::Deny))]);

    let json = serde_json::to_value(&view.closed_requests()[0]).unwrap();

    let expected = json!({
        "kind": "permission", "session_id": session(), "turn_id": turn(1), "request_id": "r1",
        "tool_name": "Write", "tool_use_id": "tool-1", "input": { "file_path": "/srv/a" },
        "description": "a", "reason": "workingDir", "suggestions": [{ "type": "setMode" }],
        "effect": "writes_files", "target": "/srv/a", "requested_at": "2026-11-22T10:24:17.000Z",
        "version": 4, "decision": "deny", "decided_at": "2026-11-22T10:24:18.000Z",
        "decided_by": { "kind": "user", "id": "ada", "name": "ada" },
    });
    assert_eq!(json, expected);
}

#[test]
fn request_that_waits_has_no_word_about_a_decision_in_json() {
    let view = after(&[permission_requested("r1")]);

    let Value::Object(fields) = serde_json::to_value(&view.pending[0]).unwrap() else { panic!("an object") };

    let told = ["decision", "decided_by", "decided_at", "withdrawn"].map(|name| fields.contains_key(name));
    assert_eq!(told, [false; 4]);
}

#[test]
fn each_event_about_a_request_is_a_part_of_its_turn() {
    let view = after(&[permission_requested("r1"), decided(settlement("r1", Decision::Deny))]);

    assert_eq!(view.turn(turn(1)).unwrap().last_version, 5);
}

#[test]
fn subagent_runs_until_it_says_that_it_has_finished() {
    let progressed = SessionEvent::Background(BackgroundEvent::Progressed {
        turn: turn(1),
        task_id: "task-1".into(),
        description: "Reading".into(),
        usage: USAGE,
    });

    let running = after(&[begun("task-1")]);
    let finished = after(&[begun("task-1"), used("Read"), used("Read"), progressed, ended("task-1", None)]);

    assert_eq!(running.subagents, [subagent("task-1")]);
    assert_eq!(
        finished.subagents,
        [SubagentView {
            description: "Reading".into(),
            status: "completed".into(),
            summary: Some("All is well".into()),
            tools_used: vec!["Read".into(), "Read".into()],
            usage: USAGE,
            ended_at: Some(at(8)),
            ..subagent("task-1")
        }]
    );
}

#[test]
fn last_word_about_what_a_subagent_has_used_holds() {
    let usage = BackgroundUsage { total_tokens: 9, ..USAGE };

    let view = after(&[begun("task-1"), ended("task-1", Some(usage))]);

    assert_eq!(view.subagents[0].usage, usage);
}

#[test]
fn subagent_ends_with_its_process_but_may_outlive_its_turn() {
    for (end, status) in [(parked(), "stopped"), (completed(1, &spend(1), &spend(1)), "running")] {
        let view = after(&[begun("task-1"), ended("task-1", None), begun("task-2"), end]);

        let statuses: Vec<_> = view.subagents.iter().map(|view| &view.status[..]).collect();
        assert_eq!(statuses, ["completed", status]);
    }
}

#[test]
fn list_of_things_to_do_follows_its_changes() {
    let view = after(&[
        listed("1", Some("Read"), "pending"),
        listed("2", Some("Write"), "pending"),
        listed("3", Some("Dream"), "pending"),
        listed("1", None, "completed"),
        listed("2", Some("Write well"), "in_progress"),
        listed("3", None, "deleted"),
    ]);

    let task = |id: &str, subject: &str, status: &str| TaskView {
        id: id.into(),
        subject: subject.into(),
        status: status.into(),
    };
    assert_eq!(view.tasks, [task("1", "Read", "completed"), task("2", "Write well", "in_progress")]);
}

#[test]
fn prompt_that_was_taken_back_is_no_turn() {
    let view = after(&[
        prompted(2),
        SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(2), by: "ada".into() }),
    ]);

    assert!(view.turn(turn(2)).is_none());
}

/// The view of a session in whose first turn this happens; the first event has the version 4.
fn after(events: &[SessionEvent]) -> SessionView {
    viewed(&[&[prompted(1), started(1)], events].concat())
}

fn asked(kind: RequestKind, request_id: &str) -> SessionEvent {
    let request = again(request_id, "tool-1", &permission_request("r1"));
    RequestEvent::Asked(Asked { kind, turn: turn(1), request }).into()
}

fn waiting(request_id: &str, version: u64) -> RequestView {
    RequestView {
        kind: RequestKind::Permission,
        session_id: session(),
        turn_id: turn(1),
        request: permission_request(request_id),
        requested_at: at(version),
        version,
        decided: None,
        withdrawn: None,
    }
}

fn begun(task_id: &str) -> SessionEvent {
    SessionEvent::Background(BackgroundEvent::Started {
        turn: turn(1),
        work: BackgroundWork {
            task_id: task_id.into(),
            tool_use_id: Some("tool-0".into()),
            kind: "local_agent".into(),
            description: "Look around".into(),
            subagent_type: Some("Explore".into()),
        },
    })
}

fn ended(task_id: &str, usage: Option<BackgroundUsage>) -> SessionEvent {
    SessionEvent::Background(BackgroundEvent::Finished {
        turn: turn(1),
        task_id: task_id.into(),
        status: "completed".into(),
        summary: "All is well".into(),
        usage,
    })
}

fn subagent(id: &str) -> SubagentView {
    SubagentView {
        id: id.into(),
        turn_id: turn(1),
        tool_use_id: Some("tool-0".into()),
        kind: "local_agent".into(),
        subagent_type: Some("Explore".into()),
        description: "Look around".into(),
        status: "running".into(),
        summary: None,
        tools_used: vec![],
        usage: BackgroundUsage::default(),
        started_at: at(4),
        ended_at: None,
    }
}

/// A tool use of the subagent.
fn used(tool: &str) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Used {
        turn: turn(1),
        tool_use_id: "tool-1".into(),
        name: tool.into(),
        input: json!({}),
        parent_tool_use_id: Some("tool-0".into()),
    })
}

fn listed(id: &str, subject: Option<&str>, status: &str) -> SessionEvent {
    let (id, subject, status) = (id.to_owned(), subject.map(str::to_owned), status.to_owned());
    SessionEvent::Background(BackgroundEvent::TaskListChanged {
        turn: turn(1),
        change: TaskListChange { id, subject, status },
    })
}
