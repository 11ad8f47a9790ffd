//! What a turn that runs has used so far. Views show it meanwhile; the turn's end has an account of all of
//! it, which then stands in its place.

use serde::{Deserialize, Serialize};

use crate::money::MicroDollars;
use crate::spend::{ModelCall, Usage};

/// The calls of models that a running turn has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SoFar {
    cost_micros: MicroDollars,
    usage: Usage,
    duration_ms: u64,
}

impl SoFar {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn count(&mut self, call: &ModelCall) {
        self.cost_micros += call.cost_micros;
        self.usage = self.usage.plus(call.usage);
        self.duration_ms = self.duration_ms.saturating_add(call.duration_ms);
    }

    /// What a cost was before these calls.
    pub(super) fn cost_before(&self, cost: Option<MicroDollars>) -> Option<MicroDollars> {
        cost.map(|cost| cost.saturating_sub(self.cost_micros))
    }

    pub(super) fn usage_before(&self, usage: Usage) -> Usage {
        usage.since(self.usage)
    }

    pub(super) fn duration_before(&self, duration_ms: u64) -> u64 {
        duration_ms.saturating_sub(self.duration_ms)
    }
}
