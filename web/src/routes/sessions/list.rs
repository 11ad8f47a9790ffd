//! The list of sessions.

use actix_web::{HttpResponse, get, web};
use runner_core::people::account::username::{Username, UsernameError};
use runner_core::ports::{SessionCursor, SessionFilter, SessionSort};
use runner_core::session::index::{SessionStatus, SessionSummary};
use runner_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::settings::{TAG_RULE, is_tag};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::{limit, search_text};
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionsQuery {
    /// Only sessions of this person; somebody who sees only their own finds nothing of others.
    #[param(min_length = 1, max_length = 64)]
    owner: Option<String>,
    /// Only sessions that have this tag.
    #[param(min_length = 1, max_length = 50)]
    tag: Option<String>,
    /// Only sessions in which something happened last (`updated_at`) at this time or after it.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only sessions in which something happened last (`updated_at`) before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
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
        owner: asked.owner.map(owner).transpose()?,
        tag: asked.tag.map(tag).transpose()?,
        updated: period(asked.from, asked.to)?,
        working_dir: asked.working_dir,
        status: asked.status,
        text: asked.q.map(|text| search_text(text, "?q")).transpose()?,
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

/// A name as sessions have it: also one of those that nobody can register.
fn owner(name: String) -> Result<String, Problem> {
    match Username::try_from(name.clone()) {
        Ok(username) => Ok(username.to_string()),
        Err(UsernameError::Reserved) => Ok(name.to_lowercase()),
        Err(error) => Err(Problem::field("query_invalid", "?owner", error.to_string())),
    }
}

fn tag(tag: String) -> Result<String, Problem> {
    if is_tag(&tag) { Ok(tag) } else { Err(Problem::field("query_invalid", "?tag", TAG_RULE.as_str())) }
}

fn period(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    match (from, to) {
        (Some(from), Some(to)) if to <= from => {
            Err(Problem::field("query_invalid", "?to", "must be later than `from`"))
        }
        period => Ok(period),
    }
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
