//! What people answer to requests of the agent, and what does not fit.

use serde_json::json;

use super::samples::{
    answer, decided, given, interrupt_requested, parked, permission_request, permission_requested, released,
    running, settle, settlement, turn, unreported,
};
use crate::request::{AgentRequest, Answer, Decision, Mismatch, RequestKind, Settlement};
use crate::session::error::SessionError;
use crate::session::event::{Asked, Decided, InterruptCause, RequestEvent, SessionEvent, TurnEvent};
use crate::spend::Spend;

#[test]
fn allowance_and_denial_settle_a_request() {
    for decision in [Decision::Allow, Decision::Deny] {
        given(waiting())
            .when(settle("r1", answer(decision)))
            .then_expect_events(vec![decided(settlement("r1", decision))]);
    }
}

#[test]
fn settlement_says_all_that_was_answered() {
    let allowed = Answer {
        message: Some("only there".into()),
        updated_input: Some(json!({ "file_path": "/srv/b" })),
        ..answer(Decision::Allow)
    };

    given(waiting()).when(settle("r1", allowed)).then_expect_events(vec![decided(Settlement {
        message: Some("only there".into()),
        updated_input: Some(json!({ "file_path": "/srv/b" })),
        ..settlement("r1", Decision::Allow)
    })]);
}

#[test]
fn changed_input_is_not_remembered() {
    let updated_input = Some(json!({ "file_path": "/srv/b" }));
    let allowed = Answer { updated_input, remember: true, ..answer(Decision::Allow) };
    let (pointer, detail) =
        ("/remember".to_owned(), "a changed input is meant for this call alone".to_owned());

    given(waiting())
        .when(settle("r1", allowed))
        .then_expect_error(SessionError::AnswerInvalid(Mismatch { pointer, detail }));
}

#[test]
fn question_is_answered_by_its_text() {
    for chosen in [json!("A"), json!(["A", "B"]), json!([])] {
        let answers = Some([("Which?".to_owned(), chosen.clone())].into());

        let settlement = Settlement { answers: answers.clone(), ..settlement("r1", Decision::Allow) };
        given(asked(RequestKind::Question))
            .when(settle("r1", Answer { answers, ..answer(Decision::Allow) }))
            .then_expect_events(vec![SessionEvent::Request(RequestEvent::Decided(Decided {
                kind: RequestKind::Question,
                turn: turn(1),
                settlement,
            }))]);
    }
}

#[test]
fn question_may_be_left_unanswered() {
    let settlement = settlement("r1", Decision::Deny);

    given(asked(RequestKind::Question)).when(settle("r1", answer(Decision::Deny))).then_expect_events(vec![
        SessionEvent::Request(RequestEvent::Decided(Decided {
            kind: RequestKind::Question,
            turn: turn(1),
            settlement,
        })),
    ]);
}

#[test]
fn plan_is_approved_as_it_is_or_as_it_was_changed() {
    for updated_input in [None, Some(json!({ "plan": "1. Read 2. Write" }))] {
        let approval = Answer { updated_input: updated_input.clone(), ..answer(Decision::Allow) };

        let settlement = Settlement { updated_input, ..settlement("r1", Decision::Allow) };
        given(asked(RequestKind::Plan)).when(settle("r1", approval)).then_expect_events(vec![
            SessionEvent::Request(RequestEvent::Decided(Decided {
                kind: RequestKind::Plan,
                turn: turn(1),
                settlement,
            })),
        ]);
    }
}

#[test]
fn only_a_denial_ends_the_turn_as_well() {
    let wrong = Answer { interrupt: true, ..answer(Decision::Allow) };

    then_mismatch(RequestKind::Permission, wrong, "/interrupt", "goes with a denial only");
}

#[test]
fn denial_changes_no_input() {
    let wrong = Answer { updated_input: Some(json!({})), ..answer(Decision::Deny) };

    then_mismatch(RequestKind::Permission, wrong, "/updated_input", "goes with an allowance only");
}

#[test]
fn only_decisions_about_tool_calls_are_remembered() {
    for kind in [RequestKind::Question, RequestKind::Plan] {
        let wrong = Answer { remember: true, ..answer(Decision::Deny) };

        then_mismatch(kind, wrong, "/remember", "only decisions about tool calls are remembered");
    }
}

#[test]
fn question_takes_no_changed_input() {
    let wrong = Answer { updated_input: Some(json!({})), ..answer(Decision::Allow) };

    then_mismatch(RequestKind::Question, wrong, "/updated_input", "a question is answered with answers");
}

#[test]
fn question_that_is_not_answered_takes_no_answers() {
    let wrong =
        Answer { answers: Some([("Which?".to_owned(), json!("A"))].into()), ..answer(Decision::Deny) };

    then_mismatch(RequestKind::Question, wrong, "/answers", "goes with an allowance only");
}

#[test]
fn question_that_is_answered_needs_answers() {
    then_mismatch(
        RequestKind::Question,
        answer(Decision::Allow),
        "/answers",
        "is required: the agent asked questions",
    );
}

#[test]
fn question_needs_one_answer_at_least() {
    let wrong = Answer { answers: Some([].into()), ..answer(Decision::Allow) };

    then_mismatch(RequestKind::Question, wrong, "/answers", "must answer at least one question");
}

#[test]
fn what_is_no_question_takes_no_answers() {
    for kind in [RequestKind::Permission, RequestKind::Plan] {
        let wrong = Answer { answers: Some([].into()), ..answer(Decision::Allow) };

        then_mismatch(kind, wrong, "/answers", "no question was asked");
    }
}

