//! What waits for people, as the index has it.

use runner_core::ids::SessionId;
use runner_core::ports::{SessionDirectory, WaitingRequest};
use runner_core::request::{AgentRequest, DecidedBy, Decision, RequestKind, Settlement, ToolEffect};
use runner_core::session::event::{
    Asked, Decided, LifecycleEvent, ParkCause, RequestEvent, SessionEvent, SessionOpened, TurnEvent,
    WithdrawReason,
};
use serde_json::json;

use super::samples::{
    Folder, completed, opened, opening, prompted, put, reach, requested, session, started, turn,
};
use crate::event_store::EventStore;

#[tokio::test]
async fn request_is_listed_as_people_see_it() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), asking(session(1), &["r1"])).await;

    let waiting = store.list_requests(&reach("ada"), 0, 10).await.unwrap();

    let [request] = &waiting[..] else { panic!("{waiting:?}") };
    assert_eq!(request.position, 4);
    assert_eq!(
        request.view,
        json!({
            "kind": "permission", "session_id": session(1), "turn_id": turn(1), "request_id": "r1",
            "tool_name": "Bash", "tool_use_id": "tool-r1", "input": { "command": "ls" },
            "description": "a command", "suggestions": [], "effect": "runs_commands", "target": "ls",
            "requested_at": "2026-11-22T10:24:13.000Z", "version": 4,
        })
    );
    store.close().await;
}

#[tokio::test]
async fn request_is_listed_until_it_is_decided_or_withdrawn() {
    for closing in [
        decided(RequestKind::Permission, "r1"),
        decided(RequestKind::Question, "r1"),
        decided(RequestKind::Plan, "r1"),
        SessionEvent::Request(RequestEvent::Withdrawn {
            turn: turn(1),
            request_id: "r1".into(),
            reason: WithdrawReason::Dropped,
        }),
    ] {
        let folder = Folder::new();
        let store = folder.open().await;
        put(&store, session(1), asking(session(1), &["r1", "r2"])).await;

        put(&store, session(1), vec![closing]).await;

        assert_eq!(listed(&store, "ada").await, ["r2"]);
        store.close().await;
    }
}

#[tokio::test]
async fn every_kind_of_request_is_listed() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), asking(session(1), &[])).await;

    for (kind, request_id) in
        [(RequestKind::Permission, "r1"), (RequestKind::Question, "r2"), (RequestKind::Plan, "r3")]
    {
        let request = request(request_id);
        put(
            &store,
            session(1),
            vec![SessionEvent::Request(RequestEvent::Asked(Asked { kind, turn: turn(1), request }))],
        )
        .await;
    }

    assert_eq!(listed(&store, "ada").await, ["r1", "r2", "r3"]);
    store.close().await;
}

#[tokio::test]
async fn end_of_a_turn_closes_all_its_requests_and_no_others() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), asking(session(1), &["r1", "r2"])).await;
    put(&store, session(2), asking(session(2), &["r3"])).await;

    put(&store, session(1), vec![completed(1, "done", 1)]).await;

    assert_eq!(listed(&store, "ada").await, ["r3"]);
    store.close().await;
}

#[tokio::test]
async fn request_of_a_parked_turn_stays_listed_and_its_session_waits() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), asking(session(1), &["r1"])).await;

    put(
        &store,
        session(1),
        vec![SessionEvent::Turn(TurnEvent::Parked { turn: turn(1), cause: ParkCause::Idle })],
    )
    .await;

    assert_eq!(listed(&store, "ada").await, ["r1"]);
    assert_eq!(store.list_unfinished().await.unwrap(), [session(1)]);
    let counts = store.count(None).await.unwrap();
    assert_eq!((counts.running, counts.waiting), (0, 1));
    store.close().await;
}

#[tokio::test]
async fn same_id_in_another_session_is_another_request() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), asking(session(1), &["r1"])).await;
    put(&store, session(2), asking(session(2), &["r1"])).await;

    put(&store, session(1), vec![decided(RequestKind::Permission, "r1")]).await;

    let waiting = store.list_requests(&reach("ada"), 0, 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].view["session_id"], json!(session(2)));
    store.close().await;
}

#[tokio::test]
async fn requests_of_other_owners_are_not_listed() {
    let folder = Folder::new();
    let store = folder.open().await;
    let opening = SessionOpened { owner: "grace".into(), ..opening(session(2)) };
    put(&store, session(1), asking(session(1), &["r1"])).await;
    let of_grace = vec![
        SessionEvent::Lifecycle(LifecycleEvent::Opened(opening)),
        prompted(1, "x"),
        started(1),
        requested("r2"),
    ];
    put(&store, session(2), of_grace).await;

    assert_eq!(listed(&store, "ada").await, ["r1"]);
    assert_eq!(listed(&store, "grace").await, ["r2"]);
    assert_eq!(listed(&store, "gra").await, [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn list_goes_page_by_page_from_the_oldest() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), asking(session(1), &["r1", "r2"])).await;
    put(&store, session(2), asking(session(2), &["r3"])).await;
    put(&store, session(1), vec![requested("r4")]).await;

    let first = store.list_requests(&reach("ada"), 0, 3).await.unwrap();
    let second = store.list_requests(&reach("ada"), first[2].position, 3).await.unwrap();

    let ids = |page: &[WaitingRequest]| -> Vec<String> {
        page.iter().map(|request| request.view["request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&first), ids(&second)), (vec!["r1".into(), "r2".into(), "r3".into()], vec!["r4".into()]));
    store.close().await;
}

/// A session that waits for decisions about these requests, in its first turn.
fn asking(session: SessionId, request_ids: &[&str]) -> Vec<SessionEvent> {
    let begun = vec![opened(session), prompted(1, "x"), started(1)];
    begun.into_iter().chain(request_ids.iter().map(|request_id| requested(request_id))).collect()
}

fn request(request_id: &str) -> AgentRequest {
    let SessionEvent::Request(RequestEvent::Asked(asked)) = requested(request_id) else {
        panic!("a request")
    };
    AgentRequest { effect: ToolEffect::Other, ..asked.request }
}

fn decided(kind: RequestKind, request_id: &str) -> SessionEvent {
    let settlement = Settlement {
        request_id: request_id.into(),
        decision: Decision::Allow,
        decided_by: DecidedBy::user("ada"),
        message: None,
        updated_input: None,
        answers: None,
        remember: false,
        interrupt: false,
    };
    RequestEvent::Decided(Decided { kind, turn: turn(1), settlement }).into()
}

async fn listed(store: &EventStore, owner: &str) -> Vec<String> {
    let waiting = store.list_requests(&reach(owner), 0, 100).await.unwrap();
    waiting.iter().map(|request| request.view["request_id"].as_str().unwrap().to_owned()).collect()
}
