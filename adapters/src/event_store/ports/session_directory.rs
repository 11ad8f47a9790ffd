//! The index of sessions, and what waits in them for people.

use async_trait::async_trait;
use runner_core::ids::{SessionId, TenantId};
use runner_core::people::principal::Reach;
use runner_core::ports::{
    ChangedSessions, ReadError, SessionCounts, SessionCursor, SessionDirectory, SessionFilter, WaitingRequest,
};
use runner_core::session::index::SessionSummary;

use crate::event_store::EventStore;

#[async_trait]
impl SessionDirectory for EventStore {
    async fn list(
        &self,
        filter: SessionFilter,
    ) -> Result<(Vec<SessionSummary>, Option<SessionCursor>), ReadError> {
        self.reader.list(filter).await
    }

    async fn find(&self, reach: &Reach, session: SessionId) -> Result<Option<SessionSummary>, ReadError> {
        self.reader.find(reach, session).await
    }

    async fn list_unfinished(&self) -> Result<Vec<SessionId>, ReadError> {
        self.reader.list_unfinished().await
    }

    async fn count(&self, tenant: Option<&TenantId>) -> Result<SessionCounts, ReadError> {
        self.reader.count(tenant).await
    }

    async fn list_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, ReadError> {
        self.reader.list_requests(reach, after, limit).await
    }

    async fn list_changed(&self, reach: &Reach, after: Option<u64>) -> Result<ChangedSessions, ReadError> {
        self.reader.list_changed(reach, after).await
    }
}
