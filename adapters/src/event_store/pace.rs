//! How many requests go into one transaction.
//!
//! Where the disk takes long, the more the better. Where it does not, it is better to cut in two what
//! waits: one half is made ready while the other is written. Which of the two holds is tried out where so
//! much waits that it matters, and again now and then.

use std::time::{Duration, Instant};

/// The most requests in one transaction.
pub(super) const MAX_BATCH: usize = 512;

/// Batches by which a way is judged, and for which the better one is then kept to.
const TRIED: u32 = 8;
const KEPT: u32 = 256;

/// After a pause what was measured before it says nothing.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As many as one statement takes.
    Cut,
    Whole,
}

/// Requests that were written, and in what time.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    batches: u32,
    requests: usize,
    time: Duration,
}

impl Measured {
    fn rate(self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }
}

#[derive(Debug)]
pub(super) struct Pace {
    /// The requests that one statement takes.
    cut: usize,
    way: Way,
    /// Batches until it is tried out again.
    kept: u32,
    now: Measured,
    /// Of the other way, if that was tried just before.
    other: Option<Measured>,
    settled_at: Option<Instant>,
}

impl Pace {
    /// Begins with batches that are cut where one statement ends.
    pub(super) fn new(cut: usize) -> Self {
        Self { cut, way: Way::Cut, kept: 0, now: Measured::default(), other: None, settled_at: None }
    }

    /// The most requests in the batch that is being gathered.
    pub(super) fn limit(&self) -> usize {
        match self.way {
            Way::Cut => self.cut,
            Way::Whole => MAX_BATCH,
        }
    }

    /// A batch of so many requests is on disk.
    pub(super) fn settled(&mut self, requests: usize, at: Instant) {
        let before = self.settled_at.replace(at);
        // Of fewer there is nothing to cut.
        let Some(before) = before.filter(|_| requests >= self.cut) else { return };
        if self.kept > 0 {
            self.kept -= 1;
            return;
        }
        let took = at.duration_since(before);
        if took > PAUSE {
            (self.now, self.other) = (Measured::default(), None);
            return;
        }
        self.now.batches += 1;
        self.now.requests += requests;
        self.now.time += took;
        if self.now.batches == TRIED {
            self.judge();
        }
    }

    fn judge(&mut self) {
        let now = std::mem::take(&mut self.now);
        match self.other.take() {
            None => {
                self.other = Some(now);
                self.turn_over();
            }
            Some(other) => {
                if other.rate() > now.rate() {
                    self.turn_over();
                }
                self.kept = KEPT;
            }
        }
    }

    fn turn_over(&mut self) {
        self.way = match self.way {
            Way::Cut => Way::Whole,
            Way::Whole => Way::Cut,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{KEPT, MAX_BATCH, Pace, TRIED};
    /// What one statement takes.
    const MAX_ROWS: usize = 128;

    /// Writes for a while with 256 requests under way, on a disk that takes a time for each batch and one
    /// for each request; what is cut in two is made ready meanwhile.
    fn limit_after(batches: u32, commit: Duration, each: Duration) -> usize {
        let (mut pace, mut at) = (Pace::new(MAX_ROWS), Instant::now());
        for _ in 0..batches {
            let requests = pace.limit().min(256);
            let gathering = if requests == 256 { each * 256 } else { Duration::ZERO };
            at += commit + each * u32::try_from(requests).unwrap() + gathering;
            pace.settled(requests, at);
        }
        pace.limit()
    }

    #[test]
    fn batches_are_cut_where_the_disk_is_fast_and_whole_where_it_is_slow() {
        let (fast, slow) = (Duration::from_micros(500), Duration::from_millis(20));
        let each = Duration::from_micros(10);

        for batches in [2 * TRIED + 1, KEPT, 2 * KEPT] {
            assert_eq!(limit_after(batches, fast, each), MAX_ROWS);
            assert_eq!(limit_after(batches, slow, each), MAX_BATCH);
        }
    }

    #[test]
    fn other_way_is_tried_again_after_a_while() {
        let (mut pace, mut at) = (Pace::new(MAX_ROWS), Instant::now());
        let mut limits = vec![];
        for _ in 0..2 * (2 * TRIED + KEPT) + 1 {
            at += Duration::from_millis(1);
            pace.settled(200, at);
            limits.push(pace.limit());
        }

        let changes = limits.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes >= 2, "{changes}");
    }

    #[test]
    fn what_was_measured_before_a_pause_does_not_count() {
        let (mut pace, mut at) = (Pace::new(MAX_ROWS), Instant::now());
        for _ in 0..TRIED {
            pace.settled(200, at);
            at += Duration::from_millis(1);
        }
        pace.settled(200, at + Duration::from_secs(60));

        assert_eq!((pace.limit(), pace.now.batches), (MAX_ROWS, 0));
    }
}
