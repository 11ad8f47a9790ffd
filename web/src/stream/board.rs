//! What goes on in all sessions, as a stream: of a board only what is new is sent.
//!
//! The hub says that something was stored somewhere, and the board looks what is new for its reader; at most
//! a few times a second, however much is stored.

use std::time::Duration;

use actix_web::HttpResponse;
use bytes::Bytes;
use futures_util::stream;
use runner_actors::AnySubscription;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{ALIVE, HEARTBEAT, Outbox, RECONNECT_MS, response};
use crate::limits::streams::StreamPlace;

/// The least time between two looks.
const UNTIL_NEXT_LOOK: Duration = Duration::from_millis(200);

/// Something to look at again and again.
pub(crate) trait Board: 'static {
    /// Puts what is new into the outbox; false when the stream is at its end.
    fn look(&mut self, outbox: &mut Outbox) -> impl Future<Output = bool>;

    /// How often to look, where that does not depend on what is stored.
    fn every(&self) -> Option<Duration> {
        None
    }
}

struct Stream<B> {
    board: B,
    changes: AnySubscription,
    outbox: Outbox,
    heartbeat: Interval,
    ticks: Option<Interval>,
    /// When there is something to look at; absent until something is stored.
    due: Option<Instant>,
    has_ended: bool,
    /// Counts among the open streams.
    _place: StreamPlace,
}

/// The response of a board that is watched.
pub(crate) fn respond(board: impl Board, changes: AnySubscription, place: StreamPlace) -> HttpResponse {
    let stream = Stream {
        heartbeat: interval_at(Instant::now() + HEARTBEAT, HEARTBEAT),
        ticks: board.every().map(|period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        }),
        board,
        changes,
        outbox: Outbox::default(),
        due: Some(Instant::now()),
        has_ended: false,
        _place: place,
    };
    response(stream::unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?;
        Some((bytes, stream))
    }))
}

impl<B: Board> Stream<B> {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.outbox.frames.pop_front() {
                return Some(frame);
            }
            if self.has_ended {
                return None;
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = super::until(self.due) => {
                self.due = None;
                self.has_ended = !self.board.look(&mut self.outbox).await;
            }
            goes_on = self.changes.stored(), if self.due.is_none() => {
                if self.ticks.is_none() {
                    self.due = Some(Instant::now() + UNTIL_NEXT_LOOK);
                }
                if !goes_on {
                    // The server stops.
                    self.outbox.frames.push_back(Bytes::from(format!("retry: {RECONNECT_MS}\n")));
                    self.has_ended = true;
                }
            }
            () = tick(&mut self.ticks) => self.due = Some(Instant::now()),
            _ = self.heartbeat.tick() => self.outbox.frames.push_back(Bytes::from_static(ALIVE)),
        }
    }
}

async fn tick(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}
