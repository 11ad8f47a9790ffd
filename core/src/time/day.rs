//! Calendar days of UTC.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Timestamp;

/// A calendar day of UTC, from the year 1970 to 9999; in JSON it is `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(NaiveDate);

impl Day {
    pub fn of(at: Timestamp) -> Self {
        Self(at.date_time().date_naive())
    }

    /// The day so many days before.
    pub fn days_before(self, days: u64) -> Self {
        Self(self.0.checked_sub_days(Days::new(days)).unwrap_or(self.0))
    }

    /// How many days there are from this one to a later one, both counted; absent where that is earlier.
    pub fn days_to(self, last: Self) -> Option<u64> {
        let days = (last.0 - self.0).num_days();
        u64::try_from(days).ok().map(|days| days + 1)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a date, or from a point in time by RFC 3339, which stands for its day.
impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let day = match text.len() {
            10 => NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok(),
            _ => DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc().date_naive()),
        };
        let years = NaiveDate::from_ymd_opt(1970, 1, 1)..=NaiveDate::from_ymd_opt(9999, 12, 31);
        day.filter(|day| years.contains(&Some(*day))).map(Self).ok_or_else(|| {
            de::Error::custom("must be a date like 2026-01-31, or a time by RFC 3339, of 1970 to 9999")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Day;
    use crate::time::Timestamp;

    fn read(text: &str) -> Option<String> {
        serde_json::from_value::<Day>(text.into()).ok().map(|day| day.to_string())
    }

    #[test]
    fn time_stands_for_its_day_in_utc() {
        assert_eq!(read("2026-02-28").as_deref(), Some("2026-02-28"));
        assert_eq!(read("2026-02-28T23:30:00-01:00").as_deref(), Some("2026-03-01"));
        assert_eq!(Day::of(Timestamp::from_micros(1_795_343_053_083_999)).to_string(), "2026-11-22");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for wrong in ["2026-02-30", "2026-2-28", "20260228", "", "1969-12-31", "tomorrow", "+002026-01"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_are_counted_with_both_ends() {
        let day = |text: &str| serde_json::from_value::<Day>(text.into()).unwrap();

        assert_eq!(day("2026-02-27").days_to(day("2026-03-01")), Some(3));
        assert_eq!(day("2026-03-01").days_to(day("2026-02-28")), None);
        assert_eq!(day("2026-03-01").days_before(1), day("2026-02-28"));
    }
}
