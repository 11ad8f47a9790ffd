//! A session's stored events as a stream, from any version on.

use runner_actors::{LiveDelta, Sessions};
use runner_core::ids::SessionId;
use runner_core::session::frame::Frame;

use super::{Feed, Outbox, PAGE};

pub(crate) struct EventsFeed {
    pub(crate) sessions: Sessions,
    pub(crate) session: SessionId,
    /// The version of the last frame.
    pub(crate) after: u64,
    /// Which events to show; all if empty.
    pub(crate) types: Vec<String>,
}

impl Feed for EventsFeed {
    async fn catch_up(&mut self, outbox: &mut Outbox) -> bool {
        loop {
            let page = match self.sessions.events(self.session, self.after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(session.id = %self.session, error = &error as &dyn std::error::Error, "a stream ends: its session cannot be read");
                    return false;
                }
            };
            let Some(last) = page.last() else { return true };
            self.after = last.version;
            let shown =
                page.iter().filter(|event| self.types.is_empty() || self.types.contains(&event.type_name));
            let before = outbox.frames.len();
            shown.for_each(|event| outbox.stored(event.version, event));
            // A page of which nothing is shown says nothing about the next one.
            if outbox.frames.len() > before {
                return true;
            }
        }
    }

    fn delta(&mut self, delta: &LiveDelta, outbox: &mut Outbox) {
        outbox.live(&Frame::delta(self.session, delta.turn, &delta.delta, self.sessions.now()));
    }
}
