//! The tokens of a conversation: each message of the model's API counts once, however many lines it has.

use std::collections::{BTreeMap, HashSet};

use runner_core::spend::{ModelUse, Spend, Usage};
use serde_json::Value;

use super::line::Line;
use crate::claude::protocol::result_line::MAX_TOKENS;

/// The tokens of the turns so far. Their cost is not known.
#[derive(Debug, Default)]
pub(super) struct Meter {
    total: Spend,
    /// The messages and the uses of tools that are counted already, here or in another session.
    counted: HashSet<String>,
    /// The messages of this turn: model and tokens.
    current: BTreeMap<String, (String, Usage)>,
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
            self.current.insert(message.to_owned(), (model.to_owned(), usage(line.usage())));
        }
    }

    /// Ends a turn; returns the usage of all turns so far.
    pub(super) fn end_turn(&mut self) -> Spend {
        let messages = std::mem::take(&mut self.current);
        for (message, (model, usage)) in messages {
            let used = ModelUse { usage, ..ModelUse::default() };
            self.total = self.total.plus(&Spend { models: [(model, used)].into(), ..Spend::default() });
            self.counted.insert(message);
        }
        self.total.clone()
    }
}

fn usage(raw: &Value) -> Usage {
    let count = |field: &str| raw[field].as_u64().unwrap_or_default().min(MAX_TOKENS);
    Usage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        cache_read_input_tokens: count("cache_read_input_tokens"),
        cache_creation_input_tokens: count("cache_creation_input_tokens"),
    }
}
