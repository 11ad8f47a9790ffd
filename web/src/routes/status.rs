//! The server about itself.

use actix_web::{HttpResponse, get, web};
use runner_core::ports::{AgentStatus, ToolInfo};
use runner_core::setup::agent_proof::ProofReport;
use serde::Serialize;

use crate::context::Context;
use crate::http::access::Caller;
use crate::http::authentication::Authentication;
use crate::http::error::{ApiError, Problem};

/// The server, its store, its agent program and its sessions.
#[derive(Serialize, utoipa::ToSchema)]
struct Status {
    version: &'static str,
    /// How requests are authenticated.
    mode: &'static str,
    node: String,
    store: &'static str,
    agent: AgentStatus,
    /// Whose access to a model the caller's sessions use.
    model_access: ModelAccess,
    /// What is known of the version of the agent's program.
    agent_proof: ProofReport,
    sessions: SessionCounts,
    turns: TurnCounts,
    /// Agents that were started for sessions of later.
    spare_agents: usize,
    uptime_ms: u64,
    /// Why clients can choose the address that they seem to come from, where a trusted proxy was seen to let
    /// them.
    proxy_problem: Option<String>,
}

/// Whose access to a model is used.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum ModelAccess {
    /// Keys that the caller has stored.
    OwnKeys,
    /// The operator's key.
    OperatorKey,
    /// The operator's login of Claude Code.
    OperatorLogin,
    OfflineModel,
}

/// Sessions of the caller's team.
#[derive(Serialize, utoipa::ToSchema)]
struct SessionCounts {
    stored: u64,
    running: u64,
    waiting: u64,
}

/// Turns that are worked on and sessions that wait to begin one, which they do by themselves.
#[derive(Serialize, utoipa::ToSchema)]
struct TurnCounts {
    running: usize,
    queued: usize,
    max: usize,
}

/// Version, agent program, kind of credentials and counts of the team's sessions and turns; the first team,
/// the operators', sees the turns of all.
#[utoipa::path(tag = "server", responses((status = 200, body = Status)))]
#[get("/api/status")]
pub(crate) async fn show_status(
    caller: Caller,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    let tenant = &caller.0.tenant;
    let counts = context.sessions.count(Some(tenant)).await?;
    // Operators see how busy the server is, others how busy they are.
    let turns = context.sessions.turn_counts((!tenant.is_first()).then_some(tenant));
    let agent = context.sessions.agent_status();
    let model_access = match (context.api_keys.serve(&caller.0).await?, agent.credentials) {
        (true, _) => ModelAccess::OwnKeys,
        (false, "api_key") => ModelAccess::OperatorKey,
        (false, "login") => ModelAccess::OperatorLogin,
        (false, _) => ModelAccess::OfflineModel,
    };
    Ok(HttpResponse::Ok().json(Status {
        version: env!("CARGO_PKG_VERSION"),
        mode: "local",
        node: context.node.clone(),
        store: "sqlite",
        model_access,
        agent_proof: context.sessions.proof_report(agent.version.as_deref()),
        agent,
        sessions: SessionCounts { stored: counts.stored, running: counts.running, waiting: counts.waiting },
        turns: TurnCounts { running: turns.running, queued: turns.queued, max: turns.max },
        spare_agents: context.sessions.spare_agents(),
        uptime_ms: context.sessions.now().millis_since(context.started_at),
        proxy_problem: authentication.proxies.problem(),
    }))
}

#[derive(Serialize, utoipa::ToSchema)]
struct ToolList {
    tools: &'static [ToolInfo],
}

/// The agent's built-in tools.
#[utoipa::path(tag = "server", responses((status = 200, body = ToolList)))]
#[get("/api/tools")]
pub(crate) async fn list_tools(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok().json(ToolList { tools: context.sessions.tools() })
}

#[derive(Serialize, utoipa::ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the program runs.
#[utoipa::path(tag = "server", responses((status = 200, body = Health)))]
#[get("/health")]
pub(crate) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Whether the server takes work: its store answers and takes what happens, an agent can be started, there is
/// room on the disk, and it is not stopping. The problem says what is missing.
#[utoipa::path(
    tag = "server",
    responses((status = 200, body = Health), (status = 503, body = Problem))
)]
#[get("/ready")]
pub(crate) async fn ready(context: web::Data<Context>) -> Result<HttpResponse, ApiError> {
    if context.sessions.is_stopping() {
        return Err(runner_actors::RunnerError::ShuttingDown.into());
    }
    context.sessions.check_log()?;
    context.sessions.count(None).await?;
    context.sessions.check_runtime().await?;
    Ok(HttpResponse::Ok().json(Health { status: "ok" }))
}
