//! Agents: starting them, talking to them, and what they leave behind.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::AgentFile;
use super::launch::AgentLaunch;
use crate::agent::{AgentOutput, PermissionMode};
use crate::agent_protection::AgentProtection;
use crate::ids::{SessionId, TurnId};
use crate::prompt::Attachment;
use crate::session::fork::ConversationPart;
use crate::session::requests::SettledRequest;
use crate::setup::agent_proof::Finding;
use crate::spend::ModelCall;

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

/// A subagent that the agent brings itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltInAgent {
    pub name: &'static str,
    pub description: &'static str,
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

    /// The version of the program, if an agent could be started; looks again for what was missing.
    async fn check(&self) -> Result<String, AgentError>;

    fn status(&self) -> AgentStatus;

    fn tools(&self) -> &'static [ToolInfo];

    fn built_in_agents(&self) -> &'static [BuiltInAgent];

    /// A session's files, as soon as the conversation has `mark` in it: an id that its agent has just told.
    async fn files(&self, session: SessionId, conversation: Uuid, mark: &str) -> Vec<AgentFile>;

    /// The files for a session `to` that begins as a copy of `from`: with the conversation up to what was
    /// `said` there, and nothing of what came later. `stored` is what was kept of the files of `from`.
    async fn fork_files(
        &self,
        (from, to): (SessionId, SessionId),
        said: Vec<ConversationPart>,
        stored: Vec<AgentFile>,
    ) -> Vec<AgentFile>;

    /// Whether the far end of a connection to an address of this machine may be an agent's, or of something
    /// that an agent has started. What cannot be told may be.
    async fn may_have_connected(&self, peer: SocketAddr, here: SocketAddr) -> bool;

    /// Starts an agent for a session that may never be opened; an error where one of later could differ.
    async fn start_ahead(&self, launch: AgentLaunch) -> Result<(RunningAgent, AgentPlace), AgentError>;

    /// Gives such an agent to its session, unless one that is started now would be another.
    async fn adopt(&self, launch: &AgentLaunch, place: &AgentPlace) -> bool;

    /// Removes what was made for a session that is not opened after all; its agent has ended.
    async fn discard(&self, session: SessionId);

    /// Ends what an earlier run of this server left behind.
    async fn sweep(&self) -> Swept;

    /// Forgets the calls that [`AgentRuntime::sweep`] told of: the log has them now.
    async fn forget_left_calls(&self);
}

/// What an earlier run of the server left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The number of programs that were ended.
    pub processes: usize,
    /// Calls of models that were sent, by session. The log may have some of them.
    pub calls: Vec<(SessionId, Vec<ModelCall>)>,
}

/// What an agent has seen of the machine when it started, beside what it was told: a text that is another
/// one when something of that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPlace(pub String);

/// Tries the program out.
#[async_trait(?Send)]
pub trait AgentProber {
    /// One finding for each promise, whatever goes wrong.
    async fn probe(&self) -> Vec<Finding>;
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

/// What can be said to an agent. It is said in the order of the calls. Nothing is waited for but where an
/// answer is given back.
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

    /// Lets a tool use through its gate, or not; with another input than it came with, where there is one.
    async fn answer_gate(
        &self,
        gate_id: &str,
        verdict: GateVerdict<'_>,
        updated_input: Option<&Value>,
    ) -> Result<(), AgentError>;

    async fn interrupt(&self) -> Result<(), AgentError>;

    /// Has it end work beside its conversation; that it has ended is said by the agent.
    async fn stop_work(&self, task_id: &str) -> Result<(), AgentError>;

    /// Takes back a prompt that the agent has not begun with.
    async fn withdraw(&self, message: TurnId) -> Result<(), AgentError>;

    async fn change_mode(&self, mode: PermissionMode) -> Result<(), AgentError>;

    /// `None` is the agent's own choice.
    async fn change_model(&self, model: Option<&str>) -> Result<(), AgentError>;

    /// Reads what the process has spent so far.
    async fn meter(&self) -> Result<AgentOutput, AgentError>;

    /// What it takes of the machine now; absent where that cannot be told.
    async fn usage(&self) -> Option<ProcessUsage>;

    /// Puts files back to what they were before a turn; says which.
    async fn rewind(&self, turn: TurnId) -> Result<Vec<String>, AgentError>;

    /// Ends the program and everything it started at once, in the middle of whatever it does.
    async fn kill(&self);

    /// Ends the program and everything it started; returns when nothing of it is left.
    async fn stop(&self);
}

/// What an agent with everything that it has started takes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ProcessUsage {
    /// How many processes they are.
    pub processes: u32,
    /// Of a control group also the files that it keeps in memory; else what lies in memory of each process,
    /// and what several share counts for each.
    pub memory_bytes: u64,
    /// Processor time since the agent has started. Without a control group it lacks that of processes whose
    /// parent did not wait for them.
    pub cpu_ms: u64,
    pub measured_by: MeasuredBy,
}

/// Who tells how much a process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredBy {
    ControlGroup,
    /// The system, of each process for itself.
    System,
}

/// What becomes of a tool use at its gate.
#[derive(Clone, Copy, Debug)]
pub enum GateVerdict<'a> {
    /// The agent's own rules decide, and it asks where they say so.
    Pass,
    /// People are asked, whatever the agent's own rules say; and why.
    Ask(&'a str),
    /// Nobody is asked.
    Allow,
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
