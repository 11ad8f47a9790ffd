//! Changes of files by subagents, which only a hook reports.

use runner_core::agent::{AgentOutput, FileChangeKind, ToolReturn};
use serde_json::{Value, json};

use crate::claude::protocol::decode::decode;
use crate::claude::protocol::incoming::Incoming;
use crate::claude::protocol::subagent_files::{FileReport, FileReports};

#[test]
fn subagents_result_gets_what_was_reported_of_it() {
    let mut reports = FileReports::default();
    reports.keep(report(1));
    reports.keep(report(2));

    let AgentOutput::ToolReturned(returned) = reports.complete(result(1, None)) else { panic!("it returns") };

    let change = returned.file_change.unwrap();
    assert_eq!((change.path.as_str(), change.kind), ("/w/1.txt", FileChangeKind::Created));
    assert_eq!((change.tool_use_id.as_str(), change.patch.as_str()), ("toolu_1", "@@ -0,0 +1,1 @@\n+one\n"));
    assert_eq!(returned.structured, Some(written(1)));
    assert_eq!(reports.complete(result(1, None)), result(1, None), "it is told once");
}

#[test]
fn result_that_has_its_structured_part_keeps_it() {
    let mut reports = FileReports::default();
    reports.keep(report(1));
    let own = result(1, Some(json!({ "stdout": "" })));

    assert_eq!(reports.complete(own.clone()), own);
}

#[test]
fn reports_without_results_are_not_kept_for_ever() {
    let mut reports = FileReports::default();
    (0..=64).for_each(|number| reports.keep(report(number)));

    assert_eq!(reports.complete(result(0, None)), result(0, None));
    assert_ne!(reports.complete(result(64, None)), result(64, None));
}

#[test]
fn only_subagents_results_are_told_twice() {
    let told = |agent: Value| {
        let line = json!({ "type": "control_request", "request_id": "q1", "request": {
            "subtype": "hook_callback", "callback_id": "file", "input": {
                "hook_event_name": "PostToolUse", "tool_name": "Write", "tool_use_id": "toolu_1",
                "tool_response": written(1), "agent_id": agent,
            } } });
        decode(line.to_string().as_bytes(), &mut String::new())
    };
    let reported = |report| vec![Incoming::Reported { request_id: "q1".into(), report }];

    assert_eq!(told(json!("a7")), reported(Some(report(1))));
    assert_eq!(told(Value::Null), reported(None));
}

fn report(number: u8) -> FileReport {
    FileReport { tool_use_id: format!("toolu_{number}"), result: written(number) }
}

fn written(number: u8) -> Value {
    json!({ "type": "create", "filePath": format!("/w/{number}.txt"), "content": "one\n", "structuredPatch": [] })
}

fn result(number: u8, structured: Option<Value>) -> AgentOutput {
    AgentOutput::ToolReturned(ToolReturn {
        tool_use_id: format!("toolu_{number}"),
        is_error: false,
        content: json!("File created successfully."),
        structured,
        file_change: None,
        allowed_by: None,
    })
}
