//! What an agent says, in the words of the domain.
//!
//! An adapter turns its program's wire format into [`AgentOutput`]; the session decides what of it
//! becomes an event. What an adapter does not recognise it passes on as [`AgentOutput::Other`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::money::MicroDollars;
use crate::request::{AgentRequest, DecidedBy, RequestKind, ToolGate};
use crate::setup::extension::active::LoadedExtensions;
use crate::spend::{BudgetSpent, ModelCall, Spend};
use crate::time::Timestamp;

/// Which calls of a tool run without being asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PermissionMode {
    #[default]
    Default,
    AcceptEdits,
    Plan,
    BypassPermissions,
    DontAsk,
}

impl PermissionMode {
    pub const ALL: [Self; 5] =
        [Self::Default, Self::AcceptEdits, Self::Plan, Self::BypassPermissions, Self::DontAsk];

    /// The name in JSON, which is also Claude Code's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::AcceptEdits => "acceptEdits",
            Self::Plan => "plan",
            Self::BypassPermissions => "bypassPermissions",
            Self::DontAsk => "dontAsk",
        }
    }
}

/// How an agent is set up, beside its folder and mode. Fixed when the session is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgentOptions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// The exact set of built-in tools; absent means the agent's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_budget_micros: Option<MicroDollars>,
    /// How long the agent may work on a turn without waiting for anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append_system_prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_dirs: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// What the agent says of itself at the start of a turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgentProfile {
    pub model: String,
    pub permission_mode: String,
    pub runtime_version: String,
    pub tools: Vec<String>,
    pub mcp_servers: Vec<Value>,
    pub skills: Vec<Value>,
    pub agents: Vec<String>,
    pub plugins: Vec<Value>,
    /// Whether it loaded what its folder brings, because somebody trusts that. Absent means no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted_folder: bool,
    /// What this server extended it with. Absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Box<LoadedExtensions>>,
    /// Its conversation, once people began anew with `/clear`; until then it has the session's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Uuid>,
}

impl AgentProfile {
    /// How it stands with an MCP server of this name.
    pub fn mcp_status(&self, name: &str) -> Option<&str> {
        self.mcp_servers.iter().find(|server| server["name"] == name)?["status"].as_str()
    }

    /// The tools that it has of an MCP server, by their names there.
    pub fn mcp_tools(&self, name: &str) -> Vec<String> {
        let prefix = format!("mcp__{name}__");
        self.tools.iter().filter_map(|tool| tool.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}

/// A change to one file, as the agent's tool reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileChange {
    pub path: String,
    pub kind: FileChangeKind,
    pub added: u32,
    pub removed: u32,
    /// A unified diff without file headers.
    pub patch: String,
    pub tool_use_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileChangeKind {
    Created,
    Modified,
    Deleted,
}

/// Work the agent does beside its conversation: a subagent, or a command that goes on in the background.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackgroundWork {
    pub task_id: String,
    /// The tool use that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// `local_agent`, `local_bash`, or what a newer version calls it.
    pub kind: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent_type: Option<String>,
}

/// What a task has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = TaskUsage)]
pub struct BackgroundUsage {
    pub total_tokens: u64,
    pub tool_uses: u32,
    pub duration_ms: u64,
}

/// A change to the list of things to do that the agent keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskListChange {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `pending`, `in_progress`, `completed`, `deleted`.
    pub status: String,
}

/// A tool call that was refused during a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Denial {
    pub tool_name: String,
    pub tool_use_id: String,
    pub tool_input: Value,
}

/// How the agent says a turn went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentOutcome {
    Succeeded,
    MaxTurns,
    MaxBudget,
    /// It gave up before the answer had the form that was asked for.
    OutputSchemaUnmet,
    Refused,
    Aborted,
    ApiError {
        status: Option<u16>,
    },
    Failed,
}

/// The agent's own account of a finished turn.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnReport {
    pub outcome: AgentOutcome,
    /// The final text, or what went wrong in prose.
    pub text: String,
    pub stop_reason: Option<String>,
    pub structured_output: Option<Value>,
    /// The process's running total, not this turn's share.
    pub total: Spend,
    /// This turn's share, and that of work beside it; absent where the version does not tell it.
    pub own_spend: Option<Spend>,
    pub duration_ms: u64,
    /// Running total of the process as well.
    pub total_duration_api_ms: u64,
    pub agent_turns: u32,
    pub denials: Vec<Denial>,
    /// The agent had begun the turn by itself, when background work ended.
    pub unsolicited: bool,
}

/// A piece of a block that is still being written. Shown live, never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    pub kind: DeltaKind,
    pub message_id: String,
    pub index: u32,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaKind {
    Text,
    Thinking,
}

/// One thing an agent said or did.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentOutput {
    Initialized(AgentProfile),
    Text {
        message_id: String,
        text: String,
        parent_tool_use_id: Option<String>,
    },
    Thinking {
        message_id: String,
        text: String,
        parent_tool_use_id: Option<String>,
    },
    ToolUsed {
        tool_use_id: String,
        name: String,
        input: Value,
        parent_tool_use_id: Option<String>,
    },
    ToolReturned(ToolReturn),
    /// It waits for an answer by `request_id`.
    Asked {
        kind: RequestKind,
        request: AgentRequest,
    },
    /// It no longer waits for an answer.
    RequestWithdrawn {
        request_id: String,
    },
    /// It waits to be let through by `gate_id`.
    ToolGated(ToolGate),
    /// It refused a call by itself, because of its mode or a rule.
    ToolRefused {
        tool_use_id: String,
        tool_name: String,
        reason: String,
        message: String,
    },
    ModeChanged {
        mode: PermissionMode,
    },
    /// A reading of the process's running totals.
    Metered {
        total: Spend,
        total_duration_api_ms: u64,
    },
    /// A model was asked on its behalf: in the conversation, by a subagent, or beside it.
    ModelCalled(ModelCall),
    /// A call was not let through.
    BudgetExhausted(BudgetSpent),
    TaskStarted(BackgroundWork),
    TaskProgressed {
        task_id: String,
        description: String,
        usage: BackgroundUsage,
    },
    TaskFinished {
        task_id: String,
        status: String,
        summary: String,
        usage: Option<BackgroundUsage>,
    },
    TaskListChanged(TaskListChange),
    ApiRetried {
        attempt: u32,
        max_attempts: u32,
        delay_ms: u64,
        status: Option<u16>,
        error: String,
    },
    /// `resets_at` where nothing is answered until then.
    RateLimited {
        info: Value,
        resets_at: Option<Timestamp>,
    },
    ContextCompacted {
        trigger: String,
        tokens_before: u64,
        tokens_after: u64,
    },
    Other {
        raw: Value,
    },
    Delta(Delta),
    TurnEnded(Box<TurnReport>),
}

impl AgentOutput {
    /// Whether it tells of money, which counts whatever becomes of the agent.
    pub const fn is_spending(&self) -> bool {
        matches!(self, Self::ModelCalled(_) | Self::BudgetExhausted(_) | Self::Metered { .. })
    }
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolReturn {
    pub tool_use_id: String,
    pub is_error: bool,
    pub content: Value,
    pub structured: Option<Value>,
    pub file_change: Option<FileChange>,
    /// Who let the tool be used, where nobody was asked. The agent does not say; whoever answered at the gate
    /// knows.
    pub allowed_by: Option<DecidedBy>,
}
