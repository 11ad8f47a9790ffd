//! The conversation as a model would see it.

use actix_web::{HttpResponse, get, web};
use runner_core::ids::SessionId;
use runner_core::session::messages::Message;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::query::limit;
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessagesQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<usize>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct MessagePage<'a> {
    messages: &'a [Message],
    next_cursor: Option<String>,
}

/// The conversation as a model would see it.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), MessagesQuery),
    responses((status = 200, body = MessagePage), (status = 404, body = Problem))
)]
#[get("/api/sessions/{id}/messages")]
pub(crate) async fn list_messages(
    id: web::Path<String>,
    read: Read<MessagesQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let limit = limit(asked.limit)? as usize;
    let session = context.session(&read.caller, &id).await?.id;
    let messages = context.sessions.messages(session).await?;
    let start = asked.cursor.unwrap_or(0).min(messages.len());
    let end = (start + limit).min(messages.len());
    let next_cursor = (end < messages.len()).then(|| end.to_string());
    Ok(HttpResponse::Ok().json(MessagePage { messages: &messages[start..end], next_cursor }))
}
