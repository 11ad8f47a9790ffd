//! The ports of `runner-core` done with real things: SQL, the Claude Code program, a model API on loopback.
//!
//! Errors of libraries end here: what leaves this crate is a port's own error.
//! This crate must not know actors or HTTP routes.
//!
//! Begin with [`event_store`] (how events become durable), [`claude`] (how the agent is driven) and
//! [`gateway`] (how it reaches a model without its key).

pub mod claude;
pub mod clock;
pub mod event_store;
pub mod gateway;
pub mod jwt;
mod loopback;
pub mod mcp_prober;
pub mod offline_model;
pub mod passwords;
mod public_only;
pub mod random_codes;
pub mod secret_key;
mod session_tokens;
pub mod setup_code;
pub mod vault;
pub mod workspace;
