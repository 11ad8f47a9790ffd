//! Aggregates other than sessions: in the same log, one row each, with secrets that are not in the log.

use runner_core::log::{
    Append, EncodedEvent, LogStream, Provenance, SecretChange, StoredAggregate, stream_of_name,
};

use runner_core::ids::{CommandId, SecretId, StreamId, TenantId};
use runner_core::ports::{AppendError, EventLog};
use sqlx::Connection;
use uuid::Uuid;

use super::samples::{Folder, opened, put, session};

const KIND: &str = "lamp";

#[tokio::test]
async fn what_was_appended_is_there_after_a_restart() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;

    let appended = store.append(change("a", 0)).await.unwrap();
    store.append(change("a", 1)).await.unwrap();
    store.close().await;

    let store = folder.open().await;
    assert_eq!((appended.stream, appended.first_version), (stream("a"), 1));
    assert_eq!(store.load_aggregate(KIND, stream("a")).await.unwrap(), Some(stored("a", 2)));
    assert_eq!(store.load_aggregate(KIND, stream("b")).await.unwrap(), None);
    store.close().await;
}

#[tokio::test]
async fn change_of_an_older_version_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.append(change("a", 0)).await.unwrap();
    let secret = SecretChange { id: secret_id(1), sealed: Some(vec![1]) };

    let refused = store.append(Append { secrets: vec![secret], ..change("a", 0) }).await;

    assert!(matches!(refused, Err(AppendError::Conflict { expected: 0, actual: 1 })), "{refused:?}");
    assert_eq!(store.load_aggregate(KIND, stream("a")).await.unwrap(), Some(stored("a", 1)));
    assert_eq!(store.load_secret(secret_id(1)).await.unwrap(), None);
    store.close().await;
}

#[tokio::test]
async fn secret_that_is_destroyed_is_in_no_file() {
    let folder = Folder::new();
    let store = folder.open().await;
    let [first, second] =
        [b"the-first-canary-of-a-secret", b"its-other-canary-of-a-secret"].map(|text| text.repeat(9));
    let put =
        |number, sealed: Option<&Vec<u8>>| SecretChange { id: secret_id(number), sealed: sealed.cloned() };
    let changes = [
        vec![put(1, Some(&first)), put(2, Some(&second))],
        vec![put(1, None)],
        vec![put(2, Some(&vec![7; 20]))],
    ];
    for (version, secrets) in (0..).zip(changes) {
        store.append(Append { secrets, ..change("a", version) }).await.unwrap();
    }

    let while_open = folder.holds(&[&first, &second]);
    store.close().await;

    assert!(!while_open && !folder.holds(&[&first, &second]));
    let store = folder.open().await;
    assert_eq!(store.load_secret(secret_id(2)).await.unwrap(), Some(vec![7; 20]));
    store.close().await;
}

#[tokio::test]
async fn of_many_changes_at_once_one_wins() {
    let folder = Folder::new();
    let store = folder.open().await;

    let attempts = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.append(change("a", 0)).await.is_ok() })
    });
    let mut won = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        won += u32::from(attempt.await.unwrap());
    }

    assert_eq!(won, 1);
    store.close().await;
}

#[tokio::test]
async fn notes_need_no_version_and_leave_no_state() {
    let folder = Folder::new();
    let store = folder.open().await;
    let note = || Append { expected_version: None, state: None, ..change("notes", 0) };

    store.append(note()).await.unwrap();
    let second = store.append(note()).await.unwrap();

    assert_eq!(second.last_version, 2);
    assert_eq!(store.load_aggregate(KIND, stream("notes")).await.unwrap(), None);
    store.close().await;
}

#[tokio::test]
async fn list_is_of_one_kind_and_of_one_tenant_or_all() {
    let folder = Folder::new();
    let store = folder.open().await;
    let other = TenantId("other".into());
    store.append(change("a", 0)).await.unwrap();
    store
        .append(Append { stream: LogStream { tenant: other.clone(), ..lamp("b") }, ..change("b", 0) })
        .await
        .unwrap();
    store.append(Append { stream: LogStream { kind: "door", ..lamp("c") }, ..change("c", 0) }).await.unwrap();

    let of_other = store.list_aggregates(KIND, Some(&other)).await.unwrap();
    let of_all = store.list_aggregates(KIND, None).await.unwrap();

    assert_eq!(of_other, [StoredAggregate { tenant: other, ..stored("b", 1) }]);
    assert_eq!(of_all.len(), 2);
    store.close().await;
}

#[tokio::test]
async fn secrets_are_replaced_and_destroyed_and_are_not_in_the_log() {
    let folder = Folder::new();
    let store = folder.open().await;
    let with = |version, sealed: Option<&[u8]>| {
        let secret = SecretChange { id: secret_id(1), sealed: sealed.map(<[u8]>::to_vec) };
        Append { secrets: vec![secret], ..change("a", version) }
    };

    store.append(with(0, Some(b"first"))).await.unwrap();
    store.append(with(1, Some(b"second"))).await.unwrap();
    let replaced = store.load_secret(secret_id(1)).await.unwrap();
    store.append(with(2, None)).await.unwrap();

    assert_eq!(replaced.as_deref(), Some(&b"second"[..]));
    assert_eq!(store.load_secret(secret_id(1)).await.unwrap(), None);
    store.close().await;
    let mut raw = folder.raw().await;
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE instr(payload, 'first') > 0")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
    assert_eq!(told, 0);
}

fn stream(name: &str) -> StreamId {
    stream_of_name(KIND, name)
}

fn secret_id(number: u128) -> SecretId {
    SecretId(Uuid::from_u128(number))
}

fn lamp(name: &str) -> LogStream {
    LogStream { id: stream(name), kind: KIND, tenant: TenantId::first() }
}

fn change(name: &str, expected_version: u64) -> Append {
    let event = EncodedEvent { type_name: "lamp_lit".into(), schema: 1, data: "{}".into() };
    let provenance = Provenance::of("user:ada", CommandId(Uuid::now_v7()));
    Append {
        stream: lamp(name),
        expected_version: Some(expected_version),
        events: vec![event],
        state: Some(format!(r#"{{"times":{}}}"#, expected_version + 1)),
        secrets: vec![],
        provenance: Provenance { address: Some("192.0.2.7".into()), ..provenance },
    }
}

fn stored(name: &str, version: u64) -> StoredAggregate {
    let state = format!(r#"{{"times":{version}}}"#);
    StoredAggregate { stream: stream(name), tenant: TenantId::first(), version, state }
}
