//! Appends and reads.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use runner_core::ids::{CommandId, SecretId, StreamId, TenantId};
use runner_core::log::chain::Verification;
use runner_core::log::{Append, Appended, Digest, RecordedEvent, StoredAggregate};
use runner_core::ports::{AppendError, EventLog, ReadError};

use crate::event_store::EventStore;
use crate::event_store::dialect::Heads as _;
use crate::event_store::writer::{replay, unavailable};

#[async_trait]
impl EventLog for EventStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.submit(append).await
    }

    async fn read(&self, stream: StreamId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, ReadError> {
        self.reader.read(stream, after, limit).await
    }

    async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> Result<Option<StoredAggregate>, ReadError> {
        self.reader.load_aggregate(kind, stream).await.map_err(|source| ReadError(source.into()))
    }

    async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<StoredAggregate>, ReadError> {
        self.reader.list_aggregates(kind, tenant).await.map_err(|source| ReadError(source.into()))
    }

    async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError> {
        self.reader.load_secret(secret).await.map_err(|source| ReadError(source.into()))
    }

    async fn find_command(
        &self,
        command: CommandId,
        request_hash: Digest,
    ) -> Result<Option<Appended>, AppendError> {
        let found = self.reader.find_command(command).await.map_err(unavailable)?;
        found.map(|first| replay(&first, request_hash)).transpose()
    }

    fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Relaxed)
    }

    async fn verify(&self, stream: StreamId) -> Result<Verification, ReadError> {
        self.reader.verify(stream).await
    }
}
