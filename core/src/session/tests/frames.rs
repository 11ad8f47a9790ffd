//! A turn as a client watches it.

use serde_json::{Value, json};

use super::every_event::every_event;
use super::samples::{
    at, completed, opening, prompted, recorded, session, spend, started, turn, unreported, viewed,
};
use crate::agent::{Delta, DeltaKind};
use crate::session::event::{
    InterruptCause, LifecycleEvent, SessionEvent, SessionOpened, ToolEvent, TurnEvent,
};
use crate::session::frame::{Frame, TaskAnswer};
use crate::session::view::SessionView;
use crate::spend::Spend;

const AT: u64 = 7;

#[test]
fn each_stored_event_is_the_frame_that_clients_know() {
    let frames: Vec<Option<Value>> = every_event().iter().map(stored).collect();

    assert_eq!(
        frames,
        [beginnings(), blocks(), requests(), parking(), tasks(), changes(), hooks(), incidents(), ends()]
            .concat()
    );
}

#[test]
fn result_of_a_tool_is_shown_as_text_whatever_its_form() {
    for (content, text) in [
        (json!("plain"), "plain"),
        (
            json!([{ "type": "text", "text": "one" }, { "type": "image" }, { "type": "text", "text": "two" }]),
            "one\ntwo",
        ),
        (Value::Null, ""),
        (json!({ "unknown": true }), ""),
    ] {
        let event = SessionEvent::Tool(ToolEvent::Returned {
            turn: turn(1),
            tool_use_id: "tool-1".into(),
            is_error: false,
            content,
            structured: None,
            decided_by: None,
        });

        assert_eq!(stored(&event).unwrap()["content"], text);
    }
}

#[test]
fn interrupted_turn_ends_in_an_error_frame_with_its_cause() {
    for cause in [
        InterruptCause::User,
        InterruptCause::ServerStopped,
        InterruptCause::ServerCrashed,
        InterruptCause::AgentAborted,
        InterruptCause::Deadline,
    ] {
        let account = unreported(&Spend::default());

        let frame = stored(&SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause, account }));

        let word = serde_json::to_value(cause).unwrap();
        let fields = json!({ "code": cause.code(), "detail": word });
        assert_eq!(frame, shown("error", cause.as_str(), fields));
    }
}

#[test]
fn stream_begins_with_the_session() {
    let opened =
        SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened { offline: true, ..opening() }));
    let view = SessionView::open(&opened, at(1)).unwrap();

    let frame = serde_json::to_value(Frame::session(&view, turn(1), true, at(AT))).unwrap();

    let metadata = json!({ "resumed": true, "model": null, "working_dir": "/srv",
        "permission_mode": "acceptEdits", "offline": true });
    assert_eq!(Some(frame), shown("session", &session().to_string(), json!({ "metadata": metadata })));
}

#[test]
fn stream_ends_with_the_answer() {
    let view = viewed(&[prompted(1), started(1), completed(1, &spend(7), &spend(7))]);
    let answer = TaskAnswer::new(session(), view.turn(turn(1)).unwrap());

    let frame = serde_json::to_value(Frame::complete(&answer, at(AT))).unwrap();

    assert_eq!(Some(frame), shown("complete", "all done", json!({ "metadata": answer })));
}

#[test]
fn delta_is_a_frame_of_its_kind() {
    for (kind, word) in [(DeltaKind::Text, "text_delta"), (DeltaKind::Thinking, "thinking_delta")] {
        let delta = Delta { kind, message_id: "m1".into(), index: 2, text: "he".into() };

        let frame = serde_json::to_value(Frame::delta(session(), Some(turn(1)), &delta, at(AT))).unwrap();

        assert_eq!(Some(frame), shown(word, "he", json!({ "message_id": "m1", "index": 2 })));
    }
}

fn beginnings() -> Vec<Option<Value>> {
    let profile = json!({
        "model": "opus", "permission_mode": "acceptEdits", "runtime_version": "2.1.197", "tools": ["Bash"],
        "mcp_servers": [{ "name": "ev", "status": "connected" }], "skills": ["simplify"],
        "agents": ["Explore"], "plugins": [{ "name": "p" }],
    });
    vec![
        None,
        None,
        None,
        shown("status", "turn_started", json!({})),
        shown("status", "agent_initialized", json!({ "metadata": profile })),
    ]
}

