//! The append-only log, and the views of it that adapters keep.

use async_trait::async_trait;
use thiserror::Error;

use crate::ids::{CommandId, SecretId, SessionId, StreamId, TenantId};
use crate::log::aggregate::{Change, StoredAggregate};
use crate::log::event_log::{Append, Appended, Digest, RecordedEvent, Verification};

/// Why nothing was appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Somebody else appended first; load again and decide again.
    #[error("the session is at version {actual}, not {expected}")]
    Conflict { expected: u64, actual: u64 },
    #[error("the command id was used for a different request")]
    CommandReused,
    /// The writer's queue is full; nothing was written.
    #[error("too many appends are waiting")]
    Overloaded,
    /// Whether it was written is unknown until the session is read again.
    #[error("the event log cannot be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The log could not be read.
#[derive(Debug, Error)]
#[error("the event log cannot be read")]
pub struct ReadError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The append-only log. An append is acknowledged after it is durable, never before.
#[async_trait]
pub trait EventLog: Send + Sync {
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Events with `after < version`, in order, at most `limit`.
    async fn read(&self, session: SessionId, after: u64, limit: u32)
    -> Result<Vec<RecordedEvent>, ReadError>;

    /// Where an earlier request under this id put its events; an error if it asked for something else.
    async fn find_command(
        &self,
        command: CommandId,
        request_hash: Digest,
    ) -> Result<Option<Appended>, AppendError>;

    /// Whether the last append that was tried got to the disk.
    fn is_writable(&self) -> bool;

    /// Recomputes every hash of a session from what is stored.
    async fn verify(&self, session: SessionId) -> Result<Verification, ReadError>;
}

/// Aggregates other than sessions, in the same log, and the secrets beside them.
#[async_trait]
pub trait AggregateLog: Send + Sync {
    async fn append_change(&self, change: Change) -> Result<Appended, AppendError>;

    /// `None` also where the stream is of another kind.
    async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> Result<Option<StoredAggregate>, ReadError>;

    /// All of a kind, in the order of their streams; of one tenant or of all.
    async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<StoredAggregate>, ReadError>;

    /// The sealed bytes of a secret.
    async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError>;
}
