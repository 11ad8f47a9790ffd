//! What the domain needs done by others. Adapters implement these; actors and routes call them.

mod agent;

use std::path::Path;

use async_trait::async_trait;
use thiserror::Error;

use crate::aggregate::{Change, StoredAggregate, TenantId};
use crate::audit::{AuditFilter, AuditPage};
use crate::event_log::{Append, Appended, Digest, RecordedEvent, Verification};
use crate::ids::{CommandId, SecretId, SessionId, StreamId};
use crate::principal::Reach;
use crate::session::index::{SessionStatus, SessionSummary};
use crate::time::Timestamp;
use crate::workspace::{UnobservedReason, WorkspaceReport};

pub use agent::{
    AgentError, AgentExit, AgentInput, AgentLaunch, AgentOutputs, AgentPlace, AgentRuntime, AgentStatus,
    GateVerdict, RunningAgent, ToolInfo,
};

/// Tells the time. The only way the time gets into the program.
pub trait Clock: Send + Sync {
    /// Never earlier than what it said before.
    fn now(&self) -> Timestamp;
}

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

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    pub reach: Reach,
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

    /// Of one tenant or of all.
    async fn count(&self, tenant: Option<&TenantId>) -> Result<SessionCounts, ReadError>;

    /// What waits for people in sessions within reach, the oldest first: at most `limit` after a position.
    async fn list_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, ReadError>;
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

/// The log as who audits reads it: events of every kind, of one tenant.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The newest first. Looks at a bounded part of the log, however long that is.
    async fn read_audit(&self, filter: AuditFilter) -> Result<AuditPage, ReadError>;
}

/// A request in the index, as JSON of a `RequestView`.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingRequest {
    /// Where the log has it.
    pub position: u64,
    pub view: serde_json::Value,
}

/// The agent's own files of a session, without which it cannot take the session up elsewhere.
#[async_trait]
pub trait AgentFiles: Send + Sync {
    /// Keeps the files as they are now, in place of what was kept of them before.
    async fn save(&self, session: SessionId, files: &[AgentFile]) -> Result<(), AppendError>;

    async fn load(&self, session: SessionId) -> Result<Vec<AgentFile>, ReadError>;
}

/// A file of the agent, by its path below the folder that the agent keeps them in.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for AgentFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.path, self.bytes.len())
    }
}

/// Sees what commands change in folders.
#[async_trait]
pub trait WorkspaceWatch: Send + Sync {
    /// Takes note of what a folder's files are like. Absent where nobody looks: outside of git repositories.
    ///
    /// The folder may be hostile: nothing that is in it may be run, waited for, or read without a limit.
    async fn look(&self, folder: &Path) -> Result<Option<Box<dyn WorkspaceSight>>, UnobservedReason>;
}

/// What a folder's files were like.
#[async_trait]
pub trait WorkspaceSight: Send + Sync {
    /// What is different now. The next call compares with what this one saw.
    async fn changes(&mut self) -> WorkspaceReport;

    /// Takes a file as it is now: how it changed is known already.
    async fn accept(&mut self, path: &str);
}
