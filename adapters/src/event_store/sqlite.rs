//! The SQLite dialect, writing side: one connection, WAL, every commit durable before it is answered.

pub(super) mod aggregates;
pub(super) mod audit;
pub(super) mod files;
pub(super) mod read;
pub(super) mod rebuild;
mod secrets;
mod spend;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use runner_core::event_log::{Appended, Digest};
use runner_core::ids::{CommandId, StreamId};
use runner_core::session::index::SessionIndex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, QueryBuilder, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::OpenError;
use super::batch::{Batch, CommandRow, Row};
use super::projection::{Projected, RequestChange};
pub(super) use read::SqliteReader;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// The most rows in one statement. SQLite allows 32,766 parameters; a row has sixteen.
const MAX_ROWS_PER_INSERT: usize = 128;

pub(super) fn open_error(path: &Path, source: sqlx::Error) -> OpenError {
    OpenError::Database { path: path.display().to_string(), source }
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
        MIGRATIONS.run(&mut connection).await?;
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
    /// that is not possible, and nobody waits for him: it is tried again after the next batch.
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

    async fn write_all(&mut self, batch: Batch) -> sqlx::Result<()> {
        let connection = self.connection().await?;
        let mut rows = batch.rows.into_iter();
        let mut statements = &INSERT_FIRST_EVENTS;
        while let Some(count) = known_size(rows.len()) {
            insert_events(connection, statements, rows.by_ref().take(count)).await?;
            statements = &INSERT_EVENTS;
        }
        for (hash, bytes) in batch.blobs {
            sqlx::query("INSERT INTO blobs (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(hash.0.to_vec())
                .bind(bytes)
                .execute(&mut *connection)
                .await?;
        }
        for command in &batch.commands {
            insert_command(connection, command, batch.recorded_at.as_micros()).await?;
        }
        let indexes = batch.heads.values().filter_map(|head| head.index.as_ref());
        upsert_indexes(connection, &indexes.collect::<Vec<_>>()).await?;
        write_projected(connection, &batch.projected).await?;
        aggregates::upsert(connection, &batch.aggregates).await?;
        aggregates::write_secrets(connection, &batch.secrets).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(())
    }
}

/// How many rows go into the next statement: a power of two, so that a handful of statements serve every
/// batch and stay prepared.
fn known_size(rows: usize) -> Option<usize> {
    Some((1 << rows.checked_ilog2()?).min(MAX_ROWS_PER_INSERT))
}

fn in_known_sizes<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let (now, later) = rows.split_at(known_size(rows.len())?);
        rows = later;
        Some(now)
    })
}

/// The statements of [`insert_events`] by the binary logarithm of their rows. Writing one out takes
/// longer than running it, and unnamed parameters are the cheapest to bind.
static INSERT_EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| insert_statements(""));

/// The same at the beginning of a transaction: a statement of its own would be one more way to the
/// database's thread and back.
static INSERT_FIRST_EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| insert_statements("BEGIN IMMEDIATE; "));

fn insert_statements(prefix: &str) -> Vec<String> {
    let sizes = 0..=MAX_ROWS_PER_INSERT.ilog2();
    let statement = |size| {
        let rows = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"; 1_usize << size].join(", ");
        format!(
            "{prefix}INSERT INTO events (position, stream, version, type, schema, recorded_at, command_id, actor,
             request_id, codec, payload, payload_hash, hash, kind, tenant, address) VALUES {rows}"
        )
    };
    sizes.map(statement).collect()
}

/// Takes the rows by value: what they hold goes to the database's thread without a copy.
async fn insert_events(
    connection: &mut SqliteConnection,
    statements: &[String],
    rows: impl ExactSizeIterator<Item = Row>,
) -> sqlx::Result<()> {
    let statement = &statements[rows.len().ilog2() as usize];
    let mut insert = sqlx::query(AssertSqlSafe(statement.as_str()));
    for row in rows {
        insert = insert
            .bind(signed(row.position))
            .bind(row.stream.0)
            .bind(signed(row.version))
            .bind(row.type_name)
            .bind(row.schema)
            .bind(row.recorded_at)
            .bind(row.command.0)
            .bind(row.actor)
            .bind(row.request_id)
            .bind(row.codec as i64)
            .bind(row.payload)
            .bind(row.payload_hash.0.to_vec())
            .bind(row.hash.0.to_vec())
            .bind(row.kind)
            .bind(row.tenant.0)
            .bind(row.address);
    }
    insert.execute(connection).await?;
    Ok(())
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

async fn upsert_indexes(connection: &mut SqliteConnection, indexes: &[&SessionIndex]) -> sqlx::Result<()> {
    for indexes in in_known_sizes(indexes) {
        let states = indexes.iter().map(serde_json::to_string);
        let states: Vec<_> = states.collect::<Result<_, _>>().map_err(encode_error)?;
        let mut upsert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO session_index
             (session, tenant, owner, working_dir, status, created_at, updated_at, cost_micros, state) ",
        );
        upsert.push_values(indexes.iter().zip(states), |mut values, (index, state)| {
            let head = &index.head;
            values
                .push_bind(head.id.0)
                .push_bind(index.tenant.0.clone())
                .push_bind(head.owner.clone())
                .push_bind(head.working_dir.clone())
                .push_bind(head.status.as_str())
                .push_bind(head.created_at.as_micros())
                .push_bind(head.updated_at.as_micros())
                .push_bind(signed(head.cost_usd.0))
                .push_bind(state);
        });
        upsert.push(
            " ON CONFLICT (session) DO UPDATE SET tenant = excluded.tenant, owner = excluded.owner,
             working_dir = excluded.working_dir, status = excluded.status,
             created_at = excluded.created_at, updated_at = excluded.updated_at,
             cost_micros = excluded.cost_micros, state = excluded.state",
        );
        upsert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

static ADD_USAGE: LazyLock<String> = LazyLock::new(|| {
    let sums = spend::sums(&[
        "turns",
        "cost_micros",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ]);
    format!(
        "INSERT INTO usage_by_day VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (tenant, day, owner, model) DO UPDATE SET {sums}"
    )
});

async fn write_projected(connection: &mut SqliteConnection, projected: &Projected) -> sqlx::Result<()> {
    write_requests(connection, &projected.requests).await?;
    spend::write_spend(connection, &projected.spend).await?;
    for (session, text) in &projected.texts {
        sqlx::query("INSERT INTO session_text (session, text) VALUES ($1, $2)")
            .bind(session.0)
            .bind(text)
            .execute(&mut *connection)
            .await?;
    }
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
