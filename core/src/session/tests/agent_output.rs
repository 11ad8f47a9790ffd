//! The rules for what the agent says: what of it is stored, and as part of which turn.

use serde_json::{Value, json};

use super::samples::{
    SPARE, account, began_by_itself, budget_spent, completed, completion, given, interrupt_requested,
    model_call, opened, profile, prompted, record, record_end, report, said, spend, started, turn,
};
use crate::Session;
use crate::agent::{AgentOutcome, AgentOutput, Delta, DeltaKind, FileChange, FileChangeKind, ToolReturn};
use crate::ids::TurnId;
use crate::log::Aggregate;
use crate::session::event::{
    AgentEvent, FailureCause, FilesEvent, InterruptCause, MessageEvent, SessionEvent, SpendEvent, ToolEvent,
    TurnCompleted, TurnEvent, TurnOutcome,
};
use crate::spend::Spend;

#[test]
fn blocks_of_a_message_become_events_of_the_running_turn() {
    let (message_id, text, parent) = ("m1".to_owned(), "hm".to_owned(), Some("tool-0".to_owned()));
    let (id, name, input) = ("tool-1".to_owned(), "Bash".to_owned(), json!({ "command": "ls" }));
    let thought = AgentOutput::Thinking {
        message_id: message_id.clone(),
        text: text.clone(),
        parent_tool_use_id: parent.clone(),
    };
    let used = AgentOutput::ToolUsed {
        tool_use_id: id.clone(),
        name: name.clone(),
        input: input.clone(),
        parent_tool_use_id: parent.clone(),
    };

    then_running(said("hello"), vec![text_of(turn(1), "hello")]);
    then_running(
        thought,
        vec![SessionEvent::Message(MessageEvent::Thinking {
            turn: turn(1),
            message_id,
            text,
            parent_tool_use_id: parent.clone(),
        })],
    );
    then_running(
        used,
        vec![SessionEvent::Tool(ToolEvent::Used {
            turn: turn(1),
            tool_use_id: id,
            name,
            input,
            parent_tool_use_id: parent,
        })],
    );
}

#[test]
fn call_of_a_model_belongs_to_the_turn_at_work_or_the_last_one_or_none() {
    let called = |turn| vec![SessionEvent::Spend(SpendEvent::ModelCalled { turn, call: model_call() })];
    let call = || record(AgentOutput::ModelCalled(model_call()));

    then_running(AgentOutput::ModelCalled(model_call()), called(Some(turn(1))));
    given([opened(), prompted(1), started(1), completed(1, &spend(0), &spend(0))])
        .when(call())
        .then_expect_events(called(Some(turn(1))));
    given([opened()]).when(call()).then_expect_events(called(None));
}

#[test]
fn turn_without_a_budget_fails_for_that_and_says_so_once() {
    let exhausted =
        || SessionEvent::Spend(SpendEvent::BudgetExhausted { turn: Some(turn(1)), spent: budget_spent() });
    let again = record(AgentOutput::BudgetExhausted(budget_spent()));
    let refused = record_end(AgentOutcome::ApiError { status: Some(402) }, &spend(5));
    let begun = || [opened(), prompted(1), started(1), exhausted()];

    then_running(AgentOutput::BudgetExhausted(budget_spent()), vec![exhausted()]);
    given(begun()).when(again).then_expect_events(vec![]);
    given(begun()).when(refused).then_expect_events(vec![SessionEvent::Turn(TurnEvent::Failed {
        turn: turn(1),
        cause: FailureCause::Budget,
        detail: budget_spent().message(),
        status: None,
        account: account(&spend(5), &spend(5)),
    })]);
}

#[test]
fn what_was_spent_is_known_of_the_session_and_of_its_turn() {
    let called = |number| {
        SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(number)), call: model_call() })
    };
    let mut session = Session::default();
    let mut spent = vec![];
    for event in [opened(), prompted(1), started(1), called(1), called(1), started(2), called(1), called(2)] {
        session.apply(event);
        spent.push((session.spent().session.0, session.spent().turn.0));
    }

    assert_eq!(spent[3..], [(12, 12), (24, 24), (24, 0), (36, 0), (48, 12)]);
}

