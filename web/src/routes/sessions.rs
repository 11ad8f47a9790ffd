//! Sessions: list, open, read, prompt, interrupt, verify.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use runner_actors::Submission;
use runner_core::ids::{SessionId, TurnId};
use runner_core::log::chain::Verification;
use runner_core::ports::{SessionCursor, SessionFilter, SessionSort};
use runner_core::session::index::{SessionStatus, SessionSummary};
use runner_core::session::messages::Message;
use runner_core::session::view::SessionView;
use serde::{Deserialize, Serialize};

use super::{Context, tasks};
use crate::access::Caller;
use crate::error::{ApiError, Problem};
use crate::request::options::{OpenSessionBody, Opening};
use crate::request::retry::mark_replay;
use crate::request::task::{PromptBody, read_prompt};
use crate::request::{Write, limit, query, session_id, version};

const MAX_SEARCH_CHARS: usize = 200;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionsQuery {
    /// Only sessions in this folder.
    working_dir: Option<String>,
    status: Option<SessionStatus>,
    /// Text that occurs in a title, a prompt or a result.
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
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: SessionsQuery = query(&request)?;
    let sort = asked.sort.unwrap_or(SortBy::UpdatedAt);
    let filter = SessionFilter {
        reach: caller.0.reach(),
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

/// Opens a session without a prompt; its agent begins to start.
#[utoipa::path(
    tag = "sessions",
    request_body = OpenSessionBody,
    responses((status = 201, body = SessionView), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
#[post("/api/sessions")]
pub(crate) async fn open_session(
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let sessions = &context.sessions;
    let workspace = context.workspaces.of(&write.caller).await?;
    let opening = Opening::read(write.fields()?, &context, &workspace)?;
    let appended = match write.first(&context).await? {
        Some(appended) => appended,
        None => {
            let opened = tasks::opened(opening, &write.caller, &context).await?;
            sessions.open(opened, write.provenance).await?
        }
    };
    let view = sessions.view_at(appended.session(), 1).await?;
    let location = format!("/api/sessions/{}", appended.session());
    let mut response = HttpResponse::Created().insert_header((LOCATION, location)).json(&*view);
    mark_replay(&mut response, appended.replayed);
    Ok(response)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionQuery {
    /// Show the session as it was when it had this many events.
    at: Option<u64>,
}

/// The whole session, now or as it was.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), SessionQuery),
    responses((status = 200, body = SessionView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[get("/api/sessions/{id}")]
pub(crate) async fn find_session(
    id: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: SessionQuery = query(&request)?;
    let summary = context.sessions.find(&caller.0.reach(), session_id(&id)?).await?;
    let session = summary.head.id;
    let view = match version(asked.at, "?at", 1..=summary.head.version)? {
        None => context.sessions.view(session).await?,
        Some(at) => context.sessions.view_at(session, at).await?,
    };
    Ok(HttpResponse::Ok().json(&*view))
}

#[derive(Serialize, utoipa::ToSchema)]
struct PromptAccepted {
    turn_id: TurnId,
    /// The version of the event that holds the prompt.
    version: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PromptQuery {
    /// `queue` (the default), or `steer`: the running turn gets it.
    #[param(inline)]
    mode: Option<PromptMode>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum PromptMode {
    Queue,
    Steer,
}

/// Gives the session a prompt; while a turn runs it waits its turn, in order.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), PromptQuery),
    request_body = PromptBody,
    responses(
        (status = 202, body = PromptAccepted),
        (status = 409, description = "`session_archived`, `queue_full`, or the session's owner may not run tasks: `owner_disabled`, `owner_not_permitted`", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
#[post("/api/sessions/{id}/prompts")]
pub(crate) async fn submit_prompt(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: PromptQuery = query(&request)?;
    let submission = read_prompt(write.fields()?, &write.caller.name)?;
    let head = context.sessions.find(&write.caller.reach(), session_id(&id)?).await?.head;
    context.workspaces.check(&write.caller, &head.working_dir).await?;
    if let Some(PromptMode::Steer) = asked.mode {
        return steer(head.id, submission, write, &context).await;
    }
    let prompted = context.sessions.prompt(head.id, submission, write.provenance).await?;
    let accepted = PromptAccepted { turn_id: prompted.turn, version: prompted.version };
    let mut response = HttpResponse::Accepted().json(accepted);
    mark_replay(&mut response, prompted.replayed);
    Ok(response)
}

/// The running turn gets the prompt with the next result of a tool, or right after its answer.
async fn steer(
    session: SessionId,
    submission: Submission,
    write: Write,
    context: &Context,
) -> Result<HttpResponse, ApiError> {
    let Submission { turn: message, text, attachments, author, .. } = submission;
    let prompt = (message, text, attachments);
    let appended = context.sessions.steer(session, prompt, author, write.provenance).await?;
    let turn_id = context.sessions.steered_turn(appended).await?;
    let mut response =
        HttpResponse::Accepted().json(PromptAccepted { turn_id, version: appended.last_version });
    mark_replay(&mut response, appended.replayed);
    Ok(response)
}

#[derive(Serialize, utoipa::ToSchema)]
struct InterruptAccepted {
    /// The version up to which the request is recorded.
    version: u64,
}

/// Stops the running turn, or takes back the prompt whose turn waits to begin; the session stays usable.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    responses(
        (status = 202, body = InterruptAccepted),
        (status = 409, description = "`nothing_running`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/sessions/{id}/interrupt")]
pub(crate) async fn interrupt_session(
    id: web::Path<String>,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    write.no_fields()?;
    let session = context.sessions.find(&write.caller.reach(), session_id(&id)?).await?.head.id;
    let by = write.caller.name.clone();
    let interrupted = context.sessions.interrupt(session, by, write.provenance).await?;
    let mut response = HttpResponse::Accepted().json(InterruptAccepted { version: interrupted.last_version });
    mark_replay(&mut response, interrupted.replayed);
    Ok(response)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessagesQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<usize>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct MessagePage<'a> {
    messages: &'a [Message],
    next_cursor: Option<String>,
}

/// The conversation as a model would see it.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), MessagesQuery),
    responses((status = 200, body = MessagePage), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[get("/api/sessions/{id}/messages")]
pub(crate) async fn list_messages(
    id: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: MessagesQuery = query(&request)?;
    let limit = limit(asked.limit)? as usize;
    let session = context.sessions.find(&caller.0.reach(), session_id(&id)?).await?.head.id;
    let messages = context.sessions.messages(session).await?;
    let start = asked.cursor.unwrap_or(0).min(messages.len());
    let end = (start + limit).min(messages.len());
    let next_cursor = (end < messages.len()).then(|| end.to_string());
    Ok(HttpResponse::Ok().json(MessagePage { messages: &messages[start..end], next_cursor }))
}

/// Recomputes the session's hash chain from what is stored.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 200, body = Verification), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
#[get("/api/sessions/{id}/verify")]
pub(crate) async fn verify_session(
    id: web::Path<String>,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let session = context.sessions.find(&caller.0.reach(), session_id(&id)?).await?.head.id;
    Ok(HttpResponse::Ok().json(context.sessions.verify(session).await?))
}
