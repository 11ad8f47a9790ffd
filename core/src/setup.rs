//! What sessions are run with, kept as aggregates so that it has a history: API keys, trusted folders,
//! schedules, what extends the agent, and what its program was seen to keep.

pub mod agent_proof;
pub mod api_key;
pub mod extension;
pub mod schedule;
pub mod trust;
pub mod vault;
