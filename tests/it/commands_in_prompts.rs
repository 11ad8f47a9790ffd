//! Prompts that Claude Code takes for commands of its own.

use runner_tests::server::Server;
use runner_tests::{claudes, older_claude, script};
use serde_json::json;

#[tokio::test]
async fn a_prompt_that_reaches_no_model_is_no_success_and_says_how_to_write_it() {
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        for prompt in
            ["/login does not work on the site, why?", "/usage of foo() is wrong", "/context", "/compact"]
        {
            let answer = server.task(&json!({ "prompt": prompt })).await;

            assert_eq!(
                (&answer["success"], &answer["error"]["code"], &answer["cost_usd"]),
                (&json!(false), &json!("not_sent_to_model"), &json!(0.0)),
                "{prompt}: {answer}"
            );
            assert!(
                answer["error"]["detail"].as_str().unwrap().contains("a space, or a word, before the `/`")
            );
            let session = answer["session_id"].as_str().unwrap();
            assert_eq!(server.view(session).await["turns"][0]["outcome"], "not_sent_to_model");
        }
        // What the answer says helps.
        let replies = json!([{ "text": "Let me see." }]);
        let again = script(" /usage of foo() is wrong", &replies);

        let answer = server.task(&json!({ "prompt": again })).await;

        assert_eq!(
            (&answer["success"], &answer["message"]),
            (&json!(true), &json!("Let me see.")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn an_unknown_command_is_told_by_the_version_that_does_not_send_it() {
    for claude in claudes() {
        let expected = if claude == older_claude() { "not_sent_to_model" } else { "success" };
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;

        let answer =
            server.task(&json!({ "prompt": script("/nosuch thing", &json!([{ "text": "Hm." }])) })).await;

        let view = server.view(answer["session_id"].as_str().unwrap()).await;
        assert_eq!(view["turns"][0]["outcome"], expected, "{answer}");
    }
}

#[tokio::test]
async fn a_command_that_asks_the_model_is_a_success() {
    for claude in claudes() {
        let server = Server::start_with(&[("CLAUDE_BIN", claude.to_str().unwrap())]).await;
        let hello = script("Hello.", &json!([{ "text": "Hello." }]));
        let first = server.task(&json!({ "prompt": hello })).await;
        server.task(&json!({ "prompt": hello, "resume": first["session_id"] })).await;

        let compacted = server.task(&json!({ "prompt": "/compact", "resume": first["session_id"] })).await;

        assert_eq!((&compacted["success"], compacted.get("error")), (&json!(true), None), "{compacted}");
    }
}
