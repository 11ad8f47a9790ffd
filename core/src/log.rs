//! The kernel of the log: aggregates, what is appended of them, what comes back, and how it is chained.
//!
//! Nothing here knows which aggregates there are; `kinds.rs` lists them.

mod aggregate;
mod append;
pub mod chain;
mod cqrs;
mod digest;
mod encoding;
mod envelope;

pub use aggregate::{Aggregate, Effects, Fold, StoredAggregate, encode_state, fold, stream_of_name};
pub use append::{Append, Appended, LogStream, SecretChange};
pub use cqrs::Shell;
pub use digest::Digest;
pub use encoding::{AggregateEvent, EncodedEvent};
pub use envelope::{Provenance, RecordedEvent};