#[test]
fn changed_input_of_a_tool_is_an_object() {
    let wrong = Answer { updated_input: Some(json!("/srv/b")), ..answer(Decision::Allow) };

    then_mismatch(
        RequestKind::Permission,
        wrong,
        "/updated_input",
        "must be an object with the fields of the tool",
    );
}

#[test]
fn changed_input_of_a_tool_has_its_fields_in_their_types() {
    for (input, pointer, detail) in [
        (json!({ "file_path": 5 }), "/updated_input/file_path", "must be a text, as asked"),
        (json!({ "file_path": null }), "/updated_input/file_path", "must be a text, as asked"),
        (json!({ "content": "hi" }), "/updated_input/file_path", "is required"),
    ] {
        let wrong = Answer { updated_input: Some(input), ..answer(Decision::Allow) };

        let mismatch = Mismatch { pointer: pointer.into(), detail: detail.into() };
        given(waiting()).when(settle("r1", wrong)).then_expect_error(SessionError::AnswerInvalid(mismatch));
    }
}

#[test]
fn changed_plan_is_a_text_and_nothing_else() {
    for wrong in [json!("1. Read"), json!({}), json!({ "plan": 1 }), json!({ "plan": "1.", "mode": "plan" })]
    {
        let wrong = Answer { updated_input: Some(wrong), ..answer(Decision::Allow) };

        let detail = "must be an object with the text `plan` and nothing else";
        then_mismatch(RequestKind::Plan, wrong, "/updated_input", detail);
    }
}

#[test]
fn answer_to_a_question_that_was_not_asked_is_named_as_a_pointer() {
    then_answer_mismatch(
        "either/or ~?",
        json!("A"),
        "/answers/either~1or ~0?",
        "this question was not asked",
    );
}

#[test]
fn question_with_one_answer_takes_no_list() {
    then_answer_mismatch("Who/what?", json!(["A", "B"]), "/answers/Who~1what?", "takes one answer, not 2");
}

#[test]
fn answer_is_text() {
    for wrong in [json!(1), json!(null), json!({ "label": "A" }), json!(["A", 1])] {
        then_answer_mismatch("Which?", wrong, "/answers/Which?", "must be a text or an array of texts");
    }
}

#[test]
fn first_answer_wins() {
    given([waiting(), vec![decided(settlement("r1", Decision::Allow))]].concat())
        .when(settle("r1", answer(Decision::Deny)))
        .then_expect_error(SessionError::RequestNotWaiting("r1".into()));
}

#[test]
fn first_answer_wins_also_after_the_agent_has_it() {
    given([waiting(), vec![decided(settlement("r1", Decision::Allow)), released("r1", 1)]].concat())
        .when(settle("r1", answer(Decision::Deny)))
        .then_expect_error(SessionError::RequestNotWaiting("r1".into()));
}

#[test]
fn answer_to_what_was_never_asked_is_refused() {
    given(waiting())
        .when(settle("r2", answer(Decision::Deny)))
        .then_expect_error(SessionError::RequestNotWaiting("r2".into()));
}

#[test]
fn denial_that_ends_the_turn_asks_for_that() {
    let denial = Answer { interrupt: true, ..answer(Decision::Deny) };

    let settlement = Settlement { interrupt: true, ..settlement("r1", Decision::Deny) };
    given(waiting())
        .when(settle("r1", denial))
        .then_expect_events(vec![decided(settlement), interrupt_requested(1)]);
}

#[test]
fn denial_that_ends_the_turn_does_not_ask_for_it_twice() {
    let denial = Answer { interrupt: true, ..answer(Decision::Deny) };

    let settlement = Settlement { interrupt: true, ..settlement("r1", Decision::Deny) };
    given([waiting(), vec![interrupt_requested(1)]].concat())
        .when(settle("r1", denial))
        .then_expect_events(vec![decided(settlement)]);
}

#[test]
fn denial_that_ends_the_turn_ends_a_parked_one_at_once() {
    let denial = Answer { interrupt: true, ..answer(Decision::Deny) };

    let settlement = Settlement { interrupt: true, ..settlement("r1", Decision::Deny) };
    let (cause, account) = (InterruptCause::User, unreported(&Spend::default()));
    given([waiting(), vec![parked()]].concat()).when(settle("r1", denial)).then_expect_events(vec![
        decided(settlement),
        interrupt_requested(1),
        SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause, account }),
    ]);
}

fn waiting() -> Vec<SessionEvent> {
    [running(), vec![permission_requested("r1")]].concat()
}

/// Questions with one answer and with several wait, or whatever else was asked.
fn asked(kind: RequestKind) -> Vec<SessionEvent> {
    let questions = json!([{ "question": "Who/what?" }, { "question": "Which?", "multiSelect": true }]);
    let request =
        AgentRequest { input: json!({ "questions": questions }), target: None, ..permission_request("r1") };
    [running(), vec![SessionEvent::Request(RequestEvent::Asked(Asked { kind, turn: turn(1), request }))]]
        .concat()
}

fn then_mismatch(kind: RequestKind, wrong: Answer, pointer: &str, detail: &str) {
    let mismatch = Mismatch { pointer: pointer.into(), detail: detail.into() };
    given(asked(kind)).when(settle("r1", wrong)).then_expect_error(SessionError::AnswerInvalid(mismatch));
}

fn then_answer_mismatch(question: &str, wrong: serde_json::Value, pointer: &str, detail: &str) {
    let answers = Some([(question.to_owned(), wrong)].into());
    then_mismatch(RequestKind::Question, Answer { answers, ..answer(Decision::Allow) }, pointer, detail);
}
