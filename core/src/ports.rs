//! What the domain needs done by others. Adapters implement these; actors and routes call them.

mod agent;
mod directory;
pub mod hooks;
mod launch;
mod log;
mod mcp;
pub mod model;
mod workspace;

use crate::time::Timestamp;

pub use agent::{
    AgentError, AgentExit, AgentInput, AgentOutputs, AgentPlace, AgentProber, AgentRuntime, AgentStatus,
    BuiltInAgent, GateVerdict, MeasuredBy, ProcessUsage, RunningAgent, Swept, ToolInfo,
};
pub use directory::{
    AuditLog, ChangedSession, ChangedSessions, MAX_CHANGES, SessionCounts, SessionCursor, SessionDirectory,
    SessionFilter, SessionSort, StatisticsRecord, SubagentRecord, WaitingRequest,
};
pub use launch::{AgentLaunch, AgentSeat, AgentSetup};
pub use log::{AppendError, EventLog, ReadError};
pub use mcp::{McpProber, McpReport, McpTool, McpTrial, McpUnusable};
pub use workspace::{
    AgentFile, AgentFiles, EntryKind, EntryName, EntryRefusal, FolderEntry, FolderReader, WorkspaceSight,
    WorkspaceWatch,
};

/// Tells the time. The only way the time gets into the program.
pub trait Clock: Send + Sync {
    /// Never earlier than what it said before.
    fn now(&self) -> Timestamp;
}
