//! Lines of the agent and what they mean.

use runner_core::agent::{AgentOutput, AgentProfile, Delta, DeltaKind, ToolReturn};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::claude::protocol::decode::decode;
use crate::claude::protocol::incoming::Incoming;

#[test]
fn init_is_the_agents_introduction() {
    let line = r#"{"type":"system","subtype":"init","cwd":"/w","session_id":"00000000-0000-0000-0000-00000000ac7b","tools":["Task","Bash"],
        "mcp_servers":[{"name":"ev","status":"connected"}],"model":"claude-opus-4-8[1m]",
        "permissionMode":"default","slash_commands":["compact"],"apiKeySource":"ANTHROPIC_API_KEY",
        "claude_code_version":"2.1.197","output_style":"default","agents":["Explore","Plan"],"skills":["simplify"],
        "plugins":[{"name":"myplug","path":"/w/plug","source":"myplug@inline"}],
        "memory_paths":{"auto":"/cfg/projects/-w/memory/"},"fast_mode_state":"off","analytics_disabled":true,
        "product_feedback_disabled":true,"uuid":"u1"}"#;

    let profile = AgentProfile {
        model: "claude-opus-4-8[1m]".into(),
        permission_mode: "default".into(),
        runtime_version: "2.1.197".into(),
        tools: vec!["Task".into(), "Bash".into()],
        mcp_servers: vec![json!({ "name": "ev", "status": "connected" })],
        skills: vec![json!("simplify")],
        agents: vec!["Explore".into(), "Plan".into()],
        plugins: vec![json!({ "name": "myplug", "path": "/w/plug", "source": "myplug@inline" })],
        trusted_folder: false,
        extensions: None,
        conversation: Some(Uuid::from_u128(0xac7b)),
    };
    assert_eq!(outputs(line), [AgentOutput::Initialized(profile)]);
}

#[test]
fn init_of_another_version_is_read_as_far_as_it_goes() {
    let line =
        r#"{"type":"system","subtype":"init","session_id":"s","permissionMode":"fromTheFuture","later":[1]}"#;

    let profile = AgentProfile { permission_mode: "fromTheFuture".into(), ..AgentProfile::default() };
    assert_eq!(outputs(line), [AgentOutput::Initialized(profile)]);
}

#[test]
fn assistant_line_is_a_block() {
    let line = |block: &str, parent: &str| {
        format!(
            r#"{{"type":"assistant","message":{{"id":"msg_1","type":"message","role":"assistant",
            "model":"claude-opus-4-8","content":[{block}],"stop_reason":null,"usage":{{"input_tokens":3}}}},
            "parent_tool_use_id":{parent},"session_id":"s","uuid":"u","request_id":"req_1"}}"#
        )
    };
    let message_id = || "msg_1".to_owned();

    let text = line(r#"{"type":"text","text":"two\nlines"}"#, "null");
    let thinking = line(r#"{"type":"thinking","thinking":"hm","signature":"abc"}"#, "null");
    let tool = r#"{"type":"tool_use","id":"toolu_1","name":"Write","input":{"file_path":"/w/a"}}"#;

    assert_eq!(
        outputs(&text),
        [AgentOutput::Text { message_id: message_id(), text: "two\nlines".into(), parent_tool_use_id: None }]
    );
    assert_eq!(
        outputs(&thinking),
        [AgentOutput::Thinking { message_id: message_id(), text: "hm".into(), parent_tool_use_id: None }]
    );
    assert_eq!(
        outputs(&line(tool, r#""toolu_0""#)),
        [AgentOutput::ToolUsed {
            tool_use_id: "toolu_1".into(),
            name: "Write".into(),
            input: json!({ "file_path": "/w/a" }),
            parent_tool_use_id: Some("toolu_0".into()),
        }]
    );
}

#[test]
fn several_blocks_in_a_line_keep_their_order() {
    let line = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"a"},
        {"type":"text","text":"b"}]}}"#;

    let text = |text: &str| AgentOutput::Text {
        message_id: "m".into(),
        text: text.into(),
        parent_tool_use_id: None,
    };
    assert_eq!(outputs(line), [text("a"), text("b")]);
}

#[test]
fn block_of_an_unknown_kind_is_kept_whole() {
    let line = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"hologram","frames":[1]}]}}"#;

    then_kept(line);
}

