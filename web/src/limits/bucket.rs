//! Buckets of one size: each holds a minute's worth and is filled steadily.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::Key;

pub(super) const WINDOW_SECONDS: u32 = 60;

/// How many buckets are kept. Beyond it, addresses share one.
pub(super) const MAX_BUCKETS: usize = 50_000;

/// After so many requests those are forgotten that are full again.
const UNTIL_SWEPT: u32 = 4096;

/// One bucket after a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) name: &'static str,
    /// Requests that a full bucket holds.
    pub(super) quota: u32,
    pub(super) rest: u32,
    /// Until it is full again.
    pub(super) full_seconds: u64,
    /// Until the next request, where this one found it empty.
    pub(super) wait_seconds: Option<u64>,
}

pub(super) struct Buckets<C: Clock> {
    name: &'static str,
    quota: NonZeroU32,
    limiter: RateLimiter<Key, DefaultKeyedStateStore<Key>, C, StateInformationMiddleware>,
    clock: C,
    uses: AtomicU32,
}

impl<C: Clock> std::fmt::Debug for Buckets<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buckets")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

impl<C: Clock + Clone> Buckets<C> {
    /// None where nothing is limited.
    pub(super) fn new(name: &'static str, per_minute: u32, clock: C) -> Option<Self> {
        let quota = NonZeroU32::new(per_minute)?;
        let store = DefaultKeyedStateStore::default();
        let limiter = RateLimiter::new(Quota::per_minute(quota), store, clock.clone());
        Some(Self { name, quota, limiter, clock, uses: AtomicU32::new(0) })
    }

    pub(super) fn take(&self, key: &Key) -> Level {
        if self.uses.fetch_add(1, Ordering::Relaxed) % UNTIL_SWEPT == UNTIL_SWEPT - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let is_full = matches!(key, Key::Address(_)) && self.limiter.len() >= MAX_BUCKETS;
        let (rest, wait_seconds) = match self.limiter.check_key(if is_full { &Key::Elsewhere } else { key }) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(refused) => (0, Some(seconds(refused.wait_time_from(self.clock.now())).max(1))),
        };
        let missing = u64::from(self.quota.get() - rest.min(self.quota.get()));
        let full_seconds = (missing * u64::from(WINDOW_SECONDS)).div_ceil(u64::from(self.quota.get()));
        Level { name: self.name, quota: self.quota.get(), rest, full_seconds, wait_seconds }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// Rounded up: who comes back then is not too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
