//! The check of a session's hash chain.

use actix_web::{HttpResponse, get, web};
use runner_core::ids::SessionId;
use runner_core::log::chain::Verification;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::read::Read;

/// Recomputes the session's hash chain from what is stored.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 200, body = Verification), (status = 404, body = Problem))
)]
#[get("/api/sessions/{id}/verify")]
pub(crate) async fn verify_session(
    id: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let session = context.session(&read.caller, &id).await?.id;
    Ok(HttpResponse::Ok().json(context.sessions.verify(session).await?))
}
