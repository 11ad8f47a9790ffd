//! Points in time as the log keeps them: whole microseconds since 1970 in UTC.

mod day;

use std::fmt;

use chrono::{DateTime, Datelike as _, Months, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use day::Day;

/// A point in time, exact to a microsecond; in JSON it is RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The same point, exact to a millisecond only, as JSON shows it.
    pub const fn to_millis(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1000))
    }

    /// The point so many milliseconds later.
    pub fn plus_millis(self, millis: u64) -> Self {
        let micros = i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1000);
        Self(self.0.saturating_add(micros))
    }

    /// The point so many milliseconds earlier.
    pub fn minus_millis(self, millis: u64) -> Self {
        let micros = i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1000);
        Self(self.0.saturating_sub(micros))
    }

    /// Milliseconds from `earlier` to this point; zero if it is not earlier.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from((self.0 - earlier.0) / 1000).unwrap_or(0)
    }

    /// Microseconds from `earlier` to this point; zero if it is not earlier.
    pub fn micros_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// The calendar day in UTC, as `2026-01-31`.
    pub fn day(self) -> String {
        self.date_time().format("%Y-%m-%d").to_string()
    }

    /// The calendar month in UTC, as `2026-01`.
    pub fn month(self) -> String {
        self.date_time().format("%Y-%m").to_string()
    }

    /// When the next calendar month begins in UTC.
    pub fn next_month(self) -> Self {
        let first = self.date_time().date_naive().with_day(1);
        let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
        next.and_then(|next| next.and_hms_opt(0, 0, 0))
            .map_or(self, |next| Self(next.and_utc().timestamp_micros()))
    }

    fn date_time(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.date_time().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = DateTime::parse_from_rfc3339(&text).map_err(de::Error::custom)?;
        Ok(Self(parsed.timestamp_micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn month_ends_where_the_next_one_begins() {
        let at = |micros| Timestamp::from_micros(micros);

        assert_eq!(at(1_795_343_053_083_999).month(), "2026-11");
        assert_eq!(at(1_795_343_053_083_999).next_month().to_string(), "2026-12-01T00:00:00.000Z");
        assert_eq!(at(1_798_761_599_999_999).next_month().to_string(), "2027-01-01T00:00:00.000Z");
    }

    #[test]
    fn json_is_rfc_3339_in_utc_with_milliseconds() {
        let json = serde_json::to_string(&Timestamp::from_micros(1_795_343_053_083_999)).unwrap();

        assert_eq!(json, r#""2026-11-22T10:24:13.083Z""#);
    }
}