fn blocks() -> Vec<Option<Value>> {
    let of_message = json!({ "message_id": "m1", "parent_tool_use_id": "tool-0" });
    let tool_use = json!({
        "tool_name": "Write", "tool_input": { "file_path": "/srv/a", "content": "b\nc\n" },
        "tool_use_id": "tool-1", "parent_tool_use_id": "tool-0",
    });
    let result = |is_error: bool| json!({ "tool_use_id": "tool-1", "is_error": is_error, "metadata": { "type": "create" } });
    let change = json!({
        "path": "/srv/a", "kind": "created", "added": 2, "removed": 1,
        "patch": "@@ -1,1 +1,2 @@\n-a\n+b\n+c\n", "tool_use_id": "tool-1",
    });
    let deleted = json!({
        "path": "/srv/b", "kind": "deleted", "added": 0, "removed": 1, "patch": "@@ -1 +0,0 @@\n-b\n",
    });
    vec![
        shown("text", "hello", of_message.clone()),
        shown("thinking", "hm", of_message),
        shown("tool_use", "Write", tool_use),
        shown("tool_result", "one\ntwo", result(true)),
        shown("tool_result", "written", result(false)),
        None,
        shown("file_change", "/srv/a", change),
        shown("file_change", "/srv/b", deleted),
        shown("status", "workspace_unobserved", json!({ "reason": "too_many_changes", "files": 7 })),
    ]
}

fn requests() -> Vec<Option<Value>> {
    let permission = json!({
        "request_id": "r1", "tool_name": "Write", "tool_use_id": "tool-1", "input": { "file_path": "/srv/a" },
        "description": "a", "reason": "workingDir", "suggestions": [{ "type": "setMode" }],
        "subagent": "agent-7", "effect": "writes_files", "target": "/srv/a",
    });
    let questions = json!([{ "question": "Which?", "options": [{ "label": "A" }, { "label": "B" }], "multiSelect": true }]);
    let question = json!({
        "request_id": "r2", "tool_name": "AskUserQuestion", "tool_use_id": "tool-2",
        "input": { "questions": questions }, "description": "Which?", "suggestions": [], "effect": "other",
    });
    let plan = json!({
        "request_id": "r3", "tool_name": "ExitPlanMode", "tool_use_id": "tool-3",
        "input": { "plan": "1. Read" }, "description": "1. Read", "suggestions": [],
        "effect": "runs_commands",
    });
    let ada = json!({ "kind": "user", "id": "ada", "name": "ada" });
    let allowed = json!({
        "request_id": "r1", "decision": "allow", "decided_by": ada, "message": "Only this once.",
        "updated_input": { "file_path": "/srv/b" }, "remember": true,
    });
    let answered = json!({
        "request_id": "r2", "decision": "allow", "decided_by": ada, "answers": { "Which?": ["A", "B"] },
    });
    let denied = json!({ "request_id": "r3", "decision": "deny", "decided_by": ada, "interrupt": true });
    let withdrawn = json!({ "request_id": "r2", "reason": "the agent no longer waits for it" });
    let policy = json!({
        "tool_use_id": "tool-1", "tool_name": "Write", "decision": "deny",
        "decided_by": { "kind": "rule", "id": "7", "name": "rule" },
    });
    vec![
        shown("permission_request", "a", permission),
        shown("decision", "Only this once.", allowed),
        shown("question", "Which?", question),
        shown("decision", "", answered),
        shown("plan", "1. Read", plan),
        shown("decision", "", denied),
        None,
        shown("status", "request_withdrawn", withdrawn),
        shown("decision", "Not here.", policy),
    ]
}

fn parking() -> Vec<Option<Value>> {
    vec![
        shown("status", "turn_parked", json!({ "cause": "server_stopped" })),
        None,
        shown("status", "turn_resumed", json!({ "attempt": 2, "fallback": "subagent_restarted" })),
        None,
        None,
        shown(
            "status",
            "budget_exhausted",
            json!({
                "budget": {
                    "budget": "month", "spent_micros": 1_000_012, "limit_micros": 1_000_000,
                    "resets_at_micros": 1_796_083_200_000_000_i64,
                },
                "detail": "the budget of its owner for this month is spent: $1.0000 of $1.0000. \
                           It resets at 2026-12-01T00:00:00.000Z.",
            }),
        ),
    ]
}

