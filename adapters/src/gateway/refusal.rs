//! The gateway's own answers, in the form of the Messages API's errors.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use runner_core::session::revoked::Revoked;
use runner_core::spend::BudgetSpent;
use serde_json::json;

use crate::loopback::ResponseBody;

/// An answer to a request that the gateway does not pass on, or has no other answer to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) message: String,
    repeat: Repeat,
}

/// Whether the agent should ask again, where it would by the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    ByStatus,
    Never,
}

/// The header by which the API's own clients are told so.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

impl Refusal {
    /// The gateway does not pass on such a request.
    pub(super) fn not_found(message: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", message)
    }

    pub(super) fn method_not_allowed(message: String) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the request is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    }

    /// The token is not valid, or no longer.
    pub(super) fn unknown_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", "this token is not valid here")
    }

    /// The token is valid, but another process has sent it.
    pub(super) fn unknown_caller() -> Self {
        let message = "this token is good only from the process that it was made for";
        Self::new(StatusCode::FORBIDDEN, "permission_error", message)
    }

    /// There is no key to ask the model with. Not a 401, for asking again would not help.
    pub(super) fn no_key() -> Self {
        let message = "no API key of this session's owner can be used: enable one, or store another";
        Self::new(StatusCode::FORBIDDEN, "permission_error", message)
    }

    /// A budget is spent. The agent shows the text of this status, and asks neither again nor differently.
    /// (It repeats calls after a 429 or 5xx, takes a 403 for a wrong login, and a 400 with some words for
    /// other problems.)
    pub(super) fn budget_spent(spent: &BudgetSpent) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, "billing_error", spent.message())
    }

    /// Other calls may spend the rest of a budget; the agent tries again after a while.
    pub(super) fn budget_reserved() -> Self {
        let message = "other calls are under way that may cost all that is left of a budget";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message)
    }

    /// The owner's right was taken away. The agent shows the text and does not ask again.
    pub(super) fn revoked(revoked: Revoked) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", revoked.to_string())
    }

    pub(super) fn too_many_calls() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "too many calls of this session at once")
    }

    /// Other requests take all the memory; the agent tries again after a while.
    pub(super) fn no_memory() -> Self {
        let message = "too many large requests are under way";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message)
    }

    /// Something on this side failed; trying again may help.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", message)
    }

    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "api_error", message)
    }

    /// Nobody is there, and has not been for a while. The agent would try for many seconds more.
    pub(super) fn out_of_reach(message: impl Into<String>) -> Self {
        Self { repeat: Repeat::Never, ..Self::unreachable(message) }
    }

    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), repeat: Repeat::ByStatus }
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let json = json!({"type": "error", "error": {"type": self.kind, "message": self.message}});
        let body = Full::new(Bytes::from(json.to_string())).map_err(|never| match never {});
        let mut response = Response::new(body.boxed_unsync());
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.repeat == Repeat::Never {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
    }
}
