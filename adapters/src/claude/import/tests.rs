//! Transcripts written by hand, and the sessions that they become.

mod branches;
mod endings;
mod files;
mod samples;

use runner_core::session::event::CostBasis;
use serde_json::{Value, json};

use samples::{Sample, tool_use};

#[test]
fn conversation_becomes_turns_under_the_ids_of_its_prompts() {
    let sample = Sample::new()
        .prompt("first")
        .said("m1", json!({ "type": "thinking", "thinking": "hm", "signature": "s" }))
        .said("m1", json!({ "type": "text", "text": "hello" }))
        .prompt("second")
        .text("m2", "bye");

    let told = sample.told();

    let expected = [
        "opened /srv/app",
        "prompt: first",
        "started by prompt",
        "agent: claude-opus-4-8 2.1.197",
        "thinking: hm",
        "text: hello",
        "completed: hello",
        "prompt: second",
        "started by prompt",
        "text: bye",
        "completed: bye",
    ];
    assert_eq!(told, expected);
    assert_eq!(sample.turns(), [sample.uuid(0), sample.uuid(3)]);
}

#[test]
fn tools_and_what_they_changed_are_told_as_live() {
    let created =
        json!({ "type": "create", "filePath": "/srv/app/a.txt", "content": "x\n", "structuredPatch": [] });
    let sample = Sample::new()
        .prompt("write")
        .said("m1", tool_use("t1", "Write"))
        .returned_with("t1", "written", created)
        .text("m2", "done");

    let expected = ["tool: Write t1", "returned: t1 written", "file: /srv/app/a.txt +1", "text: done"];
    assert_eq!(sample.told()[4..8], expected);
}

#[test]
fn message_counts_once_however_many_lines_it_has() {
    let sample = Sample::new()
        .prompt("go")
        .said("m1", json!({ "type": "text", "text": "let me" }))
        .said("m1", tool_use("t1", "Bash"))
        .returned("t1", "ok")
        .text("m2", "done");

    let spend = sample.account().spend;

    let usage = spend.usage();
    assert_eq!((usage.input_tokens, usage.output_tokens), (200, 40), "two messages of 100 and 20 tokens");
    assert_eq!(spend.models.keys().collect::<Vec<_>>(), ["claude-opus-4-8"]);
}

#[test]
fn cost_is_what_the_price_list_asks_and_unknown_where_it_has_no_price() {
    let usage = json!({ "input_tokens": 1_000_000, "output_tokens": 100_000, "cache_read_input_tokens": 10_000,
        "cache_creation_input_tokens": 3_000, "cache_creation": { "ephemeral_5m_input_tokens": 1_000,
        "ephemeral_1h_input_tokens": 2_000 }, "server_tool_use": { "web_search_requests": 1 } });
    let account = |model: &str| {
        let message = json!({ "id": "m1", "role": "assistant", "model": model, "usage": usage,
            "content": [{ "type": "text", "text": "done" }] });
        Sample::new().prompt("go").add(json!({ "type": "assistant", "message": message })).account()
    };

    let known = account("claude-opus-4-8");
    // 1 × $5 + 0.1 × $25, the cache 0.01 × $0.50 + 0.001 × $6.25 + 0.002 × $10, and a search for a cent.
    let micros = 5_000_000 + 2_500_000 + 5_000 + 6_250 + 20_000 + 10_000;
    assert_eq!((known.cost_basis, known.spend.cost_micros.0), (CostBasis::PriceList, micros));
    assert_eq!(known.spend.usage().cache_creation_input_tokens, 3_000);
    let unknown = account("somebody-elses-model");
    assert_eq!((unknown.cost_basis, unknown.spend.cost_micros.0), (CostBasis::Unknown, 0));
    assert_eq!(unknown.spend.usage(), known.spend.usage());
}

#[test]
fn turn_took_as_long_as_its_lines_say() {
    let sample = Sample::new().prompt("go").text("m1", "done");

    assert_eq!(sample.account().duration_ms, 1000);
}

#[test]
fn everything_has_the_time_of_its_line() {
    let sample = Sample::new().prompt("go").said("m1", tool_use("t1", "Bash")).returned("t1", "ok");

    let told = sample.text("m2", "done").prompt("more").session().events;

    let seconds = told.iter().map(|past| past.happened_at.unwrap().as_micros() / 1_000_000 % 60);
    let seconds: Vec<i64> = seconds.collect();
    let (opened, first, ended, second) = ([0], [0, 0, 1, 1, 2, 3], [3], [4, 4, 4]);
    assert_eq!(seconds, [&opened[..], &first, &ended, &second].concat());
}

