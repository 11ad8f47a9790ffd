//! The log can only be added to, also by somebody who does not go through this program.

use sqlx::{Connection, Row as _, SqliteConnection};

use super::samples::{Folder, opened, prompted, put, session};

#[tokio::test]
async fn nothing_in_the_log_can_be_changed_or_removed() {
    for statement in [
        "UPDATE events SET actor = 'mallory' WHERE version = 1",
        "UPDATE events SET payload = x'7b7d'",
        "DELETE FROM events WHERE version = 2",
        "DELETE FROM events",
        "UPDATE blobs SET bytes = x'00'",
        "DELETE FROM blobs",
    ] {
        then_refused(statement, "append only").await;
    }
}

#[tokio::test]
async fn nothing_in_the_log_can_be_replaced() {
    for statement in [
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE position = 1",
        "INSERT OR REPLACE INTO events SELECT position, shard, stream, kind, tenant, version, type, schema,
            recorded_at, command_id, 'mallory', http_request_id, address, layout, codec, payload_hash, hash, payload
            FROM events WHERE position = 2",
        "INSERT INTO events SELECT * FROM events WHERE position = 1
            ON CONFLICT DO UPDATE SET actor = 'mallory'",
    ] {
        then_refused(statement, "not the next position and version").await;
    }
}

#[tokio::test]
async fn nothing_can_be_added_out_of_order() {
    for (position, version) in [(5, 4), (3, 4), (2, 4), (4, 3), (4, 5), (0, 4), (-1, 4)] {
        let folder = filled().await;
        let mut raw = folder.raw().await;

        let inserted = insert(&mut raw, position, version).await;

        let error = inserted.unwrap_err().to_string();
        assert!(error.contains("not the next position and version"), "{position}, {version}: {error}");
        raw.close().await.unwrap();
    }
}

#[tokio::test]
async fn next_event_can_be_added() {
    let folder = filled().await;
    let mut raw = folder.raw().await;

    let inserted = insert(&mut raw, 4, 4).await;

    assert_eq!(inserted.unwrap(), 1);
    raw.close().await.unwrap();
}

async fn then_refused(statement: &'static str, reason: &str) {
    let folder = filled().await;
    let mut raw = folder.raw().await;
    let before = dump(&mut raw).await;

    let refused = sqlx::query(statement).execute(&mut raw).await;

    let error = refused.unwrap_err().to_string();
    assert!(error.contains(reason), "{statement}: {error}");
    assert_eq!(dump(&mut raw).await, before);
    raw.close().await.unwrap();
}

/// A log of three events; the payload of the last one lies in a blob.
async fn filled() -> Folder {
    let folder = Folder::new();
    let store = folder.open().await;
    let large = "x".repeat(70_000);
    put(&store, session(1), vec![opened(session(1)), prompted(1, "hi"), prompted(2, &large)]).await;
    store.close().await;
    folder
}

async fn insert(raw: &mut SqliteConnection, position: i64, version: i64) -> sqlx::Result<u64> {
    let inserted = sqlx::query(
        "INSERT INTO events SELECT $1, shard, stream, kind, tenant, $2, type, schema, recorded_at, command_id, actor,
         http_request_id, address, layout, codec, payload_hash, hash, payload FROM events WHERE position = 1",
    )
    .bind(position)
    .bind(version)
    .execute(raw)
    .await?;
    Ok(inserted.rows_affected())
}

async fn dump(raw: &mut SqliteConnection) -> Vec<(i64, String, String)> {
    let rows = sqlx::query(
        "SELECT position, actor, hex(payload) || coalesce((SELECT hex(bytes) FROM blobs
        WHERE hash = payload), '') AS bytes FROM events ORDER BY position",
    );
    let rows = rows.fetch_all(raw).await.unwrap();
    rows.iter().map(|row| (row.get("position"), row.get("actor"), row.get("bytes"))).collect()
}

#[tokio::test]
async fn blob_is_not_replaced() {
    let folder = Folder::new();
    let store = folder.open().await;
    let large = "x".repeat(100_000);
    put(&store, session(1), vec![opened(session(1)), prompted(1, &large)]).await;
    store.close().await;
    let mut raw = folder.raw().await;
    let blobs = "SELECT hex(bytes) FROM blobs ORDER BY hash";
    let before: Vec<String> = sqlx::query_scalar(blobs).fetch_all(&mut raw).await.unwrap();

    sqlx::query("INSERT OR REPLACE INTO blobs SELECT hash, x'00' FROM blobs")
        .execute(&mut raw)
        .await
        .unwrap();

    let after: Vec<String> = sqlx::query_scalar(blobs).fetch_all(&mut raw).await.unwrap();
    assert!(!before.is_empty());
    assert_eq!(before, after);
}
