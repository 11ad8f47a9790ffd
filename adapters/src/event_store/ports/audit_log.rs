//! The log as who audits reads it.

use async_trait::async_trait;
use runner_core::people::audit::{AuditFilter, AuditPage};
use runner_core::ports::{AuditLog, ReadError};

use crate::event_store::EventStore;

#[async_trait]
impl AuditLog for EventStore {
    async fn read_audit(&self, filter: AuditFilter) -> Result<AuditPage, ReadError> {
        self.reader.read_audit(&filter).await.map_err(|source| ReadError(source.into()))
    }
}
