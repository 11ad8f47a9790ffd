//! Fields that several bodies have.

use runner_core::money::MicroDollars;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use utoipa::openapi::{Object, ObjectBuilder, Type};

use crate::http::error::Problem;

/// More than anybody spends in a month, in dollars.
const MAX_BUDGET_USD: f64 = 1e9;

/// Tells a field that is `null` from one that is absent: use it with `#[serde(default)]`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The JSON pointer to an entry of an object.
pub(crate) fn pointer(field: &str, name: &str) -> String {
    format!("{field}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The schema of a text that is one of a few.
pub(super) fn one_of(names: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied())).build()
}

/// A whole number, also if it is written with a fraction of zero: in JSON `5` and `5.0` are the same. Use
/// it with `#[serde(default)]`.
pub(crate) fn whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    /// Beyond this not every whole number is a number of JSON.
    const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole = number.as_u64().or_else(|| {
        let number = number.as_f64().filter(|number| number.fract() == 0.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number is whole, not negative, and small enough"
        )]
        (0.0..=MAX_EXACT).contains(&number).then_some(number as u64)
    });
    let fitting = whole.and_then(|whole| T::try_from(whole).ok());
    fitting
        .map(Some)
        .ok_or_else(|| D::Error::custom("must be a whole number, not negative and not too large"))
}

/// A limit of spending in a month, from the field `monthly_budget_usd`.
pub(crate) fn monthly_budget(usd: f64) -> Result<MicroDollars, Problem> {
    match usd {
        0.0..=MAX_BUDGET_USD => Ok(MicroDollars::from_usd(usd)),
        _ => {
            let detail = format!("must be from 0 to {MAX_BUDGET_USD} dollars");
            Err(Problem::field("field_invalid", "/monthly_budget_usd", detail))
        }
    }
}
