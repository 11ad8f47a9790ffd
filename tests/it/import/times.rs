//! When things happened in what was imported.

use runner_tests::server::Server;
use serde_json::json;

use super::transcripts::{Conversation, Transcripts};
use super::{import, said};
use crate::projections::rebuild;

#[tokio::test]
async fn what_was_imported_has_the_times_of_its_lines() {
    let transcripts = Transcripts::new();
    let conversation =
        Conversation::of(1).prompt("one").answer("m1", "first").prompt("two").answer("m2", "second");
    transcripts.write(&conversation);
    let mut server = Server::start().await;
    let own = server.post("/api/sessions", &json!({ "title": "Newer" })).await.body["id"].clone();
    server.stop().await;

    let imported = import(&server.data_dir(), transcripts.path()).await;
    server.restart().await;

    assert_eq!(said(&imported), "1 imported, 0 skipped, 0 unreadable lines\n");
    let view = server.view(&conversation.session).await;
    let at = |second: u32| json!(format!("2026-03-02T09:00:{second:02}.000Z"));
    assert_eq!([&view["created_at"], &view["updated_at"]], [&at(0), &at(15)]);
    let turns = view["turns"].as_array().unwrap().iter();
    let times = turns.map(|turn| ["started_at", "ended_at", "duration_ms"].map(|field| turn[field].clone()));
    let expected = [[at(0), at(5), json!(5000)], [at(10), at(15), json!(5000)]];
    assert_eq!(times.collect::<Vec<_>>(), expected);
    let sessions = server.get("/api/sessions").await.body["sessions"].clone();
    let listed = sessions.as_array().unwrap().iter().map(|session| session["id"].clone());
    assert_eq!(listed.collect::<Vec<_>>(), [own, json!(conversation.session)], "the newest first");
    assert_eq!(sessions[1]["updated_at"], at(15));
    let events = server.get(&format!("/api/sessions/{}/events", conversation.session)).await.body;
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["data"]["happened_at"], at(15));
    assert_ne!(last["recorded_at"], at(15), "when it was recorded is not told otherwise");
    let account = format!("/api/sessions/{}/export?format=markdown", conversation.session);
    let account = server.request(reqwest::Method::GET, &account).send().await.unwrap().text().await.unwrap();
    assert!(account.contains("*local, 2026-03-02T09:00:10.000Z*"), "{account}");
    server.verify(&conversation.session).await;
    server.stop().await;
    let rebuilt = said(&rebuild(&server).await);
    assert!(rebuilt.contains("the read models were right"), "{rebuilt}");
}
