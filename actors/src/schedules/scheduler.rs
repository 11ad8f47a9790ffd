//! Begins what is due: a task that sleeps until something is.
//!
//! It goes by the clock on the wall, which people and time servers set, while a timer goes by another one. So
//! it looks at the clock again after [`MAX_SLEEP`] at the latest, and asks each time what has come since the
//! last time that was dealt with, which the log knows.

use std::time::Duration;

use runner_core::ids::CommandId;
use runner_core::log::Provenance;
use runner_core::ports::ReadError;
use runner_core::setup::schedule::{Schedule, ScheduleCommand};
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::{ScheduleError, Schedules, stream_of};
use crate::store::Loaded;

/// A clock that was set is noticed after this time.
const MAX_SLEEP: Duration = Duration::from_mins(1);

/// What could not begin is tried again after this time.
const UNTIL_TRIED_AGAIN: Duration = Duration::from_secs(5);

impl Schedules {
    /// Begins what is due from now on, until the server stops. Needs an actix system.
    pub fn start(&self) {
        let schedules = self.clone();
        actix::spawn(async move {
            while !schedules.0.ports.sessions.is_stopping() {
                let next = schedules.begin_due().await;
                let sleep = sleep_until(next, schedules.now());
                tokio::select! {
                    () = schedules.0.changed.notified() => {}
                    () = tokio::time::sleep(sleep) => {}
                }
            }
        });
    }

    /// Has the scheduler look at the clock, or see that the server stops.
    pub fn wake(&self) {
        self.0.changed.notify_one();
    }

    /// Begins everything that is due; answers when to look again.
    async fn begin_due(&self) -> Next {
        let loaded = match self.repository().list::<Schedule>(None).await {
            Ok(loaded) => loaded,
            Err(ReadError(error)) => {
                tracing::error!(%error, "the schedules cannot be read");
                return Next::Again;
            }
        };
        let mut next = Next::Unknown;
        for loaded in loaded {
            let looked_at = self.begin(loaded).await.unwrap_or_else(|error| {
                tracing::warn!("a run did not begin: {error}");
                Next::Again
            });
            next = next.min(looked_at);
        }
        next
    }

    async fn begin(&self, loaded: Loaded<Schedule>) -> Result<Next, ScheduleError> {
        let stream = stream_of(&loaded);
        let Some(created) = loaded.state.created().cloned() else { return Ok(Next::Unknown) };
        if let Some(run) = &loaded.state.running {
            self.go_on_with(&stream, &created, run).await;
        }
        let mut state = loaded.state;
        if state.next_due().is_some_and(|due| due <= self.now()) && !state.waits_for_run() {
            let command = ScheduleCommand::StartDue(self.new_run());
            let provenance = Provenance::system(CommandId(Uuid::now_v7()));
            let changed = self.execute(stream.clone(), command, provenance).await?;
            for event in &changed.events {
                self.carry_out(&stream, &created, event).await;
            }
            state = changed.aggregate.state;
        }
        if state.running.is_some() && !self.is_followed(stream.id) {
            return Ok(Next::Again);
        }
        // Its end is told.
        let is_timed = !state.waits_for_run();
        Ok(state.next_due().filter(|_| is_timed).map_or(Next::Unknown, Next::At))
    }
}

/// When to look again, the sooner the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// Something could not be done.
    Again,
    At(Timestamp),
    /// When something changes.
    Unknown,
}

fn sleep_until(next: Next, now: Timestamp) -> Duration {
    match next {
        Next::Again => UNTIL_TRIED_AGAIN,
        Next::At(due) => Duration::from_micros(due.micros_since(now)).min(MAX_SLEEP),
        Next::Unknown => MAX_SLEEP,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use runner_core::time::Timestamp;

    use super::{MAX_SLEEP, Next, UNTIL_TRIED_AGAIN, sleep_until};

    #[test]
    fn sleep_ends_when_something_is_due_and_soon_enough_to_see_that_the_clock_was_set() {
        let now = Timestamp::from_micros(1_000_000_000);
        let at = |millis| Next::At(now.plus_millis(millis));

        assert_eq!(sleep_until(at(250), now), Duration::from_millis(250));
        assert_eq!(sleep_until(at(86_400_000), now), MAX_SLEEP);
        assert_eq!(sleep_until(Next::At(now.minus_millis(5)), now), Duration::ZERO);
        assert_eq!(sleep_until(Next::Unknown, now), MAX_SLEEP);
        assert_eq!(sleep_until(Next::Again.min(at(0)), now), UNTIL_TRIED_AGAIN);
    }
}
