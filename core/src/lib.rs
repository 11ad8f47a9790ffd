//! The domain of Claude Code Runner: what a session is, what may happen to it, and what it looks like.
//!
//! Everything here is plain and synchronous. A command goes into [`Session::decide`], events come out;
//! views are folds over those events. Time, ids and looked-up facts arrive with the command.
//!
//! This crate must not know I/O, clocks, randomness, actors, SQL, HTTP or the agent's wire format.
//! What the domain needs done by others is named in [`ports`].
//!
//! Begin with `session.rs`: it answers "what are the rules?".

pub mod account;
pub mod agent;
pub mod aggregate;
pub mod api_key;
pub mod audit;
pub mod credentials;
pub mod event_log;
pub mod folders;
pub mod ids;
pub mod invite;
pub mod legible;
pub mod model_access;
pub mod money;
pub mod network;
pub mod ports;
pub mod principal;
pub mod prompt;
pub mod protection;
pub mod request;
pub mod revoked;
pub mod session;
pub mod tenant;
pub mod time;
pub mod trust;
pub mod vault;
pub mod workspace;

pub use session::Session;
