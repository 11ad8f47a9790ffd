//! Requests of somebody who is not known yet.

use actix_web::{FromRequest, HttpRequest, dev, web};
use futures_util::future::LocalBoxFuture;
use runner_actors::Client;
use serde::de::DeserializeOwned;

use super::query::NoQuery;
use super::{body, query};
use crate::http::authentication::Authentication;
use crate::http::error::{ApiError, internal};

/// A body, a query and where they come from. Nothing is replayed for it: its answers hold secrets.
pub(crate) struct Arrival<Body, Query = NoQuery> {
    pub(crate) body: Body,
    pub(crate) query: Query,
    pub(crate) client: Client,
}

impl<Body: DeserializeOwned, Query: DeserializeOwned> FromRequest for Arrival<Body, Query> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let authentication = request.app_data::<web::Data<Authentication>>().ok_or_else(internal)?;
            let client = authentication.client(&request);
            let bytes = body::collect(payload).await?;
            Ok(Self { query: query::read(&request)?, body: body::read(&bytes)?, client })
        })
    }
}
