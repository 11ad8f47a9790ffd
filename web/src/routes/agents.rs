//! Agents that the agents of sessions start: those that people define here, and those that are there anyway.

mod elsewhere;
mod fields;
pub(super) mod processes;
pub(super) mod subagents;
mod view;

use std::path::PathBuf;

use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use runner_actors::{ExtensionError, ExtensionPatch, NewExtension, StoredExtension};
use runner_core::people::principal::Principal;
use runner_core::setup::extension::definition::{DefinitionEdit, ExtensionKind};
use runner_core::subagents::Subagent;
use serde::{Deserialize, Serialize};

use self::fields::{AgentBody, AgentPatch, AgentReplacement};
use self::view::{AgentChange, AgentView};
use super::extensions::{operations, scope};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::options::resolve;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

const KIND: ExtensionKind = ExtensionKind::Agent;

#[derive(Serialize, utoipa::ToSchema)]
struct AgentPage {
    agents: Vec<AgentView>,
    /// Subagents that have not ended, of all sessions that one may see; at most 400.
    subagents: Vec<Subagent>,
    next_cursor: Option<String>,
}

/// The changes of an agent, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct AgentHistory {
    changes: Vec<AgentChange>,
    next_cursor: Option<String>,
}

/// Which agents are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgentsQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Also those of this folder, if it is trusted.
    working_dir: Option<String>,
}

/// Defines an agent. The agents of sessions can start it from their next turn on: the model chooses it by its
/// description, under its name.
#[utoipa::path(
    tag = "agents",
    request_body = AgentBody,
    responses(
        (status = 201, body = AgentView),
        (status = 400, description = "`field_invalid`, `tool_unknown`, `model_invalid`", body = Problem),
        (status = 403, description = "`extension_not_allowed`, `working_dir_not_allowed`", body = Problem),
        (
            status = 409,
            description = "`agent_built_in`, `extension_name_taken`, `too_many_extensions`",
            body = Problem,
        ),
    )
)]
#[post("/api/agents")]
pub(crate) async fn define_agent(
    write: Write<AgentBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = &write.body;
    let named = (body.scope, body.working_dir.as_deref());
    let (tools, model) = (body.tools.as_deref(), body.model.as_deref());
    let new = NewExtension {
        name: fields::name(&body.name, &context)?,
        defined: fields::defined((&body.description, &body.prompt), tools, model, &context)?,
        scope: scope(&context, &write.caller, named).await?.unwrap_or_default(),
        is_enabled: body.enabled.unwrap_or(true),
    };
    let (agent, is_replay) = operations::create(&context, &write, (new, None)).await?;
    // Its name may have letters that no header has.
    let location = format!("/api/agents/{}", agent.id);
    Ok(Reply::created_at(location, AgentView::of(&agent)).replayed(is_replay))
}

/// One's agents, those of folders that are everybody's, and those of Claude Code; for admins, all of the
/// team's. With a folder, also those that lie in it. Beside them the subagents that have not ended.
#[utoipa::path(tag = "agents", params(AgentsQuery), responses((status = 200, body = AgentPage)))]
#[get("/api/agents")]
pub(crate) async fn list_agents(
    read: Read<AgentsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (caller, query) = (&read.caller, read.query);
    let stored = context.extensions.list(caller, KIND).await?;
    let mut agents: Vec<AgentView> = stored.iter().map(AgentView::of).collect();
    agents.extend(elsewhere::built_in(&context));
    if let Some(folder) = &query.working_dir {
        let folder = resolve(folder, "?working_dir", &context.working_folders.of(caller).await?)?;
        agents.extend(elsewhere::of_folder(&context, caller, &PathBuf::from(folder)).await?);
    }
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let (agents, next_cursor) = page.page(agents, Order::Rising, AgentView::place)?;
    let agents = agents.into_iter().map(AgentView::in_list).collect();
    let subagents = subagents::going_on(&context, caller.reach()).await?;
    Ok(HttpResponse::Ok().json(AgentPage { agents, subagents, next_cursor }))
}

