//! Which events a copy of a session begins with, and what its agent must know.

use serde_json::json;
use uuid::Uuid;

use super::samples::{
    again, asks, completed, decided, given, model_call, opened, opening, permission_request,
    permission_requested, process, prompted, released, running, session, settlement, spend, started, turn,
};
use crate::ids::{SessionId, TenantId};
use crate::money::MicroDollars;
use crate::request::{Decision, Settlement};
use crate::session::event::{
    AgentCounter, InterruptCause, LifecycleEvent, MessageEvent, Origin, Parent, PromptEvent, SessionEvent,
    SessionOpened, SpendEvent, ToolEvent, TurnAccount, TurnEvent,
};
use crate::session::fork::{ConversationPart, Fork, conversation_parts};
use crate::spend::{ModelCall, Usage};

#[test]
fn a_copy_opens_anew_and_has_spent_nothing() {
    let history = vec![opened(), prompted(1), started(1), completed(1, &spend(100), &spend(300))];

    let copied = fork(4).events(history.clone());

    assert_eq!(copied.len(), 4);
    let SessionEvent::Turn(TurnEvent::Completed(then)) = &history[3] else { panic!("it ends a turn") };
    let SessionEvent::Turn(TurnEvent::Completed(now)) = &copied[3] else { panic!("it ends a turn") };
    let (duration_ms, duration_api_ms) = (then.account.duration_ms, then.account.duration_api_ms);
    let account = TurnAccount { duration_ms, duration_api_ms, ..TurnAccount::default() };
    assert_eq!((&now.account, &now.result), (&account, &then.result));
    assert_eq!(copied[..3], [reopened(4), prompted(1), started(1)]);
}

#[test]
fn what_is_open_is_closed_after_the_copy() {
    let history = vec![opened(), prompted(1), started(1), prompted(2), prompted(3), metered(7)];

    let copied = fork(6).events(history);

    let account = TurnAccount::default();
    let withdrawn =
        |number| SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(number), by: "bob".into() });
    let interrupted =
        SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause: InterruptCause::Forked, account });
    assert_eq!(copied[5..], [metered(0), interrupted, withdrawn(2), withdrawn(3)]);
}

#[test]
fn a_copy_of_an_archived_session_is_not_archived() {
    let copied = fork(2)
        .events(vec![opened(), SessionEvent::Lifecycle(LifecycleEvent::Archived { by: "ada".into() })]);

    assert_eq!(
        copied.last(),
        Some(&SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: "bob".into() }))
    );
}

#[test]
fn subagents_say_nothing_in_the_main_conversation() {
    let used = |id: &str, parent: Option<&str>| {
        SessionEvent::Tool(ToolEvent::Used {
            turn: turn(1),
            tool_use_id: id.into(),
            name: "Agent".into(),
            input: json!({}),
            parent_tool_use_id: parent.map(str::to_owned),
        })
    };
    let returned = |id: &str| {
        SessionEvent::Tool(ToolEvent::Returned {
            turn: turn(1),
            tool_use_id: id.into(),
            is_error: false,
            content: json!("ok"),
            structured: None,
            decided_by: None,
        })
    };
    let told = |text: &str, parent: Option<&str>| {
        SessionEvent::Message(MessageEvent::Text {
            turn: turn(1),
            message_id: "msg_1".into(),
            text: text.into(),
            parent_tool_use_id: parent.map(str::to_owned),
        })
    };
    let events = [
        opened(),
        prompted(1),
        started(1),
        told("I ask.", None),
        used("a", None),
        used("b", Some("a")),
        told("I am asked.", Some("a")),
        returned("b"),
        returned("a"),
    ];

    let expected = [
        ConversationPart::Prompt(turn(1)),
        ConversationPart::Text("msg_1".into()),
        ConversationPart::ToolUse("a".into()),
        ConversationPart::ToolResult("a".into()),
    ];
    assert_eq!(conversation_parts(&events), expected);
}

#[test]
fn calls_of_a_model_were_paid_for_elsewhere() {
    let called = |call| SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(1)), call });

    let copied = fork(5).events(vec![opened(), prompted(1), started(1), called(model_call())]);

    let free = ModelCall { usage: Usage::default(), cost_micros: MicroDollars(0), ..model_call() };
    assert_eq!(copied[3], called(free));
}

#[test]
fn what_was_to_be_remembered_is_asked_anew_in_a_copy() {
    let remembered = Settlement { remember: true, ..settlement("r1", Decision::Allow) };
    let asked = [permission_requested("r1"), decided(remembered), released("r1", 1)];
    let ended = [completed(1, &spend(1), &spend(1)), prompted(2), started(2)];
    let history = [running(), asked.to_vec(), ended.to_vec()].concat();
    let again = again("r2", "toolu_2", &permission_request("r1"));

    let copied = fork(9).events(history[..7].to_vec());

    assert_eq!(copied[4], decided(settlement("r1", Decision::Allow)), "who decided what is still told");
    let told = |events: Vec<SessionEvent>| given(events).when(asks(&again)).inspect_result().unwrap();
    let next = [prompted(2), started(2)];
    assert_eq!(told(history).len(), 3, "there it is decided and released at once");
    assert_eq!(told([copied, next.to_vec()].concat()).len(), 1);
}

const COPY: SessionId = SessionId(Uuid::from_u128(0xb));

fn fork(version: u64) -> Fork {
    let parent = Parent { session: session(), version };
    Fork { session: COPY, parent, by: "bob".into(), offline: true, may_bypass: true }
}

fn reopened(version: u64) -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened {
        session: COPY,
        tenant: TenantId::first(),
        owner: "bob".into(),
        origin: Origin::Fork,
        offline: true,
        parent: Some(Parent { session: session(), version }),
        schedule: None,
        ..opening()
    }))
}

fn metered(micros: u64) -> SessionEvent {
    let counter = match micros {
        0 => AgentCounter::default(),
        micros => AgentCounter { spend: spend(micros), duration_api_ms: micros },
    };
    SessionEvent::Spend(SpendEvent::UsageReported { turn: turn(1), process: process(1), counter })
}
