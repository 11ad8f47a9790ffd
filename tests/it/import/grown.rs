//! Conversations that went on elsewhere after they were imported, and copies of conversations.

use runner_tests::script;
use runner_tests::server::Server;
use serde_json::{Value, json};

use super::transcripts::{Conversation, Transcripts};
use super::{import, said};
use crate::projections::rebuild;

async fn stopped() -> Server {
    let mut server = Server::start().await;
    server.stop().await;
    server
}

fn turns(view: &Value) -> Vec<[&str; 2]> {
    let turns = view["turns"].as_array().unwrap().iter();
    turns.map(|turn| ["prompt", "status"].map(|field| turn[field].as_str().unwrap())).collect()
}

fn bash(id: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": "Bash", "input": { "command": "true" } })
}

fn returned(id: &str) -> Value {
    let result = json!({ "type": "tool_result", "tool_use_id": id, "content": "ok" });
    json!({ "type": "user", "message": { "role": "user", "content": [result] } })
}

#[tokio::test]
async fn a_turn_that_was_not_over_goes_on() {
    let (transcripts, mut server) = (Transcripts::new(), stopped().await);
    let before = Conversation::of(1).prompt("one").said("m1", &bash("t1"));
    transcripts.write(&before);
    let first = import(&server.data_dir(), transcripts.path()).await;
    let after = before.clone().add(returned("t1")).answer("m2", "found").prompt("two").answer("m3", "done");
    transcripts.write(&after);

    let grown = import(&server.data_dir(), transcripts.path()).await;
    let again = import(&server.data_dir(), transcripts.path()).await;
    let rebuilt = said(&rebuild(&server).await);
    server.restart().await;

    assert_eq!(said(&first), "1 imported, 0 skipped, 0 unreadable lines\n");
    assert_eq!(said(&grown), "0 imported, 1 continued, 0 skipped, 0 unreadable lines\n");
    assert_eq!(said(&again), "0 imported, 1 skipped (1 with nothing new), 0 unreadable lines\n");
    assert!(rebuilt.contains("the read models were right"), "{rebuilt}");
    let view = server.view(&before.session).await;
    assert_eq!(turns(&view), [["one", "completed"], ["two", "completed"]]);
    assert_eq!(
        (&view["turns"][0]["result"], &view["turns"][0]["ended_at"]),
        (&json!("found"), &json!("2026-03-02T09:00:15.000Z"))
    );
    let tokens = [&view, &view["turns"][0], &view["turns"][1]].map(|of| of["usage"]["input_tokens"].clone());
    assert_eq!(tokens, [3000, 2000, 1000]);
    assert_eq!(view["turns"][0]["duration_ms"], 15_000);
    let events = server.event_types(&before.session).await;
    assert_eq!(events.iter().filter(|event| *event == "turn_continued").count(), 1);
    server.verify(&before.session).await;
}

#[tokio::test]
async fn another_way_is_a_session_of_its_own() {
    let (transcripts, mut server) = (Transcripts::new(), stopped().await);
    let before = Conversation::of(1).prompt("one").answer("m1", "1").prompt("wrong").answer("m2", "left");
    transcripts.write(&before);
    import(&server.data_dir(), transcripts.path()).await;
    let mut after = before.clone();
    after.tip = Some(before.lines[1]["uuid"].as_str().unwrap().to_owned());
    transcripts.write(&after.clone().prompt("right").answer("m3", "2"));

    let branched = import(&server.data_dir(), transcripts.path()).await;
    transcripts.write(&after.prompt("right").answer("m3", "2").prompt("more").answer("m4", "3"));
    let grown = import(&server.data_dir(), transcripts.path()).await;
    server.restart().await;

    assert_eq!(
        said(&branched),
        "0 imported, 1 branched, 0 skipped, 1 branches that were left, 0 unreadable lines\n"
    );
    assert_eq!(
        said(&grown),
        "0 imported, 1 continued, 0 skipped, 1 branches that were left, 0 unreadable lines\n"
    );
    let first = server.view(&before.session).await;
    assert_eq!(turns(&first), [["one", "completed"], ["wrong", "completed"]]);
    let sessions = server.get("/api/sessions").await.body["sessions"].clone();
    let branch = sessions.as_array().unwrap().iter().find(|session| session["id"] != first["id"]).unwrap();
    let branch = server.view(branch["id"].as_str().unwrap()).await;
    assert_eq!(turns(&branch), [["one", "completed"], ["right", "completed"], ["more", "completed"]]);
    let fork_point = first["turns"][0]["last_version"].clone();
    assert_eq!(branch["parent"], json!({ "session": before.session, "version": fork_point }));
    let tokens = [&first, &branch].map(|view| view["usage"]["input_tokens"].clone());
    assert_eq!(tokens, [2000, 2000], "each call once");
}

