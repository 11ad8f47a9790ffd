//! Statements that write many rows, and that begin and end transactions on the way.
//!
//! Writing a statement out takes longer than running it, so there is one for each power of two of rows, and
//! unnamed parameters are the cheapest to bind. Each statement of its own is one more way to the
//! database's thread and back, so the first of a transaction begins it and the last commits it.

use std::sync::LazyLock;

use runner_core::ids::SessionId;
use runner_core::session::index::SessionIndex;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};

use super::values::signed;
use crate::event_store::rows::EventRow;

/// The most rows in one statement. SQLite allows 32,766 parameters; an event has seventeen.
pub(super) const MAX_ROWS: usize = 128;

/// Whether a statement is the last of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Commit,
}

/// Events, up to [`MAX_ROWS`], as the database takes them. Made ready while an earlier batch is written.
#[derive(Debug)]
pub(in crate::event_store) struct Insert {
    rows: usize,
    values: Result<SqliteArguments, BoxDynError>,
}

impl Insert {
    /// Takes the rows by value: what they hold goes to the database's thread without a copy.
    pub(super) fn of(rows: impl ExactSizeIterator<Item = EventRow>) -> Self {
        Self { rows: rows.len(), values: event_values(rows) }
    }

    /// Rows of any number, in statements of known sizes.
    pub(super) fn all_of(rows: Vec<EventRow>) -> Vec<Self> {
        let mut rows = rows.into_iter();
        let mut inserts = vec![];
        while let Some(count) = known_size(rows.len()) {
            inserts.push(Self::of(rows.by_ref().take(count)));
        }
        inserts
    }

    /// Runs it; the first of a transaction begins that, the last may commit it.
    pub(super) async fn run(
        self,
        connection: &mut SqliteConnection,
        (index, then): (usize, Then),
    ) -> sqlx::Result<()> {
        let statements = match (index, then) {
            // Alone it is a transaction by itself.
            (0, Then::Commit) | (1.., Then::GoOn) => &*INSERT_EVENTS,
            (0, Then::GoOn) => &*INSERT_FIRST_EVENTS,
            (1.., Then::Commit) => &*INSERT_LAST_EVENTS,
        };
        run(connection, &statements[self.rows.ilog2() as usize], self.values).await
    }
}

static INSERT_EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| events("", ""));
static INSERT_FIRST_EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| events("BEGIN IMMEDIATE; ", ""));
static INSERT_LAST_EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| events("", "; COMMIT"));

/// Whatever fails takes all back, so SQLite keeps no copies of the pages that one statement changes.
fn events(before: &str, behind: &str) -> Vec<String> {
    let into =
        "INSERT OR ROLLBACK INTO events (position, stream, kind, tenant, version, type, schema, recorded_at,
         command_id, actor, http_request_id, address, layout, codec, payload_hash, hash, payload)";
    for_sizes(&format!("{before}{into}"), "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", behind)
}

fn event_values(rows: impl Iterator<Item = EventRow>) -> Result<SqliteArguments, BoxDynError> {
    let mut values = SqliteArguments::default();
    values.reserve(MAX_ROWS * 17, 0);
    for row in rows {
        values.add(signed(row.position))?;
        values.add(row.stream.0)?;
        values.add(row.kind)?;
        values.add(row.tenant)?;
        values.add(signed(row.version))?;
        values.add(row.type_name)?;
        values.add(row.schema)?;
        values.add(row.recorded_at.as_micros())?;
        values.add(row.command.0)?;
        values.add(row.actor)?;
        values.add(row.http_request_id)?;
        values.add(row.address)?;
        values.add(row.layout.number())?;
        values.add(row.codec.number())?;
        values.add(row.payload_hash.0.to_vec())?;
        values.add(row.hash.0.to_vec())?;
        values.add(row.payload)?;
    }
    Ok(values)
}

static UPSERT_INDEXES: LazyLock<Vec<String>> = LazyLock::new(|| indexes(""));
static UPSERT_LAST_INDEXES: LazyLock<Vec<String>> = LazyLock::new(|| indexes("; COMMIT"));

