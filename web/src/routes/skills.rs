//! Skills: instructions that agents read when they need them.

pub(super) mod document;
mod elsewhere;
mod fields;
pub(super) mod import;
mod offered;
mod view;

use std::path::PathBuf;

use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use runner_actors::{ExtensionError, ExtensionPatch, NewExtension};
use runner_core::setup::extension::definition::{Defined, Definition, DefinitionEdit, ExtensionKind};
use runner_core::setup::extension::secrets::SecretValues;
use serde::{Deserialize, Serialize};

use self::fields::{SkillBody, SkillPatch, SkillReplacement};
use self::offered::OfferedSkill;
use self::view::{SkillChange, SkillView};
use super::extensions::{operations, scope};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::options::resolve;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

const KIND: ExtensionKind = ExtensionKind::Skill;

#[derive(Serialize, utoipa::ToSchema)]
struct SkillPage {
    skills: Vec<SkillView>,
    next_cursor: Option<String>,
}

/// The changes of a skill, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct SkillHistory {
    changes: Vec<SkillChange>,
    next_cursor: Option<String>,
}

/// Which skills are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SkillsQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Also those of this folder, if it is trusted.
    working_dir: Option<String>,
    /// Also those that this session's agent told of, and those of its folder.
    session_id: Option<String>,
}

/// Adds a skill. Agents have it from their next turn on: the model chooses it by its description, and people
/// call it `/runner:<name>`.
#[utoipa::path(
    tag = "skills",
    request_body = SkillBody,
    responses(
        (status = 201, body = SkillView),
        (status = 403, description = "`extension_not_allowed`, `working_dir_not_allowed`", body = Problem),
        (status = 409, description = "`extension_name_taken`, `too_many_extensions`", body = Problem),
    )
)]
#[post("/api/skills")]
pub(crate) async fn add_skill(
    write: Write<SkillBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = &write.body;
    let named = (body.scope, body.working_dir.as_deref());
    let files = fields::files(body.files.as_ref())?;
    let (defined, files) = fields::defined((&body.description, &body.instruction), body.category, files)?;
    let new = NewExtension {
        scope: scope(&context, &write.caller, named).await?.unwrap_or_default(),
        name: fields::name(&body.name)?,
        defined,
        is_enabled: body.enabled.unwrap_or(true),
    };
    let (skill, is_replay) = operations::create(&context, &write, (new, files)).await?;
    let location = format!("/api/skills/{}", skill.created.name);
    Ok(Reply::created_at(location, SkillView::of(&skill)).replayed(is_replay))
}

/// One's skills, those of folders that are everybody's, and those that this server offers; for admins, all of
/// the team's. With a folder or a session, also those that lie in the folder or come with Claude Code.
#[utoipa::path(tag = "skills", params(SkillsQuery), responses((status = 200, body = SkillPage)))]
#[get("/api/skills")]
pub(crate) async fn list_skills(
    read: Read<SkillsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (caller, query) = (&read.caller, read.query);
    let stored = context.extensions.list(caller, KIND).await?;
    let is_own = |name: &str| {
        stored.iter().any(|skill| skill.created.name == name && skill.created.owner == caller.name)
    };
    let mut skills: Vec<SkillView> = stored.iter().map(SkillView::of).collect();
    skills.extend(OfferedSkill::all().filter(|skill| !is_own(skill.name)).map(|skill| skill.view()));
    let session = match &query.session_id {
        Some(id) => Some(context.session(caller, id).await?),
        None => None,
    };
    let named = query.working_dir.as_deref().or(session.as_ref().map(|session| session.working_dir.as_str()));
    let mut elsewhere = vec![];
    if let Some(folder) = named {
        let folder = resolve(folder, "?working_dir", &context.working_folders.of(caller).await?)?;
        elsewhere = elsewhere::of_folder(&context, caller, &PathBuf::from(folder)).await?;
    }
    if let Some(session) = session {
        elsewhere.extend(elsewhere::of_session(&context, session.id, &elsewhere).await?);
    }
    skills.extend(elsewhere);
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let (skills, next_cursor) = page.page(skills, Order::Rising, SkillView::place)?;
    let skills = skills.into_iter().map(SkillView::in_list).collect();
    Ok(HttpResponse::Ok().json(SkillPage { skills, next_cursor }))
}

/// One skill, by its name or its id; also one that this server offers.
#[utoipa::path(
    tag = "skills",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 200, body = SkillView), (status = 404, body = Problem))
)]
#[get("/api/skills/{name}")]
pub(crate) async fn find_skill(
    name: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let view = match context.extensions.find(&read.caller, KIND, &name).await {
        Ok(skill) => SkillView::of(&skill),
        Err(ExtensionError::NotFound) => match OfferedSkill::find(&name) {
            Some(offered) => offered.view(),
            None => return Err(ExtensionError::NotFound.into()),
        },
        Err(error) => return Err(error.into()),
    };
    Ok(HttpResponse::Ok().json(view))
}

