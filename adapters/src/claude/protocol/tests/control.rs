//! The control side of the protocol: what the agent asks, and what it says about its own work.

use std::sync::Arc;

use runner_core::agent::{AgentOutput, BackgroundUsage, BackgroundWork, PermissionMode, TaskListChange};
use runner_core::request::{AgentRequest, RequestKind, ToolEffect, ToolGate};
use serde_json::{Value, json};

use super::decode::{decoded, outputs, then_kept};
use crate::claude::protocol::incoming::Incoming;

#[test]
fn question_whether_a_tool_may_be_used_is_a_request_for_permission() {
    let line = r#"{"type":"control_request","request_id":"5e0e","request":{"subtype":"can_use_tool",
        "tool_name":"Bash","display_name":"Bash","input":{"command":"touch z"},"description":"touch",
        "permission_suggestions":[{"type":"setMode","mode":"acceptEdits","destination":"session"}],
        "blocked_path":"/srv/z","decision_reason":"outside of the folder","decision_reason_type":"workingDir",
        "tool_use_id":"toolu_1","agent_id":"ad8b3aa4dfee3111e"}}"#;

    let suggestion = json!({ "type": "setMode", "mode": "acceptEdits", "destination": "session" });
    let request = AgentRequest {
        request_id: "5e0e".into(),
        tool_name: "Bash".into(),
        tool_use_id: "toolu_1".into(),
        input: json!({ "command": "touch z" }),
        description: "touch".into(),
        reason: Some("outside of the folder".into()),
        suggestions: vec![suggestion],
        subagent: Some("ad8b3aa4dfee3111e".into()),
        effect: ToolEffect::RunsCommands,
        target: Some("touch z".into()),
    };
    assert_eq!(outputs(line), [AgentOutput::Asked { kind: RequestKind::Permission, request }]);
}

#[test]
fn question_of_the_main_agent_without_extras_is_a_request_too() {
    let line = r#"{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool",
        "tool_name":"mcp__x__y","input":{},"tool_use_id":"toolu_1"}}"#;

    let request = AgentRequest {
        request_id: "r".into(),
        tool_name: "mcp__x__y".into(),
        tool_use_id: "toolu_1".into(),
        input: json!({}),
        description: String::new(),
        reason: None,
        suggestions: vec![],
        subagent: None,
        effect: ToolEffect::Other,
        target: None,
    };
    assert_eq!(outputs(line), [AgentOutput::Asked { kind: RequestKind::Permission, request }]);
}

#[test]
fn questions_and_plans_are_requests_of_their_own_kind() {
    for (tool_name, expected) in
        [("AskUserQuestion", RequestKind::Question), ("ExitPlanMode", RequestKind::Plan)]
    {
        let (kind, _) = asked(tool_name, &json!({}));

        assert_eq!(kind, expected);
    }
}

#[test]
fn what_a_call_does_and_what_it_is_about_follow_from_its_tool() {
    use ToolEffect::{LoadsSkills, Notes, Other, Reads, RunsCommands, StartsAgents, Withheld, WritesFiles};
    for (tool_name, input, effect, target) in [
        ("Write", json!({ "file_path": "/srv/a", "content": "x" }), WritesFiles, Some("/srv/a")),
        ("Edit", json!({ "file_path": "/srv/a" }), WritesFiles, Some("/srv/a")),
        ("NotebookEdit", json!({ "notebook_path": "/srv/a.ipynb" }), WritesFiles, Some("/srv/a.ipynb")),
        ("Bash", json!({ "command": "ls -l" }), RunsCommands, Some("ls -l")),
        ("Monitor", json!({ "command": "tail -f log" }), Other, Some("tail -f log")),
        ("Read", json!({ "file_path": "/srv/a" }), Reads, Some("/srv/a")),
        ("Skill", json!({ "skill": "simplify" }), LoadsSkills, Some("simplify")),
        ("WebSearch", json!({ "query": "rust" }), Reads, None),
        ("Agent", json!({ "prompt": "look" }), StartsAgents, None),
        ("Agent", json!({ "prompt": "look", "isolation": "worktree" }), Other, None),
        ("EnterWorktree", json!({ "name": "copy" }), Other, None),
        ("ToolSearch", json!({ "query": "select:WebFetch" }), Notes, None),
        ("ScheduleWakeup", json!({ "prompt": "again" }), Withheld, None),
        ("mcp__files__read", json!({}), Other, None),
        ("Unheard", json!({}), Other, None),
        ("Bash", json!({ "command": 7 }), RunsCommands, None),
    ] {
        let (_, request) = asked(tool_name, &input);

        assert_eq!((request.effect, request.target.as_deref()), (effect, target), "{tool_name} {input}");
    }
}

