//! A session's stored events: a page of them, or all that come.

use actix_web::{HttpRequest, HttpResponse, get, web};
use runner_core::ids::SessionId;
use runner_core::log::RecordedEvent;
use runner_core::session::event::SessionEvent;
use runner_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::{limit, types, version};
use crate::request::read::Read;
use crate::stream;
use crate::stream::events::EventsFeed;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Only events with a higher version.
    after: Option<u64>,
    /// 1 to 200; 50 if absent. A stream has no limit.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; the same as `after`.
    #[param(value_type = Option<String>)]
    cursor: Option<u64>,
    /// Event types, separated by commas.
    types: Option<String>,
    /// Whether a stream also shows pieces of blocks that are being written.
    deltas: Option<bool>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct EventPage {
    #[schema(value_type = Vec<StoredEvent>)]
    events: Vec<RecordedEvent>,
    next_cursor: Option<String>,
}

/// A stored event: what happened, its place, and its hashes.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the log's own type is what is sent")]
pub(crate) struct StoredEvent {
    #[serde(flatten)]
    event: SessionEvent,
    /// Place in the whole log.
    position: u64,
    /// Place in the session, from 1 without gap.
    version: u64,
    schema: u32,
    /// What was imported has happened before: its `data` says when, in `happened_at`.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    actor: String,
    request_id: Option<String>,
    /// SHA-256 in hexadecimal.
    payload_hash: String,
    /// SHA-256 in hexadecimal, over the event before it, the header and the payload's hash.
    hash: String,
}

/// Stored events; with `Accept: text/event-stream` as they come, from `after` or `Last-Event-ID` on.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), EventsQuery, ("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (status = 200, description = "A page; or server-sent events, each with its version as `id`", content((EventPage = "application/json"), (StoredEvent = "text/event-stream"))),
        (status = 404, body = Problem),
    )
)]
#[get("/api/sessions/{id}/events")]
pub(crate) async fn list_events(
    id: web::Path<String>,
    request: HttpRequest,
    read: Read<EventsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let limit = limit(asked.limit)?;
    let head = context.session(&read.caller, &id).await?;
    let session = head.id;
    let after = match stream::last_event_id(&request)? {
        Some(seen) if seen > head.version => return Err(stream::not_an_event_id().into()),
        Some(seen) => seen,
        None => {
            let after = version(asked.after, "?after", 0..=head.version)?;
            after.or(version(asked.cursor, "?cursor", 0..=head.version)?).unwrap_or(0)
        }
    };
    let types = types(asked.types.as_deref());
    if stream::wants_stream(&request) {
        let place = context.streams.open(&read.caller)?;
        let subscription = context.sessions.subscribe(session, asked.deltas.unwrap_or_default());
        let (sessions, recent) = (context.sessions.clone(), context.recent.of(session));
        let feed = EventsFeed { sessions, session, recent, after, types, reach: read.caller.reach() };
        return Ok(stream::respond(feed, subscription, place));
    }
    let page = page(&context, session, after, limit, &types).await?;
    Ok(HttpResponse::Ok().json(page))
}

async fn page(
    context: &Context,
    session: SessionId,
    mut after: u64,
    limit: u32,
    types: &[String],
) -> Result<EventPage, ApiError> {
    let mut events = Vec::new();
    loop {
        let read = context.sessions.events(session, after, stream::PAGE).await?;
        let is_last = read.len() < stream::PAGE as usize;
        for event in read {
            after = event.version;
            if types.is_empty() || types.contains(&event.type_name) {
                events.push(event);
            }
            if events.len() > limit as usize {
                events.truncate(limit as usize);
                let next_cursor = events.last().map(|event| event.version.to_string());
                return Ok(EventPage { events, next_cursor });
            }
        }
        if is_last {
            return Ok(EventPage { events, next_cursor: None });
        }
    }
}
