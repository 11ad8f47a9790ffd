//! Lines that are not quite what they should be; nothing of them is lost.

use runner_core::agent::AgentOutput;

use super::decode::{decoded, outputs, then_kept};

#[test]
fn line_with_half_a_surrogate_pair_is_kept() {
    // JavaScript writes this when a text was cut in the middle of an emoji.
    let line = r#"{"type":"result","subtype":"success","is_error":false,"result":"cut \ud83d"}"#;

    assert_eq!(decoded(line).len(), 1);
}

#[test]
fn assistant_line_without_blocks_is_kept() {
    then_kept(r#"{"type":"assistant","message":{"id":"m","content":"plain"}}"#);
}

#[test]
fn assistant_line_with_empty_content_is_kept() {
    then_kept(r#"{"type":"assistant","message":{"id":"m","content":[]}}"#);
}

#[test]
fn init_with_a_plugin_of_another_shape_is_still_an_introduction() {
    let line = r#"{"type":"system","subtype":"init","session_id":"s","model":"m","plugins":[{"name":"p"}]}"#;
    assert!(matches!(outputs(line)[..], [AgentOutput::Initialized(_)]), "{:?}", outputs(line));
}

#[test]
fn init_without_session_id_is_still_an_introduction() {
    let line = r#"{"type":"system","subtype":"init","model":"m"}"#;
    assert!(matches!(outputs(line)[..], [AgentOutput::Initialized(_)]), "{:?}", outputs(line));
}

#[test]
fn thinking_without_a_signature() {
    let line = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"thinking","thinking":"hm"}]}}"#;
    assert!(matches!(outputs(line)[..], [AgentOutput::Thinking { .. }]), "{:?}", outputs(line));
}

#[test]
fn two_results_in_one_line_do_not_double_the_change() {
    let line = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"a","content":"x"},{"type":"tool_result","tool_use_id":"b","content":"x"}]},"tool_use_result":{"type":"create","filePath":"/w/a","content":"hi","structuredPatch":[]}}"#;
    let changes = outputs(line)
        .into_iter()
        .filter(|o| matches!(o, AgentOutput::ToolReturned(r) if r.file_change.is_some()))
        .count();
    assert_eq!(changes, 1);
}
