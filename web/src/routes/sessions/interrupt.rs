//! Stopping the running turn.

use actix_web::{HttpResponse, post, web};
use runner_core::ids::SessionId;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::retry::mark_replay;
use crate::request::{Write, session_id};

#[derive(Serialize, utoipa::ToSchema)]
struct InterruptAccepted {
    /// The version up to which the request is recorded.
    version: u64,
}

/// Stops the running turn, or takes back the prompt whose turn waits to begin; the session stays usable.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    responses(
        (status = 202, body = InterruptAccepted),
        (status = 409, description = "`nothing_running`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/sessions/{id}/interrupt")]
pub(crate) async fn interrupt_session(
    id: web::Path<String>,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    write.no_fields()?;
    let session = context.sessions.find(&write.caller.reach(), session_id(&id)?).await?.head.id;
    let by = write.caller.name.clone();
    let interrupted = context.sessions.interrupt(session, by, write.provenance).await?;
    let mut response = HttpResponse::Accepted().json(InterruptAccepted { version: interrupted.last_version });
    mark_replay(&mut response, interrupted.replayed);
    Ok(response)
}
