//! Whatever changes, in one stream.

use actix_web::{HttpRequest, HttpResponse, get, web};
use runner_core::ids::SessionId;
use runner_core::session::frame::Frame;
use runner_core::session::index::SessionSummary;
use runner_core::session::view::RequestView;
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::read::Read;
use crate::request::topics::{resume, topics};
use crate::routes::sessions::events::StoredEvent;
use crate::stream;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// At most 50 of `sessions`, `requests` and `session:<id>`, separated by commas; with `@<cursor>` a topic
    /// goes on behind what was seen of it, without one it begins with what is new.
    topics: String,
}

/// One change of one topic. Without any of the fields after `cursor`: all until now was told, and the topic
/// is live.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "frames are put together from what is written already")]
struct TopicFrame {
    topic: String,
    /// For `topics=<topic>@<cursor>`; absent from what is not stored.
    cursor: Option<String>,
    /// Of `sessions`: one as it is now.
    session: Option<SessionSummary>,
    /// Of `requests`: all that wait in one session.
    waiting: Option<WaitingInSession>,
    /// Of a session: what was stored.
    event: Option<StoredEvent>,
    /// Of a session: a piece of a block that is being written.
    delta: Option<Frame>,
    /// True where too much happened since the cursor, or it is of another log: load what you show anew.
    reset: Option<bool>,
    /// Why nothing of this topic will follow: there is no such session, or it is somebody else's by now.
    problem: Option<Problem>,
}

#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a part of a frame that is written elsewhere")]
struct WaitingInSession {
    session_id: SessionId,
    /// Those that are not in it any more were decided or withdrawn.
    requests: Vec<RequestView>,
}

/// Changes of many topics as one stream, for browsers, which hold few connections to a server.
///
/// `sessions` and `requests` gather what changes within 200 ms, and each frame replaces what was known of
/// its session. `session:<id>` has every stored event, without gap or repeat, and live pieces in between.
/// Open the stream first, and load what you show when a topic is live. The `id` of each frame has the
/// cursors of all topics, so `Last-Event-ID` goes on in all of them.
#[utoipa::path(
    tag = "sessions",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses(
        (status = 200, description = "Server-sent events", content_type = "text/event-stream", body = TopicFrame),
        (status = 400, description = "`query_invalid`, `last_event_id_invalid`", body = Problem),
    )
)]
#[get("/api/stream")]
pub(crate) async fn follow_topics(
    request: HttpRequest,
    read: Read<StreamQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let mut followed = topics(&read.query.topics)?;
    if let Some(last) = request.headers().get("last-event-id") {
        let resumed = last.to_str().ok().and_then(|last| resume(&mut followed, last.trim()).ok());
        resumed.ok_or_else(stream::not_an_event_id)?;
    }
    let place = context.streams.open(&read.caller)?;
    Ok(stream::topics::respond(&context, &read.caller, &followed, place))
}
