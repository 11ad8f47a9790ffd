//! Answers to writes, which say when they are those of an earlier request under the same key.

use actix_web::body::BoxBody;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Responder};
use serde::Serialize;

/// Noted on a request that came before under the same key.
pub(super) struct Retry;

/// The request whose answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The first one under the key, if there was one before.
    First,
    /// This one: what was done before under the key has failed.
    Nothing,
}

/// The answer to a write.
pub(crate) struct Reply {
    response: HttpResponse,
    is_replay: bool,
    repeats: Repeats,
}

impl Reply {
    pub(crate) fn ok(body: impl Serialize) -> Self {
        Self::from(HttpResponse::Ok().json(body))
    }

    pub(crate) fn accepted(body: impl Serialize) -> Self {
        Self::from(HttpResponse::Accepted().json(body))
    }

    /// Begun; how it stands is to be found under a path.
    pub(crate) fn accepted_at(location: String, body: impl Serialize) -> Self {
        Self::from(HttpResponse::Accepted().insert_header((LOCATION, location)).json(body))
    }

    pub(crate) fn created(body: impl Serialize) -> Self {
        Self::from(HttpResponse::Created().json(body))
    }

    /// Made, to be found under a path from now on.
    pub(crate) fn created_at(location: String, body: impl Serialize) -> Self {
        Self::from(HttpResponse::Created().insert_header((LOCATION, location)).json(body))
    }

    /// Something was taken away.
    pub(crate) fn gone() -> Self {
        Self::from(HttpResponse::NoContent().finish())
    }

    /// Marks the answer if another request under the same key was faster.
    pub(crate) fn replayed(self, is_replay: bool) -> Self {
        Self { is_replay, ..self }
    }

    /// Says whose answer it is where that is not plain.
    pub(crate) fn repeating(self, repeats: Repeats) -> Self {
        Self { repeats, ..self }
    }
}

impl From<HttpResponse> for Reply {
    fn from(response: HttpResponse) -> Self {
        Self { response, is_replay: false, repeats: Repeats::First }
    }
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = self.response;
        let is_retry = self.repeats == Repeats::First && request.extensions().get::<Retry>().is_some();
        if self.is_replay || is_retry {
            let name = HeaderName::from_static("idempotency-replayed");
            response.headers_mut().insert(name, HeaderValue::from_static("true"));
        }
        response
    }
}