/// One agent, by its name or its id; also one of Claude Code.
#[utoipa::path(
    tag = "agents",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 200, body = AgentView), (status = 404, body = Problem))
)]
#[get("/api/agents/{name}")]
pub(crate) async fn find_agent(
    name: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let view = match context.extensions.find(&read.caller, KIND, &name).await {
        Ok(agent) => AgentView::of(&agent),
        Err(ExtensionError::NotFound) => {
            let built_in = elsewhere::built_in(&context).find(|agent| agent.name == *name);
            built_in.ok_or(ExtensionError::NotFound)?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(HttpResponse::Ok().json(view))
}

/// Defines an agent anew.
#[utoipa::path(
    tag = "agents",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = AgentReplacement,
    responses(
        (status = 200, body = AgentView),
        (status = 404, body = Problem),
        (status = 409, description = "`agent_built_in`", body = Problem),
    )
)]
#[put("/api/agents/{name}")]
pub(crate) async fn replace_agent(
    name: web::Path<String>,
    write: Write<AgentReplacement>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller) = (&write.body, &write.caller);
    let before = find_own(&context, caller, &name).await?;
    operations::keep_name(&before, body.name.as_deref())?;
    let (tools, model) = (body.tools.as_deref(), body.model.as_deref());
    let defined = fields::defined((&body.description, &body.prompt), tools, model, &context)?;
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, caller, (body.scope, body.working_dir.as_deref())).await?,
        edit: Some(DefinitionEdit::Replace(defined.definition)),
    };
    let agent = operations::change(&context, write, (before, patch)).await?;
    Ok(Reply::ok(AgentView::of(&agent)))
}

/// Changes an agent.
#[utoipa::path(
    tag = "agents",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = AgentPatch,
    responses(
        (status = 200, body = AgentView),
        (status = 404, body = Problem),
        (status = 409, description = "`agent_built_in`", body = Problem),
    )
)]
#[patch("/api/agents/{name}")]
pub(crate) async fn change_agent(
    name: web::Path<String>,
    write: Write<AgentPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller) = (&write.body, &write.caller);
    let before = find_own(&context, caller, &name).await?;
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, caller, (body.scope, body.working_dir.as_deref())).await?,
        edit: body.edit(&context)?.map(DefinitionEdit::Agent),
    };
    let agent = operations::change(&context, write, (before, patch)).await?;
    Ok(Reply::ok(AgentView::of(&agent)))
}

/// Removes an agent. Its history stays in the log.
#[utoipa::path(
    tag = "agents",
    params(("name" = String, Path, description = "its name or its id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem),
        (status = 409, description = "`agent_built_in`", body = Problem),
    )
)]
#[delete("/api/agents/{name}")]
pub(crate) async fn remove_agent(
    name: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    if write.first.is_none() {
        find_own(&context, &write.caller, &name).await?;
    }
    operations::remove(&context, write, (KIND, &name)).await?;
    Ok(Reply::gone())
}

/// Who changed an agent, when and how, the newest change first.
#[utoipa::path(
    tag = "agents",
    params(("name" = String, Path, description = "its name or its id"), PageQuery),
    responses((status = 200, body = AgentHistory), (status = 404, body = Problem))
)]
#[get("/api/agents/{name}/history")]
pub(crate) async fn list_agent_history(
    name: web::Path<String>,
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (changes, next_cursor) = operations::history(&context, read, (KIND, &name)).await?;
    let changes = changes.into_iter().map(AgentChange::of).collect();
    Ok(HttpResponse::Ok().json(AgentHistory { changes, next_cursor }))
}

/// Makes an agent what it was at a version of its history.
#[utoipa::path(
    tag = "agents",
    params(("name" = String, Path, description = "its name or its id"), ("version" = u64, Path)),
    responses((status = 200, body = AgentView), (status = 404, body = Problem))
)]
#[post("/api/agents/{name}/history/{version}/restore")]
pub(crate) async fn restore_agent(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (name, version) = path.into_inner();
    let restored = operations::restore(&context, write, (KIND, &name, &version)).await?;
    Ok(Reply::ok(AgentView::of(&restored)))
}

/// One that somebody has defined; what Claude Code has itself is answered by its own name.
async fn find_own(context: &Context, caller: &Principal, name: &str) -> Result<StoredExtension, ApiError> {
    match context.extensions.find(caller, KIND, name).await {
        Err(ExtensionError::NotFound) => match fields::built_in(name, context) {
            Some(problem) => Err(Problem { errors: vec![], ..problem }.into()),
            None => Err(ExtensionError::NotFound.into()),
        },
        found => Ok(found?),
    }
}
