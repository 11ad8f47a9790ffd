//! Turns that the agent calls a success, and that give less than was asked for.

use serde_json::json;

use super::samples::{
    began_by_itself, completion, given, opened, opening, prompted, record, report, spend, started, turn,
};
use crate::agent::{AgentOutcome, AgentOutput};
use crate::session::event::{LifecycleEvent, SessionEvent, TurnCompleted, TurnEvent, TurnOutcome};
use crate::spend::Spend;

#[test]
fn success_without_the_output_that_was_asked_for_is_none() {
    let mut opened = opening();
    opened.options.output_schema = Some(json!({ "type": "object" }));
    let given_events = [SessionEvent::from(LifecycleEvent::Opened(opened)), prompted(1), started(1)];
    let mut answered = report(AgentOutcome::Succeeded, &spend(7));
    let unmet = completion(turn(1), TurnOutcome::OutputSchemaUnmet, &spend(7), &spend(7));
    given(given_events.clone())
        .when(record(AgentOutput::TurnEnded(Box::new(answered.clone()))))
        .then_expect_events(vec![TurnEvent::Completed(unmet).into()]);

    answered.structured_output = Some(json!({}));
    let met = completion(turn(1), TurnOutcome::Success, &spend(7), &spend(7));
    let met = TurnCompleted { structured_output: Some(json!({})), ..met };
    given(given_events)
        .when(record(AgentOutput::TurnEnded(Box::new(answered))))
        .then_expect_events(vec![TurnEvent::Completed(met).into()]);
}

#[test]
fn prompt_that_no_model_saw_is_told_from_a_command_that_asked_one() {
    let nothing = Spend::default();
    for (spent, outcome) in [(nothing, TurnOutcome::NotSentToModel), (spend(7), TurnOutcome::Success)] {
        let mut local = report(AgentOutcome::Succeeded, &spent);
        local.agent_turns = 0;
        let end = completion(turn(1), outcome, &spent, &spent);
        given([opened(), prompted(1), started(1)])
            .when(record(AgentOutput::TurnEnded(Box::new(local))))
            .then_expect_events(vec![TurnEvent::Completed(TurnCompleted { agent_turns: 0, ..end }).into()]);
    }
}

#[test]
fn turn_that_the_agent_began_by_itself_owes_no_output() {
    let mut opened = opening();
    opened.options.output_schema = Some(json!({ "type": "object" }));
    let end = report(AgentOutcome::Succeeded, &spend(7));
    let success = completion(super::samples::SPARE, TurnOutcome::Success, &spend(7), &spend(7));
    given([SessionEvent::from(LifecycleEvent::Opened(opened)), began_by_itself()])
        .when(record(AgentOutput::TurnEnded(Box::new(end))))
        .then_expect_events(vec![TurnEvent::Completed(success).into()]);
}

#[test]
fn shortfalls_are_stored_under_names_that_do_not_change() {
    for (outcome, name) in [
        (TurnOutcome::OutputSchemaUnmet, "output_schema_unmet"),
        (TurnOutcome::NotSentToModel, "not_sent_to_model"),
    ] {
        assert_eq!(serde_json::to_value(outcome).unwrap(), name);
        assert_eq!(serde_json::from_value::<TurnOutcome>(json!(name)).unwrap(), outcome);
    }
}
