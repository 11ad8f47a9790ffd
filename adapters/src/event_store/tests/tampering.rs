//! What somebody changes who can write the file and has taken the guards away: it is found, and where.

use runner_core::ids::SessionId;
use runner_core::log::Digest;
use runner_core::log::chain::{Verification, content_hash};
use runner_core::ports::EventLog;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::samples::{Folder, opened, prompted, put, read, session, started};
use crate::event_store::EventStore;

const WITHOUT_GUARDS: &str = "DROP TRIGGER events_next_only; DROP TRIGGER events_no_update;
    DROP TRIGGER events_no_delete; DROP TRIGGER blobs_no_update; DROP TRIGGER blobs_no_delete;";

const CHANGED: &str = "the payload does not have the hash that was recorded";
const UNCONNECTED: &str = "the event does not follow from the one before it";
const MISSING: &str = "an event is missing";
const BLOB: &str = "the payload's blob is missing or changed";

#[tokio::test]
async fn untouched_session_is_valid_up_to_its_last_hash() {
    let folder = filled().await;
    let store = folder.open().await;

    let verification = store.verify(session(1).into()).await.unwrap();

    let head_hash = read(&store, session(1)).await.last().unwrap().hash;
    assert_eq!(
        verification,
        Verification { valid: true, events: 5, head_hash, first_bad_version: None, reason: None }
    );
    store.close().await;
}

#[tokio::test]
async fn session_that_does_not_exist_has_nothing_wrong_with_it() {
    let folder = filled().await;
    let store = folder.open().await;

    let verification = store.verify(session(77).into()).await.unwrap();

    assert_eq!(
        (verification.valid, verification.events, verification.head_hash),
        (true, 0, Digest::default())
    );
    store.close().await;
}

#[tokio::test]
async fn changed_payload_is_found() {
    then_found("UPDATE events SET payload = CAST(replace(payload, 'two', 'too') AS BLOB) WHERE stream = $s AND version = 3", 3, CHANGED)
        .await;
    then_found(
        "UPDATE events SET payload = CAST(payload || ' ' AS BLOB) WHERE stream = $s AND version = 1",
        1,
        CHANGED,
    )
    .await;
}

#[tokio::test]
async fn changed_header_is_found_whichever_field_it_is() {
    for change in [
        "type = 'assistant_text'",
        "schema = 2",
        "recorded_at = recorded_at + 1",
        "command_id = zeroblob(16)",
        "actor = 'user:mallory'",
        "http_request_id = ''",
        "kind = 'account'",
        "tenant = 'other'",
        "address = '192.0.2.1'",
        "hash = zeroblob(32)",
    ] {
        let edit = format!("UPDATE events SET {change} WHERE stream = $s AND version = 3");

        then_found(&edit, 3, UNCONNECTED).await;
    }
}

#[tokio::test]
async fn changed_codec_is_found() {
    let edit = |codec: u8, version: u8| {
        format!("UPDATE events SET codec = {codec} WHERE stream = $s AND version = {version}")
    };

    then_found(&edit(1, 3), 3, BLOB).await;
    then_found(&edit(0, 5), 5, UNCONNECTED).await;
    then_found(&edit(9, 3), 3, "the payload's codec is unknown").await;
}

#[tokio::test]
async fn changed_layout_is_found() {
    let edit = "UPDATE events SET layout = 2 WHERE stream = $s AND version = 3";

    then_found(edit, 3, "the event's layout is unknown").await;
}

/// What binds an event to its position is a tree over the shard, so that a stream can be chained anywhere.
#[tokio::test]
async fn chain_of_a_stream_does_not_depend_on_positions() {
    let folder = filled().await;
    let mut raw = folder.raw().await;
    tamper(&mut raw, "UPDATE events SET position = position + 100 WHERE stream = $s").await;
    raw.close().await.unwrap();

    let store = folder.open().await;
    let verification = verify(&store, session(1)).await;

    assert_eq!((verification.valid, verification.events), (true, 5), "{:?}", verification.reason);
    store.close().await;
}

#[tokio::test]
async fn payload_that_was_changed_with_its_hash_is_found() {
    let forged = content_hash(b"{}");

    let edit = format!(
        "UPDATE events SET payload = CAST('{{}}' AS BLOB), payload_hash = x'{forged}'
         WHERE stream = $s AND version = 3"
    );

    then_found(&edit, 3, UNCONNECTED).await;
}

#[tokio::test]
async fn removed_event_is_found() {
    for version in [1, 3] {
        let removal = format!("DELETE FROM events WHERE stream = $s AND version = {version}");

        then_found(&removal, version, MISSING).await;
    }
}

