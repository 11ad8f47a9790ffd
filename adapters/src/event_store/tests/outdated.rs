//! A database that stores events in another way is not opened, and stays as it was.

use std::sync::Arc;

use sqlx::Connection;

use super::samples::{Folder, TickingClock};
use crate::event_store::{EventStore, OpenError};

#[tokio::test]
async fn database_from_before_the_first_release_is_refused_and_left_alone() {
    let folder = migrated_with(20_261_122_000_001).await;

    let refused = EventStore::open(&folder.database(), Arc::new(TickingClock::default())).await.unwrap_err();

    let says = refused.to_string();
    assert!(matches!(refused, OpenError::Outdated { .. }), "{refused:?}");
    assert!(
        says.contains(&folder.database().display().to_string()) && says.contains("move it away"),
        "{says}"
    );
    assert_eq!(tables(&folder).await, ["_sqlx_migrations", "events"]);
}

#[tokio::test]
async fn database_of_a_later_release_is_refused_for_another_reason() {
    let folder = migrated_with(99_990_101_000_001).await;

    let refused = EventStore::open(&folder.database(), Arc::new(TickingClock::default())).await.unwrap_err();

    assert!(matches!(refused, OpenError::Migration(_)), "{refused:?}");
    assert_eq!(tables(&folder).await, ["_sqlx_migrations", "events"]);
}

/// A database that has seen one migration, which this program does not know.
async fn migrated_with(version: i64) -> Folder {
    let folder = Folder::new();
    std::fs::File::create(folder.database()).unwrap();
    let mut raw = folder.raw().await;
    let made = "CREATE TABLE events (position INTEGER PRIMARY KEY);
        CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
    sqlx::raw_sql(made).execute(&mut raw).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES ($1, 'create event log', '2026-11-22', true, x'00', 1)")
        .bind(version)
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
    folder
}

async fn tables(folder: &Folder) -> Vec<String> {
    let mut raw = folder.raw().await;
    let tables = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .fetch_all(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
    tables
}