#[test]
fn tool_that_changed_a_file_is_followed_by_the_change() {
    let change = FileChange {
        path: "/srv/a".into(),
        kind: FileChangeKind::Created,
        added: 1,
        removed: 0,
        patch: "@@ -0,0 +1,1 @@\n+hi\n".into(),
        tool_use_id: "tool-1".into(),
    };

    let output = AgentOutput::ToolReturned(returned(Some(change.clone())));

    then_running(
        output,
        vec![
            SessionEvent::Tool(ToolEvent::Returned {
                turn: turn(1),
                tool_use_id: "tool-1".into(),
                is_error: false,
                content: json!("created"),
                structured: Some(json!({ "type": "create" })),
                decided_by: None,
            }),
            SessionEvent::Files(FilesEvent::Changed { turn: turn(1), change }),
        ],
    );
}

#[test]
fn incidents_of_a_turn_are_stored_with_all_they_say() {
    let (error, trigger, info) =
        ("overloaded".to_owned(), "auto".to_owned(), json!({ "status": "rejected" }));
    let (attempt, max_attempts, delay_ms, status) = (1, 10, 557, Some(529));
    let (tokens_before, tokens_after) = (120, 30);

    then_running(
        AgentOutput::ApiRetried { attempt, max_attempts, delay_ms, status, error: error.clone() },
        vec![SessionEvent::Agent(AgentEvent::ApiRetried {
            turn: turn(1),
            attempt,
            max_attempts,
            delay_ms,
            status,
            error,
        })],
    );
    then_running(
        AgentOutput::RateLimited { info: info.clone(), resets_at: None },
        vec![SessionEvent::Agent(AgentEvent::RateLimited { turn: turn(1), info, resets_at_micros: None })],
    );
    then_running(
        AgentOutput::ContextCompacted { trigger: trigger.clone(), tokens_before, tokens_after },
        vec![SessionEvent::Agent(AgentEvent::ContextCompacted {
            turn: turn(1),
            trigger,
            tokens_before,
            tokens_after,
        })],
    );
}

#[test]
fn unknown_message_is_kept_whole() {
    let raw = json!({ "type": "from_the_future", "list": [1, { "deep": null }] });

    then_running(unknown(&raw), vec![SessionEvent::Agent(AgentEvent::Unknown { turn: Some(turn(1)), raw })]);
}

#[test]
fn unknown_message_before_the_first_turn_belongs_to_none() {
    let raw = json!({ "type": "hook_started" });

    given([opened()])
        .when(record(unknown(&raw)))
        .then_expect_events(vec![SessionEvent::Agent(AgentEvent::Unknown { turn: None, raw })]);
}

#[test]
fn anything_else_before_the_first_turn_is_not_stored() {
    for output in [said("hello"), AgentOutput::RateLimited { info: Value::Null, resets_at: None }, ended()] {
        given([opened()]).when(record(output)).then_expect_events(vec![]);
    }
}

#[test]
fn delta_is_never_stored() {
    let delta = Delta { kind: DeltaKind::Text, message_id: "m1".into(), index: 0, text: "he".into() };

    for before in [vec![opened()], vec![opened(), prompted(1), started(1)]] {
        given(before).when(record(AgentOutput::Delta(delta.clone()))).then_expect_events(vec![]);
    }
}

#[test]
fn agent_introduces_itself_once() {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });
    let turn_2 = [completed(1, &spend(5), &spend(5)), prompted(2), started(2)];

    then_running(AgentOutput::Initialized(profile("opus")), vec![introduced.clone()]);
    given([opened(), prompted(1), started(1), introduced].into_iter().chain(turn_2))
        .when(record(AgentOutput::Initialized(profile("opus"))))
        .then_expect_events(vec![]);
}

#[test]
fn agent_that_has_changed_introduces_itself_again() {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });
    let changed = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("haiku") });

    given([opened(), prompted(1), started(1), introduced])
        .when(record(AgentOutput::Initialized(profile("haiku"))))
        .then_expect_events(vec![changed]);
}

#[test]
fn agent_that_speaks_up_in_an_idle_session_begins_a_turn() {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: SPARE, profile: profile("opus") });

    given([opened()])
        .when(record(AgentOutput::Initialized(profile("opus"))))
        .then_expect_events(vec![began_by_itself(), introduced]);
}

#[test]
fn known_agent_that_speaks_up_begins_a_turn_without_introducing_itself() {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });

    given([opened(), prompted(1), started(1), introduced, completed(1, &spend(5), &spend(5))])
        .when(record(AgentOutput::Initialized(profile("opus"))))
        .then_expect_events(vec![began_by_itself()]);
}

#[test]
fn words_after_the_end_belong_to_the_last_turn() {
    given([opened(), prompted(1), started(1), completed(1, &spend(5), &spend(5)), prompted(2)])
        .when(record(said("late")))
        .then_expect_events(vec![text_of(turn(1), "late")]);
}

