//! Skills that were written elsewhere: a `SKILL.md`, or an archive of a skill's folder.

use actix_web::http::StatusCode;
use actix_web::{post, web};
use runner_actors::NewExtension;
use runner_core::setup::extension::files::FileBundle;
use runner_core::setup::extension::skill::SkillCategory;
use serde::Deserialize;

use super::document::SkillDocument;
use super::fields::{self, DOCUMENT};
use super::view::SkillView;
use crate::context::Context;
use crate::http::error::{ApiError, Problem, internal};
use crate::request::archive;
use crate::request::reply::Reply;
use crate::request::write::Write;
use crate::routes::extensions::operations::create;
use crate::routes::extensions::{ScopeName, scope};

/// A skill as a document or as an archive: one of the two.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkillImportBody {
    /// The text of a `SKILL.md`.
    skill_md: Option<String>,
    /// A zip or a tar.gz of the skill's folder, in base64.
    archive: Option<String>,
    /// In place of the name in the front matter.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    category: Option<SkillCategory>,
    scope: Option<ScopeName>,
    working_dir: Option<String>,
    enabled: Option<bool>,
}

/// Adds a skill that was written elsewhere. The body may also be the file itself, as `text/markdown`,
/// `application/zip` or `application/gzip`. Of the front matter only the name and the description are taken;
/// `ignored_fields` says what else was there.
#[utoipa::path(
    tag = "skills",
    request_body = SkillImportBody,
    responses(
        (status = 201, body = SkillView),
        (status = 400, description = "`archive_invalid`, `archive_too_large`, `skill_invalid`", body = Problem),
        (status = 403, description = "`extension_not_allowed`, `working_dir_not_allowed`", body = Problem),
        (status = 409, description = "`extension_name_taken`, `too_many_extensions`", body = Problem),
    )
)]
#[post("/api/skills/import")]
pub(crate) async fn import_skill(
    write: Write<SkillImportBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = &write.body;
    let (document, files) = content(body).await?;
    let named = (body.scope, body.working_dir.as_deref());
    let Some(name) = body.name.as_deref().or(document.name.as_deref()) else {
        return Err(Problem::field("field_missing", "/name", "is needed: the front matter has none").into());
    };
    let description = document.description.as_deref().unwrap_or_default();
    let defined = fields::defined((description, &document.instruction), body.category, files);
    let (defined, files) = defined.map_err(|problem| {
        let field = problem.errors.first().map_or("text", |error| error.pointer.trim_start_matches('/'));
        skill_invalid(body, &format!("its {field} {}", problem.detail))
    })?;
    let new = NewExtension {
        scope: scope(&context, &write.caller, named).await?.unwrap_or_default(),
        name: fields::name(name)?,
        defined,
        is_enabled: body.enabled.unwrap_or(true),
    };
    let (skill, is_replay) = create(&context, &write, (new, files)).await?;
    let location = format!("/api/skills/{}", skill.created.name);
    let view = SkillView::of(&skill).without(document.ignored);
    Ok(Reply::created_at(location, view).replayed(is_replay))
}

/// What was sent: the document, and the files beside it.
async fn content(body: &SkillImportBody) -> Result<(SkillDocument, FileBundle), ApiError> {
    let (text, files) = match (&body.skill_md, &body.archive) {
        (Some(text), None) => (text.clone(), FileBundle::default()),
        (None, Some(archive)) => {
            let archive = archive.clone();
            let read = web::block(move || archive::read(&archive, DOCUMENT)).await;
            let mut files = read.map_err(|_| internal())??;
            let document = files.remove(DOCUMENT).map(|file| file.bytes).unwrap_or_default();
            let not_text = |_| skill_invalid(body, "is not UTF-8");
            (String::from_utf8(document).map_err(not_text)?, files)
        }
        (Some(_), Some(_)) | (None, None) => {
            let detail = "give either `skill_md` or `archive`";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "field_missing", detail).into());
        }
    };
    let document = SkillDocument::read(&text).map_err(|why| skill_invalid(body, &why))?;
    Ok((document, files))
}

fn skill_invalid(body: &SkillImportBody, why: &str) -> Problem {
    let pointer = if body.archive.is_some() { "/archive" } else { "/skill_md" };
    Problem::field("skill_invalid", pointer, format!("{DOCUMENT}: {why}"))
}
