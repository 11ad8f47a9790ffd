//! The SQLite dialect, reading side: a pool of connections that cannot write.

use std::path::Path;

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::{Digest, RecordedEvent, Verification};
use runner_core::people::principal::Reach;
use runner_core::ports::{ReadError, WaitingRequest};
use runner_core::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};

use super::{connect_options, digest, find_command, open_error, parse_index, signed, unsigned};
use crate::event_store::OpenError;
use crate::event_store::batch::{CommandRow, Head};
use crate::event_store::chain::{self, Codec, Header};

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

    pub(in crate::event_store) async fn find_command(
        &self,
        command: CommandId,
    ) -> sqlx::Result<Option<CommandRow>> {
        find_command(&mut *self.pool.acquire().await?, command).await
    }

    /// The last position of the log; zero if it is empty.
    pub(in crate::event_store) async fn last_position(&self) -> sqlx::Result<u64> {
        let last = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM events");
        last.fetch_one(&self.pool).await.map(unsigned)
    }

    /// Where a stream ends, with the index of its session if it is one.
    pub(in crate::event_store) async fn load_head(&self, stream: StreamId) -> sqlx::Result<Head> {
        let row = sqlx::query(
            "SELECT e.version, e.hash, i.state FROM events e
             LEFT JOIN session_index i ON i.session = e.stream
             WHERE e.stream = $1 ORDER BY e.version DESC LIMIT 1",
        )
        .bind(stream.0)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(Head::default()) };
        let index = row.try_get::<Option<String>, _>("state")?.as_deref().map(parse_index).transpose()?;
        Ok(Head { version: unsigned(row.try_get("version")?), hash: digest(&row, "hash")?, index })
    }

    pub(in crate::event_store) async fn read(
        &self,
        stream: StreamId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let rows = sqlx::query(
            "SELECT e.position, e.version, e.type, e.schema, e.recorded_at, e.actor, e.request_id,
             coalesce(b.bytes, e.payload) AS data, e.payload_hash, e.hash
             FROM events e LEFT JOIN blobs b ON e.codec IN (1, 3) AND b.hash = e.payload
             WHERE e.stream = $1 AND e.version > $2 ORDER BY e.version LIMIT $3",
        )
        .bind(stream.0)
        .bind(signed(after))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(read_error)?;
        rows.iter().map(recorded_event).collect::<sqlx::Result<_>>().map_err(read_error)
    }

    pub(in crate::event_store) async fn verify(&self, stream: StreamId) -> Result<Verification, ReadError> {
        let mut chain = ChainCheck { stream, events: 0, head: Digest::default() };
        loop {
            let rows = sqlx::query(
                "SELECT e.*, b.bytes AS blob FROM events e
                 LEFT JOIN blobs b ON e.codec IN (1, 3) AND b.hash = e.payload
                 WHERE e.stream = $1 AND e.version > $2 ORDER BY e.version LIMIT $3",
            )
            .bind(stream.0)
            .bind(signed(chain.events))
            .bind(VERIFY_PAGE)
            .fetch_all(&self.pool)
            .await
            .map_err(read_error)?;
            if rows.is_empty() {
                return Ok(chain.verified(None));
            }
            for row in &rows {
                if let Err(reason) = chain.check(row).map_err(read_error)? {
                    return Ok(chain.verified(Some(reason.to_owned())));
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

fn waiting_request(row: &SqliteRow) -> sqlx::Result<WaitingRequest> {
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
        request_id: row.try_get("request_id")?,
        data,
        payload_hash: digest(row, "payload_hash")?,
        hash: digest(row, "hash")?,
    })
}

/// A walk along one session's chain, recomputing every hash from what is stored.
struct ChainCheck {
    stream: StreamId,
    events: u64,
    head: Digest,
}

impl ChainCheck {
    fn check(&mut self, row: &SqliteRow) -> sqlx::Result<Result<(), &'static str>> {
        let version = unsigned(row.try_get("version")?);
        if version != self.events + 1 {
            return Ok(Err("an event is missing"));
        }
        let Some(codec) = Codec::from_number(row.try_get("codec")?) else {
            return Ok(Err("the payload's codec is unknown"));
        };
        let payload: Vec<u8> = row.try_get("payload")?;
        let blob: Option<Vec<u8>> = row.try_get("blob")?;
        let blob_fits = blob.is_some_and(|bytes| chain::content_hash(&bytes).0[..] == payload[..]);
        if codec.is_blob() && !blob_fits {
            return Ok(Err("the payload's blob is missing or changed"));
        }
        let payload_hash = chain::payload_hash(codec, &payload);
        if payload_hash != digest(row, "payload_hash")? {
            return Ok(Err("the payload does not have the hash that was recorded"));
        }
        let header = Header {
            position: unsigned(row.try_get("position")?),
            codec,
            stream: self.stream,
            kind: row.try_get("kind")?,
            tenant: row.try_get("tenant")?,
            version,
            type_name: row.try_get("type")?,
            schema: row.try_get("schema")?,
            recorded_at: row.try_get("recorded_at")?,
            command_id: row.try_get("command_id")?,
            actor: row.try_get("actor")?,
            request_id: row.try_get("request_id")?,
            address: row.try_get("address")?,
        };
        let hash = chain::event_hash(self.head, &header, payload_hash);
        if hash != digest(row, "hash")? {
            return Ok(Err("the event does not follow from the one before it"));
        }
        self.events = version;
        self.head = hash;
        Ok(Ok(()))
    }

    fn verified(self, reason: Option<String>) -> Verification {
        Verification {
            valid: reason.is_none(),
            events: self.events,
            head_hash: self.head,
            checkpoint: None,
            first_bad_version: reason.as_ref().map(|_| self.events + 1),
            reason,
        }
    }
}

pub(super) fn read_error(source: sqlx::Error) -> ReadError {
    ReadError(source.into())
}
