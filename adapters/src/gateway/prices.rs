//! The cost of a call.
//!
//! The prices are those of Anthropic's public price list (platform.claude.com, "Pricing"), in dollars per
//! million tokens, as of November 2026. Writing to the cache costs 1.25 times the input for five minutes and
//! twice the input for an hour; reading from it costs a share of the input. A model that is not in the table
//! is counted at the highest price there is, so that no budget is spent without being counted.

use runner_core::money::MicroDollars;

/// Tokens and searches of one call, in the classes that have prices of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cache_read: u64,
    /// Tokens written to the cache for five minutes, and for an hour.
    pub(crate) cache_write: u64,
    pub(crate) cache_write_1h: u64,
    pub(crate) web_searches: u64,
    /// Whether the answer came in the faster and dearer mode.
    pub(crate) is_fast: bool,
}

/// Prices in thousandths of a dollar per million tokens, which are billionths of a dollar per token.
struct Price {
    /// A part of the model's name.
    name: &'static str,
    input: u64,
    output: u64,
    /// Reading from the cache, in thousandths of the input's price.
    cache_read: u64,
    /// A number of tokens of input, and the prices of input and output beyond it.
    long: Option<(u64, u64, u64)>,
    /// The factor of the fast mode's prices.
    fast: u64,
}

const MODELS: &[Price] = &[
    Price { cache_read: 25, ..price("fable-5-1", 10_000, 50_000) },
    Price { cache_read: 25, ..price("mythos-5-1", 10_000, 50_000) },
    price("fable-5", 10_000, 50_000),
    price("mythos-5", 10_000, 50_000),
    Price { cache_read: 50, ..price("opus-5-5", 4_000, 20_000) },
    price("opus-5", 5_000, 25_000),
    Price { fast: 2, ..price("opus-4-8", 5_000, 25_000) },
    price("opus-4-7", 5_000, 25_000),
    price("opus-4-6", 5_000, 25_000),
    price("opus-4-5", 5_000, 25_000),
    Price { cache_read: 50, ..price("sonnet-5-5", 2_000, 10_000) },
    price("sonnet-5", 2_000, 10_000),
    price("sonnet-4-6", 3_000, 15_000),
    Price { long: Some((200_000, 6_000, 22_500)), ..price("sonnet-4-5", 3_000, 15_000) },
    Price { long: Some((200_000, 6_000, 22_500)), ..price("sonnet-4", 3_000, 15_000) },
    price("3-7-sonnet", 3_000, 15_000),
    Price { long: Some((100_000, 500, 2_500)), ..price("haiku-5-5", 100, 500) },
    price("opus-4-1", 15_000, 75_000),
    price("opus-4", 15_000, 75_000),
    price("3-opus", 15_000, 75_000),
    price("haiku-4-5", 1_000, 5_000),
    price("3-5-haiku", 800, 4_000),
];

/// The price of every unknown model.
const DEAREST: Price = price("", 15_000, 75_000);

/// The price of a search on the web in billionths of a dollar: ten dollars for a thousand.
const WEB_SEARCH: u64 = 10_000_000;

/// The most that a call is counted with, far more than any call costs. The model's API is not trusted: the
/// usage that it reports must not overflow sums.
pub(super) const MOST_COST: MicroDollars = MicroDollars(10_000_000_000);

const fn price(name: &'static str, input: u64, output: u64) -> Price {
    Price { name, input, output, cache_read: 100, long: None, fast: 6 }
}

/// A token has about so many bytes, and seldom fewer.
pub(super) const BYTES_PER_TOKEN: u64 = 4;

/// A likely size of the input in tokens. A question can be longer than its bytes: files that it names and
/// pages that the API reads for it count too.
const LIKELY_INPUT: u64 = 200_000;
/// No model writes a longer answer, whatever its limit.
const LONGEST_ANSWER: u64 = 1_000_000;

/// The most that a call is likely to cost, by its question alone: a whole context that is not cached, and an
/// answer as long as allowed.
pub(super) fn estimate(model: &str, question_bytes: u64, max_tokens: u64) -> MicroDollars {
    let input = question_bytes.div_ceil(BYTES_PER_TOKEN).max(LIKELY_INPUT);
    cost(model, &Counts { input, output: max_tokens.min(LONGEST_ANSWER), ..Counts::default() })
}

/// The price of a call of a model that is in the table.
pub(crate) fn list_price(model: &str, counts: &Counts) -> Option<MicroDollars> {
    let price = MODELS.iter().find(|price| names(model, price.name))?;
    Some(price.of(counts))
}

/// Whether the price of a model is known.
pub(super) fn is_listed(model: &str) -> bool {
    list_price(model, &Counts::default()).is_some()
}

/// The price of a call, rounded up to a whole micro-dollar; at most ten thousand dollars.
pub(super) fn cost(model: &str, counts: &Counts) -> MicroDollars {
    list_price(model, counts).unwrap_or_else(|| DEAREST.of(counts))
}

