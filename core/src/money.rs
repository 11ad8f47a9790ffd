//! Money as integer micro-dollars. Floating point appears only where JSON is written or read.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// An amount in millionths of a US dollar, never negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct MicroDollars(pub u64);

impl MicroDollars {
    /// Rounds an amount in dollars to the nearest micro-dollar; what is negative or not a number is zero.
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * 1e6).round() as u64)
    }

    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e6
    }

    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for MicroDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MicroDollars {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for MicroDollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// For `#[serde(with = "as_usd")]`: the amount as a JSON number of dollars, as the HTTP contract shows it.
pub mod as_usd {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::MicroDollars;

    pub fn serialize<S: Serializer>(amount: &MicroDollars, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(amount.as_usd())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroDollars, D::Error> {
        f64::deserialize(deserializer).map(MicroDollars::from_usd)
    }
}

/// As [`as_usd`], and null where the amount is not known.
pub mod as_usd_if_known {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use super::MicroDollars;

    pub fn serialize<S: Serializer>(amount: &Option<MicroDollars>, serializer: S) -> Result<S::Ok, S::Error> {
        amount.map(MicroDollars::as_usd).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MicroDollars>, D::Error> {
        Option::<f64>::deserialize(deserializer).map(|usd| usd.map(MicroDollars::from_usd))
    }
}

#[cfg(test)]
mod tests {
    use super::MicroDollars;

    #[test]
    fn dollars_survive_the_round_trip_to_the_last_micro_dollar() {
        for micros in [0, 1, 2_718_281, 100_000_000_001] {
            assert_eq!(MicroDollars::from_usd(MicroDollars(micros).as_usd()), MicroDollars(micros));
        }
    }
}
