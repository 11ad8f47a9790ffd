//! Stopping the running turn.

use actix_web::{post, web};
use runner_core::ids::SessionId;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::reply::Reply;
use crate::request::write::Write;

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
        (status = 409, description = "`nothing_running`", body = Problem),
    )
)]
#[post("/api/sessions/{id}/interrupt")]
pub(crate) async fn interrupt_session(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let session = context.session(&write.caller, &id).await?.id;
    let by = write.caller.name.clone();
    let interrupted = context.sessions.interrupt(session, by, write.provenance).await?;
    Ok(Reply::accepted(InterruptAccepted { version: interrupted.last_version })
        .replayed(interrupted.replayed))
}