#[test]
fn what_nobody_was_shown_is_left_out() {
    let sample = Sample::new()
        .prompt("go")
        .add(json!({ "type": "attachment", "attachment": { "type": "skill_listing", "content": "…" } }))
        .add(json!({ "type": "user", "isMeta": true, "message": { "role": "user", "content": "Base directory" } }))
        .add(json!({ "type": "invented-tomorrow", "data": 1 }))
        .aside(json!({ "type": "queue-operation", "operation": "enqueue", "content": "go" }))
        .aside(json!({ "type": "file-history-snapshot", "snapshot": {} }))
        .text("m1", "done");

    assert_eq!(
        sample.told()[1..],
        ["prompt: go", "started by prompt", AGENT, "text: done", "completed: done"]
    );
}

#[test]
fn commands_of_the_terminal_are_prompts_with_their_output() {
    let sample = Sample::new()
        .prompt("<command-name>/model</command-name>\n<command-args>haiku</command-args>")
        .prompt("<local-command-stdout>Set model to haiku</local-command-stdout>")
        .prompt("<bash-input>ls</bash-input>")
        .prompt("<bash-stdout>a.txt</bash-stdout><bash-stderr></bash-stderr>")
        .prompt("<command-name>/clear</command-name>");

    let expected = [
        "prompt: /model haiku",
        "started by prompt",
        "text: Set model to haiku",
        "completed: Set model to haiku",
        "prompt: ! ls",
        "started by prompt",
        "text: a.txt",
        "completed: a.txt",
        "prompt: /clear",
        "started by prompt",
        "completed: ",
    ];
    assert_eq!(sample.told()[1..], expected);
}

#[test]
fn prompt_while_the_agent_works_is_given_to_the_turn() {
    let queued = json!({ "type": "queued_command", "prompt": "faster", "commandMode": "prompt" });
    let sample = Sample::new()
        .prompt("go")
        .said("m1", tool_use("t1", "Bash"))
        .returned("t1", "ok")
        .add(json!({ "type": "attachment", "attachment": queued }))
        .text("m2", "done");

    assert_eq!(sample.told()[6..], ["steered: faster", "text: done", "completed: done"]);
}

#[test]
fn text_beside_the_result_of_a_tool_is_given_to_the_turn() {
    let results = |texts: &[&str]| {
        let result =
            json!({ "type": "tool_result", "tool_use_id": "t1", "content": "rejected", "is_error": true });
        let texts = texts.iter().map(|text| json!({ "type": "text", "text": text }));
        let content: Vec<Value> = [result].into_iter().chain(texts).collect();
        json!({ "type": "user", "message": { "role": "user", "content": content } })
    };
    let told = |texts: &[&str]| {
        let sample = Sample::new().prompt("go").said("m1", tool_use("t1", "Bash")).add(results(texts));
        sample.text("m2", "done").told().split_off(5)
    };

    let (returned, end) = ("returned: t1 rejected", ["text: done", "completed: done"]);
    assert_eq!(told(&["use pnpm"]), [&[returned, "steered: use pnpm"], &end[..]].concat());
    assert_eq!(told(&[" "]), [&[returned], &end[..]].concat());
    let of_the_program = "<system-reminder>\nThe date has changed.\n</system-reminder>";
    assert_eq!(told(&[of_the_program]), [&[returned], &end[..]].concat());
    let stopped = told(&["[Request interrupted by user for tool use]"]);
    assert_eq!(stopped[..2], [returned, "interrupt_requested"]);
}

#[test]
fn end_of_background_work_begins_a_turn_without_a_prompt() {
    let sample = Sample::new()
        .prompt("go")
        .text("m1", "launched")
        .prompt("<task-notification>\n<status>completed</status>")
        .text("m2", "it is done");

    assert_eq!(sample.told()[6..], ["started by agent", "text: it is done", "completed: it is done"]);
}

#[test]
fn pictures_go_with_their_prompt() {
    let picture =
        json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "aGk=" } });
    let content = json!([picture, { "type": "text", "text": "What is it?" }]);
    let sample =
        Sample::new().add(json!({ "type": "user", "message": { "role": "user", "content": content } }));

    assert_eq!(sample.told()[1], "prompt: What is it? with image/png");
}

#[test]
fn name_that_a_person_gave_goes_before_the_made_one() {
    let sample = Sample::new()
        .prompt("go")
        .aside(json!({ "type": "custom-title", "customTitle": "Mine" }))
        .aside(json!({ "type": "ai-title", "aiTitle": "Made" }));

    assert_eq!(sample.opened().title.as_deref(), Some("Mine"));
}

#[test]
fn summary_is_a_title_if_it_is_of_this_conversation() {
    let summary = |of: &str, leaf: String| json!({ "type": "summary", "summary": of, "leafUuid": leaf });
    let sample = Sample::new().prompt("go").text("m1", "done");
    let of_others = summary("Another's", "11111111-2222-4333-8444-555555555555".to_owned());

    let foreign = sample.clone().aside(of_others.clone());
    let own = sample.clone().aside(summary("Going", sample.uuid(1).to_string())).aside(of_others);

    assert_eq!(foreign.opened().title, None);
    assert_eq!(own.opened().title.as_deref(), Some("Going"));
}

/// The agent's name and version in every sample.
const AGENT: &str = "agent: claude-opus-4-8 2.1.197";