#[tokio::test]
async fn removed_event_is_found_when_those_after_it_have_moved_up() {
    let removal = "DELETE FROM events WHERE stream = $s AND version = 3;
        UPDATE events SET version = version - 1 WHERE stream = $s AND version = 4;
        UPDATE events SET version = version - 1 WHERE stream = $s AND version = 5;";

    then_found(removal, 3, UNCONNECTED).await;
}

#[tokio::test]
async fn swapped_events_are_found() {
    let swap = "UPDATE events SET version = -3 WHERE stream = $s AND version = 3;
        UPDATE events SET version = 3 WHERE stream = $s AND version = 4;
        UPDATE events SET version = 4 WHERE stream = $s AND version = -3;";

    then_found(swap, 3, UNCONNECTED).await;
}

#[tokio::test]
async fn inserted_event_is_found() {
    let copy =
        "SELECT 100, shard, stream, kind, tenant, 3, type, schema, recorded_at, command_id, actor, http_request_id,
        address, layout, codec, payload_hash, hash, payload FROM events WHERE stream = $s AND version = 2";
    let insertion = format!(
        "UPDATE events SET version = -6 WHERE stream = $s AND version = 5;
         UPDATE events SET version = 5 WHERE stream = $s AND version = 4;
         UPDATE events SET version = 4 WHERE stream = $s AND version = 3;
         UPDATE events SET version = 6 WHERE stream = $s AND version = -6;
         INSERT INTO events {copy};"
    );

    then_found(&insertion, 3, UNCONNECTED).await;
}

#[tokio::test]
async fn event_of_another_session_is_found() {
    let moved = "UPDATE events SET stream = $s, version = 6 WHERE stream <> $s AND version = 2";

    then_found(moved, 6, UNCONNECTED).await;
}

#[tokio::test]
async fn changed_or_missing_blob_is_found() {
    then_found("UPDATE blobs SET bytes = CAST(replace(bytes, 'xx', 'xy') AS BLOB)", 5, BLOB).await;
    then_found("DELETE FROM blobs", 5, BLOB).await;
}

#[tokio::test]
async fn other_sessions_stay_valid_when_one_was_changed() {
    let folder = filled().await;
    let mut raw = folder.raw().await;
    tamper(&mut raw, "UPDATE events SET actor = 'user:mallory' WHERE stream = $s").await;
    raw.close().await.unwrap();

    let store = folder.open().await;
    let [changed, other] = [verify(&store, session(1)).await, verify(&store, session(2)).await];

    assert_eq!((changed.valid, changed.first_bad_version), (false, Some(1)));
    assert_eq!((other.valid, other.events), (true, 2));
    store.close().await;
}

/// Five events of the session 1 with events of the session 2 between them; the last one lies in a blob.
async fn filled() -> Folder {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1)), prompted(1, "one")]).await;
    put(&store, session(2), vec![opened(session(2)), prompted(1, "other")]).await;
    put(&store, session(1), vec![prompted(2, "two"), started(1)]).await;
    put(&store, session(1), vec![prompted(3, &"x".repeat(70_000))]).await;
    store.close().await;
    folder
}

/// Changes the file behind the program's back and looks what a verification of the session 1 says.
async fn then_found(change: &str, first_bad_version: u64, reason: &str) {
    let folder = filled().await;
    let mut raw = folder.raw().await;
    let before = everything(&mut raw).await;
    tamper(&mut raw, change).await;
    assert_ne!(everything(&mut raw).await, before, "nothing was changed by: {change}");
    raw.close().await.unwrap();

    let store = folder.open().await;
    let verification = verify(&store, session(1)).await;

    assert_eq!(
        (
            verification.valid,
            verification.events,
            verification.first_bad_version,
            verification.reason.as_deref()
        ),
        (false, first_bad_version - 1, Some(first_bad_version), Some(reason)),
        "{change}"
    );
    store.close().await;
}

async fn verify(store: &EventStore, session: SessionId) -> Verification {
    store.verify(session.into()).await.unwrap()
}

async fn tamper(raw: &mut SqliteConnection, change: &str) {
    sqlx::raw_sql(WITHOUT_GUARDS).execute(&mut *raw).await.unwrap();
    let stream = format!("x'{}'", session(1).0.simple());
    sqlx::raw_sql(AssertSqlSafe(change.replace("$s", &stream))).execute(raw).await.unwrap();
}

async fn everything(raw: &mut SqliteConnection) -> Vec<String> {
    let rows =
        "SELECT json_array(position, hex(stream), version, type, schema, recorded_at, hex(command_id), actor,
        http_request_id, layout, codec, hex(payload), hex(payload_hash), hex(hash), kind, tenant, address) FROM events
        UNION ALL SELECT hex(hash) || hex(bytes) FROM blobs";
    sqlx::query_scalar(rows).fetch_all(raw).await.unwrap()
}