#[test]
fn message_that_the_program_made_up_for_an_error_is_text() {
    let line = r#"{"type":"assistant","message":{"id":"m","model":"<synthetic>","content":[{"type":"text",
        "text":"API Error: 400 bad thing"}],"stop_reason":"stop_sequence"},"error":"unknown"}"#;

    let text = "API Error: 400 bad thing".into();
    assert_eq!(outputs(line), [AgentOutput::Text { message_id: "m".into(), text, parent_tool_use_id: None }]);
}

#[test]
fn result_of_a_command_keeps_its_structure() {
    let line = r#"{"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_1",
        "type":"tool_result","content":"out","is_error":false}]},"parent_tool_use_id":null,
        "tool_use_result":{"stdout":"out","stderr":"","interrupted":false,"isImage":false}}"#;

    let structured = json!({ "stdout": "out", "stderr": "", "interrupted": false, "isImage": false });
    assert_eq!(outputs(line), [returned(false, json!("out"), Some(structured))]);
}

#[test]
fn result_of_a_failed_tool_is_an_error_with_a_text_for_structure() {
    let line = r#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result",
        "content":[{"type":"text","text":"no such file"}],"is_error":true,"tool_use_id":"toolu_1"}]},
        "tool_use_result":"Error: no such file"}"#;

    let content = json!([{ "type": "text", "text": "no such file" }]);
    assert_eq!(outputs(line), [returned(true, content, Some(json!("Error: no such file")))]);
}

#[test]
fn result_without_a_structure_has_none() {
    for structure in ["", r#","tool_use_result":null"#] {
        let line = format!(
            r#"{{"type":"user","message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_1",
            "content":"ok"}}]}}{structure}}}"#
        );

        assert_eq!(outputs(&line), [returned(false, json!("ok"), None)]);
    }
}

#[test]
fn echo_of_a_changed_setting_is_left_out() {
    let line = r#"{"type":"user","isReplay":true,"message":{"role":"user",
        "content":"<local-command-stdout>Set model to opus</local-command-stdout>"}}"#;

    assert_eq!(decoded(line), []);
}

