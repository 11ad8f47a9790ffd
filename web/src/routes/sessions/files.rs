//! The files of a session's folders, as they are now.

use std::path::{Path, PathBuf};

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, get, web};
use runner_core::ids::SessionId;
use runner_core::ports::{EntryName, EntryRefusal, FolderEntry};
use runner_core::session::index::SessionHead;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::paging::cut;
use crate::request::query::limit;
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FilesQuery {
    /// From the session's folder, or absolute and in one of its folders; the folder itself if absent.
    path: Option<String>,
    /// 1 to 200 entries of a folder; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<usize>,
}

/// A folder and what is in it, in the order of the names.
#[derive(Serialize, utoipa::ToSchema)]
struct FolderPage {
    path: String,
    entries: Vec<EntryName>,
    next_cursor: Option<String>,
}

/// A file's content as it is, or what is in a folder.
///
/// Text comes as `text/plain`, all else as `application/octet-stream`, and a folder as JSON. Nothing outside
/// of the session's folders is shown, also where a link leads there, and nothing of the server's own.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), FilesQuery),
    responses(
        (status = 200, content((FolderPage = "application/json"), (String = "text/plain"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, body = Problem),
        (status = 403, description = "`working_dir_not_allowed`: the folder is none of those any more in which you may work", body = Problem),
        (status = 404, description = "`session_not_found`, `file_not_found`", body = Problem),
        (status = 413, description = "`file_too_large`: a file of more than 10 MiB, a folder of more than 10,000 entries", body = Problem),
    )
)]
#[get("/api/sessions/{id}/files")]
pub(crate) async fn read_file(
    id: web::Path<String>,
    read: Read<FilesQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let limit = limit(asked.limit)? as usize;
    let head = context.session(&read.caller, &id).await?;
    let named = asked.path.unwrap_or_default();
    let (folder, path) = place(&head, &named, &context).await?;
    context.working_folders.check(&read.caller, &folder).await?;
    match context.files.read(Path::new(&folder), &path).await.map_err(|refusal| problem(&refusal))? {
        FolderEntry::File(bytes) => Ok(file(bytes)),
        FolderEntry::Folder(all) => {
            let (entries, next_cursor) = cut(all, asked.cursor.unwrap_or(0), limit);
            Ok(HttpResponse::Ok().json(FolderPage { path: named, entries, next_cursor }))
        }
    }
}

/// The folder of the session that a path lies in, and the way from there.
async fn place(head: &SessionHead, named: &str, context: &Context) -> Result<(String, PathBuf), ApiError> {
    let path = Path::new(named);
    if path.is_relative() {
        return Ok((head.working_dir.clone(), path.to_owned()));
    }
    let mut folders = vec![head.working_dir.clone()];
    folders.extend(context.sessions.opening(head.id).await?.options.add_dirs);
    let below = |folder: String| {
        let rest = path.strip_prefix(&folder).ok()?.to_owned();
        Some((folder, rest))
    };
    Ok(folders.into_iter().find_map(below).ok_or_else(|| problem(&EntryRefusal::Missing))?)
}

fn file(bytes: Vec<u8>) -> HttpResponse {
    let is_text = std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'));
    let kind = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    HttpResponse::Ok().insert_header((CONTENT_TYPE, kind)).body(bytes)
}

fn problem(refusal: &EntryRefusal) -> Problem {
    let (status, code) = match refusal {
        EntryRefusal::Missing => (StatusCode::NOT_FOUND, "file_not_found"),
        EntryRefusal::TooLarge { .. } | EntryRefusal::TooMany { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large")
        }
    };
    Problem::new(status, code, refusal.to_string())
}
