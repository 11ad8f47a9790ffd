//! The agent's protocol: lines of JSON from it (stream-json), and lines for it.
//!
//! `reader.rs` reads lines and `decode.rs` finds their meaning; `outgoing.rs` makes prompts, answers and
//! control requests.

pub(super) mod agents;
mod control;
pub(super) mod decode;
mod file_change;
pub(super) mod incoming;
pub(super) mod json;
pub(super) mod outgoing;
mod plans;
pub(super) mod reader;
pub(super) mod result_line;
mod subagent_files;
#[cfg(test)]
mod tests;
pub(super) mod tools;

pub use control::nature_of_call;
