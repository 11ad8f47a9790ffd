//! Folders that people trust.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, post, web};
use runner_actors::ChangeError;
use runner_core::setup::trust::{Granted, NotTrusted, TrustedFolder};
use runner_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::options::resolve;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

/// A folder in which the team may work; a relative one starts at its default folder.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustBody {
    working_dir: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct TrustedFolderView {
    /// Resolved. Folders below it are trusted as well.
    working_dir: String,
    trusted_by: String,
    #[schema(value_type = String, format = DateTime)]
    trusted_at: Timestamp,
}

#[derive(Serialize, utoipa::ToSchema)]
struct TrustedFolderPage {
    folders: Vec<TrustedFolderView>,
    next_cursor: Option<String>,
}

/// The folders that are trusted now, by name.
#[utoipa::path(tag = "workspaces", params(PageQuery), responses((status = 200, body = TrustedFolderPage)))]
#[get("/api/workspaces/trust")]
pub(crate) async fn list_trusted_folders(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let folders = context.trust.list(&read.caller.tenant).await.map_err(runner_actors::RunnerError::from)?;
    let (folders, next_cursor) = asked.page(folders, Order::Rising, |folder| folder.working_dir.clone())?;
    let folders = folders.into_iter().filter_map(view).collect();
    Ok(HttpResponse::Ok().json(TrustedFolderPage { folders, next_cursor }))
}

/// Trusts a folder and those below it: agents that start there from now on load its settings with hooks and
/// permissions, its `CLAUDE.md`, skills and commands. Its `.mcp.json` is not loaded, and no setting of it
/// changes which API the agent talks to. A session that is idle gets another agent before its next turn.
#[utoipa::path(
    tag = "workspaces",
    request_body = TrustBody,
    responses(
        (status = 200, description = "It was trusted already; who did it, and when", body = TrustedFolderView),
        (status = 201, body = TrustedFolderView),
        (status = 400, description = "`working_dir_missing`", body = Problem),
        (status = 403, description = "`working_dir_not_allowed`", body = Problem),
    )
)]
#[post("/api/workspaces/trust")]
pub(crate) async fn trust_folder(
    write: Write<TrustBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let offered = context.working_folders.of(&write.caller).await?;
    let working_dir = resolve(&write.body.working_dir, "/working_dir", &offered)?;
    let by = granted(&write, &context);
    let folder = (&write.caller.tenant, working_dir.as_str());
    let (folder, is_new) = context.trust.trust(folder, by, write.provenance).await.map_err(refusal)?;
    match is_new || write.first.is_some() {
        true => Ok(Reply::created(view(folder))),
        false => Ok(Reply::ok(view(folder))),
    }
}

/// Takes trust back. A session that is idle gets another agent before its next turn; a turn that runs goes
/// on to its end.
#[utoipa::path(
    tag = "workspaces",
    request_body = TrustBody,
    responses(
        (status = 204, description = "It is not trusted any more"),
        (status = 404, description = "`folder_not_trusted`", body = Problem),
    )
)]
#[delete("/api/workspaces/trust")]
pub(crate) async fn revoke_trust(
    write: Write<TrustBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let working_dir = name_of_trusted(&write, &context).await?;
    if write.first.is_none() {
        let (by, folder) = (granted(&write, &context), (&write.caller.tenant, working_dir.as_str()));
        context.trust.revoke(folder, by, write.provenance).await.map_err(refusal)?;
    }
    Ok(Reply::gone())
}

/// The name under which a folder is trusted. What is gone, or became a link, can be named as it was.
async fn name_of_trusted(write: &Write<TrustBody>, context: &Context) -> Result<String, ApiError> {
    let named = write.body.working_dir.as_str();
    let trusted = context.trust.list(&write.caller.tenant).await.map_err(runner_actors::RunnerError::from)?;
    if trusted.iter().any(|folder| folder.working_dir == named) {
        return Ok(named.to_owned());
    }
    let offered = context.working_folders.of(&write.caller).await?;
    Ok(resolve(named, "/working_dir", &offered).unwrap_or_else(|_| named.to_owned()))
}

fn granted(write: &Write<TrustBody>, context: &Context) -> Granted {
    Granted { by: write.caller.name.clone(), at: context.sessions.now() }
}

fn view(folder: TrustedFolder) -> Option<TrustedFolderView> {
    let Granted { by, at } = folder.granted?;
    Some(TrustedFolderView { working_dir: folder.working_dir, trusted_by: by, trusted_at: at })
}

fn refusal(error: ChangeError<NotTrusted>) -> ApiError {
    match error {
        ChangeError::Refused(NotTrusted) => {
            Problem::new(StatusCode::NOT_FOUND, "folder_not_trusted", "this folder is not trusted itself")
                .into()
        }
        ChangeError::Append(error) => runner_actors::RunnerError::from(error).into(),
        ChangeError::Read(error) => runner_actors::RunnerError::from(error).into(),
    }
}
