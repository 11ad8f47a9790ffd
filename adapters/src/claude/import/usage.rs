//! The tokens of a conversation: each message of the model's API counts once, however many lines it has. A
//! transcript does not say what they cost; the public price list does.

use std::collections::{BTreeMap, HashMap, HashSet};

use runner_core::session::event::CostBasis;
use runner_core::spend::{ModelUse, Spend, Usage};
use serde_json::Value;

use super::line::Line;
use crate::claude::protocol::result_line::MAX_TOKENS;
use crate::gateway::{Counts, list_price};

/// The tokens of the turns so far, and what the price list asks for them.
#[derive(Debug, Default)]
pub(super) struct Meter {
    total: Spend,
    /// The messages and the uses of tools that are counted already, here or in another session.
    counted: HashSet<String>,
    /// The messages of this turn: model and tokens.
    current: BTreeMap<String, (String, Counts)>,
}

impl Meter {
    /// Counts nothing that another session has counted.
    pub(super) fn beside(counted: HashSet<String>) -> Self {
        Self { counted, ..Self::default() }
    }

    /// Counts a line; a later line of the same message corrects it.
    pub(super) fn read(&mut self, line: &Line) {
        let (Some(message), Some(model)) = (line.message(), line.model()) else { return };
        let mut parts = line.tool_uses().chain([message]);
        if !parts.any(|part| self.counted.contains(part)) {
            self.current.insert(message.to_owned(), (model.to_owned(), counts(line.usage())));
        }
    }

    /// Ends a turn; returns the spend of all turns so far, and how far the cost of this one is known.
    pub(super) fn end_turn(&mut self) -> (Spend, CostBasis) {
        let mut basis = CostBasis::PriceList;
        for (message, (model, counts)) in std::mem::take(&mut self.current) {
            let usage = usage(&counts);
            let price = list_price(&model, &counts);
            if price.is_none() && usage != Usage::default() {
                basis = CostBasis::Unknown;
            }
            let cost_micros = price.unwrap_or_default();
            let models = [(model, ModelUse { usage, cost_micros })].into();
            self.total = self.total.plus(&Spend { cost_micros, models });
            self.counted.insert(message);
        }
        (self.total.clone(), basis)
    }
}

/// The tokens of messages, each counted once.
pub(super) fn tokens<'a>(lines: impl Iterator<Item = &'a Line>) -> u64 {
    let messages: HashMap<&str, Usage> =
        lines.filter_map(|line| Some((line.message()?, usage(&counts(line.usage()))))).collect();
    messages.values().fold(0, |sum, usage| {
        let Usage { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } =
            usage;
        sum + input_tokens + output_tokens + cache_read_input_tokens + cache_creation_input_tokens
    })
}

fn counts(raw: &Value) -> Counts {
    let count = |value: &Value| value.as_u64().unwrap_or_default().min(MAX_TOKENS);
    let (written, parts) = (count(&raw["cache_creation_input_tokens"]), &raw["cache_creation"]);
    let cache_write_1h = count(&parts["ephemeral_1h_input_tokens"]).min(written);
    Counts {
        input: count(&raw["input_tokens"]),
        output: count(&raw["output_tokens"]),
        cache_read: count(&raw["cache_read_input_tokens"]),
        cache_write: written - cache_write_1h,
        cache_write_1h,
        web_searches: count(&raw["server_tool_use"]["web_search_requests"]),
        is_fast: raw["speed"] == "fast",
    }
}

fn usage(counts: &Counts) -> Usage {
    Usage {
        input_tokens: counts.input,
        output_tokens: counts.output,
        cache_read_input_tokens: counts.cache_read,
        cache_creation_input_tokens: counts.cache_write + counts.cache_write_1h,
    }
}
