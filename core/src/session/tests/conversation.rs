//! The conversation as a model would see it.

use serde_json::{Value, json};

use super::every_event::every_event;
use super::samples::{completed, prompted, prompted_with, spend, started, turn};
use crate::prompt::Attachment;
use crate::session::event::{MessageEvent, PromptEvent, SessionEvent, ToolEvent};
use crate::session::messages::{Conversation, Message, Role};

#[test]
fn neighbouring_blocks_of_one_role_are_one_message() {
    let messages = told(&[
        prompted(1),
        started(1),
        thought("hm", None),
        said("I look.", None),
        used("tool-1", None),
        used("tool-2", None),
        returned("tool-1"),
        returned("tool-2"),
        said("Done.", None),
    ]);

    let message = |role, content, version| Message { role, content, turn_id: turn(1), version };
    assert_eq!(
        messages,
        [
            message(Role::User, vec![text("prompt 1")], 2),
            message(
                Role::Assistant,
                vec![
                    json!({ "type": "thinking", "thinking": "hm" }),
                    text("I look."),
                    json!({ "type": "tool_use", "id": "tool-1", "name": "Bash", "input": {} }),
                    json!({ "type": "tool_use", "id": "tool-2", "name": "Bash", "input": {} }),
                ],
                3,
            ),
            message(Role::User, vec![result("tool-1"), result("tool-2")], 7),
            message(Role::Assistant, vec![text("Done.")], 9),
        ]
    );
}

#[test]
fn messages_of_different_turns_stay_apart() {
    let over = completed(1, &spend(1), &spend(1));

    let messages = told(&[prompted(1), started(1), over, prompted(2), started(2)]);

    let message = |number, prompt, version| Message {
        role: Role::User,
        content: vec![text(prompt)],
        turn_id: turn(number),
        version,
    };
    assert_eq!(messages, [message(1, "prompt 1", 2), message(2, "prompt 2", 5)]);
}

#[test]
fn prompt_stands_where_its_turn_began_and_not_where_it_was_sent() {
    let over = completed(1, &spend(1), &spend(1));

    let messages =
        told(&[prompted(1), started(1), prompted(2), said("one", None), over, started(2), prompted(3)]);

    let versions: Vec<_> = messages.iter().map(|message| (message.turn_id, message.version)).collect();
    assert_eq!(versions, [(turn(1), 2), (turn(1), 4), (turn(2), 6)]);
}

#[test]
fn pictures_stand_before_the_text_they_came_with() {
    let image = Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() };
    let mut sent = prompted_with(1, "what is this?");
    if let SessionEvent::Prompt(PromptEvent::Submitted { attachments, .. }) = &mut sent {
        attachments.push(image);
    }

    let messages = told(&[sent, started(1)]);

    let source = json!({ "type": "base64", "media_type": "image/png", "data": "aGk=" });
    assert_eq!(messages[0].content, [json!({ "type": "image", "source": source }), text("what is this?")]);
}

#[test]
fn subagents_are_left_out_with_their_tools_and_results() {
    let parent = Some("tool-1");

    let messages = told(&[
        prompted(1),
        started(1),
        used("tool-1", None),
        thought("sub", parent),
        said("sub", parent),
        used("sub-1", parent),
        returned("sub-1"),
        returned("tool-1"),
    ]);

    let contents: Vec<Vec<Value>> = messages.into_iter().map(|message| message.content).collect();
    let used_tool_1 = json!({ "type": "tool_use", "id": "tool-1", "name": "Bash", "input": {} });
    assert_eq!(contents, [vec![text("prompt 1")], vec![used_tool_1], vec![result("tool-1")]]);
}

#[test]
fn everything_else_is_no_part_of_the_conversation() {
    let is_steered =
        |event: &SessionEvent| matches!(event, SessionEvent::Prompt(PromptEvent::Steered { .. }));
    let said_by_a_subagent: Vec<SessionEvent> =
        every_event().into_iter().filter(|event| !is_steered(event)).collect();

    let messages = told(&said_by_a_subagent);

    let roles: Vec<_> = messages.iter().map(|message| (message.role, message.version)).collect();
    assert_eq!(roles, [(Role::User, 4)]);
}

#[test]
fn prompt_for_the_running_turn_stands_where_it_came() {
    let messages = told(&[prompted(1), started(1), said("one", None), steered("two"), said("three", None)]);

    let contents: Vec<_> = messages.iter().map(|message| (message.role, message.content.clone())).collect();
    assert_eq!(
        contents,
        [
            (Role::User, vec![text("prompt 1")]),
            (Role::Assistant, vec![text("one")]),
            (Role::User, vec![text("two")]),
            (Role::Assistant, vec![text("three")]),
        ]
    );
}

#[test]
fn prompt_for_the_running_turn_stands_behind_the_results_it_comes_with() {
    let messages = told(&[
        prompted(1),
        started(1),
        used("tool-1", None),
        steered("two"),
        used("tool-2", None),
        returned("tool-1"),
        returned("tool-2"),
        said("three", None),
    ]);

    let roles: Vec<_> = messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::Assistant]);
    assert_eq!(messages[2].content, [result("tool-1"), result("tool-2"), text("two")]);
}

#[test]
fn prompt_for_a_turn_that_ends_in_the_middle_of_a_call_is_not_lost() {
    let over = completed(1, &spend(1), &spend(1));

    let messages = told(&[prompted(1), started(1), used("tool-1", None), steered("two"), over]);

    assert_eq!(messages[2].content, [text("two")]);
}

#[test]
fn prompt_that_was_taken_back_is_no_part_of_the_conversation() {
    let taken_back = SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(2), by: "ada".into() });

    let messages = told(&[prompted(1), prompted(2), started(1), taken_back, started(2)]);

    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].turn_id, turn(1));
}

fn told(events: &[SessionEvent]) -> Vec<Message> {
    let mut conversation = Conversation::default();
    for (version, event) in (1..).zip(events) {
        conversation.apply(version, event);
    }
    conversation.messages
}

fn steered(text: &str) -> SessionEvent {
    let (turn, message, author) = (turn(1), turn(50), "ada".to_owned());
    SessionEvent::Prompt(PromptEvent::Steered {
        turn,
        message,
        text: text.to_owned(),
        attachments: vec![],
        author,
    })
}

fn said(text: &str, parent: Option<&str>) -> SessionEvent {
    let (message_id, text, parent_tool_use_id) = ("m1".into(), text.into(), parent.map(str::to_owned));
    SessionEvent::Message(MessageEvent::Text { turn: turn(1), message_id, text, parent_tool_use_id })
}

fn thought(text: &str, parent: Option<&str>) -> SessionEvent {
    let (message_id, text, parent_tool_use_id) = ("m1".into(), text.into(), parent.map(str::to_owned));
    SessionEvent::Message(MessageEvent::Thinking { turn: turn(1), message_id, text, parent_tool_use_id })
}

fn used(tool_use_id: &str, parent: Option<&str>) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Used {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        name: "Bash".into(),
        input: json!({}),
        parent_tool_use_id: parent.map(str::to_owned),
    })
}

fn returned(tool_use_id: &str) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Returned {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        is_error: false,
        content: json!("ok"),
        structured: None,
        decided_by: None,
    })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn result(tool_use_id: &str) -> Value {
    json!({ "type": "tool_result", "tool_use_id": tool_use_id, "content": "ok", "is_error": false })
}
