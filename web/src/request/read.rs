//! Requests that only read.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};
use runner_core::people::principal::Principal;
use serde::de::DeserializeOwned;

use super::query::{self, NoQuery};
use crate::http::access::Caller;
use crate::http::error::ApiError;

/// A read with its query.
pub(crate) struct Read<Query = NoQuery> {
    pub(crate) query: Query,
    pub(crate) caller: Principal,
}

impl<Query: DeserializeOwned> FromRequest for Read<Query> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let read = || {
            let query = query::read(request)?;
            Ok(Self { query, caller: Caller::of(request)? })
        };
        ready(read())
    }
}
