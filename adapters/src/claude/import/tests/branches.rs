//! Which lines belong to the conversation: branches, compactions, subagents.

use serde_json::{Value, json};

use super::AGENT;
use super::samples::{Sample, tool_use};
use crate::claude::import::{ImportedSession, LeftSubagents};

fn compacted(sample: Sample) -> Sample {
    let metadata = json!({ "trigger": "manual", "preTokens": 900, "postTokens": 90 });
    sample
        .add(json!({ "type": "system", "subtype": "compact_boundary", "parentUuid": null,
            "content": "Conversation compacted", "compactMetadata": metadata }))
        .add(json!({ "type": "user", "isCompactSummary": true, "isVisibleInTranscriptOnly": true,
            "message": { "role": "user", "content": "This session is being continued" } }))
}

/// A subagent that runs one command, and the tool use that begins it.
fn with_subagent(agent: &str, description: Value) -> Sample {
    let alone = |sample: Sample| sample.text_of().replace("\"isSidechain\":false", "\"isSidechain\":true");
    let lines = Sample::new()
        .prompt("do it")
        .said("s1", tool_use("t9", "Bash"))
        .returned("t9", "inside")
        .text("s2", "found it");
    Sample::new()
        .prompt("go")
        .said("m1", tool_use("t1", "Agent"))
        .returned_with("t1", "found it", json!({ "agentId": agent, "totalTokens": 120 }))
        .text("m2", "done")
        .beside(&format!("subagents/agent-{agent}.jsonl"), &alone(lines))
        .beside(&format!("subagents/agent-{agent}.meta.json"), &description.to_string())
}

#[test]
fn branch_that_was_left_is_left_out() {
    let sample = Sample::new()
        .prompt("one")
        .text("m1", "1")
        .prompt("wrong")
        .text("m2", "left")
        .back_to(1)
        .prompt("right")
        .text("m3", "2");

    let told = sample.told();

    assert!(!told.iter().any(|words| words.contains("wrong") || words.contains("left")), "{told:#?}");
    assert_eq!(told[6..], ["prompt: right", "started by prompt", "text: 2", "completed: 2"]);
}

#[test]
fn branch_that_a_person_went_back_from_is_left_out() {
    let sample = Sample::new().prompt("one").text("m1", "1").prompt("wrong").text("m2", "left");
    let leaf = |place: usize| json!({ "type": "last-prompt", "leafUuid": sample.uuid(place) });

    let gone_back = sample.clone().aside(leaf(1)).session();
    let went_on = sample.clone().aside(leaf(1)).prompt("right").session();
    let in_turn = sample.clone().aside(leaf(2)).session();
    let at_end = sample.clone().aside(leaf(3)).session();

    let of = |session: &ImportedSession| (session.events.len(), session.left_branches);
    assert_eq!(of(&gone_back), (6, 1));
    assert_eq!(of(&went_on), (13, 0), "lines behind it are newer");
    assert_eq!((of(&in_turn), of(&at_end)), ((10, 0), (10, 0)), "the answer is no other branch");
}

#[test]
fn branches_that_were_left_are_counted() {
    let retried = Sample::new().prompt("one").text("m1", "1").back_to(0).text("m2", "2");
    let (root, alone) =
        (json!({ "parentUuid": null, "type": "user", "message": { "content": "right" } }), Sample::new());
    let other_root = alone.prompt("wrong").text("m1", "1").add(root).text("m2", "2");

    assert_eq!([retried, other_root].map(|sample| sample.session().left_branches), [1, 1]);
    let unbranched = Sample::new().prompt("one").said("m1", tool_use("t1", "Bash")).returned("t1", "1");
    assert_eq!(compacted(unbranched).text("m2", "2").session().left_branches, 0);
}

#[test]
fn compaction_that_a_command_asked_for_is_told() {
    let sample = Sample::new().prompt("one").text("m1", "1");
    let before = sample.uuid(1);
    let metadata = json!({ "trigger": "manual", "preTokens": 900, "postTokens": 90 });
    let sample = sample
        .add(json!({ "type": "system", "subtype": "compact_boundary", "parentUuid": null,
            "logicalParentUuid": before, "compactMetadata": metadata }))
        .back_to(1)
        .prompt("<command-name>/compact</command-name>")
        .prompt("<local-command-stdout>Compacted</local-command-stdout>");

    let told = sample.told();

    let expected = [
        "prompt: /compact",
        "started by prompt",
        "compacted: 900",
        "text: Compacted",
        "completed: Compacted",
    ];
    assert_eq!(told[6..], expected[..]);
}

