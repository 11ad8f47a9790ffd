//! The id of a request: in its answer, in logs, in problems, and in what it stored.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;
use uuid::Uuid;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which a request stands in logs and in what it stored.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

tokio::task_local! {
    /// The id of the request that this task answers.
    pub(super) static REQUEST: String;
}

/// Names the request that is being answered, for a problem that it leads to.
pub(crate) fn current_request_id() -> Option<String> {
    REQUEST.try_with(|id| format!("urn:request:{id}")).ok()
}

/// The caller's own id where it is harmless, else a new one.
pub(super) fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let harmless =
        |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    given.filter(harmless).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
