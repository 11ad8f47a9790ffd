//! Waiting for turns.

use std::sync::Arc;
use std::time::Duration;

use runner_core::ids::{SessionId, TurnId};
use runner_core::session::view::{SessionView, TurnView};
use tokio::time::{Instant, timeout_at};

use super::{Sessions, not_stored};
use crate::RunnerError;
use crate::hub::Wake;

/// A turn that somebody waited for.
#[derive(Clone, Debug)]
pub enum Waited {
    Over(Box<TurnView>),
    /// A person has to decide, time is up, or the server is stopping; the turn goes its way.
    Unfinished(Arc<SessionView>),
}

/// What ends the waiting for a turn before its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Needed,
    Over,
}

impl Sessions {
    /// Waits until a turn is over or needs a person, at most `limit`.
    pub async fn wait(
        &self,
        session: SessionId,
        turn: TurnId,
        limit: Duration,
    ) -> Result<Waited, RunnerError> {
        self.wait_until(Until::Needed, (session, turn), limit).await
    }

    /// Waits until a turn is over, also while people decide, at most `limit`. The turn as it is then; absent
    /// if the session has none of this id.
    pub async fn wait_for_end(
        &self,
        session: SessionId,
        turn: TurnId,
        limit: Duration,
    ) -> Result<Option<TurnView>, RunnerError> {
        let view = self.view(session).await?;
        if view.turn(turn).is_none() && view.withdrawn_by(turn).is_none() {
            return Ok(None);
        }
        Ok(match self.wait_until(Until::Over, (session, turn), limit).await? {
            Waited::Over(turn) => Some(*turn),
            Waited::Unfinished(view) => view.turn(turn).cloned(),
        })
    }

    async fn wait_until(
        &self,
        until: Until,
        (session, turn): (SessionId, TurnId),
        limit: Duration,
    ) -> Result<Waited, RunnerError> {
        let deadline = Instant::now() + limit;
        let mut subscription = self.subscribe(session, false);
        let mut given_up_at = None;
        loop {
            let view = self.view(session).await?;
            if let Some(over) = view.ended_turn(turn) {
                return Ok(Waited::Over(Box::new(over)));
            }
            if until == Until::Needed && view.is_held_up(turn) {
                return Ok(Waited::Unfinished(view));
            }
            given_up_at = subscription.given_up_at(given_up_at);
            let limit = given_up_at.unwrap_or(deadline).min(deadline);
            match timeout_at(limit, subscription.wake()).await {
                Ok(Wake::Stored | Wake::Delta(_)) => {}
                Err(_) if limit < deadline => return Err(not_stored("the session's events are not stored")),
                Ok(Wake::Closed) | Err(_) => return Ok(Waited::Unfinished(view)),
            }
        }
    }
}