#[test]
fn tools_that_were_used_at_once_are_all_there() {
    let sample = Sample::new()
        .prompt("go")
        .said("m1", tool_use("t1", "Bash"))
        .said("m1", tool_use("t2", "Bash"))
        .said("m1", tool_use("t3", "Bash"))
        .back_to(1)
        .returned("t1", "1")
        .back_to(3)
        .returned("t3", "3")
        .back_to(2)
        .returned("t2", "2")
        .text("m2", "done");

    let expected = [
        "tool: Bash t1",
        "tool: Bash t2",
        "tool: Bash t3",
        "returned: t1 1",
        "returned: t3 3",
        "returned: t2 2",
        "text: done",
        "completed: done",
    ];
    assert_eq!(sample.told()[4..], expected);
}

#[test]
fn compaction_hides_nothing_of_what_was_before() {
    let sample = compacted(Sample::new().prompt("one").text("m1", "1")).prompt("two").text("m2", "2");

    let expected = [
        "prompt: one",
        "started by prompt",
        AGENT,
        "text: 1",
        "completed: 1",
        "prompt: two",
        "started by prompt",
        "compacted: 900",
        "text: 2",
        "completed: 2",
    ];
    assert_eq!(sample.told()[1..], expected);
}

#[test]
fn compaction_in_the_middle_of_a_turn_is_a_part_of_it() {
    let sample = Sample::new().prompt("one").said("m1", tool_use("t1", "Bash")).returned("t1", "1");

    let told = compacted(sample).text("m2", "done").told();

    assert_eq!(told[5..], ["returned: t1 1", "compacted: 900", "text: done", "completed: done"]);
}

#[test]
fn transcript_that_has_grown_begins_as_it_did() {
    let before = Sample::new().prompt("one").text("m1", "1");
    let after = compacted(before.clone()).prompt("two").text("m2", "2");

    let (before, after) = (before.session().events, after.session().events);

    assert_eq!(after[..before.len()], before);
}

#[test]
fn unreadable_line_does_not_cut_off_what_was_before() {
    let whole = Sample::new().prompt("one").text("m1", "1").prompt("lost").text("m2", "2");

    let reading = whole.clone().torn(2).read();

    assert_eq!(reading.unreadable[0].lines, [3]);
    let told = ["prompt: one", "started by prompt", AGENT, "text: 1", "text: 2", "completed: 2"];
    assert_eq!(whole.torn(2).told()[1..], told);
}

#[test]
fn subagent_is_told_where_it_was_begun() {
    let sample =
        with_subagent("a1", json!({ "agentType": "Explore", "description": "look", "toolUseId": "t1" }));

    let expected = [
        "tool: Agent t1",
        "subagent: look",
        "tool: Bash t9 below t1",
        "returned: t9 inside",
        "text: found it below t1",
        "subagent completed",
        "returned: t1 found it",
        "text: done",
        "completed: done",
    ];
    assert_eq!(sample.told()[4..], expected);
    assert_eq!(sample.account().spend.usage().input_tokens, 400, "its messages count too");
}

#[test]
fn subagent_without_a_description_is_found_by_its_result() {
    let described = with_subagent("a1", json!({ "description": "", "toolUseId": "t1" }));

    assert_eq!(with_subagent("a1", Value::Null).told(), described.told());
}

#[test]
fn lines_of_a_subagent_among_the_others_are_left_out() {
    let sample = Sample::new()
        .prompt("go")
        .text("m1", "done")
        .add(json!({ "type": "user", "isSidechain": true, "parentUuid": null,
            "message": { "role": "user", "content": "below" } }));

    assert_eq!(
        sample.told()[1..],
        ["prompt: go", "started by prompt", AGENT, "text: done", "completed: done"]
    );
    assert_eq!(sample.session().left_subagents, LeftSubagents { count: 1, tokens: 0 });
}

#[test]
fn subagents_that_no_tool_use_leads_to_are_counted_with_their_tokens() {
    let told = with_subagent("a1", json!({ "toolUseId": "t1" }));
    let alone = Sample::new().prompt("below").text("w1", "seen").text("w1", "more").text("w2", "done");
    let left = told.clone().beside("subagents/workflows/w/agent-b2.jsonl", &alone.text_of());

    assert_eq!(told.session().left_subagents, LeftSubagents::default());
    assert_eq!(left.session().left_subagents, LeftSubagents { count: 1, tokens: 240 });
    assert_eq!(left.told(), told.told());
}
