//! Lines for the agent.

use runner_core::agent::PermissionMode;
use runner_core::ids::{ExtensionId, TurnId};
use runner_core::prompt::Attachment;
use runner_core::setup::extension::active::{ActiveExtension, ActiveExtensions};
use runner_core::setup::extension::agent::AgentDefinition;
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::secrets::SecretValues;
use serde_json::json;
use uuid::Uuid;

use crate::claude::protocol::outgoing;

#[test]
fn prompt_carries_the_turns_id_and_its_pictures() {
    let turn = TurnId(Uuid::from_u128(7));
    let image = Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() };

    let line = outgoing::prompt(turn, "what\n\"is\" this?", &[image]);

    let source = json!({ "type": "base64", "media_type": "image/png", "data": "aGk=" });
    let content = json!([
        { "type": "image", "source": source },
        { "type": "text", "text": "what\n\"is\" this?" },
    ]);
    let expected = json!({
        "type": "user", "uuid": turn, "session_id": "", "parent_tool_use_id": null,
        "message": { "role": "user", "content": content },
    });
    assert_eq!(line, expected);
    assert!(!line.to_string().contains('\n'), "a line break inside would end the process");
}

#[test]
fn request_that_is_not_offered_is_answered_with_an_error() {
    let line = outgoing::unsupported("r1", "hook_callback");

    let response =
        json!({ "subtype": "error", "request_id": "r1", "error": "hook_callback is not supported" });
    assert_eq!(line, json!({ "type": "control_response", "response": response }));
}

#[test]
fn first_request_has_every_tool_use_come_to_the_gate() {
    let line = outgoing::initialize(&ActiveExtensions::default());

    let hooks = json!({
        "PreToolUse": [{ "hookCallbackIds": ["gate"] }],
        "PostToolUse": [{ "matcher": "Write|Edit", "hookCallbackIds": ["file"] }],
    });
    assert_eq!(line["request"], json!({ "subtype": "initialize", "hooks": hooks }));
}

#[test]
fn first_request_brings_the_agents_that_are_defined() {
    let reviewer = AgentDefinition {
        description: "Reviews.".into(),
        prompt: "Look.".into(),
        tools: Some(vec!["Read".into()]),
        model: Some("haiku".into()),
    };
    let bare = AgentDefinition { tools: None, model: None, ..reviewer.clone() };
    let active = |number, name: &str, definition| ActiveExtension {
        id: ExtensionId(Uuid::from_u128(number)),
        name: name.into(),
        version: 1,
        definition: Definition::Agent(definition),
        secrets: SecretValues::default(),
    };

    let line = outgoing::initialize(&ActiveExtensions::new(vec![
        active(1, "reviewer", reviewer),
        active(2, "bare", bare),
    ]));

    assert_eq!(
        line["request"]["agents"],
        json!({
            "reviewer":
                { "description": "Reviews.", "prompt": "Look.", "tools": ["Read"], "model": "haiku" },
            "bare": { "description": "Reviews.", "prompt": "Look." },
        })
    );
}

#[test]
fn changes_are_control_requests() {
    let turn = TurnId(Uuid::from_u128(7));
    for (line, expected) in [
        (outgoing::interrupt(), json!({ "subtype": "interrupt" })),
        (outgoing::stop_task("a1"), json!({ "subtype": "stop_task", "task_id": "a1" })),
        (
            outgoing::change_mode(PermissionMode::AcceptEdits).line,
            json!({ "subtype": "set_permission_mode", "mode": "acceptEdits" }),
        ),
        (outgoing::change_model(Some("haiku")), json!({ "subtype": "set_model", "model": "haiku" })),
        (outgoing::change_model(None), json!({ "subtype": "set_model", "model": null })),
        (outgoing::usage().line, json!({ "subtype": "get_usage" })),
        (
            outgoing::rewind(turn, true).line,
            json!({ "subtype": "rewind_files", "user_message_id": turn, "dry_run": true }),
        ),
    ] {
        assert_eq!((&line["type"], &line["request"]), (&json!("control_request"), &expected));
    }
}

#[test]
fn requests_of_ours_have_ids_of_their_own() {
    let (first, second) = (outgoing::usage(), outgoing::usage());

    assert_eq!(first.line["request_id"], json!(first.id));
    assert_eq!(second.line["request_id"], json!(second.id));
    assert_ne!(first.id, second.id);
}