/// Writes a skill anew, with its files.
#[utoipa::path(
    tag = "skills",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = SkillReplacement,
    responses((status = 200, body = SkillView), (status = 404, body = Problem))
)]
#[put("/api/skills/{name}")]
pub(crate) async fn replace_skill(
    name: web::Path<String>,
    write: Write<SkillReplacement>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller) = (write.body, &write.caller);
    let extensions = &context.extensions;
    let before = extensions.find(caller, KIND, &name).await?;
    operations::keep_name(&before, body.name.as_deref())?;
    let files = fields::files(body.files.as_ref())?;
    let (defined, files) = fields::defined((&body.description, &body.instruction), body.category, files)?;
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, caller, (body.scope, body.working_dir.as_deref())).await?,
        edit: Some(DefinitionEdit::Replace(defined.definition)),
    };
    let skill = match write.first {
        Some(_) => before,
        None => extensions.change_with_files(caller, (KIND, &name), (patch, files), write.provenance).await?,
    };
    Ok(Reply::ok(SkillView::of(&skill)))
}

/// Changes a skill; its files stay. One that this server offers becomes one's own with that.
#[utoipa::path(
    tag = "skills",
    params(("name" = String, Path, description = "its name or its id")),
    request_body = SkillPatch,
    responses((status = 200, body = SkillView), (status = 404, body = Problem))
)]
#[patch("/api/skills/{name}")]
pub(crate) async fn change_skill(
    name: web::Path<String>,
    write: Write<SkillPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, extensions) = (&write.body, &context.extensions);
    let named = (body.scope, body.working_dir.as_deref());
    let patch = ExtensionPatch {
        is_enabled: body.enabled,
        scope: scope(&context, &write.caller, named).await?,
        edit: body.edit()?.map(DefinitionEdit::Skill),
    };
    let found = extensions.find(&write.caller, KIND, &name).await;
    let skill = match (found, OfferedSkill::find(&name)) {
        (Err(ExtensionError::NotFound), Some(offered)) => {
            let defined =
                Defined { definition: Definition::Skill(offered.skill), secrets: SecretValues::default() };
            let defined = match patch.edit {
                Some(edit) => edit.apply(defined).map_err(ExtensionError::Mismatch)?,
                None => defined,
            };
            let (name, is_enabled) = (offered.name.to_owned(), body.enabled.unwrap_or(false));
            let new = NewExtension { name, scope: patch.scope.unwrap_or_default(), defined, is_enabled };
            operations::create(&context, &write, (new, None)).await?.0
        }
        (found, _) if write.first.is_some() => found?,
        (_, _) => extensions.change(&write.caller, (KIND, &name), patch, write.provenance).await?,
    };
    Ok(Reply::ok(SkillView::of(&skill)))
}

/// Removes a skill. Its history stays in the log.
#[utoipa::path(
    tag = "skills",
    params(("name" = String, Path, description = "its name or its id")),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem))
)]
#[delete("/api/skills/{name}")]
pub(crate) async fn remove_skill(
    name: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    operations::remove(&context, write, (KIND, &name)).await?;
    Ok(Reply::gone())
}

/// Who changed a skill, when and how, the newest change first.
#[utoipa::path(
    tag = "skills",
    params(("name" = String, Path, description = "its name or its id"), PageQuery),
    responses((status = 200, body = SkillHistory), (status = 404, body = Problem))
)]
#[get("/api/skills/{name}/history")]
pub(crate) async fn list_skill_history(
    name: web::Path<String>,
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (changes, next_cursor) = operations::history(&context, read, (KIND, &name)).await?;
    let changes = changes.into_iter().map(SkillChange::of).collect();
    Ok(HttpResponse::Ok().json(SkillHistory { changes, next_cursor }))
}

/// Makes a skill what it was at a version of its history, with its files.
#[utoipa::path(
    tag = "skills",
    params(("name" = String, Path, description = "its name or its id"), ("version" = u64, Path)),
    responses((status = 200, body = SkillView), (status = 404, body = Problem))
)]
#[post("/api/skills/{name}/history/{version}/restore")]
pub(crate) async fn restore_skill(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (name, version) = path.into_inner();
    let restored = operations::restore(&context, write, (KIND, &name, &version)).await?;
    Ok(Reply::ok(SkillView::of(&restored)))
}
