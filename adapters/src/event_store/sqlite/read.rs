//! The SQLite dialect, reading side: a pool of connections that cannot write.

use std::path::Path;

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::RecordedEvent;
use runner_core::log::chain::{ChainCheck, Codec, Envelope, Flaw, Layout, StoredEvent, Verification};
use runner_core::people::principal::Reach;
use runner_core::ports::{ReadError, WaitingRequest};
use runner_core::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};

use super::commands;
use super::connection::{connect_options, open_error};
use super::payload::events_with_blobs;
use super::values::{digest, parse_index, read_error, signed, unsigned};
use crate::event_store::OpenError;
use crate::event_store::dialect::Heads;
use crate::event_store::rows::{CommandRow, Head};

const READERS: u32 = 4;

/// Events that a verification holds in memory at once.
const VERIFY_PAGE: i64 = 500;

#[derive(Clone, Debug)]
pub(in crate::event_store) struct SqliteReader {
    pub(super) pool: SqlitePool,
}

impl SqliteReader {
    pub(in crate::event_store) async fn open(path: &Path) -> Result<Self, OpenError> {
        let options = connect_options(path).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(READERS).min_connections(1);
        let pool = pool.connect_with(options).await.map_err(|source| open_error(path, source))?;
        Ok(Self { pool })
    }

    pub(in crate::event_store) async fn close(&self) {
        self.pool.close().await;
    }

    pub(in crate::event_store) async fn read(
        &self,
        stream: StreamId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let rows = sqlx::query(concat!(
            "SELECT e.position, e.version, e.type, e.schema, e.recorded_at, e.actor, e.http_request_id,
                 coalesce(b.bytes, e.payload) AS data, e.payload_hash, e.hash FROM ",
            events_with_blobs!(),
            " WHERE e.stream = $1 AND e.version > $2 ORDER BY e.version LIMIT $3",
        ))
        .bind(stream.0)
        .bind(signed(after))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(read_error)?;
        rows.iter().map(recorded_event).collect::<sqlx::Result<_>>().map_err(read_error)
    }

    pub(in crate::event_store) async fn verify(&self, stream: StreamId) -> Result<Verification, ReadError> {
        let mut chain = ChainCheck::of(stream);
        loop {
            let rows = sqlx::query(concat!(
                "SELECT e.*, b.bytes AS blob FROM ",
                events_with_blobs!(),
                " WHERE e.stream = $1 AND e.version > $2 ORDER BY e.version LIMIT $3",
            ))
            .bind(stream.0)
            .bind(signed(chain.events()))
            .bind(VERIFY_PAGE)
            .fetch_all(&self.pool)
            .await
            .map_err(read_error)?;
            if rows.is_empty() {
                return Ok(chain.verified(None));
            }
            for row in &rows {
                let event = stored_event(row).map_err(read_error)?;
                if let Err(flaw) = event.and_then(|event| chain.check(&event)) {
                    return Ok(chain.verified(Some(flaw)));
                }
            }
        }
    }

    pub(in crate::event_store) async fn list_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, ReadError> {
        let rows = sqlx::query(
            "SELECT position, view FROM pending_requests
             WHERE tenant = $1 AND ($2 IS NULL OR owner = $2) AND position > $3 ORDER BY position LIMIT $4",
        )
        .bind(&reach.tenant.0)
        .bind(&reach.owner)
        .bind(signed(after))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(read_error)?;
        rows.iter().map(waiting_request).collect::<sqlx::Result<_>>().map_err(read_error)
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

impl Heads for SqliteReader {
    async fn last_position(&self) -> sqlx::Result<u64> {
        let last = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM events");
        last.fetch_one(&self.pool).await.map(unsigned)
    }

    async fn load_head(&self, stream: StreamId) -> sqlx::Result<Head> {
        let row = sqlx::query(
            "SELECT e.version, e.hash, i.state FROM events e
             LEFT JOIN session_index i ON i.session = e.stream
             WHERE e.stream = $1 ORDER BY e.version DESC LIMIT 1",
        )
        .bind(stream.0)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(Head::default()) };
        let index = row.try_get::<Option<&str>, _>("state")?.map(parse_index).transpose()?;
        Ok(Head { version: unsigned(row.try_get("version")?), hash: digest(&row, "hash")?, index })
    }

    async fn find_command(&self, command: CommandId) -> sqlx::Result<Option<CommandRow>> {
        commands::find(&mut *self.pool.acquire().await?, command).await
    }
}

pub(super) fn waiting_request(row: &SqliteRow) -> sqlx::Result<WaitingRequest> {
    let view: String = row.try_get("view")?;
    let view = serde_json::from_str(&view).map_err(|source| sqlx::Error::Decode(source.into()))?;
    Ok(WaitingRequest { position: unsigned(row.try_get("position")?), view })
}

fn recorded_event(row: &SqliteRow) -> sqlx::Result<RecordedEvent> {
    let data =
        String::from_utf8(row.try_get("data")?).map_err(|source| sqlx::Error::Decode(source.into()))?;
    Ok(RecordedEvent {
        position: unsigned(row.try_get("position")?),
        version: unsigned(row.try_get("version")?),
        type_name: row.try_get("type")?,
        schema: row.try_get("schema")?,
        recorded_at: Timestamp::from_micros(row.try_get("recorded_at")?),
        actor: row.try_get("actor")?,
        http_request_id: row.try_get("http_request_id")?,
        data,
        payload_hash: digest(row, "payload_hash")?,
        hash: digest(row, "hash")?,
    })
}

/// An event as it is checked; a flaw where not even its layout or its codec is known.
fn stored_event(row: &SqliteRow) -> sqlx::Result<Result<StoredEvent<'_>, Flaw>> {
    let layout = Layout::from_number(row.try_get("layout")?);
    let codec = Codec::from_number(row.try_get("codec")?);
    let (layout, codec) = match (layout, codec) {
        (Ok(layout), Ok(codec)) => (layout, codec),
        (Err(flaw), _) | (Ok(_), Err(flaw)) => return Ok(Err(flaw)),
    };
    let envelope = Envelope {
        layout,
        stream: StreamId(row.try_get("stream")?),
        kind: row.try_get("kind")?,
        tenant: row.try_get("tenant")?,
        version: unsigned(row.try_get("version")?),
        type_name: row.try_get("type")?,
        schema: row.try_get("schema")?,
        recorded_at: Timestamp::from_micros(row.try_get("recorded_at")?),
        command: CommandId(row.try_get("command_id")?),
        actor: row.try_get("actor")?,
        http_request_id: row.try_get("http_request_id")?,
        address: row.try_get("address")?,
        codec,
        payload_hash: digest(row, "payload_hash")?,
    };
    let (payload, blob) = (row.try_get("payload")?, row.try_get("blob")?);
    Ok(Ok(StoredEvent { envelope, payload, blob, hash: digest(row, "hash")? }))
}
