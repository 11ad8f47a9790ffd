//! Subagents of all sessions, as the log adds up to them.

use runner_core::agent::{BackgroundUsage, BackgroundWork};
use runner_core::ids::{SessionId, TenantId};
use runner_core::money::MicroDollars;
use runner_core::people::principal::Reach;
use runner_core::ports::SubagentRecord;
use runner_core::session::event::{
    BackgroundEvent, ParkCause, SessionEvent, SpendEvent, ToolEvent, TurnEvent,
};
use runner_core::spend::{CallOutcome, ModelCall, Usage};
use runner_core::subagents::{ListedSubagent, SubagentFilter, SubagentState};
use serde_json::json;
use sqlx::Connection as _;

use super::samples::{
    Folder, completed, everybody, handed_over, opened, prompted, put, reach, session, started, turn,
};
use crate::event_store::EventStore;

#[tokio::test]
async fn a_subagent_is_followed_from_its_beginning_to_its_end() {
    let folder = Folder::new();
    let store = folder.open().await;
    begun(&store, session(1)).await;

    let running = only(&store, None).await;
    assert_eq!((running.subagent.state.as_str(), running.subagent.ended_at), ("running", None));
    assert_eq!((running.subagent.cost_usd, running.subagent.model_calls), (None, 0));
    put(
        &store,
        session(1),
        vec![
            used("w1", Some("call-a")),
            used("w2", Some("call-of-another")),
            used("w3", None),
            called(Some("a"), 7),
            called(Some("a"), 8),
            called(None, 100),
            progressed("a", 40),
            completed(1, "done", 5),
            called(Some("a"), 5),
            finished("a", "completed"),
        ],
    )
    .await;

    let ListedSubagent { began, changed, subagent } = only(&store, Some(SubagentState::Ended)).await;
    assert_eq!((began, changed), (4, 14));
    assert_eq!((subagent.tool_calls, subagent.model_calls, subagent.reported_tokens), (1, 3, 99));
    assert_eq!(subagent.cost_usd, Some(MicroDollars(20)));
    assert_eq!(subagent.usage.input_tokens, 3);
    assert_eq!((subagent.state.as_str(), subagent.summary.as_deref()), ("completed", Some("found")));
    assert_eq!((subagent.session_id, subagent.turn_id, &*subagent.owner), (session(1), turn(1), "ada"));
    let ended_at = subagent.ended_at.unwrap();
    let lasted = ended_at.millis_since(subagent.started_at);
    assert_eq!(subagent.measured(ended_at.plus_millis(1000)).duration_ms, lasted);
    assert_eq!(list(&store, everybody(), Some(SubagentState::Running)).await, []);
    same_after_a_rebuild(folder, store).await;
}

#[tokio::test]
async fn subagents_end_with_their_process_and_parked_ones_wait() {
    let folder = Folder::new();
    let store = folder.open().await;
    begun(&store, session(1)).await;
    let parked = BackgroundEvent::Parked { turn: turn(1), task_id: "b".into() };
    let cause = ParkCause::ServerStopped;
    let processless = SessionEvent::Turn(TurnEvent::Parked { turn: turn(1), cause });

    put(&store, session(1), vec![began("b"), parked.into(), processless]).await;

    let states = async || {
        let listed = list(&store, everybody(), None).await;
        listed.into_iter().map(|listed| (listed.subagent.id, listed.subagent.state)).collect::<Vec<_>>()
    };
    let told = |pairs: [(&str, &str); 2]| pairs.map(|(id, state)| (id.to_owned(), state.to_owned())).to_vec();
    assert_eq!(states().await, told([("b", "parked"), ("a", "stopped")]));
    let (task_id, request_id) = ("b".into(), "r".into());
    let taken_up = BackgroundEvent::TakenUp { turn: turn(2), task_id, request_id };
    put(&store, session(1), vec![prompted(2, "decided"), taken_up.into()]).await;
    assert_eq!(states().await, told([("b", "stopped"), ("a", "stopped")]));
    same_after_a_rebuild(folder, store).await;
}

