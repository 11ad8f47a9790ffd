//! What sessions are run with, kept as aggregates so that it has a history: API keys and trusted folders.

pub mod api_key;
pub mod trust;
pub mod vault;
