//! The SQLite dialect, writing side: one connection, WAL, every commit durable before it is answered.

pub(super) mod aggregates;
pub(super) mod audit;
mod directory;
pub(super) mod files;
mod payload;
pub(super) mod read;
pub(super) mod rebuild;
mod secrets;
mod spend;
mod statements;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::{Appended, Digest};
use runner_core::session::index::SessionIndex;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row as _, SqliteConnection};
use uuid::Uuid;

use super::OpenError;
use super::batch::{Batch, CommandRow};
use super::projection::{Projected, RequestChange};
pub(super) use read::SqliteReader;
pub(super) use statements::{Insert, MAX_ROWS};
use statements::{Then, insert_texts, upsert_indexes};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

pub(super) fn open_error(path: &Path, source: sqlx::Error) -> OpenError {
    OpenError::Database { path: path.display().to_string(), source }
}

/// A database that has seen migrations from before the first one of now stores events in another way.
fn migration_error(path: &Path, source: MigrateError) -> OpenError {
    let first = MIGRATIONS.iter().map(|migration| migration.version).min();
    if let (MigrateError::VersionMissing(missing), Some(first)) = (&source, first)
        && *missing < first
    {
        return OpenError::Outdated { path: path.display().to_string() };
    }
    OpenError::Migration(source)
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL loses acknowledged commits when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        // Without it a REPLACE would delete rows past the triggers.
        .pragma("recursive_triggers", "ON")
        // A secret that is destroyed is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", "67108864")
        // What is kept for taking one statement back needs no file.
        .pragma("temp_store", "MEMORY")
}

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
    pub(super) async fn open(path: &Path) -> Result<Self, OpenError> {
        let options = connect_options(path).create_if_missing(true);
        let mut connection =
            SqliteConnection::connect_with(&options).await.map_err(|source| open_error(path, source))?;
        MIGRATIONS.run(&mut connection).await.map_err(|source| migration_error(path, source))?;
        Ok(Self { options, connection: Some(connection), remembers_secrets: false })
    }

    pub(super) async fn close(mut self) {
        self.forget_secrets().await;
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database was not closed cleanly");
        }
    }

    pub(super) async fn delete_commands_before(&mut self, recorded_at: i64) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM commands WHERE recorded_at < $1")
            .bind(recorded_at)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// The connection, made anew if it is missing.
    async fn connection(&mut self) -> sqlx::Result<&mut SqliteConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Empties the write-ahead log if there may be secrets in it that were destroyed. While somebody reads it
    /// that is not possible, and readers are not waited for: it is tried again after the next batch.
    pub(super) async fn forget_secrets(&mut self) {
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

    /// Writes a batch in one transaction. When it returns `Ok` the batch is on disk.
    pub(super) async fn write(&mut self, batch: Batch) -> sqlx::Result<()> {
        self.remembers_secrets |= !batch.secrets.is_empty();
        let written = self.write_all(batch).await;
        if written.is_err() {
            self.connection = None;
        }
        written
    }

    async fn write_all(&mut self, mut batch: Batch) -> sqlx::Result<()> {
        let connection = self.connection().await?;
        // In most batches there are events, and perhaps the index of their sessions, which comes last.
        let end_of_events = if batch.has_only_events() { Then::Commit } else { Then::GoOn };
        let mut inserts = std::mem::take(&mut batch.ready);
        inserts.extend(Insert::all_of(std::mem::take(&mut batch.rows)));
        let last = inserts.len().saturating_sub(1);
        for (number, insert) in inserts.into_iter().enumerate() {
            let then = if number == last { end_of_events } else { Then::GoOn };
            insert.run(connection, (number, then)).await?;
        }
        if end_of_events == Then::Commit {
            return Ok(());
        }
        for (hash, bytes) in std::mem::take(&mut batch.blobs) {
            sqlx::query("INSERT INTO blobs (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(hash.0.to_vec())
                .bind(bytes)
                .execute(&mut *connection)
                .await?;
        }
        for command in &batch.commands {
            insert_command(connection, command, batch.recorded_at.as_micros()).await?;
        }
        write_projected(connection, &batch.projected).await?;
        aggregates::upsert(connection, &batch.aggregates).await?;
        aggregates::write_secrets(connection, &batch.secrets).await?;
        let indexes = batch.indexes();
        upsert_indexes(connection, &indexes, Then::Commit).await?;
        if indexes.is_empty() {
            sqlx::query("COMMIT").execute(connection).await?;
        }
        Ok(())
    }
}

async fn insert_command(
    connection: &mut SqliteConnection,
    row: &CommandRow,
    recorded_at: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO commands (command_id, stream, first_version, last_version, request_hash, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.command.0)
    .bind(row.appended.stream.0)
    .bind(signed(row.appended.first_version))
    .bind(signed(row.appended.last_version))
    .bind(&row.request_hash.0[..])
    .bind(recorded_at)
    .execute(connection)
    .await?;
    Ok(())
}

static ADD_USAGE: LazyLock<String> = LazyLock::new(|| {
    let sums = spend::sums("turns");
    format!(
        "INSERT INTO usage_by_day VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (tenant, day, owner, model) DO UPDATE SET {sums}"
    )
});

async fn write_projected(connection: &mut SqliteConnection, projected: &Projected) -> sqlx::Result<()> {
    write_requests(connection, &projected.requests).await?;
    spend::write_spend(connection, &projected.spend).await?;
    insert_texts(connection, &projected.texts).await?;
    for (key, total) in &projected.usage {
        sqlx::query(AssertSqlSafe(ADD_USAGE.as_str()))
            .bind(&key.tenant.0)
            .bind(&key.day)
            .bind(&key.owner)
            .bind(&key.model)
            .bind(signed(total.turns))
            .bind(signed(total.cost.0))
            .bind(signed(total.usage.input_tokens))
            .bind(signed(total.usage.output_tokens))
            .bind(signed(total.usage.cache_read_input_tokens))
            .bind(signed(total.usage.cache_creation_input_tokens))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn write_requests(connection: &mut SqliteConnection, changes: &[RequestChange]) -> sqlx::Result<()> {
    for change in changes {
        let query = match change {
            RequestChange::Made { position, reach: (tenant, owner), view } => sqlx::query(
                "INSERT INTO pending_requests (position, session, tenant, owner, request_id, view)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(signed(*position))
            .bind(view.session_id.0)
            .bind(&tenant.0)
            .bind(owner)
            .bind(&view.request.request_id)
            .bind(serde_json::to_string(view).map_err(encode_error)?),
            RequestChange::Closed { session, request_id } => {
                sqlx::query("DELETE FROM pending_requests WHERE session = $1 AND request_id = $2")
                    .bind(session.0)
                    .bind(request_id)
            }
            RequestChange::AllClosed { session } => {
                sqlx::query("DELETE FROM pending_requests WHERE session = $1").bind(session.0)
            }
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn find_command(
    connection: &mut SqliteConnection,
    command: CommandId,
) -> sqlx::Result<Option<CommandRow>> {
    let row = sqlx::query(
        "SELECT stream, first_version, last_version, request_hash FROM commands WHERE command_id = $1",
    )
    .bind(command.0)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let appended = Appended {
        stream: StreamId(row.try_get::<Uuid, _>("stream")?),
        first_version: unsigned(row.try_get("first_version")?),
        last_version: unsigned(row.try_get("last_version")?),
        replayed: false,
    };
    Ok(Some(CommandRow { command, request_hash: digest(&row, "request_hash")?, appended }))
}

fn digest(row: &SqliteRow, column: &str) -> sqlx::Result<Digest> {
    let bytes: Vec<u8> = row.try_get(column)?;
    <[u8; 32]>::try_from(bytes).map(Digest).map_err(|_| sqlx::Error::Decode("not 32 bytes".into()))
}

fn parse_index(state: &str) -> sqlx::Result<SessionIndex> {
    serde_json::from_str(state).map_err(|source| sqlx::Error::Decode(source.into()))
}

fn encode_error(source: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(source.into())
}

/// SQLite has signed integers only. What is counted here never comes near the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
