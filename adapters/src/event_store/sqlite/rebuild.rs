//! Writing the read models anew from the log, and telling whether they were right.

use std::collections::HashMap;

use runner_core::log::{Aggregate as _, Digest, EncodedEvent};

use runner_core::ids::{StreamId, TenantId};
use runner_core::session::Session;
use runner_core::session::index::SessionIndex;
use runner_core::time::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row as _, SqliteConnection};
use uuid::Uuid;

use super::payload::events_with_blobs;
use super::statements::{Then, upsert_indexes};
use super::values::unsigned;
use super::{SqliteWriter, aggregates, projected, statistics, subagents};
use crate::event_store::projection::{Place, Projected, project};
use crate::event_store::rows::AggregateRow;

/// Events read at once.
const PAGE: i64 = 1000;

/// What a rebuild did; equal digests mean that the rows are the same as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub events: u64,
    pub sessions: u64,
    pub digest_before: Digest,
    pub digest_after: Digest,
}

/// Raised when the log has to be folded anew to be read right: tables or folds were added or mended.
const READ_MODELS: i64 = 2;

pub(in crate::event_store) async fn rebuild(database: &mut SqliteWriter) -> sqlx::Result<Rebuilt> {
    let mut transaction = database.connection().await?.begin_with("BEGIN IMMEDIATE").await?;
    let digest_before = digest_rows(&mut transaction).await?;
    let (events, sessions) = write_anew(&mut transaction).await?;
    let digest_after = digest_rows(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Rebuilt { events, sessions, digest_before, digest_after })
}

/// Writes the read models anew if an earlier version of this program wrote them.
pub(super) async fn bring_up_to_date(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version: i64 =
        sqlx::query_scalar("SELECT version FROM read_models").fetch_one(&mut *transaction).await?;
    if version >= READ_MODELS {
        return transaction.rollback().await;
    }
    let (events, sessions) = write_anew(&mut transaction).await?;
    transaction.commit().await?;
    if events > 0 {
        tracing::info!(events, sessions, "the read models were written anew, as this version needs them");
    }
    Ok(())
}

async fn write_anew(connection: &mut SqliteConnection) -> sqlx::Result<(u64, u64)> {
    for clear in [
        "DELETE FROM session_index",
        "DELETE FROM session_text",
        "DELETE FROM session_tags",
        "DELETE FROM stats_by_day",
        "DELETE FROM stats_times_by_day",
        "DELETE FROM model_spend",
        "DELETE FROM pending_requests",
        "DELETE FROM subagents",
        "DELETE FROM aggregates",
    ] {
        sqlx::query(clear).execute(&mut *connection).await?;
    }
    let folded = fold_log(connection).await?;
    sqlx::query("UPDATE read_models SET version = $1").bind(READ_MODELS).execute(connection).await?;
    Ok(folded)
}

async fn fold_log(connection: &mut SqliteConnection) -> sqlx::Result<(u64, u64)> {
    let mut indexes: HashMap<StreamId, Option<SessionIndex>> = HashMap::new();
    let mut aggregates: HashMap<StreamId, Option<AggregateRow>> = HashMap::new();
    let mut events = 0;
    let mut last = 0_i64;
    loop {
        let rows = sqlx::query(concat!(
            "SELECT e.position, e.kind, e.tenant, e.stream, e.version, e.type, e.schema, e.recorded_at,
                 coalesce(b.bytes, e.payload) AS data FROM ",
            events_with_blobs!(),
            " WHERE e.position > $1 ORDER BY e.position LIMIT $2",
        ))
        .bind(last)
        .bind(PAGE)
        .fetch_all(&mut *connection)
        .await?;
        if rows.is_empty() {
            break;
        }
        let mut changes = Projected::default();
        for row in &rows {
            last = row.try_get("position")?;
            events += 1;
            let stream = StreamId(row.try_get::<Uuid, _>("stream")?);
            if row.try_get::<&str, _>("kind")? != Session::KIND {
                fold_aggregate(&mut aggregates, stream, row)?;
                continue;
            }
            let event = encoded(row)?;
            let recorded_at = Timestamp::from_micros(row.try_get("recorded_at")?);
            let place = Place {
                position: unsigned(last),
                version: unsigned(row.try_get("version")?),
                at: event.happened_at().unwrap_or(recorded_at),
            };
            let event = event.decode().map_err(|source| sqlx::Error::Decode(source.into()))?;
            project(&mut changes, indexes.entry(stream).or_default(), &event, place);
        }
        projected::write(connection, &changes).await?;
    }
    let indexes: Vec<&SessionIndex> = indexes.values().flatten().collect();
    upsert_indexes(connection, &indexes, Then::GoOn).await?;
    let aggregates: Vec<AggregateRow> = aggregates.into_values().flatten().collect();
    aggregates::upsert(connection, &aggregates).await?;
    Ok((events, indexes.len() as u64))
}

fn fold_aggregate(
    aggregates: &mut HashMap<StreamId, Option<AggregateRow>>,
    stream: StreamId,
    row: &SqliteRow,
) -> sqlx::Result<()> {
    let event = encoded(row)?;
    let origin = (row.try_get("kind")?, stream, TenantId(row.try_get("tenant")?));
    let folded = aggregates.entry(stream).or_default();
    *folded = aggregates::fold_row(folded.take(), origin, &event)?;
    Ok(())
}

fn encoded(row: &SqliteRow) -> sqlx::Result<EncodedEvent> {
    let data =
        String::from_utf8(row.try_get("data")?).map_err(|source| sqlx::Error::Decode(source.into()))?;
    Ok(EncodedEvent {
        type_name: row.try_get::<String, _>("type")?.into(),
        schema: row.try_get("schema")?,
        data,
    })
}

/// A digest over all rows of all read models, in an order that does not depend on how they were written.
async fn digest_rows(connection: &mut SqliteConnection) -> sqlx::Result<Digest> {
    let mut hasher = Sha256::new();
    for select in [
        "SELECT hex(session) || json_array(tenant, owner, working_dir, status, created_at, updated_at, cost_micros, state)
         FROM session_index ORDER BY session",
        "SELECT hex(session) || json_array(text) FROM session_text ORDER BY session, rowid",
        "SELECT hex(session) || json_array(tenant, tag) FROM session_tags ORDER BY tenant, tag, session",
        &statistics::ROWS,
        "SELECT json_array(tenant, dimension, owner, day, name, measure, millis) FROM stats_times_by_day
         ORDER BY tenant, dimension, owner, day, name, measure",
        "SELECT json_array(month, tenant, owner, key, calls, cost_micros, input_tokens, output_tokens,
         cache_read_input_tokens, cache_creation_input_tokens) FROM model_spend
         ORDER BY month, tenant, owner, key",
        "SELECT hex(session) || json_array(position, tenant, owner, request_id, view)
         FROM pending_requests ORDER BY position",
        subagents::ROWS,
        "SELECT hex(stream) || json_array(kind, tenant, version, state) FROM aggregates ORDER BY stream",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(&mut *connection).await?;
        for row in rows {
            hasher.update((row.len() as u64).to_be_bytes());
            hasher.update(row.as_bytes());
        }
    }
    Ok(Digest(hasher.finalize().into()))
}
