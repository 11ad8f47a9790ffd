//! Plugins: folders of Claude Code's own form, with skills, commands, agents and hooks.

mod fields;
mod view;

use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use runner_actors::{ExtensionPatch, NewExtension};
use runner_core::setup::extension::definition::{Defined, Definition, DefinitionEdit, ExtensionKind};
use runner_core::setup::extension::secrets::SecretValues;
use serde::Serialize;

use self::fields::{PluginBody, PluginPatch};
use self::view::{PluginChange, PluginView};
use super::extensions::{operations, scope};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

const KIND: ExtensionKind = ExtensionKind::Plugin;

#[derive(Serialize, utoipa::ToSchema)]
struct PluginPage {
    plugins: Vec<PluginView>,
    next_cursor: Option<String>,
}

/// The changes of a plugin, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct PluginHistory {
    changes: Vec<PluginChange>,
    next_cursor: Option<String>,
}

/// Installs a plugin. Agents load it from their next turn on. For admins: its hooks and commands run without
/// anybody being asked. The body may also be the archive itself, as `application/zip` or `application/gzip`.
#[utoipa::path(
    tag = "plugins",
    request_body = PluginBody,
    responses(
        (status = 201, body = PluginView),
        (status = 400, description = "`archive_invalid`, `archive_too_large`, `plugin_invalid`", body = Problem),
        (status = 403, description = "`extension_not_allowed`, `working_dir_not_allowed`", body = Problem),
        (status = 409, description = "`extension_name_taken`, `too_many_extensions`", body = Problem),
    )
)]
#[post("/api/plugins")]
pub(crate) async fn install_plugin(
    write: Write<PluginBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = &write.body;
    let (name, plugin, files) = fields::plugin(&context, &write.caller, body).await?;
    let named = (body.scope, body.working_dir.as_deref());
    let new = NewExtension {
        scope: scope(&context, &write.caller, named).await?.unwrap_or_default(),
        name,
        defined: Defined { definition: Definition::Plugin(plugin), secrets: SecretValues::default() },
        is_enabled: body.enabled.unwrap_or(true),
    };
    let (plugin, is_replay) = operations::create(&context, &write, (new, Some(files))).await?;
    let location = format!("/api/plugins/{}", plugin.created.name);
    Ok(Reply::created_at(location, PluginView::of(&plugin)).replayed(is_replay))
}

/// One's plugins, and those of folders that are everybody's; for admins, all of the team's.
#[utoipa::path(tag = "plugins", params(PageQuery), responses((status = 200, body = PluginPage)))]
#[get("/api/plugins")]
pub(crate) async fn list_plugins(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let all = context.extensions.list(&read.caller, KIND).await?;
    let (plugins, next_cursor) = read.query.page(all, Order::Rising, |plugin| plugin.place())?;
    let plugins = plugins.iter().map(PluginView::of).collect();
    Ok(HttpResponse::Ok().json(PluginPage { plugins, next_cursor }))
}

/// One plugin, by its name or its id, with what it brings.
#[utoipa::path(
    tag = "plugins",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 200, body = PluginView), (status = 404, body = Problem))
)]
#[get("/api/plugins/{name}")]
pub(crate) async fn find_plugin(
    name: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let plugin = context.extensions.find(&read.caller, KIND, &name).await?;
    Ok(HttpResponse::Ok().json(PluginView::of(&plugin)))
}

/// Installs another version of a plugin in place of the one that is there.
#[utoipa::path(
    tag = "plugins",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = PluginBody,
    responses((status = 200, body = PluginView), (status = 404, body = Problem))
)]
#[put("/api/plugins/{name}")]
pub(crate) async fn replace_plugin(
    name: web::Path<String>,
    write: Write<PluginBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller, extensions) = (&write.body, &write.caller, &context.extensions);
    let before = extensions.find(caller, KIND, &name).await?;
    let (new_name, plugin, files) = fields::plugin(&context, caller, body).await?;
    if new_name != before.created.name {
        let detail = format!("is another plugin, called `{new_name}`");
        let pointer = if body.archive.is_some() { "/archive" } else { "/folder" };
        return Err(Problem::field("plugin_invalid", pointer, detail).into());
    }
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, caller, (body.scope, body.working_dir.as_deref())).await?,
        edit: Some(DefinitionEdit::Replace(Definition::Plugin(plugin))),
    };
    let plugin = match write.first {
        Some(_) => before,
        None => {
            let changed = (patch, Some(files));
            extensions.change_with_files(caller, (KIND, &name), changed, write.provenance.clone()).await?
        }
    };
    Ok(Reply::ok(PluginView::of(&plugin)))
}

/// Switches a plugin on or off, or has it active elsewhere.
#[utoipa::path(
    tag = "plugins",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = PluginPatch,
    responses((status = 200, body = PluginView), (status = 404, body = Problem))
)]
#[patch("/api/plugins/{name}")]
pub(crate) async fn change_plugin(
    name: web::Path<String>,
    write: Write<PluginPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = &write.body;
    let named = (body.scope, body.working_dir.as_deref());
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, &write.caller, named).await?,
        edit: None,
    };
    let before = context.extensions.find(&write.caller, KIND, &name).await?;
    let plugin = operations::change(&context, write, (before, patch)).await?;
    Ok(Reply::ok(PluginView::of(&plugin)))
}

/// Removes a plugin. Its history stays in the log.
#[utoipa::path(
    tag = "plugins",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem))
)]
#[delete("/api/plugins/{name}")]
pub(crate) async fn remove_plugin(
    name: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    operations::remove(&context, write, (KIND, &name)).await?;
    Ok(Reply::gone())
}

/// Who changed a plugin, when and how, the newest change first.
#[utoipa::path(
    tag = "plugins",
    params(("name" = String, Path, description = "its name or its id"), PageQuery),
    responses((status = 200, body = PluginHistory), (status = 404, body = Problem))
)]
#[get("/api/plugins/{name}/history")]
pub(crate) async fn list_plugin_history(
    name: web::Path<String>,
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (changes, next_cursor) = operations::history(&context, read, (KIND, &name)).await?;
    let changes = changes.into_iter().map(PluginChange::of).collect();
    Ok(HttpResponse::Ok().json(PluginHistory { changes, next_cursor }))
}

/// Makes a plugin what it was at a version of its history, with its files of then.
#[utoipa::path(
    tag = "plugins",
    params(("name" = String, Path, description = "its name or its id"), ("version" = u64, Path)),
    responses((status = 200, body = PluginView), (status = 404, body = Problem))
)]
#[post("/api/plugins/{name}/history/{version}/restore")]
pub(crate) async fn restore_plugin(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (name, version) = path.into_inner();
    let restored = operations::restore(&context, write, (KIND, &name, &version)).await?;
    Ok(Reply::ok(PluginView::of(&restored)))
}