#[tokio::test]
async fn a_session_that_went_on_here_and_elsewhere_becomes_two() {
    let (transcripts, mut server) = (Transcripts::new(), stopped().await);
    let folder = server.workspace().canonicalize().unwrap();
    let here = |mut conversation: Conversation| {
        conversation.lines.iter_mut().for_each(|line| line["cwd"] = json!(folder));
        conversation
    };
    let before = here(Conversation::of(1).prompt("one").answer("m1", "1"));
    transcripts.write(&before);
    import(&server.data_dir(), transcripts.path()).await;
    server.restart().await;
    let own = json!({ "prompt": script("Here.", &json!([{ "text": "here" }])), "resume": before.session });
    assert_eq!(server.task(&own).await["message"], "here");
    server.stop().await;
    transcripts.write(&here(before.clone().prompt("There.").answer("m2", "there")));

    let branched = import(&server.data_dir(), transcripts.path()).await;
    server.restart().await;

    assert_eq!(said(&branched), "0 imported, 1 branched, 0 skipped, 0 unreadable lines\n");
    let sessions = server.get("/api/sessions").await.body["sessions"].clone();
    let branch = sessions.as_array().unwrap().iter().find(|session| session["id"] != json!(before.session));
    let branch = branch.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(turns(&server.view(&branch).await), [["one", "completed"], ["There.", "completed"]]);
    // To the offline model this is no prompt: it answers the newest one that it was sent.
    let resumed = server
        .task(&json!({ "prompt": script("Go on.", &json!([{ "text": "on" }])), "resume": branch }))
        .await;
    assert_eq!((&resumed["message"], &resumed["session_id"]), (&json!("on"), &json!(branch)));
}

#[tokio::test]
async fn a_copy_names_its_parent_and_its_tokens_count_once() {
    let (transcripts, mut server) = (Transcripts::new(), stopped().await);
    // Read before its parent, for it comes before it by name.
    let (mut copy, parent) = (Conversation::of(1), Conversation::of(2));
    let parent = parent.prompt("one").answer("m1", "1").prompt("two").answer("m2", "2");
    copy.lines.clone_from(&parent.lines);
    for line in &mut copy.lines {
        line["forkedFrom"] = json!({ "sessionId": parent.session, "messageUuid": line["uuid"] });
    }
    copy.tip.clone_from(&parent.tip);
    let copy = copy.prompt("another way").answer("m3", "3");
    transcripts.write(&copy);
    transcripts.write(&parent);

    let imported = import(&server.data_dir(), transcripts.path()).await;
    server.restart().await;

    assert_eq!(said(&imported), "2 imported, 0 skipped, 0 unreadable lines\n");
    let (parent, copy) = (server.view(&parent.session).await, server.view(&copy.session).await);
    assert_eq!(copy["parent"], json!({ "session": parent["id"], "version": parent["version"] }));
    assert_eq!((turns(&copy).len(), parent["parent"].clone()), (3, Value::Null));
    let tokens = [&parent, &copy].map(|view| view["usage"]["input_tokens"].clone());
    assert_eq!(tokens, [2000, 1000]);
}
