//! What an agent says, in the words of the domain.
//!
//! An adapter turns its program's wire format into [`AgentOutput`]; the session decides what of it
//! becomes an event. What an adapter does not recognise it passes on as [`AgentOutput::Other`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::MicroDollars;

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append_system_prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_dirs: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// Tokens of model calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_read_input_tokens: u64,
    pub cache_creation_input_tokens: u64,
}

impl Usage {
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .saturating_add(other.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_add(other.cache_creation_input_tokens),
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .saturating_sub(earlier.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_sub(earlier.cache_creation_input_tokens),
        }
    }
}

/// What one model was used for and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelUse {
    #[serde(flatten)]
    pub usage: Usage,
    pub cost_micros: MicroDollars,
}

/// A reading of spend: either a process's running total, or the share of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    pub cost_micros: MicroDollars,
    pub models: BTreeMap<String, ModelUse>,
}

impl Spend {
    /// What was spent between an earlier reading of the same counter and this one.
    pub fn since(&self, earlier: &Self) -> Self {
        let models = self.models.iter().map(|(name, now)| {
            let before = earlier.models.get(name).copied().unwrap_or_default();
            let used = ModelUse {
                usage: now.usage.since(before.usage),
                cost_micros: now.cost_micros.saturating_sub(before.cost_micros),
            };
            (name.clone(), used)
        });
        Self {
            cost_micros: self.cost_micros.saturating_sub(earlier.cost_micros),
            models: models.filter(|(_, used)| *used != ModelUse::default()).collect(),
        }
    }

    /// Tokens of all models together.
    pub fn usage(&self) -> Usage {
        self.models.values().fold(Usage::default(), |sum, model| sum.plus(model.usage))
    }
}

/// What the agent says of itself at the start of a turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentProfile {
    pub model: String,
    pub permission_mode: String,
    pub runtime_version: String,
    pub tools: Vec<String>,
    pub mcp_servers: Vec<Value>,
    pub skills: Vec<Value>,
    pub agents: Vec<String>,
    pub plugins: Vec<Value>,
}

/// A change to one file, as the agent's tool reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The agent asks whether it may use a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermissionRequest {
    pub request_id: String,
    pub tool_name: String,
    pub tool_use_id: String,
    pub input: Value,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub suggestions: Vec<Value>,
    /// The subagent that asks, if it is not the main agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
}

/// A tool call that was refused during a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    Refused,
    Aborted,
    ApiError { status: Option<u16> },
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
    Text { message_id: String, text: String, parent_tool_use_id: Option<String> },
    Thinking { message_id: String, text: String, parent_tool_use_id: Option<String> },
    ToolUsed { tool_use_id: String, name: String, input: Value, parent_tool_use_id: Option<String> },
    ToolReturned(ToolReturn),
    PermissionRequested(PermissionRequest),
    ApiRetried { attempt: u32, max_attempts: u32, delay_ms: u64, status: Option<u16>, error: String },
    RateLimited { info: Value },
    ContextCompacted { trigger: String, tokens_before: u64, tokens_after: u64 },
    Other { raw: Value },
    Delta(Delta),
    TurnEnded(Box<TurnReport>),
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolReturn {
    pub tool_use_id: String,
    pub is_error: bool,
    pub content: Value,
    pub structured: Option<Value>,
    pub file_change: Option<FileChange>,
}
