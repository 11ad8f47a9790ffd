//! Outcomes of turns, read from their last lines.

use runner_core::session::event::{SessionEvent, TurnEvent, TurnOutcome};
use serde_json::json;

use super::samples::{Sample, tool_use};

fn last(sample: &Sample) -> String {
    sample.told().pop().unwrap()
}

fn synthetic(sample: Sample, text: &str, stop_reason: &str) -> Sample {
    let message = json!({ "id": "x", "role": "assistant", "model": "<synthetic>", "stop_reason": stop_reason,
        "content": [{ "type": "text", "text": text }], "usage": { "input_tokens": 7 } });
    sample.add(
        json!({ "type": "assistant", "isApiErrorMessage": true, "apiErrorStatus": 529, "message": message }),
    )
}

#[test]
fn person_who_stopped_the_agent_interrupted_the_turn() {
    let sample = Sample::new()
        .prompt("go")
        .said("m1", tool_use("t1", "Bash"))
        .returned("t1", "The user doesn't want to proceed")
        .prompt("[Request interrupted by user for tool use]");

    let told = sample.told();

    assert_eq!(
        told[5..],
        ["returned: t1 The user doesn't want to proceed", "interrupt_requested", "interrupted: user"]
    );
}

#[test]
fn turn_without_an_answer_was_cut_off() {
    let unanswered = Sample::new().prompt("go");
    let at_work = Sample::new().prompt("go").said("m1", tool_use("t1", "Bash"));
    let before_another = Sample::new().prompt("go").prompt("hello?").text("m1", "yes");

    assert_eq!(last(&unanswered), "interrupted: agent_aborted");
    assert_eq!(last(&at_work), "interrupted: agent_aborted");
    assert_eq!(before_another.told()[3], "interrupted: agent_aborted");
}

#[test]
fn failure_of_the_model_failed_the_turn_unless_it_went_on() {
    let failed = synthetic(Sample::new().prompt("go"), "API Error: 529", "stop_sequence");
    let went_on = failed.clone().text("m1", "done");

    assert_eq!(failed.told()[3..], ["text: API Error: 529", "failed: API Error: 529 Some(529)"]);
    assert_eq!(last(&went_on), "completed: done");
}

#[test]
fn refusal_of_the_model_is_an_outcome() {
    let sample = synthetic(Sample::new().prompt("go"), "API Error: unable to respond", "refusal");

    let Some(SessionEvent::Turn(TurnEvent::Completed(completed))) = sample.events().pop() else { panic!() };

    assert_eq!(completed.outcome, TurnOutcome::Refused);
}

#[test]
fn limit_of_turns_is_an_outcome() {
    let sample =
        Sample::new().prompt("go").said("m1", tool_use("t1", "Bash")).returned("t1", "ok").add(
            json!({ "type": "attachment", "attachment": { "type": "max_turns_reached", "maxTurns": 1 } }),
        );

    let Some(SessionEvent::Turn(TurnEvent::Completed(completed))) = sample.events().pop() else { panic!() };

    assert_eq!(completed.outcome, TurnOutcome::MaxTurns);
    assert_eq!(completed.result, "Reached maximum number of turns (1)");
}

#[test]
fn structured_output_is_the_answer() {
    let output = json!({ "type": "structured_output", "data": { "name": "Bob" }, "toolUseID": "t1" });
    let result = json!([{ "type": "tool_result", "tool_use_id": "t1", "content": "ok" }]);
    let sample = Sample::new()
        .prompt("who")
        .said("m1", tool_use("t1", "StructuredOutput"))
        .add(json!({ "type": "attachment", "attachment": output }))
        .back_to(1)
        .add(
            json!({ "type": "user", "toolEndsTurn": true, "message": { "role": "user", "content": result } }),
        );

    let Some(SessionEvent::Turn(TurnEvent::Completed(completed))) = sample.events().pop() else { panic!() };

    assert_eq!(completed.structured_output, Some(json!({ "name": "Bob" })));
    assert_eq!(completed.result, r#"{"name":"Bob"}"#);
}

#[test]
fn what_the_agent_says_to_itself_when_taken_up_again_is_no_answer() {
    let message = json!({ "id": "x", "role": "assistant", "model": "<synthetic>",
        "content": [{ "type": "text", "text": "No response requested." }] });
    let sample = Sample::new()
        .prompt("one")
        .add(json!({ "type": "user", "isMeta": true,
            "message": { "role": "user", "content": "Continue from where you left off." } }))
        .add(json!({ "type": "assistant", "isApiErrorMessage": false, "message": message }))
        .prompt("two")
        .text("m1", "2");

    assert_eq!(sample.told()[3], "interrupted: agent_aborted");
}
