//! A session's stored events as a stream, from any version on.

use std::sync::Arc;

use runner_actors::{LiveDelta, Sessions};
use runner_core::ids::SessionId;
use runner_core::people::principal::Reach;
use runner_core::session::frame::Frame;

use super::recent::{EventFrame, SessionFrames};
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

/// What a feed of events has to show next.
pub(super) struct Shown {
    pub(super) frames: Vec<EventFrame>,
    pub(super) rest: Rest,
}

/// What comes after the events that a feed has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    MayFollow,
    /// It is for somebody else.
    OutOfReach,
    Unreadable,
}

impl EventsFeed {
    /// The next events that are shown; none if the log has no more.
    pub(super) async fn next(&mut self) -> Shown {
        loop {
            let mut frames = match self.recent.after(&self.sessions, self.after).await {
                Ok(frames) => frames,
                Err(error) => {
                    ends_unreadable(self.session, &error);
                    return Shown { frames: vec![], rest: Rest::Unreadable };
                }
            };
            let Some(last) = frames.last() else { return Shown { frames, rest: Rest::MayFollow } };
            self.after = last.version;
            let handed_over = frames.iter().position(|frame| &*frame.type_name == HANDED_OVER);
            let end = match handed_over {
                Some(first) if !is_in_reach(&self.sessions, &self.reach, self.session).await => Some(first),
                Some(_) | None => None,
            };
            frames.truncate(end.map_or(usize::MAX, |end| end + 1));
            let is_shown = |name: &str| self.types.is_empty() || self.types.iter().any(|shown| shown == name);
            frames.retain(|frame| is_shown(&frame.type_name));
            // A page of which nothing is shown says nothing about the next one.
            if end.is_some() || !frames.is_empty() {
                let rest = if end.is_some() { Rest::OutOfReach } else { Rest::MayFollow };
                return Shown { frames, rest };
            }
        }
    }
}

impl Feed for EventsFeed {
    async fn catch_up(&mut self, outbox: &mut Outbox) -> bool {
        let Shown { frames, rest } = self.next().await;
        frames.into_iter().for_each(|frame| outbox.ready(frame.bytes));
        rest == Rest::MayFollow
    }

    fn position(&self) -> Option<u64> {
        Some(self.after)
    }

    fn delta(&mut self, delta: &LiveDelta, outbox: &mut Outbox) {
        outbox.live(&Frame::delta(self.session, delta.turn, &delta.delta, self.sessions.now()));
    }
}
