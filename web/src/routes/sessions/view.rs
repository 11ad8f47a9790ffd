//! A session whole, as it is or as it was.

use actix_web::{HttpResponse, get, web};
use runner_core::ids::SessionId;
use runner_core::session::view::SessionView;
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::version;
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionQuery {
    /// Show the session as it was when it had this many events.
    at: Option<u64>,
}

/// The whole session, now or as it was.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), SessionQuery),
    responses((status = 200, body = SessionView), (status = 404, body = Problem))
)]
#[get("/api/sessions/{id}")]
pub(crate) async fn find_session(
    id: web::Path<String>,
    read: Read<SessionQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let head = context.session(&read.caller, &id).await?;
    let view = match version(asked.at, "?at", 1..=head.version)? {
        None => context.sessions.view(head.id).await?,
        Some(at) => context.sessions.view_at(head.id, at).await?,
    };
    Ok(HttpResponse::Ok().json(&*view))
}
