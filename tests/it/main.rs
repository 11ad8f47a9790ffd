//! The end-to-end suite: one binary, a server for each test, the real `claude` behind it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod access_matrix;
mod accounts;
mod api_keys;
mod audit;
mod budgets;
mod crashes;
mod crashes_anywhere;
mod decision_buttons;
mod durability;
mod export;
mod failures;
mod file_changes;
mod forks;
mod gateway;
mod guard;
mod idempotency;
mod import;
mod input;
mod interrupts;
mod lambda;
mod limits;
mod metering;
mod modes;
mod openapi;
mod pages;
mod parking;
mod paths;
mod projections;
mod rate_limits;
mod replay;
mod requests;
mod sandbox;
mod secret_keys;
mod sessions;
mod spare_agents;
mod streams;
mod tasks;
mod tidy;
mod trust;
mod turn_control;
mod waiting;
mod workspace_changes;
