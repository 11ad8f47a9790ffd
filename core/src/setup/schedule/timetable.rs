//! When a schedule is due: five fields of cron on the clock of a time zone.
//!
//! Clocks are put forward and back. The rule is that of Vixie cron, which most machines have: an expression
//! whose minute or hour begins with `*` goes by what the clock shows, so it skips what a clock skips and runs
//! in both hours that a clock shows twice. Any other one names times of the day, and each comes once a day:
//! one that is skipped comes at the end of the gap, one that is shown twice comes the first time.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};
use thiserror::Error;

use super::cron::{Cron, CronError};
use crate::time::Timestamp;

/// Times that have passed are counted up to this number.
pub const MAX_COUNTED: u32 = 1000;

/// How far back the last time that has passed is looked for, in milliseconds, the nearest first.
const WINDOWS_MS: [u64; 3] = [3_600_000, 24 * 3_600_000, 31 * 24 * 3_600_000];

/// The times of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timetable {
    cron: Cron,
    zone: Tz,
}

/// Why there are no such times.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimetableError {
    #[error(transparent)]
    Cron(#[from] CronError),
    #[error("is no time zone of the IANA database, such as `Europe/Berlin` or `UTC`")]
    ZoneUnknown,
}

/// A time that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last one.
    pub at: Timestamp,
    /// The number of those before it, at most [`MAX_COUNTED`].
    pub earlier: u32,
}

impl Timetable {
    pub fn read(cron: &str, time_zone: &str) -> Result<Self, TimetableError> {
        let zone = time_zone.parse().map_err(|_| TimetableError::ZoneUnknown)?;
        Ok(Self { cron: Cron::read(cron)?, zone })
    }

    /// The first time that is later than another one.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = DateTime::from_timestamp_micros(after.as_micros())?;
        let shown = after.with_timezone(&self.zone).naive_local();
        let ahead = self.search(shown, after);
        let LocalResult::Ambiguous(first, second) = self.zone.from_local_datetime(&shown) else {
            return ahead;
        };
        // Before the clock is put back: what it has shown, it will show again.
        let again = (first == after).then(|| self.search(shown - (second - first), after)).flatten();
        ahead.into_iter().chain(again).min()
    }

    /// The next times, in order.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |at| self.next_after(*at)).take(count).collect()
    }

    /// What has come between two points in time.
    pub fn due(&self, since: Timestamp, until: Timestamp) -> Option<Due> {
        let between = |after| {
            let times = std::iter::successors(self.next_after(after), |at| self.next_after(*at));
            times.take_while(|at| *at <= until)
        };
        let count = between(since).take(MAX_COUNTED as usize + 1).count();
        let begins = WINDOWS_MS.map(|window| until.minus_millis(window).max(since));
        let at = begins.into_iter().chain([since]).find_map(|begin| between(begin).last())?;
        Some(Due { at, earlier: u32::try_from(count).unwrap_or(MAX_COUNTED + 1).saturating_sub(1) })
    }

    /// The first time later than `after` that comes of what a clock shows later than `shown`.
    fn search(&self, mut shown: NaiveDateTime, after: DateTime<Utc>) -> Option<Timestamp> {
        loop {
            shown = self.cron.next_after(shown)?;
            if let Some(at) = self.instants(shown).into_iter().flatten().find(|at| *at > after) {
                return Some(Timestamp::from_micros(at.timestamp_micros()));
            }
        }
    }

    /// When a run is due that a clock shows.
    fn instants(&self, shown: NaiveDateTime) -> [Option<DateTime<Utc>>; 2] {
        let instants = match (self.zone.from_local_datetime(&shown), self.cron.is_wildcard) {
            (LocalResult::Single(at), _) => [Some(at), None],
            (LocalResult::Ambiguous(first, second), true) => [Some(first), Some(second)],
            (LocalResult::Ambiguous(first, _), false) => [Some(first), None],
            (LocalResult::None, true) => [None; 2],
            (LocalResult::None, false) => [GapInfo::new(&shown, &self.zone).and_then(|gap| gap.end), None],
        };
        instants.map(|at| at.map(|at| at.to_utc()))
    }
}