#[test]
fn words_that_the_program_puts_into_the_users_mouth_are_kept() {
    then_kept(
        r#"{"type":"user","isSynthetic":true,"message":{"role":"user","content":[{"type":"text","text":"Base directory"}]}}"#,
    );
    then_kept(r#"{"type":"user","message":{"role":"user","content":"[Request interrupted by user]"}}"#);
}

#[test]
fn deltas_name_the_message_that_was_begun() {
    let mut current = String::new();
    let start =
        r#"{"type":"stream_event","event":{"type":"message_start","message":{"id":"msg_1"}},"ttft_ms":34}"#;
    let delta = |delta: &str| {
        format!(
            r#"{{"type":"stream_event","event":{{"type":"content_block_delta","index":1,"delta":{delta}}},
            "parent_tool_use_id":null}}"#
        )
    };
    let text = delta(r#"{"type":"text_delta","text":"two "}"#);
    let thinking = delta(r#"{"type":"thinking_delta","thinking":"hm"}"#);
    let json = delta(r#"{"type":"input_json_delta","partial_json":"{"}"#);

    let started = decode(start.as_bytes(), &mut current);
    let pieces = [text, thinking, json].map(|line| decode(line.as_bytes(), &mut current));

    let piece = |kind, text: &str| {
        vec![Incoming::Delta(Delta { kind, message_id: "msg_1".into(), index: 1, text: text.into() })]
    };
    assert_eq!(started, []);
    assert_eq!(pieces, [piece(DeltaKind::Text, "two "), piece(DeltaKind::Thinking, "hm"), vec![]]);
}

#[test]
fn parts_of_the_stream_that_say_nothing_new_are_left_out() {
    for line in [
        r#"{"type":"stream_event","event":{"type":"content_block_start","index":0}}"#,
        r#"{"type":"stream_event","event":{"type":"content_block_stop","index":0}}"#,
        r#"{"type":"stream_event","event":{"type":"message_stop"}}"#,
        r#"{"type":"system","subtype":"status","status":"requesting"}"#,
        r#"{"type":"system","subtype":"thinking_tokens","estimated_tokens":3}"#,
        r#"{"type":"system","subtype":"session_state_changed","state":"idle"}"#,
        r#"{"type":"system","subtype":"background_tasks_changed","tasks":[]}"#,
        r#"{"type":"command_lifecycle","command_uuid":"e700bea7","state":"queued"}"#,
        r#"{"type":"keep_alive"}"#,
        r#"{"type":"tool_progress","elapsed_time_seconds":3}"#,
    ] {
        assert_eq!(decoded(line), [], "{line}");
    }
}

#[test]
fn request_for_something_that_is_not_offered_is_told_apart() {
    let line = r#"{"type":"control_request","request_id":"r7","request":{"subtype":"hook_callback","callback_id":"h"}}"#;

    let (request_id, subtype) = ("r7".into(), "hook_callback".into());
    assert_eq!(decoded(line), [Incoming::Unsupported { request_id, subtype }]);
}

#[test]
fn answer_to_a_request_of_ours_is_told_with_its_id() {
    let line = r#"{"type":"control_response","response":{"subtype":"success","request_id":"1","response":{"pid":1}}}"#;

    let (request_id, outcome) = ("1".into(), Ok(json!({ "pid": 1 })));
    assert_eq!(decoded(line), [Incoming::Answered { request_id, outcome }]);
}

#[test]
fn refusal_of_a_request_of_ours_says_why() {
    let line =
        r#"{"type":"control_response","response":{"subtype":"error","request_id":"1","error":"too late"}}"#;

    let (request_id, outcome) = ("1".into(), Err("too late".into()));
    assert_eq!(decoded(line), [Incoming::Answered { request_id, outcome }]);
}

#[test]
fn incidents_are_told_with_their_figures() {
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"retry_delay_ms":557.1,
        "error_status":529,"error":"overloaded"}"#;
    let lost = r#"{"type":"system","subtype":"api_retry","attempt":2,"max_retries":10,"retry_delay_ms":1000,
        "error_status":null,"error":"connection"}"#;
    let compact = r#"{"type":"system","subtype":"compact_boundary","compact_metadata":{"trigger":"manual",
        "pre_tokens":120,"post_tokens":678,"duration_ms":211}}"#;
    let limit =
        r#"{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","utilization":0.91}}"#;

    let retried = |attempt, delay_ms, status, error: &str| AgentOutput::ApiRetried {
        attempt,
        max_attempts: 10,
        delay_ms,
        status,
        error: error.into(),
    };
    let (trigger, tokens_before, tokens_after) = ("manual".into(), 120, 678);
    let info = json!({ "status": "allowed_warning", "utilization": 0.91 });
    assert_eq!(outputs(retry), [retried(1, 557, Some(529), "overloaded")]);
    assert_eq!(outputs(lost), [retried(2, 1000, None, "connection")]);
    assert_eq!(outputs(compact), [AgentOutput::ContextCompacted { trigger, tokens_before, tokens_after }]);
    assert_eq!(outputs(limit), [AgentOutput::RateLimited { info, resets_at: None }]);
}

#[test]
fn what_is_not_known_is_kept_whole() {
    for line in [
        r#"{"type":"from_the_future","nested":{"list":[1,null]}}"#,
        r#"{"type":"system","subtype":"model_fallback","trigger":"overloaded"}"#,
        r#"{"type":"system"}"#,
        r#"{"no_type":true}"#,
        r#"{"type":7}"#,
        "[1,2]",
    ] {
        then_kept(line);
    }
}

#[test]
fn what_is_not_json_is_no_message() {
    for line in ["", "\n", "Error: something", "[", "'type'"] {
        assert_eq!(decoded(line), [], "{line}");
    }
}

fn returned(is_error: bool, content: Value, structured: Option<Value>) -> AgentOutput {
    AgentOutput::ToolReturned(ToolReturn {
        tool_use_id: "toolu_1".into(),
        is_error,
        content,
        structured,
        file_change: None,
        allowed_by: None,
    })
}

pub(super) fn then_kept(line: &str) {
    let raw = serde_json::from_str(line).unwrap();
    assert_eq!(outputs(line), [AgentOutput::Other { raw }], "{line}");
}

pub(super) fn decoded(line: &str) -> Vec<Incoming> {
    decode(line.as_bytes(), &mut String::new())
}

pub(super) fn outputs(line: &str) -> Vec<AgentOutput> {
    let output = |incoming| match incoming {
        Incoming::Output(output) => output,
        other @ (Incoming::Delta(_)
        | Incoming::Answered { .. }
        | Incoming::Reported { .. }
        | Incoming::Unsupported { .. }) => {
            panic!("{other:?}")
        }
    };
    decoded(line).into_iter().map(output).collect()
}
