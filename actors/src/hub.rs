//! From stored events to those who watch: hints, never data.
//!
//! A watcher is told how far a session has come and reads the log from where it stands, so a slow one
//! holds nobody up and loses nothing. Only the pieces of blocks that are being written travel here,
//! because they are stored nowhere; who is too slow for them misses some.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runner_core::agent::Delta;
use runner_core::ids::{SessionId, TurnId};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

/// Pieces kept for a watcher that reads slower than the agent writes.
const MAX_WAITING_DELTAS: usize = 128;

/// How long those who wait for a session of which nothing can be stored go on: there may be room again.
const UNTIL_GIVEN_UP: Duration = Duration::from_secs(3);

/// In place of a count, that nothing more will come.
const CLOSED: u64 = u64::MAX;

/// A piece of a block that is being written in a turn.
#[derive(Clone, Debug)]
pub struct LiveDelta {
    pub turn: Option<TurnId>,
    pub delta: Arc<Delta>,
}

/// Wakes the watchers of sessions.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    topics: Mutex<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    by_session: HashMap<SessionId, Topic>,
    /// Sessions of which the last event could not be stored, and none since.
    stalled: HashSet<SessionId>,
    /// Changes whenever something of any session was stored.
    any: watch::Sender<u64>,
    closed: bool,
}

#[derive(Debug)]
struct Topic {
    version: watch::Sender<u64>,
    /// Made when the first watcher wants deltas.
    deltas: Option<broadcast::Sender<LiveDelta>>,
}

impl Hub {
    pub(crate) fn publish(&self, session: SessionId, version: u64) {
        let mut topics = self.lock();
        topics.stalled.remove(&session);
        if !topics.closed {
            topics.any.send_modify(|stored| *stored += 1);
        }
        if let Some(topic) = topics.by_session.get(&session) {
            topic.version.send_replace(version);
        }
    }

    /// Wakes the watchers of a session of which nothing can be stored; whether that is new.
    pub(crate) fn stall(&self, session: SessionId) -> bool {
        let mut topics = self.lock();
        if let Some(topic) = topics.by_session.get(&session) {
            topic.version.send_modify(|_| ());
        }
        topics.stalled.insert(session)
    }

    pub(crate) fn is_stalled(&self, session: SessionId) -> bool {
        self.lock().stalled.contains(&session)
    }

    pub(crate) fn publish_delta(&self, session: SessionId, delta: LiveDelta) {
        let topics = self.lock();
        if let Some(deltas) = topics.by_session.get(&session).and_then(|topic| topic.deltas.as_ref()) {
            // Nobody may be left to take it.
            drop(deltas.send(delta));
        }
    }

    /// Watches a session from now on. Subscribe first, then read the log: nothing falls between.
    pub(crate) fn subscribe(self: &Arc<Self>, session: SessionId, want_deltas: bool) -> Subscription {
        let mut topics = self.lock();
        if topics.closed {
            let (_, version) = watch::channel(0);
            return Subscription { hub: Arc::clone(self), session, version, deltas: None };
        }
        let topic = topics
            .by_session
            .entry(session)
            .or_insert_with(|| Topic { version: watch::Sender::new(0), deltas: None });
        let deltas = want_deltas.then(|| {
            let sender = topic.deltas.get_or_insert_with(|| broadcast::Sender::new(MAX_WAITING_DELTAS));
            sender.subscribe()
        });
        let version = topic.version.subscribe();
        Subscription { hub: Arc::clone(self), session, version, deltas }
    }

    /// Watches all sessions from now on.
    pub(crate) fn subscribe_to_any(&self) -> AnySubscription {
        AnySubscription(self.lock().any.subscribe())
    }

    /// Tells every watcher, now and later, that nothing more will come.
    pub(crate) fn close(&self) {
        let mut topics = self.lock();
        topics.closed = true;
        topics.by_session.clear();
        topics.any.send_replace(CLOSED);
    }

    fn forget_if_unwatched(&self, session: SessionId) {
        let mut topics = self.lock();
        // The subscription that is just being dropped still counts.
        if topics.by_session.get(&session).is_some_and(|topic| topic.version.receiver_count() <= 1) {
            topics.by_session.remove(&session);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a watcher was woken.
#[derive(Clone, Debug)]
pub enum Wake {
    /// The log has more.
    Stored,
    Delta(LiveDelta),
    /// The server is stopping.
    Closed,
}

/// One watcher of one session.
#[derive(Debug)]
pub struct Subscription {
    hub: Arc<Hub>,
    session: SessionId,
    version: watch::Receiver<u64>,
    deltas: Option<broadcast::Receiver<LiveDelta>>,
}

impl Subscription {
    /// The newest version, if anything was stored since the session is watched.
    pub fn newest(&self) -> Option<u64> {
        Some(*self.version.borrow()).filter(|version| *version > 0)
    }

    /// Whether the last event of the session could not be stored, and none since.
    pub fn is_stalled(&self) -> bool {
        self.hub.is_stalled(self.session)
    }

    /// When to wait no longer for what cannot be stored; goes on from the answer before.
    pub fn given_up_at(&self, before: Option<Instant>) -> Option<Instant> {
        self.is_stalled().then(|| before.unwrap_or_else(|| Instant::now() + UNTIL_GIVEN_UP))
    }

    /// Waits until there is something new. Stored events come before deltas that followed them.
    pub async fn wake(&mut self) -> Wake {
        loop {
            let Some(deltas) = &mut self.deltas else {
                return stored(self.version.changed().await);
            };
            tokio::select! {
                biased;
                changed = self.version.changed() => return stored(changed),
                delta = deltas.recv() => match delta {
                    Ok(delta) => return Wake::Delta(delta),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => self.deltas = None,
                },
            }
        }
    }
}

/// One watcher of all sessions.
#[derive(Clone, Debug)]
pub struct AnySubscription(watch::Receiver<u64>);

impl AnySubscription {
    /// Waits until something of any session is stored; false when the server is stopping.
    pub async fn stored(&mut self) -> bool {
        !self.is_closed() && self.0.changed().await.is_ok() && !self.is_closed()
    }

    /// Waits until the server is stopping.
    pub async fn closed(&mut self) {
        // An error is an end as well.
        drop(self.0.wait_for(|stored| *stored == CLOSED).await);
    }

    fn is_closed(&self) -> bool {
        *self.0.borrow() == CLOSED
    }
}

fn stored(changed: Result<(), watch::error::RecvError>) -> Wake {
    match changed {
        Ok(()) => Wake::Stored,
        Err(_) => Wake::Closed,
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.forget_if_unwatched(self.session);
    }
}
