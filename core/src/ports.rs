//! What the domain needs done by others. Adapters implement these; actors and routes call them.

use core::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::agent::{AgentOptions, AgentOutput, PermissionMode};
use crate::aggregate::{Change, StoredAggregate, TenantId};
use crate::audit::{AuditFilter, AuditPage};
use crate::event_log::{Append, Appended, Digest, RecordedEvent, Verification};
use crate::ids::{CommandId, ProcessId, SecretId, SessionId, StreamId, TurnId};
use crate::model_access::SpentBefore;
use crate::principal::Reach;
use crate::prompt::Attachment;
use crate::protection::AgentProtection;
use crate::session::fork::Said;
use crate::session::index::{SessionStatus, SessionSummary};
use crate::session::requests::SettledRequest;
use crate::time::Timestamp;
use crate::trust::Trust;
use crate::workspace::{UnobservedReason, WorkspaceReport};

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

    async fn find(&self, session: SessionId) -> Result<Option<SessionSummary>, ReadError>;

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

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct AgentLaunch {
    pub session: SessionId,
    pub tenant: TenantId,
    pub owner: String,
    pub process: ProcessId,
    pub working_dir: PathBuf,
    /// Its team's folder: whatever the agent's folders have become, they must lie below it.
    pub within: Option<PathBuf>,
    pub permission_mode: PermissionMode,
    pub options: AgentOptions,
    /// What was spent before it started.
    pub spent: SpentBefore,
    /// What was kept of the agent's files; used where the machine has less.
    pub files: Vec<AgentFile>,
    /// Whether the agent loads what the working folder brings.
    pub trust: Trust,
    /// The tool use to go on with. No prompt is needed: the agent comes to its gate by itself.
    pub resume_at: Option<String>,
}

/// Why no agent runs.
#[derive(Clone, Debug, Error)]
pub enum AgentError {
    /// The program is not installed; the text says how to install it.
    #[error("{0}")]
    NotInstalled(String),
    #[error("the folder {} does not exist", .0.display())]
    WorkingDirMissing(PathBuf),
    #[error("the folder {} is not one that agents may work in", .0.display())]
    WorkingDirNotAllowed(PathBuf),
    #[error("the agent could not be started: {0}")]
    NotStarted(String),
    /// The program has ended; nothing can be said to it.
    #[error("the agent has ended")]
    Ended,
    /// The agent was asked to do something and would not.
    #[error("{0}")]
    Refused(String),
}

/// How an agent's program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentExit {
    /// For people: exit code or signal, and what it said last on its error output.
    pub detail: String,
    /// It ended before it ever answered.
    pub at_start: bool,
}

/// A name, a sentence and a kind for each tool of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ToolInfo {
    pub name: &'static str,
    pub description: &'static str,
    pub category: &'static str,
    pub modifies_files: bool,
}

/// What is known about the agent's program and the model behind it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AgentStatus {
    pub program: Option<String>,
    pub version: Option<String>,
    /// `api_key`, `login` or `offline`; never the secret itself.
    pub credentials: &'static str,
    /// Whether the server stands between the agent and the model, so that the agent holds no key. With a
    /// login it does not: the agent renews that by itself.
    pub gateway: bool,
    pub offline: bool,
    pub protection: AgentProtection,
    /// What to do where something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Runs agents. Dropping what [`AgentRuntime::start`] returned ends the agent and all it started.
#[async_trait]
pub trait AgentRuntime: Send + Sync {
    async fn start(&self, launch: AgentLaunch) -> Result<RunningAgent, AgentError>;

    /// Whether an agent could be started; looks again for what was missing.
    async fn check(&self) -> Result<(), AgentError>;

    fn status(&self) -> AgentStatus;

    fn tools(&self) -> &'static [ToolInfo];

    /// A session's files, as soon as its transcript has `mark` in it: an id that its agent has just told.
    async fn files(&self, session: SessionId, mark: &str) -> Vec<AgentFile>;

    /// The files for a session `to` that begins as a copy of `from`: with the conversation up to what was
    /// `said` there, and nothing of what came later. `stored` is what was kept of the files of `from`.
    async fn fork_files(
        &self,
        (from, to): (SessionId, SessionId),
        said: Vec<Said>,
        stored: Vec<AgentFile>,
    ) -> Vec<AgentFile>;

    /// Whether the far end of a connection to a port of this machine may be an agent's, or of something that
    /// an agent has started. What cannot be told may be.
    async fn may_have_connected(&self, peer: SocketAddr, port: u16) -> bool;

    /// Starts an agent for a session that may never be opened; an error where one of later could differ.
    async fn start_ahead(&self, launch: AgentLaunch) -> Result<(RunningAgent, AgentPlace), AgentError>;

    /// Gives such an agent to its session, unless one that is started now would be another.
    async fn adopt(&self, launch: &AgentLaunch, place: &AgentPlace) -> bool;

    /// Removes what was made for a session that is not opened after all; its agent has ended.
    async fn discard(&self, session: SessionId);

    /// Ends what an earlier run of this server left behind; says how many programs that were.
    async fn sweep(&self) -> usize;
}

/// What an agent has seen of the machine when it started, beside what it was told: a text that is another
/// one when something of that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPlace(pub String);

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

/// Both directions of a started agent.
pub struct RunningAgent {
    pub input: Arc<dyn AgentInput>,
    pub outputs: Box<dyn AgentOutputs>,
}

impl std::fmt::Debug for RunningAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningAgent").finish_non_exhaustive()
    }
}

/// What can be said to an agent.
#[async_trait]
pub trait AgentInput: Send + Sync {
    async fn prompt(&self, turn: TurnId, text: &str, attachments: &[Attachment]) -> Result<(), AgentError>;

    /// Answers a request of the agent; `request_id` is the one that it waits for now.
    async fn answer(
        &self,
        request_id: &str,
        settled: &SettledRequest,
        mode_after: Option<PermissionMode>,
    ) -> Result<(), AgentError>;

    /// Lets a tool use through its gate, or not.
    async fn answer_gate(&self, gate_id: &str, verdict: GateVerdict<'_>) -> Result<(), AgentError>;

    async fn interrupt(&self) -> Result<(), AgentError>;

    /// Takes back a prompt that the agent has not begun with.
    async fn withdraw(&self, message: TurnId) -> Result<(), AgentError>;

    async fn change_mode(&self, mode: PermissionMode) -> Result<(), AgentError>;

    /// `None` is the agent's own choice.
    async fn change_model(&self, model: Option<&str>) -> Result<(), AgentError>;

    /// Reads what the process has spent so far.
    async fn meter(&self) -> Result<AgentOutput, AgentError>;

    /// Puts files back to what they were before a turn; says which.
    async fn rewind(&self, turn: TurnId) -> Result<Vec<String>, AgentError>;

    /// Ends the program and everything it started at once, in the middle of whatever it does.
    async fn kill(&self);

    /// Ends the program and everything it started; returns when nothing of it is left.
    async fn stop(&self);
}

/// What becomes of a tool use at its gate.
#[derive(Clone, Copy, Debug)]
pub enum GateVerdict<'a> {
    /// The agent's own rules decide, and it asks where they say so.
    Pass,
    Refuse(&'a str),
    /// It was decided about before the agent was started.
    Settled(&'a SettledRequest),
}

/// What an agent says.
#[async_trait]
pub trait AgentOutputs: Send {
    /// The next things said, at least one; or how the program ended.
    async fn next(&mut self) -> Result<Vec<AgentOutput>, AgentExit>;
}
