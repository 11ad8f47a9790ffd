//! Conversations whose folder is gone: they go on in another one.

use reqwest::StatusCode;
use runner_tests::recorder::Recorder;
use runner_tests::server::Server;
use runner_tests::{claudes, script};
use serde_json::json;

use super::import;
use super::transcripts::{Conversation, Transcripts};

#[tokio::test]
async fn a_conversation_goes_on_in_another_folder_once_its_own_is_gone() {
    for claude in claudes() {
        let (model, transcripts) = (Recorder::start().await, Transcripts::new());
        let before = Conversation::of(1).prompt("Remember the cormorant.").answer("m1", "I remember it.");
        transcripts.write(&before);
        let settings = [("CLAUDE_BIN", claude.to_str().unwrap())];
        let settings: Vec<_> = model.settings().into_iter().chain(settings).collect();
        let mut server = Server::start_with(&settings).await;
        server.stop().await;
        import(&server.data_dir(), transcripts.path()).await;
        server.restart().await;
        let new = server.workspace().join("new");
        std::fs::create_dir(&new).unwrap();
        let prompt = script("Which bird?", &json!([{ "text": "That one." }]));
        let body =
            |folder: &str| json!({ "prompt": prompt, "resume": before.session, "working_dir": folder });

        let gone = server.post("/api/task", &json!({ "prompt": prompt, "resume": before.session })).await;
        let forbidden = server.post("/api/task", &body("/etc")).await;
        let moved = server.task(&body("new")).await;
        let asked = model.take();
        let fixed = server.post("/api/task", &body(".")).await;
        server.stop().await;
        server.restart().await;
        let later = server.task(&json!({ "prompt": prompt, "resume": before.session })).await;

        assert_eq!((gone.status, gone.code()), (StatusCode::FORBIDDEN, "working_dir_not_allowed"));
        assert_eq!((forbidden.status, forbidden.code()), (StatusCode::FORBIDDEN, "working_dir_not_allowed"));
        assert_eq!((fixed.status, fixed.code()), (StatusCode::BAD_REQUEST, "option_fixed"), "it exists");
        assert!(asked.contains("cormorant") && asked.contains("I remember it."), "the history is known");
        assert_eq!((&moved["success"], &later["success"]), (&json!(true), &json!(true)), "{moved} {later}");
        assert!(model.take().contains("cormorant"), "it is known later as well");
        let events = server.events(&before.session).await;
        let change = events.iter().find(|event| event["type"] == "working_dir_changed").unwrap();
        assert_eq!(change["data"], json!({ "working_dir": new, "by": "local" }));
        assert_eq!(server.view(&before.session).await["working_dir"], json!(new));
        server.verify(&before.session).await;
    }
}