fn indexes(behind: &str) -> Vec<String> {
    let into = "INSERT OR ROLLBACK INTO session_index
         (session, tenant, owner, working_dir, status, created_at, updated_at, cost_micros, state)";
    let update = " ON CONFLICT (session) DO UPDATE SET tenant = excluded.tenant, owner = excluded.owner,
         working_dir = excluded.working_dir, status = excluded.status,
         created_at = excluded.created_at, updated_at = excluded.updated_at,
         cost_micros = excluded.cost_micros, state = excluded.state";
    for_sizes(into, "(?, ?, ?, ?, ?, ?, ?, ?, ?)", &format!("{update}{behind}"))
}

/// Writes the index of sessions as they are now.
pub(super) async fn upsert_indexes(
    connection: &mut SqliteConnection,
    mut indexes: &[&SessionIndex],
    then: Then,
) -> sqlx::Result<()> {
    while let Some(count) = known_size(indexes.len()) {
        let (now, later) = indexes.split_at(count);
        indexes = later;
        let statements = match then {
            Then::Commit if indexes.is_empty() => &*UPSERT_LAST_INDEXES,
            Then::Commit | Then::GoOn => &*UPSERT_INDEXES,
        };
        run(connection, &statements[count.ilog2() as usize], index_values(now)).await?;
    }
    Ok(())
}

fn index_values(indexes: &[&SessionIndex]) -> Result<SqliteArguments, BoxDynError> {
    let mut values = SqliteArguments::default();
    values.reserve(indexes.len() * 9, 0);
    for index in indexes {
        let head = &index.head;
        values.add(head.id.0)?;
        values.add(index.tenant.0.clone())?;
        values.add(head.owner.clone())?;
        values.add(head.working_dir.clone())?;
        values.add(head.status.as_str())?;
        values.add(head.created_at.as_micros())?;
        values.add(head.updated_at.as_micros())?;
        values.add(signed(head.cost_usd.unwrap_or_default().0))?;
        values.add(serde_json::to_string(index)?)?;
    }
    Ok(values)
}

static INSERT_TEXTS: LazyLock<Vec<String>> =
    LazyLock::new(|| for_sizes("INSERT OR ROLLBACK INTO session_text (session, text)", "(?, ?)", ""));

/// Adds what sessions are found by.
pub(super) async fn insert_texts(
    connection: &mut SqliteConnection,
    mut texts: &[(SessionId, String)],
) -> sqlx::Result<()> {
    while let Some(count) = known_size(texts.len()) {
        let (now, later) = texts.split_at(count);
        texts = later;
        run(connection, &INSERT_TEXTS[count.ilog2() as usize], text_values(now)).await?;
    }
    Ok(())
}

fn text_values(texts: &[(SessionId, String)]) -> Result<SqliteArguments, BoxDynError> {
    let mut values = SqliteArguments::default();
    values.reserve(texts.len() * 2, 0);
    for (session, text) in texts {
        values.add(session.0)?;
        values.add(text.as_str())?;
    }
    Ok(values)
}

/// A statement for each power of two of rows, by its binary logarithm.
pub(super) fn for_sizes(before: &str, row: &str, behind: &str) -> Vec<String> {
    let sizes = 0..=MAX_ROWS.ilog2();
    let statement = |size| format!("{before} VALUES {}{behind}", vec![row; 1_usize << size].join(", "));
    sizes.map(statement).collect()
}

/// How many rows go into the next statement: a power of two, so that a handful of statements serve every
/// batch and stay prepared.
pub(super) fn known_size(rows: usize) -> Option<usize> {
    Some((1 << rows.checked_ilog2()?).min(MAX_ROWS))
}

pub(super) async fn run(
    connection: &mut SqliteConnection,
    statement: &'static str,
    values: Result<SqliteArguments, BoxDynError>,
) -> sqlx::Result<()> {
    let values = values.map_err(sqlx::Error::Encode)?;
    sqlx::query_with(AssertSqlSafe(statement), values).execute(connection).await?;
    Ok(())
}