fn tasks() -> Vec<Option<Value>> {
    let usage = json!({ "total_tokens": 1200, "tool_uses": 3, "duration_ms": 450 });
    let started = json!({
        "state": "started", "task_id": "task-1", "tool_use_id": "tool-0", "kind": "local_agent",
        "description": "Look around", "subagent_type": "Explore",
    });
    let progressed = json!({ "state": "progressed", "task_id": "task-1", "usage": usage });
    let finished = json!({ "state": "finished", "task_id": "task-1", "usage": usage, "status": "completed" });
    let listed = json!({ "id": "1", "subject": "Write tests", "status": "in_progress" });
    let stopped = json!({ "state": "finished", "task_id": "task-1", "usage": null, "status": "stopped" });
    let taken_up = shown("subagent", "", stopped).map(|mut frame| {
        frame["turn_id"] = json!(turn(2));
        frame
    });
    vec![
        shown("subagent", "Look around", started),
        shown("subagent", "Reading", progressed),
        shown("subagent", "All is well", finished),
        shown("task_list", "Write tests", listed),
        shown("subagent", "", json!({ "state": "parked", "task_id": "task-1" })),
        taken_up,
        shown("subagent", "", json!({ "state": "stop_requested", "task_id": "task-1", "by": "ada" })),
    ]
}

fn changes() -> Vec<Option<Value>> {
    let outside_of_turns = |content, fields| {
        let mut frame = shown("status", content, fields)?;
        frame["turn_id"] = Value::Null;
        Some(frame)
    };
    let untold = || vec![None; 6];
    let told = vec![
        outside_of_turns("permission_mode_changed", json!({ "permission_mode": "plan" })),
        outside_of_turns("model_changed", json!({ "model": "haiku" })),
        outside_of_turns("working_dir_changed", json!({ "working_dir": "/srv/new" })),
    ];
    let steered = shown("status", "prompt_steered", json!({ "text": "the other one" }));
    [told, untold(), vec![steered, None]].concat()
}

fn hooks() -> Vec<Option<Value>> {
    let hook = |action: &str, outcome: &str, message: Value| {
        json!({
            "hook_id": session(), "event": "PreToolUse", "action": action, "outcome": outcome,
            "tool_use_id": "tool-1", "tool_name": "Bash", "message": message,
        })
    };
    vec![
        None,
        shown("hook", "no-rm", hook("block", "block", json!("Not here."))),
        shown("hook", "no-rm", hook("command", "none", Value::Null)),
    ]
}

fn incidents() -> Vec<Option<Value>> {
    let retry = json!({ "attempt": 1, "max_attempts": 10, "delay_ms": 557, "status": 529 });
    vec![
        shown("retry", "overloaded", retry),
        shown("rate_limit", "", json!({ "metadata": { "status": "rejected" } })),
        shown("compact", "auto", json!({ "tokens_before": 120, "tokens_after": 30 })),
        shown("agent_message", "", json!({ "metadata": { "type": "from_the_future" } })),
        shown("status", "interrupt_requested", json!({})),
    ]
}

fn ends() -> Vec<Option<Value>> {
    let failed = json!({ "code": "model_api_error", "detail": "API Error: 529" });
    let interrupted = json!({ "code": "interrupted", "detail": "server_crashed" });
    vec![None, None, shown("error", "API Error: 529", failed), shown("error", "server_crashed", interrupted)]
}

fn stored(event: &SessionEvent) -> Option<Value> {
    let frame = Frame::stored(session(), &recorded(AT, event), event);
    frame.map(|frame| serde_json::to_value(frame).unwrap())
}

/// A frame as JSON: what all have, and the fields of its kind.
fn shown(kind: &str, content: &str, fields: Value) -> Option<Value> {
    let mut frame = json!({
        "type": kind, "content": content, "timestamp": "2026-11-22T10:24:20.000Z",
        "session_id": session(), "turn_id": turn(1),
    });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    frame.as_object_mut().unwrap().extend(fields);
    Some(frame)
}
