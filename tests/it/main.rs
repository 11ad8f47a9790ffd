//! The end-to-end suite: one binary, a server for each test, the real `claude` behind it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod crashes;
mod durability;
mod failures;
mod guard;
mod idempotency;
mod input;
mod interrupts;
mod lambda;
mod openapi;
mod pages;
mod projections;
mod sessions;
mod streams;
mod tasks;
mod tidy;
