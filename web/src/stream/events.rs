//! A session's stored events as a stream, from any version on.

use std::sync::Arc;

use runner_actors::{LiveDelta, Sessions};
use runner_core::ids::SessionId;
use runner_core::people::principal::Reach;
use runner_core::session::frame::Frame;

use super::recent::SessionFrames;
use super::{Feed, HANDED_OVER, Outbox, ends_unreadable, is_in_reach};

pub(crate) struct EventsFeed {
    pub(crate) sessions: Sessions,
    pub(crate) session: SessionId,
    pub(crate) recent: Arc<SessionFrames>,
    /// The version of the last frame.
    pub(crate) after: u64,
    /// Which events to show; all if empty.
    pub(crate) types: Vec<String>,
    /// What its reader sees: no more of the session once it belongs to somebody else.
    pub(crate) reach: Reach,
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
            let handed_over = frames.iter().position(|frame| &*frame.type_name == HANDED_OVER);
            let end = match handed_over {
                Some(first) if !is_in_reach(&self.sessions, &self.reach, self.session).await => Some(first),
                Some(_) | None => None,
            };
            let frames = frames.into_iter().take(end.map_or(usize::MAX, |end| end + 1));
            let is_shown = |name: &str| self.types.is_empty() || self.types.iter().any(|shown| shown == name);
            let before = outbox.frames.len();
            let shown = frames.filter(|frame| is_shown(&frame.type_name));
            shown.for_each(|frame| outbox.ready(frame.bytes));
            if end.is_some() {
                return false;
            }
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