#[test]
fn page_is_remembered_by_its_host() {
    for (url, host) in [
        ("https://example.org/a/b?c#d", "example.org"),
        ("https://example.org:8443?c", "example.org:8443"),
        ("example.org/a", "example.org"),
    ] {
        let (_, request) = asked("WebFetch", &json!({ "url": url }));

        assert_eq!(request.target.as_deref(), Some(host));
    }
}

#[test]
fn tool_use_comes_to_the_gate() {
    let input = json!({ "file_path": "/srv/a" });
    let gated = gate("Write", &input);

    let (gate_id, tool_use_id, tool_name) = ("h1".into(), "toolu_1".into(), "Write".into());
    let (effect, target) = (ToolEffect::WritesFiles, Some("/srv/a".into()));
    let input = Arc::new(input);
    assert_eq!(gated, ToolGate { gate_id, tool_use_id, tool_name, effect, target, input });
}

#[test]
fn plan_that_the_agent_writes_down_is_no_file_of_anybodys_work() {
    for (path, effect) in [
        ("/srv/agent/plans/merry.md", ToolEffect::Notes),
        ("/srv/agent/plans/deeper/merry.md", ToolEffect::WritesFiles),
        ("/srv/agent/plans", ToolEffect::WritesFiles),
        ("/srv/plans/merry.md", ToolEffect::WritesFiles),
        ("plans/merry.md", ToolEffect::WritesFiles),
    ] {
        assert_eq!(gate("Write", &json!({ "file_path": path })).effect, effect, "{path}");
    }
}

#[test]
fn hook_that_was_not_asked_for_is_not_offered() {
    let line = r#"{"type":"control_request","request_id":"h1","request":{"subtype":"hook_callback",
        "callback_id":"gate","input":{"hook_event_name":"Notification","tool_use_id":"toolu_1"}}}"#;

    let (request_id, subtype) = ("h1".into(), "hook_callback".into());
    assert_eq!(decoded(line), [Incoming::Unsupported { request_id, subtype }]);
}

#[test]
fn request_that_the_agent_takes_back_is_named() {
    let line = r#"{"type":"control_cancel_request","request_id":"5e0e"}"#;

    assert_eq!(outputs(line), [AgentOutput::RequestWithdrawn { request_id: "5e0e".into() }]);
}

#[test]
fn mode_is_told_where_it_is_one_that_is_known() {
    for (line, modes) in [
        (r#"{"type":"system","subtype":"status","permissionMode":"plan"}"#, vec![PermissionMode::Plan]),
        (r#"{"type":"system","subtype":"status","permissionMode":"fromTheFuture"}"#, vec![]),
        (r#"{"type":"system","subtype":"status","status":null}"#, vec![]),
    ] {
        let expected: Vec<_> = modes.into_iter().map(|mode| AgentOutput::ModeChanged { mode }).collect();
        assert_eq!(outputs(line), expected, "{line}");
    }
}

#[test]
fn call_that_the_agent_refused_by_itself_is_told_with_its_reason() {
    let line = r#"{"type":"system","subtype":"permission_denied","tool_name":"Bash","tool_use_id":"toolu_1",
        "decision_reason_type":"mode","message":"dontAsk mode denies this"}"#;

    assert_eq!(
        outputs(line),
        [AgentOutput::ToolRefused {
            tool_use_id: "toolu_1".into(),
            tool_name: "Bash".into(),
            reason: "mode".into(),
            message: "dontAsk mode denies this".into(),
        }]
    );
}

#[test]
fn subagent_is_followed_from_its_beginning_to_its_end() {
    let started = r#"{"type":"system","subtype":"task_started","task_id":"t1","tool_use_id":"toolu_0",
        "description":"Look around","subagent_type":"Explore","task_type":"local_agent","prompt":"look"}"#;
    let progress = r#"{"type":"system","subtype":"task_progress","task_id":"t1","description":"Reading",
        "usage":{"total_tokens":1200,"tool_uses":3,"duration_ms":450},"last_tool_name":"Read"}"#;
    let ended = r#"{"type":"system","subtype":"task_notification","task_id":"t1","status":"completed",
        "summary":"All is well","usage":{"total_tokens":1300,"tool_uses":4,"duration_ms":500}}"#;

    let usage =
        |total_tokens, tool_uses, duration_ms| BackgroundUsage { total_tokens, tool_uses, duration_ms };
    assert_eq!(
        [started, progress, ended].map(outputs).concat(),
        [
            AgentOutput::TaskStarted(BackgroundWork {
                task_id: "t1".into(),
                tool_use_id: Some("toolu_0".into()),
                kind: "local_agent".into(),
                description: "Look around".into(),
                subagent_type: Some("Explore".into()),
            }),
            AgentOutput::TaskProgressed {
                task_id: "t1".into(),
                description: "Reading".into(),
                usage: usage(1200, 3, 450),
            },
            AgentOutput::TaskFinished {
                task_id: "t1".into(),
                status: "completed".into(),
                summary: "All is well".into(),
                usage: Some(usage(1300, 4, 500)),
            },
        ]
    );
}

