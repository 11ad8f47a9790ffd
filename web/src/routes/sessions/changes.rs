//! The files that a session changed.

use actix_web::{HttpResponse, get, web};
use runner_core::ids::{SessionId, TurnId};
use runner_core::session::changes::{ChangedFile, ChangedTurn, Changes};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem, turn_not_found};
use crate::request::query::{limit, version};
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// `file` (the default): what the files went through, without what a rewind undid. `turn`: what each
    /// turn did.
    #[param(inline)]
    by: Option<By>,
    /// Only what this turn changed.
    turn_id: Option<TurnId>,
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

/// Files or turns, as `by` asks for.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum ChangePage {
    Files { version: u64, files: Vec<ChangedFile>, next_cursor: Option<String> },
    Turns { version: u64, turns: Vec<ChangedTurn>, next_cursor: Option<String> },
}

/// The files that the session's agent changed, with unified diffs; `version` says up to which event.
///
/// Changes come from the agent's file tools; in a git repository also from the commands that the agent ran,
/// in files that git does not ignore.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ChangesQuery),
    responses(
        (status = 200, body = ChangePage),
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
    let limit = limit(asked.limit)? as usize;
    let head = context.session(&read.caller, &id).await?;
    let at = version(asked.at, "?at", 1..=head.version)?.unwrap_or(head.version);
    let changes = context.sessions.changes(head.id, at).await?;
    if asked.turn_id.is_some_and(|turn| !changes.has_turn(turn)) {
        return Err(turn_not_found().into());
    }
    Ok(HttpResponse::Ok().json(page(&changes, &asked, at, limit)))
}

fn page(changes: &Changes, asked: &ChangesQuery, version: u64, limit: usize) -> ChangePage {
    let start = asked.cursor.unwrap_or(0);
    match asked.by {
        None | Some(By::File) => {
            let (files, next_cursor) = cut(changes.by_file(asked.turn_id), start, limit);
            ChangePage::Files { version, files, next_cursor }
        }
        Some(By::Turn) => {
            let (turns, next_cursor) = cut(changes.by_turn(asked.turn_id), start, limit);
            ChangePage::Turns { version, turns, next_cursor }
        }
    }
}

fn cut<T>(all: Vec<T>, start: usize, limit: usize) -> (Vec<T>, Option<String>) {
    let end = start.saturating_add(limit);
    let next_cursor = (end < all.len()).then(|| end.to_string());
    (all.into_iter().skip(start).take(limit).collect(), next_cursor)
}
