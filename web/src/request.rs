//! Reading a request: who asks, under which key, and the body with every mistake named.
//!
//! Routes take [`write::Write`] and [`read::Read`], which have checked the query, and of a write the body and
//! the `Idempotency-Key`.

pub(crate) mod accept;
pub(crate) mod archive;
pub(crate) mod arrival;
pub(crate) mod body;
pub(crate) mod field;
mod json;
pub(crate) mod name;
pub(crate) mod options;
mod output_schema;
pub(crate) mod paging;
mod picture;
pub(crate) mod public_address;
pub(crate) mod query;
pub(crate) mod raw_body;
pub(crate) mod read;
pub(crate) mod reply;
pub(crate) mod schedule;
pub(crate) mod task;
pub(crate) mod topics;
pub(crate) mod write;
