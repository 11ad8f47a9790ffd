//! The log as its readers and writers see it. Nothing here knows which aggregates there are.

pub mod aggregate;
pub mod event_log;
