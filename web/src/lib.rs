//! HTTP: routes, streams and problems over `runner-actors`; the program that puts everything together.
//!
//! A handler parses, sends one message and maps the result. [`app`] is the composition root of the
//! server and [`import`] that of the import; nothing else names adapters. [`http::error`] is the only
//! module that turns an error into a status. This crate must not know SQL or rules of the domain.
//!
//! Begin with [`routes`].

pub mod app;
pub mod config;
mod context;
mod http;
pub mod import;
mod limits;
mod owners_rights;
mod pages;
mod request;
mod routes;
mod secrets;
mod stream;
mod working_folders;

use std::io::IsTerminal;

pub use http::authentication::connected;
pub use routes::openapi;

/// A request that is no HTTP, say one with a NUL in a header, is its client's mistake and answered as such,
/// but actix-http calls it an error.
const DEFAULT_LOG: &str = "info,actix_http::h1::dispatcher=off";

/// Sends what the program says about itself to the error output; `RUST_LOG` chooses how much.
pub fn telemetry_init() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(DEFAULT_LOG));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}
