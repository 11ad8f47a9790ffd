//! The SQLite dialect: one connection that writes, WAL, every commit durable before it is answered.

pub(super) mod aggregates;
pub(super) mod audit;
mod changed;
mod commands;
pub(super) mod connection;
mod directory;
pub(super) mod files;
mod like;
mod payload;
mod projected;
pub(super) mod read;
pub(super) mod rebuild;
mod secrets;
mod spend;
mod statements;
mod statistics;
mod subagents;
mod values;

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::OpenError;
use super::dialect::Dialect;
use super::rows::{EventRow, Rows};
use connection::{connect_options, open_error};
pub(super) use read::SqliteReader;
use statements::{Insert, Then, upsert_indexes};

/// The only connection that writes.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    options: SqliteConnectOptions,
    /// Absent after a failure: a transaction that broke off leaves a connection in doubt.
    connection: Option<SqliteConnection>,
    /// Secrets were changed, and what they were may still stand in the write-ahead log.
    remembers_secrets: bool,
}

impl SqliteWriter {
    /// Opens or creates a database and brings its schema up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, OpenError> {
        let options = connect_options(path).create_if_missing(true);
        let mut connection = connection::open(path, &options).await?;
        rebuild::bring_up_to_date(&mut connection).await.map_err(|source| open_error(path, source))?;
        Ok(Self { options, connection: Some(connection), remembers_secrets: false })
    }

    /// The connection, made anew if it is missing.
    async fn connection(&mut self) -> sqlx::Result<&mut SqliteConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn write_all(&mut self, mut rows: Rows<Insert>) -> sqlx::Result<()> {
        let connection = self.connection().await?;
        // In most batches there are events, and perhaps the index of their sessions, which comes last.
        let end_of_events = if rows.has_only_events() { Then::Commit } else { Then::GoOn };
        let mut inserts = std::mem::take(&mut rows.inserts);
        inserts.extend(Insert::all_of(std::mem::take(&mut rows.events)));
        let last = inserts.len().saturating_sub(1);
        for (number, insert) in inserts.into_iter().enumerate() {
            let then = if number == last { end_of_events } else { Then::GoOn };
            insert.run(connection, (number, then)).await?;
        }
        if end_of_events == Then::Commit {
            return Ok(());
        }
        for (hash, bytes) in std::mem::take(&mut rows.blobs) {
            sqlx::query("INSERT INTO blobs (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(hash.0.to_vec())
                .bind(bytes)
                .execute(&mut *connection)
                .await?;
        }
        commands::insert(connection, &rows.commands, rows.recorded_at).await?;
        projected::write(connection, &rows.projected).await?;
        aggregates::upsert(connection, &rows.aggregates).await?;
        aggregates::write_secrets(connection, &rows.secrets).await?;
        let indexes = rows.indexes();
        upsert_indexes(connection, &indexes, Then::Commit).await?;
        if indexes.is_empty() {
            sqlx::query("COMMIT").execute(connection).await?;
        }
        Ok(())
    }
}

impl Dialect for SqliteWriter {
    type Insert = Insert;
    type Reader = SqliteReader;

    const MAX_ROWS: usize = statements::MAX_ROWS;

    fn insert(events: Vec<EventRow>) -> Insert {
        Insert::of(events.into_iter())
    }

    async fn write(&mut self, rows: Rows<Insert>) -> sqlx::Result<()> {
        self.remembers_secrets |= !rows.secrets.is_empty();
        let written = self.write_all(rows).await;
        if written.is_err() {
            self.connection = None;
        }
        written
    }

    async fn delete_commands_before(&mut self, recorded_at: i64) -> sqlx::Result<()> {
        commands::delete_before(self.connection().await?, recorded_at).await
    }

    /// Empties the write-ahead log if there may be secrets in it that were destroyed. While somebody reads it
    /// that is not possible, and readers are not waited for: it is tried again after the next batch.
    async fn forget_secrets(&mut self) {
        if !self.remembers_secrets {
            return;
        }
        match secrets::empty_log(self.connection.as_mut()).await {
            Ok(is_empty) => self.remembers_secrets = !is_empty,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the write-ahead log was not emptied"
                );
            }
        }
    }

    async fn close(mut self) {
        self.forget_secrets().await;
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database was not closed cleanly");
        }
    }
}