#[test]
fn task_that_was_killed_was_stopped_and_other_updates_say_nothing_new() {
    let updated = |status: &str| {
        format!(
            r#"{{"type":"system","subtype":"task_updated","task_id":"t1","patch":{{"status":"{status}"}}}}"#
        )
    };

    let stopped = AgentOutput::TaskFinished {
        task_id: "t1".into(),
        status: "stopped".into(),
        summary: String::new(),
        usage: None,
    };
    assert_eq!(outputs(&updated("killed")), [stopped]);
    assert_eq!(outputs(&updated("completed")), []);
}

#[test]
fn system_line_of_an_unknown_kind_is_kept_whole() {
    then_kept(r#"{"type":"system","subtype":"task_teleported","task_id":"t1"}"#);
}

#[test]
fn new_thing_to_do_is_a_change_of_the_list() {
    let change = list_change(&json!({ "task": { "id": "1", "subject": "Write tests" } }));

    let (id, subject, status) = ("1".into(), Some("Write tests".into()), "pending".into());
    assert_eq!(change, [TaskListChange { id, subject, status }]);
}

#[test]
fn thing_to_do_that_moved_on_is_a_change_of_the_list() {
    let change = list_change(&json!({ "success": true, "taskId": "1", "updatedFields": ["status"],
        "statusChange": { "from": "pending", "to": "completed" } }));

    let (id, status) = ("1".into(), "completed".into());
    assert_eq!(change, [TaskListChange { id, subject: None, status }]);
}

#[test]
fn results_of_other_tools_change_no_list() {
    for result in [
        json!({ "taskId": "1", "updatedFields": ["owner"] }),
        json!({ "task": { "id": 1 } }),
        json!({ "stdout": "task" }),
        json!("Error: no such task"),
    ] {
        assert_eq!(list_change(&result), [], "{result}");
    }
}

fn asked(tool_name: &str, input: &Value) -> (RequestKind, AgentRequest) {
    let request = json!({ "subtype": "can_use_tool", "tool_name": tool_name, "input": input });
    let line = json!({ "type": "control_request", "request_id": "r", "request": request }).to_string();
    let [AgentOutput::Asked { kind, request }] = &outputs(&line)[..] else { panic!("no request") };
    (*kind, request.clone())
}

/// The request at the gate of a session whose configuration folder is `/srv/agent`.
fn gate(tool_name: &str, tool_input: &Value) -> ToolGate {
    let input = json!({
        "hook_event_name": "PreToolUse", "tool_name": tool_name, "tool_input": tool_input,
        "tool_use_id": "toolu_1", "transcript_path": "/srv/agent/projects/-srv/s.jsonl",
    });
    let request = json!({ "subtype": "hook_callback", "callback_id": "gate", "input": input });
    let line = json!({ "type": "control_request", "request_id": "h1", "request": request }).to_string();
    let [AgentOutput::ToolGated(gate)] = &outputs(&line)[..] else { panic!("no gate") };
    gate.clone()
}

/// The change of the to-do list in a tool's structured result.
fn list_change(result: &Value) -> Vec<TaskListChange> {
    let content = json!([{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "ok" }]);
    let line = json!({ "type": "user", "message": { "content": content }, "tool_use_result": result });
    let said = outputs(&line.to_string());
    assert!(matches!(said[0], AgentOutput::ToolReturned(_)), "{said:?}");
    let change = |output: &AgentOutput| {
        let AgentOutput::TaskListChanged(change) = output else { panic!("{output:?}") };
        change.clone()
    };
    said[1..].iter().map(change).collect()
}
