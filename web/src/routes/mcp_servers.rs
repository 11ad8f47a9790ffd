//! MCP servers: programs and addresses that give agents more tools.

mod fields;
mod view;

use actix_web::{HttpResponse, delete, get, patch, post, web};
use runner_actors::{ExtensionPatch, NewExtension};
use runner_core::setup::extension::definition::{DefinitionEdit, ExtensionKind};
use serde::Serialize;

use self::fields::{McpServerBody, McpServerPatch};
use self::view::{McpServerChange, McpServerView, TestView};
use super::extensions::{operations, scope};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

const KIND: ExtensionKind = ExtensionKind::McpServer;

#[derive(Serialize, utoipa::ToSchema)]
struct McpServerPage {
    servers: Vec<McpServerView>,
    next_cursor: Option<String>,
}

/// The changes of a server, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct McpServerHistory {
    changes: Vec<McpServerChange>,
    next_cursor: Option<String>,
}

/// Adds an MCP server. Agents have its tools from their next turn on.
#[utoipa::path(
    tag = "mcp servers",
    request_body = McpServerBody,
    responses(
        (status = 201, body = McpServerView),
        (status = 403, description = "`extension_not_allowed`, `working_dir_not_allowed`", body = Problem),
        (status = 409, description = "`extension_name_taken`, `too_many_extensions`", body = Problem),
    )
)]
#[post("/api/mcp/servers")]
pub(crate) async fn add_mcp_server(
    write: Write<McpServerBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = &write.body;
    let named = (body.scope, body.working_dir.as_deref());
    let new = NewExtension {
        scope: scope(&context, &write.caller, named).await?.unwrap_or_default(),
        name: fields::name(&body.name)?,
        defined: body.defined(&write.caller)?,
        is_enabled: body.enabled.unwrap_or(true),
    };
    let (server, is_replay) = operations::create(&context, &write, (new, None)).await?;
    let location = format!("/api/mcp/servers/{}", server.created.name);
    Ok(Reply::created_at(location, McpServerView::of(&context, &write.caller, &server)).replayed(is_replay))
}

/// One's MCP servers, and those of folders that are everybody's; for admins, all of the team's.
#[utoipa::path(tag = "mcp servers", params(PageQuery), responses((status = 200, body = McpServerPage)))]
#[get("/api/mcp/servers")]
pub(crate) async fn list_mcp_servers(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let all = context.extensions.list(&read.caller, KIND).await?;
    let (servers, next_cursor) = read.query.page(all, Order::Rising, |server| server.place())?;
    let servers = servers.iter().map(|server| McpServerView::of(&context, &read.caller, server)).collect();
    Ok(HttpResponse::Ok().json(McpServerPage { servers, next_cursor }))
}

/// One MCP server, by its name or its id.
#[utoipa::path(
    tag = "mcp servers",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 200, body = McpServerView), (status = 404, body = Problem))
)]
#[get("/api/mcp/servers/{name}")]
pub(crate) async fn find_mcp_server(
    name: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let server = context.extensions.find(&read.caller, KIND, &name).await?;
    Ok(HttpResponse::Ok().json(McpServerView::of(&context, &read.caller, &server)))
}

/// Changes an MCP server. Values of `env` and `headers` are set one by one; `null` takes one away.
#[utoipa::path(
    tag = "mcp servers",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = McpServerPatch,
    responses((status = 200, body = McpServerView), (status = 404, body = Problem))
)]
#[patch("/api/mcp/servers/{name}")]
pub(crate) async fn change_mcp_server(
    name: web::Path<String>,
    write: Write<McpServerPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let Write { body, caller, provenance, first, .. } = write;
    let named = (body.scope, body.working_dir.as_deref());
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, &caller, named).await?,
        edit: body.edit(&caller)?.map(DefinitionEdit::McpServer),
    };
    let extensions = &context.extensions;
    let server = match first {
        Some(_) => extensions.find(&caller, KIND, &name).await?,
        None => extensions.change(&caller, (KIND, &name), patch, provenance).await?,
    };
    Ok(Reply::ok(McpServerView::of(&context, &caller, &server)))
}

/// Removes an MCP server and destroys its secret values. Its history stays in the log.
#[utoipa::path(
    tag = "mcp servers",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem))
)]
#[delete("/api/mcp/servers/{name}")]
pub(crate) async fn remove_mcp_server(
    name: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    operations::remove(&context, write, (KIND, &name)).await?;
    Ok(Reply::gone())
}

/// Connects with an MCP server as an agent would, and lists its tools. Nothing is stored.
#[utoipa::path(
    tag = "mcp servers",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 200, body = TestView), (status = 404, body = Problem))
)]
#[post("/api/mcp/servers/{name}/test")]
pub(crate) async fn test_mcp_server(
    name: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let server = context.extensions.find(&write.caller, KIND, &name).await?;
    Ok(Reply::ok(view::test(&context, &write.caller, &server).await?))
}

/// Who changed an MCP server, when and how, the newest change first.
#[utoipa::path(
    tag = "mcp servers",
    params(("name" = String, Path, description = "its name or its id"), PageQuery),
    responses((status = 200, body = McpServerHistory), (status = 404, body = Problem))
)]
#[get("/api/mcp/servers/{name}/history")]
pub(crate) async fn list_mcp_server_history(
    name: web::Path<String>,
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (changes, next_cursor) = operations::history(&context, read, (KIND, &name)).await?;
    let changes = changes.into_iter().map(McpServerChange::of).collect();
    Ok(HttpResponse::Ok().json(McpServerHistory { changes, next_cursor }))
}

/// Makes an MCP server what it was at a version of its history. Secret values stay those of now.
#[utoipa::path(
    tag = "mcp servers",
    params(("name" = String, Path, description = "its name or its id"), ("version" = u64, Path)),
    responses(
        (status = 200, body = McpServerView),
        (status = 404, body = Problem),
        (status = 409, description = "`secrets_missing`", body = Problem),
    )
)]
#[post("/api/mcp/servers/{name}/history/{version}/restore")]
pub(crate) async fn restore_mcp_server(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (name, version) = path.into_inner();
    let caller = write.caller.clone();
    let restored = operations::restore(&context, write, (KIND, &name, &version)).await?;
    Ok(Reply::ok(McpServerView::of(&context, &caller, &restored)))
}
