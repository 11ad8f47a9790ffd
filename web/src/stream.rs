//! Server-sent events: the log as it grows, as it once grew, and one turn as it is worked on.
//!
//! A stream reads from where it stands whenever the hub says that there is more, so it holds no queue of
//! its own; what is new is read from the store once for all who watch (`recent.rs`). A stream that is
//! polled no more, because its client left or does not read, costs nothing, and its connection ends when
//! what was written to it makes no way (`crate::connected`).

pub(crate) mod board;
pub(crate) mod events;
pub(crate) mod recent;
pub(crate) mod replay;
pub(crate) mod task;
pub(crate) mod topics;

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use runner_actors::{RunnerError, Sessions, Subscription, Wake};
use runner_core::ids::SessionId;
use runner_core::people::principal::Reach;
use serde::Serialize;
use tokio::time::Instant;

use crate::http::error::Problem;
use crate::limits::streams::StreamPlace;
use crate::request::accept::prefers;

/// How often a quiet stream shows that it is alive. Comments end with one newline: after an empty line some
/// clients deliver an event without data.
const HEARTBEAT: Duration = Duration::from_secs(15);
const ALIVE: &[u8] = b": alive\n";

/// How soon a client should come back after the server ended a stream.
const RECONNECT_MS: u32 = 2000;

/// The event after which a session may be out of its reader's reach.
const HANDED_OVER: &str = "session_handed_over";

/// Events read at once.
pub(crate) const PAGE: u32 = 100;

/// A kind of stream. Each call adds frames to the outbox.
pub(crate) trait Feed: 'static {
    /// Reads what the log has beyond the last frame; false when the stream is at its end.
    fn catch_up(&mut self, outbox: &mut Outbox) -> impl Future<Output = bool>;

    fn delta(&mut self, delta: &runner_actors::LiveDelta, outbox: &mut Outbox);

    /// The server ends the stream before its end: says what there is to say about that.
    fn close(&mut self, _: &mut Outbox) -> impl Future<Output = ()> {
        async {}
    }

    /// Nothing of the session can be stored. Whether the stream goes on all the same.
    fn stall(&mut self, _: &mut Outbox) -> bool {
        true
    }

    /// How far it has come, where that is all that decides whether the log has more for it.
    fn position(&self) -> Option<u64> {
        None
    }

    /// When there is something to show, or the end, although the log has nothing new.
    fn due(&self) -> Option<Instant> {
        None
    }
}

/// Frames on their way to the client.
#[derive(Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Bytes>,
}

impl Outbox {
    /// A frame that can be resumed from.
    pub(crate) fn stored(&mut self, version: u64, data: &impl Serialize) {
        self.push(format!("id: {version}\n"), data);
    }

    /// A frame that is not in the log.
    pub(crate) fn live(&mut self, data: &impl Serialize) {
        self.push(String::new(), data);
    }

    /// A frame that was written before.
    pub(crate) fn ready(&mut self, bytes: Bytes) {
        self.frames.push_back(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    fn push(&mut self, head: String, data: &impl Serialize) {
        self.frames.extend(frame(&head, data));
    }
}

fn frame(head: &str, data: &impl Serialize) -> Option<Bytes> {
    match serde_json::to_string(data) {
        Ok(json) => Some(Bytes::from(format!("{head}data: {json}\n\n"))),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a frame cannot be written");
            None
        }
    }
}

struct Stream<F> {
    feed: F,
    subscription: Subscription,
    outbox: Outbox,
    heartbeat: tokio::time::Interval,
    state: State,
    /// When it is told that nothing of the session can be stored.
    given_up_at: Option<Instant>,
    /// Counts among the open streams.
    _place: StreamPlace,
    /// The server stops: say so after what is stored, then end.
    closing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The log may have more.
    Behind,
    UpToDate,
    Ended,
}

/// The response of a stream. Subscribe before whatever the feed has read so far.
pub(crate) fn respond(feed: impl Feed, subscription: Subscription, place: StreamPlace) -> HttpResponse {
    let heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let (outbox, state) = (Outbox::default(), State::Behind);
    let (given_up_at, closing) = (None, false);
    let stream = Stream { feed, subscription, outbox, heartbeat, state, given_up_at, _place: place, closing };
    response(stream::unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?;
        Some((bytes, stream))
    }))
}

fn response(body: impl futures_util::Stream<Item = Bytes> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        // Proxies must pass each frame on at once, and compression would hold it back: the guard takes this
        // mark off again.
        .insert_header(("x-accel-buffering", "no"))
        .insert_header((CONTENT_ENCODING, "identity"))
        .streaming(body.map(Ok::<_, actix_web::Error>))
}

impl<F: Feed> Stream<F> {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.outbox.frames.pop_front() {
                return Some(frame);
            }
            match self.state {
                State::Ended => return None,
                State::Behind if self.is_up_to_date() => self.state = State::UpToDate,
                State::Behind => {
                    let goes_on = self.feed.catch_up(&mut self.outbox).await;
                    self.state = match (goes_on, self.outbox.frames.is_empty()) {
                        (true, false) => State::Behind,
                        (true, true) if !self.closing => State::UpToDate,
                        (true, true) => {
                            let retry = format!("retry: {RECONNECT_MS}\n");
                            self.outbox.frames.push_back(Bytes::from(retry));
                            self.feed.close(&mut self.outbox).await;
                            State::Ended
                        }
                        (false, _) => State::Ended,
                    };
                }
                State::UpToDate => self.wait().await,
            }
        }
    }

    /// Whether the feed stands where the session does, as far as the hub has told.
    fn is_up_to_date(&self) -> bool {
        let position = self.feed.position();
        !self.closing && position.is_some() && position == self.subscription.newest()
    }

    async fn wait(&mut self) {
        let due = self.feed.due();
        self.given_up_at = self.subscription.given_up_at(self.given_up_at);
        tokio::select! {
            biased;
            wake = self.subscription.wake() => match wake {
                Wake::Stored => self.state = State::Behind,
                Wake::Delta(delta) => self.feed.delta(&delta, &mut self.outbox),
                Wake::Closed => (self.closing, self.state) = (true, State::Behind),
            },
            () = until(due) => self.state = State::Behind,
            () = until(self.given_up_at) => {
                self.given_up_at = None;
                if !self.feed.stall(&mut self.outbox) {
                    self.state = State::Ended;
                }
            }
            _ = self.heartbeat.tick() => self.outbox.frames.push_back(Bytes::from_static(ALIVE)),
        }
    }
}

/// Whether a reader sees a session still. Where that cannot be told, no.
async fn is_in_reach(sessions: &Sessions, reach: &Reach, session: SessionId) -> bool {
    sessions.find(reach, session).await.is_ok()
}

fn ends_unreadable(session: SessionId, error: &RunnerError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(session.id = %session, error, "a stream ends: its session cannot be read");
}

/// Waits for a point in time; for ever if there is none.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Whether the client wants a stream at least as much as a page.
pub(crate) fn wants_stream(request: &HttpRequest) -> bool {
    prefers(request, "text/event-stream")
}

/// The version after which a stream goes on, where the client has seen one before.
pub(crate) fn last_event_id(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let Some(value) = request.headers().get("last-event-id") else { return Ok(None) };
    let version = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    version.ok_or_else(not_an_event_id).map(Some)
}

pub(crate) fn not_an_event_id() -> Problem {
    let detail = "Last-Event-ID must be the id of a frame of this stream";
    Problem::new(StatusCode::BAD_REQUEST, "last_event_id_invalid", detail)
}
