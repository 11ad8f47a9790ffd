//! The list of sessions.

use actix_web::{HttpResponse, get, web};
use runner_core::ports::{SessionCursor, SessionFilter, SessionSort};
use runner_core::session::index::{SessionStatus, SessionSummary};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::limit;
use crate::request::read::Read;

const MAX_SEARCH_CHARS: usize = 200;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionsQuery {
    /// Only sessions in this folder.
    working_dir: Option<String>,
    status: Option<SessionStatus>,
    /// Text that occurs in a title, a prompt or a result.
    #[param(min_length = 1, max_length = 200)]
    q: Option<String>,
    #[param(inline)]
    sort: Option<SortBy>,
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortBy {
    UpdatedAt,
    CreatedAt,
    Cost,
}

impl SortBy {
    const fn name(self) -> &'static str {
        match self {
            Self::UpdatedAt => "updated_at",
            Self::CreatedAt => "created_at",
            Self::Cost => "cost",
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
struct SessionPage {
    sessions: Vec<SessionSummary>,
    next_cursor: Option<String>,
}

/// Lists sessions, the newest, or the most expensive, first.
#[utoipa::path(tag = "sessions", params(SessionsQuery), responses((status = 200, body = SessionPage)))]
#[get("/api/sessions")]
pub(crate) async fn list_sessions(
    read: Read<SessionsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let sort = asked.sort.unwrap_or(SortBy::UpdatedAt);
    let filter = SessionFilter {
        reach: read.caller.reach(),
        working_dir: asked.working_dir,
        status: asked.status,
        text: asked.q.map(search_text).transpose()?,
        sort: match sort {
            SortBy::UpdatedAt => SessionSort::UpdatedAt,
            SortBy::CreatedAt => SessionSort::CreatedAt,
            SortBy::Cost => SessionSort::Cost,
        },
        limit: limit(asked.limit)?,
        after: asked.cursor.as_deref().map(|text| read_cursor(text, sort)).transpose()?,
    };
    let (sessions, next) = context.sessions.list(filter).await?;
    let next_cursor = next.map(|cursor| format!("{}.{}.{}", sort.name(), cursor.key, cursor.session));
    Ok(HttpResponse::Ok().json(SessionPage { sessions, next_cursor }))
}

fn search_text(text: String) -> Result<String, Problem> {
    let fits = (1..=MAX_SEARCH_CHARS).contains(&text.chars().count());
    // The store ends a pattern at a NUL, and nothing but spaces would find whatever has two words.
    if fits && !text.contains('\0') && !text.trim().is_empty() {
        return Ok(text);
    }
    let detail = format!("must have 1 to {MAX_SEARCH_CHARS} characters, not only spaces, and no NUL");
    Err(Problem::field("query_invalid", "?q", detail))
}

/// A cursor holds for the order it was made in: in another one its key means something else.
fn read_cursor(text: &str, sort: SortBy) -> Result<SessionCursor, Problem> {
    let place = text.strip_prefix(sort.name()).and_then(|rest| rest.strip_prefix('.'));
    let parts = place.and_then(|place| place.split_once('.')).and_then(|(key, session)| {
        Some(SessionCursor { key: key.parse().ok()?, session: session.parse().ok()? })
    });
    parts.ok_or_else(|| {
        Problem::field("query_invalid", "?cursor", "is not a cursor of this list in this order")
    })
}
