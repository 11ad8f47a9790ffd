//! The five fields of cron: minute, hour, day of month, month, day of week.
//!
//! Read here and not by a library, because those that were tried take more than they say (empty parts of a
//! list, a sixth field as seconds) and search on a clock that changes, where each of them is wrong somewhere.
//! Here is a clock that never changes; `timetable.rs` says what changes do.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use thiserror::Error;

/// How far a search looks ahead: a 29th of February that is a Monday comes once in 28 years, or 40.
const MAX_DAYS: usize = 41 * 366;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Names for whole expressions.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Times on a clock, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// A day is meant by either of its fields, as both are given.
    by_either_day: bool,
    /// The minute or the hour begins with `*`.
    pub(super) is_wildcard: bool,
}

/// Why a text is no such expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CronError {
    #[error("has {0} fields; five are needed: minute, hour, day of month, month, day of week")]
    Fields(usize),
    #[error("`{0}` is no name for a schedule; @hourly, @daily, @weekly, @monthly and @yearly are")]
    Nickname(String),
    #[error("`{part}` is no {field}; {field}s go from {first} to {last}, as in `1,5`, `1-5`, `*/5`")]
    Part { part: String, field: &'static str, first: u32, last: u32 },
    #[error("names a day that never comes")]
    NeverComes,
}

/// One of the five: what it is called, its values, and names for them.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
const DAY: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field { name: "month", first: 1, last: 12, names: &MONTHS };
/// Sunday is 0 and 7.
const WEEKDAY: Field = Field { name: "day of week", first: 0, last: 7, names: &WEEKDAYS };

impl Field {
    /// The values of a list as bits.
    fn read(&self, list: &str) -> Result<u64, CronError> {
        list.split(',').try_fold(0, |bits, part| {
            let values = self.part(part).ok_or_else(|| self.refusal(part))?;
            Ok(bits | values)
        })
    }

    fn part(&self, part: &str) -> Option<u64> {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, Some(number(step)?)),
            None => (part, None),
        };
        let (low, high) = match (span, span.split_once('-')) {
            ("*", _) => (self.first, self.last),
            (_, Some((low, high))) => (self.value(low)?, self.value(high)?),
            // `5/10` goes on to the end.
            (only, None) => (self.value(only)?, step.map_or(self.value(only)?, |_| self.last)),
        };
        let step = step.unwrap_or(1);
        let fits = self.first <= low && low <= high && high <= self.last && step > 0;
        fits.then(|| (low..=high).step_by(step as usize).fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, word: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(word));
        match named {
            Some(index) => Some(u32::try_from(index).ok()? + self.first),
            None => number(word),
        }
    }

    fn refusal(&self, part: &str) -> CronError {
        let part = part.chars().take(20).collect();
        CronError::Part { part, field: self.name, first: self.first, last: self.last }
    }
}

/// A number of digits only.
fn number(word: &str) -> Option<u32> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
}

impl Cron {
    pub(super) fn read(expression: &str) -> Result<Self, CronError> {
        let nicknamed = NICKNAMES.iter().find(|(name, _)| *name == expression.trim());
        let expression = nicknamed.map_or(expression, |(_, fields)| *fields);
        let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(match fields.first() {
                Some(name) if name.starts_with('@') => CronError::Nickname(name.chars().take(20).collect()),
                Some(_) | None => CronError::Fields(fields.len()),
            });
        };
        let weekdays = WEEKDAY.read(weekday)?;
        let cron = Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            by_either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            is_wildcard: minute.starts_with('*') || hour.starts_with('*'),
        };
        match cron.next_after(NaiveDateTime::default()) {
            Some(_) => Ok(cron),
            None => Err(CronError::NeverComes),
        }
    }

    /// The first time that is later than another one.
    pub(super) fn next_after(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let (today, minute) = (after.date(), after.hour() * 60 + after.minute() + 1);
        let days = today.iter_days().take(MAX_DAYS).filter(|day| self.is_day(*day));
        days.filter_map(|day| {
            let first = if day == today { minute } else { 0 };
            Some(day.and_time(self.time_of_day(first)?))
        })
        .next()
    }

    fn is_day(&self, day: NaiveDate) -> bool {
        let of_month = has(self.days, day.day());
        let of_week = has(self.weekdays, day.weekday().num_days_from_sunday());
        let is_meant = if self.by_either_day { of_month || of_week } else { of_month && of_week };
        is_meant && has(self.months, day.month())
    }

    /// The first time of a day from one of its minutes on.
    fn time_of_day(&self, first: u32) -> Option<NaiveTime> {
        let hours = (first / 60..24).filter(|hour| has(self.hours, *hour));
        let mut times = hours.filter_map(|hour| {
            let from = first.saturating_sub(hour * 60);
            let minute = (from..60).find(|minute| has(self.minutes, *minute))?;
            NaiveTime::from_hms_opt(hour, minute, 0)
        });
        times.next()
    }
}

const fn has(bits: u64, value: u32) -> bool {
    bits >> value & 1 == 1
}
