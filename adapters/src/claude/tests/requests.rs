//! What is said to the agent.

use runner_core::ids::TurnId;
use runner_core::prompt::Attachment;
use serde_json::json;
use uuid::Uuid;

use crate::claude::request;

#[test]
fn prompt_carries_the_turns_id_and_its_pictures() {
    let turn = TurnId(Uuid::from_u128(7));
    let image = Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() };

    let line = request::prompt(turn, "what\n\"is\" this?", &[image]);

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
fn refusal_says_why() {
    let line = request::refusal("r1", "nobody is there");

    let answer = json!({ "behavior": "deny", "message": "nobody is there" });
    let response = json!({ "subtype": "success", "request_id": "r1", "response": answer });
    assert_eq!(line, json!({ "type": "control_response", "response": response }));
}

#[test]
fn request_that_is_not_offered_is_answered_with_an_error() {
    let line = request::unsupported("r1", "hook_callback");

    let response =
        json!({ "subtype": "error", "request_id": "r1", "error": "hook_callback is not supported" });
    assert_eq!(line, json!({ "type": "control_response", "response": response }));
}

#[test]
fn requests_of_ours_have_ids_of_their_own() {
    for (request, subtype) in
        [(request::initialize as fn() -> _, "initialize"), (request::interrupt, "interrupt")]
    {
        let (first, second) = (request(), request());

        assert_eq!(
            (&first["type"], &first["request"]),
            (&json!("control_request"), &json!({ "subtype": subtype }))
        );
        assert!(first["request_id"].is_string());
        assert_ne!(first["request_id"], second["request_id"]);
    }
}