#[test]
fn second_end_of_a_turn_is_ignored() {
    given([opened(), prompted(1), started(1), completed(1, &spend(5), &spend(5))])
        .when(record(ended()))
        .then_expect_events(vec![]);
}

#[test]
fn turn_is_completed_with_everything_that_was_reported() {
    let mut full = report(AgentOutcome::Succeeded, &spend(7));
    full.structured_output = Some(json!({ "name": "Bob" }));
    full.denials = vec![super::samples::denial()];

    let output = AgentOutput::TurnEnded(Box::new(full));

    then_running(
        output,
        vec![SessionEvent::Turn(TurnEvent::Completed(TurnCompleted {
            structured_output: Some(json!({ "name": "Bob" })),
            denials: vec![super::samples::denial()],
            ..completion(turn(1), TurnOutcome::Success, &spend(7), &spend(7))
        }))],
    );
}

#[test]
fn turn_that_stopped_at_a_limit_or_a_refusal_is_completed_with_that_outcome() {
    for (said, outcome) in [
        (AgentOutcome::MaxTurns, TurnOutcome::MaxTurns),
        (AgentOutcome::MaxBudget, TurnOutcome::MaxBudget),
        (AgentOutcome::Refused, TurnOutcome::Refused),
        (AgentOutcome::OutputSchemaUnmet, TurnOutcome::OutputSchemaUnmet),
    ] {
        given([opened(), prompted(1), started(1)]).when(record_end(said, &spend(7))).then_expect_events(
            vec![SessionEvent::Turn(TurnEvent::Completed(completion(
                turn(1),
                outcome,
                &spend(7),
                &spend(7),
            )))],
        );
    }
}

#[test]
fn turn_that_went_wrong_fails_with_its_cause_and_its_costs() {
    for (said, cause, status) in [
        (AgentOutcome::ApiError { status: Some(529) }, FailureCause::ModelApiError, Some(529)),
        (AgentOutcome::ApiError { status: None }, FailureCause::ModelApiError, None),
        (AgentOutcome::Failed, FailureCause::AgentFailed, None),
    ] {
        given([opened(), prompted(1), started(1)]).when(record_end(said, &spend(7))).then_expect_events(
            vec![SessionEvent::Turn(TurnEvent::Failed {
                turn: turn(1),
                cause,
                detail: "all done".into(),
                status,
                account: account(&spend(7), &spend(7)),
            })],
        );
    }
}

#[test]
fn turn_that_was_asked_to_stop_and_did_is_interrupted_by_the_user() {
    given([opened(), prompted(1), started(1), interrupt_requested(1)])
        .when(record_end(AgentOutcome::Aborted, &spend(7)))
        .then_expect_events(vec![interrupted(InterruptCause::User)]);
}

#[test]
fn turn_that_stopped_unasked_was_aborted_by_the_agent() {
    given([opened(), prompted(1), started(1)])
        .when(record_end(AgentOutcome::Aborted, &spend(7)))
        .then_expect_events(vec![interrupted(InterruptCause::AgentAborted)]);
}

#[test]
fn turn_that_succeeds_although_it_was_asked_to_stop_is_completed() {
    given([opened(), prompted(1), started(1), interrupt_requested(1)])
        .when(record_end(AgentOutcome::Succeeded, &spend(7)))
        .then_expect_events(vec![completed(1, &spend(7), &spend(7))]);
}

fn then_running(output: AgentOutput, expected: Vec<SessionEvent>) {
    given([opened(), prompted(1), started(1)]).when(record(output)).then_expect_events(expected);
}

fn text_of(turn: TurnId, text: &str) -> SessionEvent {
    let (message_id, text) = ("m1".to_owned(), text.to_owned());
    SessionEvent::Message(MessageEvent::Text { turn, message_id, text, parent_tool_use_id: None })
}

fn interrupted(cause: InterruptCause) -> SessionEvent {
    SessionEvent::Turn(TurnEvent::Interrupted {
        turn: turn(1),
        cause,
        account: account(&spend(7), &spend(7)),
    })
}

fn unknown(raw: &Value) -> AgentOutput {
    AgentOutput::Other { raw: raw.clone() }
}

fn ended() -> AgentOutput {
    AgentOutput::TurnEnded(Box::new(report(AgentOutcome::Succeeded, &Spend::default())))
}

fn returned(file_change: Option<FileChange>) -> ToolReturn {
    ToolReturn {
        tool_use_id: "tool-1".into(),
        is_error: false,
        content: json!("created"),
        structured: Some(json!({ "type": "create" })),
        file_change,
        allowed_by: None,
    }
}
