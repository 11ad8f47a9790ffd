//! Hooks: rules about what agents do.

mod fields;
pub(super) mod simulate;
mod view;

use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use runner_actors::{ExtensionPatch, NewExtension, StoredExtension};
use runner_core::setup::extension::definition::{DefinitionEdit, ExtensionKind};
use serde::Serialize;

use self::fields::{HookBody, HookPatch};
use self::view::{HookChange, HookView};
use super::extensions::{operations, scope};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

const KIND: ExtensionKind = ExtensionKind::Hook;

#[derive(Serialize, utoipa::ToSchema)]
struct HookPage {
    hooks: Vec<HookView>,
    next_cursor: Option<String>,
}

/// The changes of a hook, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct HookHistory {
    changes: Vec<HookChange>,
    next_cursor: Option<String>,
}

/// Adds a hook. It holds from the next turn of each session on.
#[utoipa::path(
    tag = "hooks",
    request_body = HookBody,
    responses(
        (status = 201, body = HookView),
        (status = 403, description = "`extension_not_allowed`, `bypass_not_allowed`, `working_dir_not_allowed`", body = Problem),
        (status = 409, description = "`extension_name_taken`, `too_many_extensions`", body = Problem),
    )
)]
#[post("/api/claude/hooks")]
pub(crate) async fn add_hook(write: Write<HookBody>, context: web::Data<Context>) -> Result<Reply, ApiError> {
    let body = &write.body;
    let named = (body.scope, body.working_dir.as_deref());
    let new = NewExtension {
        name: body.name_for(write.provenance.command)?,
        defined: body.defined()?,
        scope: scope(&context, &write.caller, named).await?.unwrap_or_default(),
        is_enabled: body.enabled.unwrap_or(true),
    };
    let (hook, is_replay) = operations::create(&context, &write, (new, None)).await?;
    let location = format!("/api/claude/hooks/{}", hook.id);
    Ok(Reply::created_at(location, HookView::of(&hook)).replayed(is_replay))
}

/// One's hooks, and those of folders that are everybody's; for admins, all of the team's.
#[utoipa::path(tag = "hooks", params(PageQuery), responses((status = 200, body = HookPage)))]
#[get("/api/claude/hooks")]
pub(crate) async fn list_hooks(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let hooks = context.extensions.list(&read.caller, KIND).await?;
    let (hooks, next_cursor) = read.query.page(hooks, Order::Rising, StoredExtension::place)?;
    let hooks = hooks.iter().filter_map(HookView::of).collect();
    Ok(HttpResponse::Ok().json(HookPage { hooks, next_cursor }))
}

/// One hook, by its name or its id.
#[utoipa::path(
    tag = "hooks",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 200, body = HookView), (status = 404, body = Problem))
)]
#[get("/api/claude/hooks/{name}")]
pub(crate) async fn find_hook(
    name: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let hook = context.extensions.find(&read.caller, KIND, &name).await?;
    Ok(HttpResponse::Ok().json(HookView::of(&hook)))
}

/// Writes a hook anew; its scope and whether it is enabled stay where absent.
#[utoipa::path(
    tag = "hooks",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = HookBody,
    responses((status = 200, body = HookView), (status = 404, body = Problem))
)]
#[put("/api/claude/hooks/{name}")]
pub(crate) async fn replace_hook(
    name: web::Path<String>,
    write: Write<HookBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller) = (&write.body, &write.caller);
    let before = context.extensions.find(caller, KIND, &name).await?;
    operations::keep_name(&before, body.name.as_deref())?;
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, caller, (body.scope, body.working_dir.as_deref())).await?,
        edit: Some(DefinitionEdit::Replace(body.defined()?.definition)),
    };
    let hook = operations::change(&context, write, (before, patch)).await?;
    Ok(Reply::ok(HookView::of(&hook)))
}

/// Changes whether a hook is enabled, and where it is active.
#[utoipa::path(
    tag = "hooks",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = HookPatch,
    responses((status = 200, body = HookView), (status = 404, body = Problem))
)]
#[patch("/api/claude/hooks/{name}")]
pub(crate) async fn change_hook(
    name: web::Path<String>,
    write: Write<HookPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller) = (&write.body, &write.caller);
    let before = context.extensions.find(caller, KIND, &name).await?;
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, caller, (body.scope, body.working_dir.as_deref())).await?,
        edit: None,
    };
    let hook = operations::change(&context, write, (before, patch)).await?;
    Ok(Reply::ok(HookView::of(&hook)))
}

/// Removes a hook. Its history stays in the log.
#[utoipa::path(
    tag = "hooks",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem))
)]
#[delete("/api/claude/hooks/{name}")]
pub(crate) async fn remove_hook(
    name: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    operations::remove(&context, write, (KIND, &name)).await?;
    Ok(Reply::gone())
}

/// Who changed a hook, when and how, the newest change first.
#[utoipa::path(
    tag = "hooks",
    params(("name" = String, Path, description = "its name or its id"), PageQuery),
    responses((status = 200, body = HookHistory), (status = 404, body = Problem))
)]
#[get("/api/claude/hooks/{name}/history")]
pub(crate) async fn list_hook_history(
    name: web::Path<String>,
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (changes, next_cursor) = operations::history(&context, read, (KIND, &name)).await?;
    let changes = changes.into_iter().map(HookChange::of).collect();
    Ok(HttpResponse::Ok().json(HookHistory { changes, next_cursor }))
}

/// Makes a hook what it was at a version of its history.
#[utoipa::path(
    tag = "hooks",
    params(("name" = String, Path, description = "its name or its id"), ("version" = u64, Path)),
    responses((status = 200, body = HookView), (status = 404, body = Problem))
)]
#[post("/api/claude/hooks/{name}/history/{version}/restore")]
pub(crate) async fn restore_hook(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (name, version) = path.into_inner();
    let restored = operations::restore(&context, write, (KIND, &name, &version)).await?;
    Ok(Reply::ok(HookView::of(&restored)))
}
