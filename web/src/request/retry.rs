//! Requests that come again under their `Idempotency-Key`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use runner_core::log::Appended;

use super::Write;
use crate::context::Context;
use crate::http::error::{ApiError, Problem};

impl Write {
    /// Where the first request under this key put its events; `None` if this is the first, or has no key.
    pub(crate) async fn first(&self, context: &Context) -> Result<Option<Appended>, ApiError> {
        match self.provenance.request_hash {
            Some(request_hash) => {
                Ok(context.sessions.find_command(self.provenance.command, request_hash).await?)
            }
            None => Ok(None),
        }
    }

    /// Refuses a retry whose first answer held a secret, which is kept nowhere.
    pub(crate) async fn refuse_retry(&self, context: &Context) -> Result<(), ApiError> {
        match self.first(context).await? {
            Some(_) => {
                let detail = "this was done under the same Idempotency-Key, and what was answered is shown only once; \
                              take back what was made, or use another key";
                Err(Problem::new(StatusCode::CONFLICT, "shown_once", detail).into())
            }
            None => Ok(()),
        }
    }
}

/// The answer where something was taken away: now, or by the first request under this key.
pub(crate) fn gone(first: Option<Appended>) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    mark_replay(&mut response, first.is_some());
    response
}

/// Tells the client that this is the answer to an earlier request under the same key.
pub(crate) fn mark_replay(response: &mut HttpResponse, replayed: bool) {
    if replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
}
