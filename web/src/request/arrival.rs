//! Reading a request of somebody who is not known yet.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, dev, web};
use futures_util::future::LocalBoxFuture;
use runner_actors::Client;
use serde_json::{Map, Value};

use super::{collect, read_fields};
use crate::http::authentication::Authentication;
use crate::http::error::{ApiError, Problem};

/// A body and where it comes from. Nothing is replayed for it: its answers hold secrets.
pub(crate) struct Arrival {
    pub(crate) fields: Map<String, Value>,
    pub(crate) client: Client,
}

impl FromRequest for Arrival {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let authentication = request.app_data::<web::Data<Authentication>>().ok_or_else(|| {
                let detail = "something went wrong on the server";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            })?;
            let client = authentication.client(&request);
            let fields = read_fields(&collect(payload).await?)?;
            Ok(Self { fields, client })
        })
    }
}
