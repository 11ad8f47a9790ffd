//! The shell around the routes: checks of requests, people, problems.

pub(crate) mod access;
pub(crate) mod authentication;
pub(crate) mod cookies;
pub(crate) mod error;
pub(crate) mod guard;
pub(crate) mod hosts;
pub(crate) mod proxies;
pub(crate) mod refusals;
pub(crate) mod request_id;
