//! MCP servers: trying out whether one can be reached, and what it offers.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use thiserror::Error;

use crate::ids::TenantId;
use crate::setup::api_key::Network;
use crate::setup::extension::active::ActiveExtension;

/// A server to try out, and in whose name.
#[derive(Clone, Debug)]
pub struct McpTrial {
    pub server: ActiveExtension,
    pub tenant: TenantId,
    pub owner: String,
    /// The folder in which a program is started.
    pub working_dir: PathBuf,
    /// The team's folder.
    pub within: Option<PathBuf>,
    /// Where its address may lie.
    pub network: Network,
}

/// What a server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpReport {
    /// Absent where it does not tell.
    pub name: Option<String>,
    pub version: Option<String>,
    pub protocol_version: String,
    pub tools: Vec<McpTool>,
}

/// A tool of a server.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct McpTool {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it changes nothing, by the server's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// A server that could not be used, and why, for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct McpUnusable(pub String);

/// Connects with MCP servers as agents do.
#[async_trait]
pub trait McpProber: fmt::Debug + Send + Sync {
    /// Connects, asks for the tools, and leaves nothing running. Ends within a bounded time.
    async fn try_out(&self, trial: McpTrial) -> Result<McpReport, McpUnusable>;
}
