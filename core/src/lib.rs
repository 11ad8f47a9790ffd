//! The domain of Claude Code Runner: what a session is, what may happen to it, and what it looks like.
//!
//! Everything here is plain and synchronous. A command goes into [`log::Aggregate::decide`], events come
//! out; views are folds over those events. Time, ids and looked-up facts arrive with the command.
//!
//! This crate must not know I/O, clocks, randomness, actors, SQL, HTTP or the agent's wire format.
//! What the domain needs done by others is named in [`ports`].
//!
//! Begin with `session.rs`: it answers "what are the rules?".

pub mod agent;
pub mod agent_protection;
pub mod allowed_folders;
pub mod ids;
pub mod kinds;
pub mod log;
pub mod money;
pub mod people;
pub mod ports;
pub mod prompt;
pub mod request;
pub mod session;
pub mod setup;
pub mod spend;
pub mod statistics;
pub mod subagents;
pub mod time;
pub mod workspace;

pub use session::Session;