#[tokio::test]
async fn only_who_may_see_a_session_sees_its_subagents_and_what_has_changed_of_them() {
    let folder = Folder::new();
    let store = folder.open().await;
    begun(&store, session(1)).await;
    let before = store.last_change_of_subagents(&everybody()).await.unwrap();
    begun(&store, session(2)).await;

    let ids = |listed: Vec<ListedSubagent>| -> Vec<SessionId> {
        listed.into_iter().map(|listed| listed.subagent.session_id).collect()
    };
    assert_eq!(ids(list(&store, everybody(), None).await), [session(2), session(1)]);
    let new = store.list_changed_subagents(&everybody(), before, 10).await.unwrap();
    assert_eq!(ids(new), [session(2)]);
    put(&store, session(1), vec![handed_over("grace")]).await;
    assert_eq!(ids(list(&store, reach("grace"), None).await), [session(1)]);
    assert_eq!(ids(list(&store, reach("ada"), None).await), [session(2)]);
    let changed = store.list_changed_subagents(&reach("grace"), before, 10).await.unwrap();
    assert_eq!(ids(changed), [session(1)]);
    let others = Reach { tenant: TenantId("others".into()), owner: None };
    assert_eq!(list(&store, others, None).await, []);
    let filter = filter(everybody(), None);
    let oldest = store.list_subagents(&filter, (Some(7), 1)).await.unwrap();
    assert_eq!(ids(oldest), [session(1)]);
    same_after_a_rebuild(folder, store).await;
}

async fn same_after_a_rebuild(folder: Folder, store: EventStore) {
    let before = list(&store, everybody(), None).await;
    store.close().await;
    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();
    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
    let mut raw = folder.raw().await;
    sqlx::query("UPDATE subagents SET tool_calls = tool_calls + 1").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();
    assert_ne!(rebuilt.digest_after, rebuilt.digest_before);
    let store = folder.open().await;
    assert_eq!(list(&store, everybody(), None).await, before);
    store.close().await;
}

fn filter(reach: Reach, state: Option<SubagentState>) -> SubagentFilter {
    SubagentFilter { reach, id: None, session: None, state }
}

async fn list(store: &EventStore, reach: Reach, state: Option<SubagentState>) -> Vec<ListedSubagent> {
    store.list_subagents(&filter(reach, state), (None, 10)).await.unwrap()
}

async fn only(store: &EventStore, state: Option<SubagentState>) -> ListedSubagent {
    let mut listed = list(store, everybody(), state).await;
    assert_eq!(listed.len(), 1);
    listed.remove(0)
}

/// A session whose turn has begun a subagent.
async fn begun(store: &EventStore, session: SessionId) {
    put(store, session, vec![opened(session), prompted(1, "look"), started(1), began("a")]).await;
}

fn began(task_id: &str) -> SessionEvent {
    let work = BackgroundWork {
        task_id: task_id.into(),
        tool_use_id: Some(format!("call-{task_id}")),
        kind: "agent".into(),
        description: "look around".into(),
        subagent_type: Some("reviewer".into()),
    };
    BackgroundEvent::Started { turn: turn(1), work }.into()
}

fn usage(total_tokens: u64) -> BackgroundUsage {
    BackgroundUsage { total_tokens, tool_uses: 1, duration_ms: 5 }
}

fn progressed(task_id: &str, tokens: u64) -> SessionEvent {
    let (task_id, description) = (task_id.into(), "looking".into());
    BackgroundEvent::Progressed { turn: turn(1), task_id, description, usage: usage(tokens) }.into()
}

fn finished(task_id: &str, status: &str) -> SessionEvent {
    BackgroundEvent::Finished {
        turn: turn(1),
        task_id: task_id.into(),
        status: status.into(),
        summary: "found".into(),
        usage: Some(usage(99)),
    }
    .into()
}

fn used(tool_use_id: &str, parent: Option<&str>) -> SessionEvent {
    SessionEvent::Tool(ToolEvent::Used {
        turn: turn(1),
        tool_use_id: tool_use_id.into(),
        name: "Read".into(),
        input: json!({}),
        parent_tool_use_id: parent.map(str::to_owned),
    })
}

fn called(subagent: Option<&str>, micros: u64) -> SessionEvent {
    let call = ModelCall {
        call_id: None,
        model: "haiku".into(),
        outcome: CallOutcome::Completed,
        usage: Usage { input_tokens: 1, ..Usage::default() },
        cost_micros: MicroDollars(micros),
        cost_is_estimate: false,
        key: None,
        status: Some(200),
        duration_ms: 1,
        api_request_id: None,
        subagent: subagent.map(str::to_owned),
    };
    SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(1)), call })
}