impl Price {
    fn of(&self, counts: &Counts) -> MicroDollars {
        let price = self;
        let all_input = [counts.input, counts.cache_read, counts.cache_write, counts.cache_write_1h];
        let all_input = all_input.into_iter().fold(0, u64::saturating_add);
        let (input, output) = match price.long {
            Some((tokens, input, output)) if all_input > tokens => (input, output),
            Some(_) | None => (price.input, price.output),
        };
        // In thousandths, for the prices of the cache are shares.
        let input_milli = counts
            .input
            .saturating_mul(1000)
            .saturating_add(counts.cache_write.saturating_mul(1250))
            .saturating_add(counts.cache_write_1h.saturating_mul(2000))
            .saturating_add(counts.cache_read.saturating_mul(price.cache_read));
        let tokens = input_milli
            .saturating_mul(input)
            .div_ceil(1000)
            .saturating_add(counts.output.saturating_mul(output))
            .saturating_mul(if counts.is_fast { price.fast } else { 1 });
        let nanos = tokens.saturating_add(counts.web_searches.saturating_mul(WEB_SEARCH));
        MicroDollars(nanos.div_ceil(1000)).min(MOST_COST)
    }
}

/// Whether a model's name names this model in this version: a later version may cost something else.
fn names(model: &str, name: &str) -> bool {
    let Some((_, rest)) = model.split_once(name) else { return false };
    let digits = rest.strip_prefix(['-', '.']).map(|rest| {
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        &rest[..end]
    });
    // A whole name is followed by nothing, or by a date.
    let is_longer_number = rest.starts_with(|character: char| character.is_ascii_digit());
    !is_longer_number && digits.is_none_or(|digits| digits.is_empty() || digits.len() >= 6)
}

#[cfg(test)]
mod tests {
    use super::{Counts, cost};

    #[test]
    fn each_class_of_tokens_has_its_price() {
        let million = 1_000_000;
        for (counts, micros) in [
            (Counts { input: million, ..Counts::default() }, 5_000_000),
            (Counts { output: million, ..Counts::default() }, 25_000_000),
            (Counts { cache_write: million, ..Counts::default() }, 6_250_000),
            (Counts { cache_write_1h: million, ..Counts::default() }, 10_000_000),
            (Counts { cache_read: million, ..Counts::default() }, 500_000),
            (Counts { web_searches: 3, ..Counts::default() }, 30_000),
            (Counts { input: million, is_fast: true, ..Counts::default() }, 10_000_000),
            (Counts { cache_read: 1, ..Counts::default() }, 1),
            (Counts::default(), 0),
        ] {
            assert_eq!(cost("claude-opus-4-8", &counts).0, micros, "{counts:?}");
        }
    }

    #[test]
    fn a_model_is_known_by_its_version_and_an_unknown_one_is_dear() {
        let input = Counts { input: 1_000_000, ..Counts::default() };
        for (model, dollars) in [
            ("claude-opus-4-8[1m]", 5),
            ("claude-opus-4-5-20251101", 5),
            ("us.anthropic.claude-opus-4-6-v1", 5),
            ("claude-haiku-4-5-20251001", 1),
            ("claude-sonnet-4-6", 3),
            ("claude-sonnet-4-20250514", 6),
            ("claude-fable-5", 10),
            ("claude-opus-4-1-20250805", 15),
            ("claude-opus-4-20250514", 15),
            ("claude-opus-4-85", 15),
            ("claude-opus-5-9", 15),
            ("claude-opus-51", 15),
            ("something-else", 15),
            ("", 15),
        ] {
            assert_eq!(cost(model, &input).0, dollars * 1_000_000, "{model}");
        }
    }

    #[test]
    fn long_prompts_cost_more_where_the_list_says_so() {
        let short = Counts { input: 100_000, cache_read: 100_000, output: 1000, ..Counts::default() };
        let long = Counts { input: 100_001, ..short };

        assert_eq!(cost("claude-sonnet-4-5", &short).0, 345_000);
        assert_eq!(cost("claude-sonnet-4-5", &long).0, 682_506);
        assert_eq!(cost("claude-sonnet-4-6", &long).0, 345_003);
    }

    #[test]
    fn a_call_may_cost_a_whole_context_and_the_longest_answer() {
        for (bytes, max_tokens, micros) in [
            (2, 0, 1_000_000),
            (100, 1000, 1_025_000),
            (4_000_000, 0, 5_000_000),
            (2, u64::MAX, 26_000_000),
            (u64::MAX, 0, 10_000_000_000),
        ] {
            assert_eq!(
                super::estimate("claude-opus-4-8", bytes, max_tokens).0,
                micros,
                "{bytes} {max_tokens}"
            );
        }
    }

    #[test]
    fn no_count_is_too_large_and_no_call_costs_more_than_there_is() {
        for most in [
            Counts { input: u64::MAX / 4, output: u64::MAX, ..Counts::default() },
            Counts { web_searches: u64::MAX, ..Counts::default() },
        ] {
            assert_eq!(cost("claude-opus-4-8", &most), super::MOST_COST);
        }
    }
}
