//! A session's stored events as they came, faster or slower.

use actix_web::{HttpRequest, HttpResponse, get, web};
use runner_core::ids::SessionId;
use serde::Deserialize;

use super::events::StoredEvent;
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::version;
use crate::request::read::Read;
use crate::stream;
use crate::stream::replay::{ReplayFeed, Speed};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReplayQuery {
    /// 0.1 to 100 times as fast as it was, or `max`: as fast as it can be read; 1 if absent.
    speed: Option<String>,
    /// The first version to show; 1 if absent.
    from: Option<u64>,
    /// The last version to show; the newest one at the time of the request if absent.
    to: Option<u64>,
}

/// Stored events as a stream that takes the time they took, and ends by itself.
///
/// The first event comes at once, each later one after the time that lay between the two, divided by
/// `speed`; no single wait is longer than 10 seconds. Frames are those of the stream of events. After a cut
/// `Last-Event-ID` goes on behind that version; there is no content if nothing is left to show.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ReplayQuery, ("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (status = 200, description = "Frames with `id: <version>` and the stored event as data", content_type = "text/event-stream", body = StoredEvent),
        (status = 204, description = "Everything was shown before `Last-Event-ID`; `EventSource` stops"),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
#[get("/api/sessions/{id}/replay")]
pub(crate) async fn replay_session(
    id: web::Path<String>,
    request: HttpRequest,
    read: Read<ReplayQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let speed = speed(asked.speed.as_deref())?;
    let seen = stream::last_event_id(&request)?.unwrap_or(0);
    let head = context.session(&read.caller, &id).await?;
    let from = version(asked.from, "?from", 1..=head.version)?.unwrap_or(1);
    let to = version(asked.to, "?to", from..=head.version)?.unwrap_or(head.version);
    if seen >= to {
        return Ok(HttpResponse::NoContent().finish());
    }
    let place = context.streams.open(&read.caller)?;
    let subscription = context.sessions.subscribe(head.id, false);
    let after = seen.max(from - 1);
    let feed = ReplayFeed::new(context.sessions.clone(), head.id, after, to, speed);
    Ok(stream::respond(feed, subscription, place))
}

fn speed(given: Option<&str>) -> Result<Speed, Problem> {
    let times = match given {
        None => return Ok(Speed::Times(1.0)),
        Some("max") => return Ok(Speed::Max),
        Some(text) => text.parse::<f64>().ok(),
    };
    match times {
        Some(times) if (0.1..=100.0).contains(&times) => Ok(Speed::Times(times)),
        Some(_) | None => Err(Problem::field("query_invalid", "?speed", "must be from 0.1 to 100, or max")),
    }
}
