//! An MCP server as it may be seen, and what a trial of it showed.

use runner_actors::{LiveServer, StoredExtension};
use runner_core::ids::SessionId;
use runner_core::people::principal::Principal;
use runner_core::ports::{McpReport, McpTool, McpTrial};
use runner_core::setup::extension::definition::{Definition, Scope};
use runner_core::setup::extension::mcp_server::McpServer;
use serde::Serialize;

use super::fields::McpTransport;
use crate::context::Context;
use crate::http::error::ApiError;
use crate::request::public_address::network;
use crate::routes::extensions::ExtensionHead;
use crate::routes::extensions::history::{Change, ChangeHead};

/// An MCP server as it may be seen.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct McpServerView {
    #[serde(flatten)]
    head: ExtensionHead,
    #[serde(flatten)]
    definition: McpServerDefinition,
    /// The running sessions that have it and that one may see.
    sessions: Vec<LiveServerView>,
}

/// A server in a running session.
#[derive(Serialize, utoipa::ToSchema)]
struct LiveServerView {
    session_id: SessionId,
    /// As Claude Code calls it: `connected`, `failed`, `pending`, `needs-auth`, `disabled`.
    status: String,
    /// By their names on the server.
    tools: Vec<String>,
}

/// How a server is reached. Values of variables and headers are not shown.
#[derive(Serialize, utoipa::ToSchema)]
struct McpServerDefinition {
    #[serde(rename = "type")]
    transport: McpTransport,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Vec<String>>,
    /// The names of its variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    env_names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The names of its headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    header_names: Option<Vec<String>>,
}

/// A change of an MCP server.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct McpServerChange {
    #[serde(flatten)]
    head: ChangeHead,
    /// What it is since then, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<McpServerDefinition>,
}

/// What a trial showed.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TestView {
    /// Whether it could be connected with and has told its tools.
    connected: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<ServerIdentity>,
    tools: Vec<McpTool>,
    duration_ms: u64,
}

/// What a server says of itself.
#[derive(Serialize, utoipa::ToSchema)]
struct ServerIdentity {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    protocol_version: String,
}

impl McpServerView {
    pub(super) fn of(context: &Context, caller: &Principal, server: &StoredExtension) -> Self {
        let live = context.extensions.live(caller, server.id).into_iter();
        Self {
            head: ExtensionHead::of(server),
            definition: McpServerDefinition::of(server.created.definition.clone()),
            sessions: live
                .map(|LiveServer { session, status, tools }| LiveServerView {
                    session_id: session,
                    status,
                    tools,
                })
                .collect(),
        }
    }
}

impl McpServerChange {
    pub(super) fn of((head, definition): Change) -> Self {
        Self { head, definition: definition.map(McpServerDefinition::of) }
    }
}

impl McpServerDefinition {
    fn of(definition: Definition) -> Self {
        let bare = |transport| Self {
            transport,
            command: None,
            args: None,
            env_names: None,
            url: None,
            header_names: None,
        };
        let server = match definition {
            Definition::McpServer(server) => server,
            // The routes find one by its kind.
            Definition::Skill(_) | Definition::Plugin(_) | Definition::Hook(_) | Definition::Agent(_) => {
                return bare(McpTransport::Stdio);
            }
        };
        match server {
            McpServer::Stdio { command, args, env } => Self {
                command: Some(command),
                args: Some(args),
                env_names: Some(env),
                ..bare(McpTransport::Stdio)
            },
            McpServer::Http { url, headers } => {
                Self { url: Some(url), header_names: Some(headers), ..bare(McpTransport::Http) }
            }
            McpServer::Sse { url, headers } => {
                Self { url: Some(url), header_names: Some(headers), ..bare(McpTransport::Sse) }
            }
        }
    }
}

/// Connects with a server as an agent in its folder would.
pub(super) async fn test(
    context: &Context,
    caller: &Principal,
    server: &StoredExtension,
) -> Result<TestView, ApiError> {
    let folders = context.working_folders.of(caller).await?;
    let trial = McpTrial {
        server: context.extensions.activate(server).await?,
        tenant: server.tenant.clone(),
        owner: server.created.owner.clone(),
        working_dir: match &server.created.scope {
            Scope::User => folders.default.clone(),
            Scope::Workspace { working_dir } => working_dir.into(),
        },
        within: context.working_folders.team_folder(caller).await?,
        network: network(caller),
    };
    let started = std::time::Instant::now();
    let outcome = context.mcp_prober.try_out(trial).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(match outcome {
        Ok(McpReport { name, version, protocol_version, tools }) => TestView {
            connected: true,
            error: None,
            server: Some(ServerIdentity { name, version, protocol_version }),
            tools,
            duration_ms,
        },
        Err(unusable) => TestView {
            connected: false,
            error: Some(unusable.to_string()),
            server: None,
            tools: vec![],
            duration_ms,
        },
    })
}
