//! Fields that several bodies have.

use runner_core::money::MicroDollars;
use serde::{Deserialize, Deserializer};

use crate::http::error::Problem;

/// More than anybody spends in a month, in dollars.
const MAX_BUDGET_USD: f64 = 1e9;

/// Tells a field that is `null` from one that is absent: use it with `#[serde(default)]`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What may be spent in a month, from the field `monthly_budget_usd`.
pub(crate) fn monthly_budget(usd: f64) -> Result<MicroDollars, Problem> {
    match usd {
        0.0..=MAX_BUDGET_USD => Ok(MicroDollars::from_usd(usd)),
        _ => {
            let detail = format!("must be from 0 to {MAX_BUDGET_USD} dollars");
            Err(Problem::field("field_invalid", "/monthly_budget_usd", detail))
        }
    }
}
