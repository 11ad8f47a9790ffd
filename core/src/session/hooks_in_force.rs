//! The hooks that a call is judged by: looked up for it, and never stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::setup::extension::hook::rules::{HookAnswers, HookRules};

/// The hooks that hold for a call, and in whose name more than reading may be allowed now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HooksInForce {
    pub rules: Arc<HookRules>,
    pub may_bypass: BTreeSet<String>,
    /// What programs have said about the call so far.
    pub answers: HookAnswers,
}
