//! The append-only log, and the views of it that adapters keep.

use async_trait::async_trait;
use thiserror::Error;

use crate::ids::{CommandId, SecretId, StreamId, TenantId};
use crate::log::chain::Verification;
use crate::log::{Append, Appended, Digest, RecordedEvent, StoredAggregate};

/// Why nothing was appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Somebody else appended first; load again and decide again.
    #[error("the stream is at version {actual}, not {expected}")]
    Conflict { expected: u64, actual: u64 },
    #[error("the command id was used for a different request")]
    CommandReused,
    /// The writer's queue is full; nothing was written.
    #[error("too many appends are waiting")]
    Overloaded,
    /// Whether it was written is unknown until the stream is read again.
    #[error("the event log cannot be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The log could not be read.
#[derive(Debug, Error)]
#[error("the event log cannot be read")]
pub struct ReadError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The append-only log of every aggregate, with the states and the secrets that are written in the same
/// transactions. An append is acknowledged after it is durable, never before.
#[async_trait]
pub trait EventLog: Send + Sync {
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Events of a stream with `after < version`, in order, at most `limit`.
    async fn read(&self, stream: StreamId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, ReadError>;

    /// The state that the last append to a stream left; `None` also where the stream is of another kind, or
    /// of one whose states are not kept.
    async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> Result<Option<StoredAggregate>, ReadError>;

    /// All of a kind, in the order of their streams; of one team or of all.
    async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<StoredAggregate>, ReadError>;

    /// The sealed bytes of a secret.
    async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError>;

    /// Where an earlier request under this id put its events; an error if it asked for something else.
    async fn find_command(
        &self,
        command: CommandId,
        request_hash: Digest,
    ) -> Result<Option<Appended>, AppendError>;

    /// Whether the last append that was tried got to the disk.
    fn is_writable(&self) -> bool;

    /// Recomputes every hash of a stream from what is stored.
    async fn verify(&self, stream: StreamId) -> Result<Verification, ReadError>;
}
