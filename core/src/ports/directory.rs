//! What is looked up across sessions: the index of them, what waits for people, and the audit trail.

use async_trait::async_trait;

use super::log::ReadError;
use crate::ids::{SessionId, TenantId};
use crate::people::audit::{AuditFilter, AuditPage};
use crate::people::principal::Reach;
use crate::session::index::{SessionStatus, SessionSummary};
use crate::statistics::{Statistics, StatisticsFilter};
use crate::subagents::{ListedSubagent, SubagentFilter};
use crate::time::Timestamp;

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    pub reach: Reach,
    /// Whose; within reach only.
    pub owner: Option<String>,
    pub tag: Option<String>,
    /// When something happened in it last, from a time on and before one.
    pub updated: (Option<Timestamp>, Option<Timestamp>),
    pub working_dir: Option<String>,
    pub status: Option<SessionStatus>,
    /// Words that must occur in a title, a prompt or a result.
    pub text: Option<String>,
    pub sort: SessionSort,
    pub limit: u32,
    /// Where the page before ended.
    pub after: Option<SessionCursor>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionSort {
    #[default]
    UpdatedAt,
    CreatedAt,
    Cost,
}

/// The last row of a page, by what it is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    pub key: i64,
    pub session: SessionId,
}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    pub stored: u64,
    pub running: u64,
    pub waiting: u64,
}

/// The index of sessions, kept in the same transaction as the log.
#[async_trait]
pub trait SessionDirectory: Send + Sync {
    /// A page, and where the next one begins if there is one.
    async fn list(
        &self,
        filter: SessionFilter,
    ) -> Result<(Vec<SessionSummary>, Option<SessionCursor>), ReadError>;

    /// Absent alike for a session that is not there and one out of reach: what is looked up is the same.
    async fn find(&self, reach: &Reach, session: SessionId) -> Result<Option<SessionSummary>, ReadError>;

    /// Sessions whose log says that a turn runs or a prompt waits.
    async fn list_unfinished(&self) -> Result<Vec<SessionId>, ReadError>;

    /// Of one team or of all.
    async fn count(&self, tenant: Option<&TenantId>) -> Result<SessionCounts, ReadError>;

    /// What waits for people in sessions within reach, the oldest first: at most `limit` after a position.
    async fn list_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, ReadError>;

    /// Sessions within reach of which something was stored after a position of the log, those that changed
    /// last at the end. Without a position, only how far the log has come.
    async fn list_changed(&self, reach: &Reach, after: Option<u64>) -> Result<ChangedSessions, ReadError>;
}

/// The most events, of all sessions, through which it is told which sessions changed.
pub const MAX_CHANGES: u64 = 5000;

/// What became of sessions since somebody looked.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedSessions {
    /// How far the log had come.
    pub position: u64,
    /// Absent where more than [`MAX_CHANGES`] events are in between, or the log never came so far.
    pub sessions: Option<Vec<ChangedSession>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ChangedSession {
    pub summary: SessionSummary,
    /// All that wait in it for people, each as JSON of a `RequestView`, the oldest first.
    pub requests: Vec<serde_json::Value>,
}

/// A request in the index, as JSON of a `RequestView`.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingRequest {
    /// Where the log has it.
    pub position: u64,
    pub view: serde_json::Value,
}

/// The log as who audits reads it: events of every kind, of one team.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The newest first. Looks at a bounded part of the log, however long that is.
    async fn read_audit(&self, filter: AuditFilter) -> Result<AuditPage, ReadError>;
}

/// What was counted of turns, models, tools, requests and files, kept in the same transaction as the log.
#[async_trait]
pub trait StatisticsRecord: std::fmt::Debug + Send + Sync {
    async fn read_statistics(&self, filter: &StatisticsFilter) -> Result<Statistics, ReadError>;
}

/// The subagents of all sessions, kept in the same transaction as the log.
#[async_trait]
pub trait SubagentRecord: std::fmt::Debug + Send + Sync {
    /// The last that began first: at most `limit`, and only those that began before a place in the log.
    async fn list_subagents(
        &self,
        filter: &SubagentFilter,
        (before, limit): (Option<u64>, u32),
    ) -> Result<Vec<ListedSubagent>, ReadError>;

    /// What has changed after a place in the log, in the order of the last changes.
    async fn list_changed_subagents(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ListedSubagent>, ReadError>;

    /// The place of the last change of any.
    async fn last_change_of_subagents(&self, reach: &Reach) -> Result<u64, ReadError>;
}
