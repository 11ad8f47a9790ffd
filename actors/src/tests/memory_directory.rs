//! The index of sessions and the agents' files in memory, folded from the log whenever somebody asks.

use async_trait::async_trait;
use runner_core::ids::{SessionId, TenantId};
use runner_core::people::principal::Reach;
use runner_core::ports::{
    AgentFile, AgentFiles, AppendError, ChangedSession, ChangedSessions, ReadError, SessionCounts,
    SessionCursor, SessionDirectory, SessionFilter, WaitingRequest,
};
use runner_core::session::index::{SessionStatus, SessionSummary};

use super::memory_log::{MemoryLog, Saved};

#[async_trait]
impl SessionDirectory for MemoryLog {
    async fn list(
        &self,
        filter: SessionFilter,
    ) -> Result<(Vec<SessionSummary>, Option<SessionCursor>), ReadError> {
        let mut sessions = self.summaries();
        sessions.retain(|summary| filter.reach.covers(&summary.tenant, &summary.head.owner));
        Ok((sessions, None))
    }

    async fn find(&self, reach: &Reach, session: SessionId) -> Result<Option<SessionSummary>, ReadError> {
        let found = self.index(session).map(|index| index.summary());
        Ok(found.filter(|found| reach.covers(&found.tenant, &found.head.owner)))
    }

    async fn list_unfinished(&self) -> Result<Vec<SessionId>, ReadError> {
        let unfinished = |summary: &SessionSummary| {
            matches!(summary.head.status, SessionStatus::Running | SessionStatus::Waiting)
        };
        Ok(self
            .summaries()
            .iter()
            .filter(|summary| unfinished(summary))
            .map(|summary| summary.head.id)
            .collect())
    }

    async fn count(&self, tenant: Option<&TenantId>) -> Result<SessionCounts, ReadError> {
        let mut own = self.summaries();
        own.retain(|summary| tenant.is_none_or(|tenant| summary.tenant == *tenant));
        let count =
            |status: SessionStatus| own.iter().filter(|summary| summary.head.status == status).count() as u64;
        let (running, waiting) = (count(SessionStatus::Running), count(SessionStatus::Waiting));
        Ok(SessionCounts { stored: own.len() as u64, running, waiting })
    }

    async fn list_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, ReadError> {
        let mut within = self.summaries();
        within.retain(|summary| reach.covers(&summary.tenant, &summary.head.owner));
        let views = within.iter().flat_map(|summary| self.requests(summary.head.id));
        let mut waiting: Vec<WaitingRequest> = views
            .map(|view| WaitingRequest {
                position: self.position(view.session_id, view.version),
                view: serde_json::to_value(view).unwrap(),
            })
            .collect();
        waiting.retain(|request| request.position > after);
        waiting.sort_by_key(|request| request.position);
        waiting.truncate(limit as usize);
        Ok(waiting)
    }

    async fn list_changed(&self, reach: &Reach, after: Option<u64>) -> Result<ChangedSessions, ReadError> {
        let last = |summary: &SessionSummary| self.position(summary.head.id, summary.head.version);
        let all = self.summaries();
        let position = all.iter().map(last).max().unwrap_or(0);
        let mut changed = all;
        changed.retain(|summary| {
            reach.covers(&summary.tenant, &summary.head.owner) && last(summary) > after.unwrap_or(position)
        });
        changed.sort_by_key(last);
        let with_requests = changed.into_iter().map(|summary| ChangedSession {
            requests: self
                .requests(summary.head.id)
                .iter()
                .map(|view| serde_json::to_value(view).unwrap())
                .collect(),
            summary,
        });
        Ok(ChangedSessions { position, sessions: Some(with_requests.collect()) })
    }
}

#[async_trait]
impl AgentFiles for MemoryLog {
    async fn save(&self, session: SessionId, files: &[AgentFile]) -> Result<(), AppendError> {
        tokio::task::yield_now().await;
        let version = self.events(session).len();
        self.lock().files.insert(session, Saved { files: files.to_vec(), version });
        Ok(())
    }

    async fn load(&self, session: SessionId) -> Result<Vec<AgentFile>, ReadError> {
        tokio::task::yield_now().await;
        Ok(self.saved(session).map_or_else(Vec::new, |saved| saved.files))
    }
}
