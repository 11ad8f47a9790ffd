//! A session's stored events once more, with the time between them.

use std::collections::VecDeque;
use std::time::Duration;

use runner_actors::{LiveDelta, Sessions};
use runner_core::ids::SessionId;
use runner_core::log::RecordedEvent;
use runner_core::time::Timestamp;
use tokio::time::Instant;

use super::{Feed, Outbox};

/// The longest wait: a night may have passed between two prompts.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Events read at once. They are kept until their time has come, so there are few.
const PAGE: u64 = 20;

/// How fast time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    Times(f64),
    /// As fast as the client reads.
    Max,
}

pub(crate) struct ReplayFeed {
    sessions: Sessions,
    session: SessionId,
    speed: Speed,
    /// The version of the last event that was read, and of the last one to show.
    read: u64,
    to: u64,
    waiting: VecDeque<RecordedEvent>,
    /// When the last frame was due, and when its event was stored.
    last: Option<(Instant, Timestamp)>,
}

impl ReplayFeed {
    /// Shows what follows version `after`, up to and with `to`; the first event at once.
    pub(crate) fn new(sessions: Sessions, session: SessionId, after: u64, to: u64, speed: Speed) -> Self {
        Self { sessions, session, speed, read: after, to, waiting: VecDeque::new(), last: None }
    }

    /// Reads on if nothing waits; false when there is nothing more to show.
    async fn fill(&mut self) -> bool {
        if !self.waiting.is_empty() {
            return true;
        }
        let limit = u32::try_from(self.to.saturating_sub(self.read).min(PAGE)).unwrap_or_default();
        if limit == 0 {
            return false;
        }
        match self.sessions.events(self.session, self.read, limit).await {
            Ok(page) => self.waiting.extend(page),
            Err(error) => {
                tracing::error!(session.id = %self.session, error = &error as &dyn std::error::Error, "a replay ends: its session cannot be read");
            }
        }
        self.read = self.waiting.back().map_or(self.read, |event| event.version);
        !self.waiting.is_empty()
    }

    /// Shows what is due by now of what waits.
    fn show(&mut self, outbox: &mut Outbox) {
        let now = Instant::now();
        while let Some(due) = self.next_due(now)
            && due <= now
            && let Some(event) = self.waiting.pop_front()
        {
            self.last = Some((due, event.happened_at()));
            outbox.stored(event.version, &event);
        }
    }

    fn next_due(&self, now: Instant) -> Option<Instant> {
        let next = self.waiting.front()?;
        let Some((due, stored_at)) = self.last else { return Some(now) };
        Some(due + wait(stored_at, next.happened_at(), self.speed))
    }
}

fn wait(earlier: Timestamp, later: Timestamp, speed: Speed) -> Duration {
    let passed = Duration::from_micros(later.micros_since(earlier));
    match speed {
        Speed::Times(times) => passed.div_f64(times).min(MAX_WAIT),
        Speed::Max => Duration::ZERO,
    }
}

impl Feed for ReplayFeed {
    async fn catch_up(&mut self, outbox: &mut Outbox) -> bool {
        let goes_on = self.fill().await;
        self.show(outbox);
        goes_on
    }

    fn delta(&mut self, _: &LiveDelta, _: &mut Outbox) {}

    fn due(&self) -> Option<Instant> {
        self.next_due(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(seconds: i64, speed: Speed) -> Duration {
        wait(Timestamp::from_micros(5), Timestamp::from_micros(5 + seconds * 1_000_000), speed)
    }

    #[test]
    fn time_passes_as_fast_as_asked_for() {
        assert_eq!(waits(4, Speed::Times(1.0)), Duration::from_secs(4));
        assert_eq!(waits(4, Speed::Times(2.0)), Duration::from_secs(2));
        assert_eq!(waits(4, Speed::Times(0.5)), Duration::from_secs(8));
        assert_eq!(waits(4, Speed::Max), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_long() {
        assert_eq!(waits(3600, Speed::Times(1.0)), MAX_WAIT);
        assert_eq!(waits(2, Speed::Times(0.1)), MAX_WAIT);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait() {
        assert_eq!(waits(-10, Speed::Times(1.0)), Duration::ZERO);
    }
}
