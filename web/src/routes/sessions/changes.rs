//! The files that a session changed.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, get, web};
use runner_core::ids::{SessionId, TurnId};
use runner_core::session::changes::{ChangedFile, ChangedTurn, Changes, Scope, Unpatched};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem, turn_not_found};
use crate::request::paging::cut;
use crate::request::query::{limit, version};
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// `file` (the default): what became of the files, without what a rewind undid. `turn`: what each turn
    /// did.
    #[param(inline)]
    by: Option<By>,
    /// `json` (the default), or `patch`: one diff of all files that `git apply` takes in the session's
    /// folder.
    #[param(inline)]
    format: Option<Format>,
    /// Only what this turn changed.
    turn_id: Option<TurnId>,
    /// Only what was changed since this turn began.
    since_turn_id: Option<TurnId>,
    /// Show the changes as they were when the session had this many events.
    at: Option<u64>,
    /// 1 to 200 files or turns; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<usize>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    Turn,
    File,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Patch,
}

/// Files or turns, as `by` asks for.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum ChangePage {
    Files { version: u64, files: Vec<ChangedFile>, next_cursor: Option<String> },
    Turns { version: u64, turns: Vec<ChangedTurn>, next_cursor: Option<String> },
}

/// The files that the session's agent changed, each with one difference from the session's begin to now;
/// `version` says up to which event.
///
/// Changes come from the agent's file tools; in a git repository also from the commands that the agent ran,
/// in files that git does not ignore. A patch names in front what is left out of it: files outside of the
/// session's folder, and those of which no difference is known (`unpatched`).
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ChangesQuery),
    responses(
        (status = 200, content((ChangePage = "application/json"), (String = "text/x-patch"))),
        (status = 400, body = Problem),
        (status = 404, description = "`session_not_found`, `turn_not_found`", body = Problem),
    )
)]
#[get("/api/sessions/{id}/changes")]
pub(crate) async fn list_changes(
    id: web::Path<String>,
    read: Read<ChangesQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let (limit, scope) = (limit(asked.limit)? as usize, scope(&asked)?);
    let head = context.session(&read.caller, &id).await?;
    let at = version(asked.at, "?at", 1..=head.version)?.unwrap_or(head.version);
    let changes = context.sessions.changes(head.id, at).await?;
    if asked.turn_id.or(asked.since_turn_id).is_some_and(|turn| !changes.has_turn(turn)) {
        return Err(turn_not_found().into());
    }
    match asked.format.unwrap_or(Format::Json) {
        Format::Json => Ok(HttpResponse::Ok().json(page(&changes, &asked, (at, scope), limit))),
        Format::Patch => {
            let patch = whole_patch(&changes.by_file(scope));
            Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/x-patch; charset=utf-8")).body(patch))
        }
    }
}

/// Which changes are meant; parameters that contradict each other are named.
fn scope(asked: &ChangesQuery) -> Result<Scope, Problem> {
    let contradicts =
        |name: &str| Err(Problem::field("query_invalid", name, "contradicts another parameter"));
    let is_patch = asked.format == Some(Format::Patch);
    match (asked.turn_id, asked.since_turn_id, &asked.by) {
        (Some(_), Some(_), _) => contradicts("?since_turn_id"),
        (_, Some(_), Some(By::Turn)) => contradicts("?since_turn_id"),
        (_, _, Some(By::Turn)) if is_patch => contradicts("?by"),
        _ if is_patch && asked.limit.is_some() => contradicts("?limit"),
        _ if is_patch && asked.cursor.is_some() => contradicts("?cursor"),
        (Some(turn), None, _) => Ok(Scope::Turn(turn)),
        (None, Some(turn), _) => Ok(Scope::Since(turn)),
        (None, None, _) => Ok(Scope::Session),
    }
}

/// The differences of all files, one behind the other. `git apply` passes over what stands before the first.
fn whole_patch(files: &[ChangedFile]) -> String {
    let mut patch = String::new();
    for file in files {
        let why = match file.unpatched {
            Some(Unpatched::NotCompared) => "it was not compared",
            Some(Unpatched::ChangedBetween) => "others changed it in between",
            None if !file.is_inside() => "it lies outside of the session's folder",
            None => continue,
        };
        patch += &format!("# left out: {:?}: {why}\n", file.path);
    }
    let shown = files.iter().filter(|file| file.unpatched.is_none() && file.is_inside());
    shown.for_each(|file| patch.push_str(&file.patch));
    patch
}

fn page(changes: &Changes, asked: &ChangesQuery, (version, scope): (u64, Scope), limit: usize) -> ChangePage {
    let start = asked.cursor.unwrap_or(0);
    match asked.by {
        None | Some(By::File) => {
            let (files, next_cursor) = cut(changes.by_file(scope), start, limit);
            ChangePage::Files { version, files, next_cursor }
        }
        Some(By::Turn) => {
            let (turns, next_cursor) = cut(changes.by_turn(asked.turn_id), start, limit);
            ChangePage::Turns { version, turns, next_cursor }
        }
    }
}
