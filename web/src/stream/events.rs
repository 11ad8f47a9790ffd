//! A session's stored events as a stream, from any version on.

use std::sync::Arc;

use runner_actors::{LiveDelta, Sessions};
use runner_core::ids::SessionId;
use runner_core::session::frame::Frame;

use super::recent::SessionFrames;
use super::{Feed, Outbox, ends_unreadable};

pub(crate) struct EventsFeed {
    pub(crate) sessions: Sessions,
    pub(crate) session: SessionId,
    pub(crate) recent: Arc<SessionFrames>,
    /// The version of the last frame.
    pub(crate) after: u64,
    /// Which events to show; all if empty.
    pub(crate) types: Vec<String>,
}

impl Feed for EventsFeed {
    async fn catch_up(&mut self, outbox: &mut Outbox) -> bool {
        loop {
            let frames = match self.recent.after(&self.sessions, self.after).await {
                Ok(frames) => frames,
                Err(error) => {
                    ends_unreadable(self.session, &error);
                    return false;
                }
            };
            let Some(last) = frames.last() else { return true };
            self.after = last.version;
            let is_shown = |name: &str| self.types.is_empty() || self.types.iter().any(|shown| shown == name);
            let before = outbox.frames.len();
            let shown = frames.into_iter().filter(|frame| is_shown(&frame.type_name));
            shown.for_each(|frame| outbox.ready(frame.bytes));
            // A page of which nothing is shown says nothing about the next one.
            if outbox.frames.len() > before {
                return true;
            }
        }
    }

    fn position(&self) -> Option<u64> {
        Some(self.after)
    }

    fn delta(&mut self, delta: &LiveDelta, outbox: &mut Outbox) {
        outbox.live(&Frame::delta(self.session, delta.turn, &delta.delta, self.sessions.now()));
    }
}
