//! Requests that wait for a person, in all sessions.

use actix_web::{HttpResponse, get, web};
use runner_core::session::view::RequestView;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::http::error::ApiError;
use crate::request::query::limit;
use crate::request::read::Read;

#[derive(Serialize, utoipa::ToSchema)]
struct RequestPage {
    #[schema(value_type = Vec<RequestView>)]
    requests: Vec<Value>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RequestsQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<u64>,
}

/// Requests that wait for a person, in all sessions; the oldest first.
#[utoipa::path(tag = "requests", params(RequestsQuery), responses((status = 200, body = RequestPage)))]
#[get("/api/requests")]
pub(crate) async fn list_all_requests(
    read: Read<RequestsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let (after, limit) = (asked.cursor.unwrap_or(0), limit(asked.limit)?);
    let mut waiting = context.sessions.waiting_requests(&read.caller.reach(), after, limit + 1).await?;
    let more = waiting.len() > limit as usize;
    waiting.truncate(limit as usize);
    let next_cursor = waiting.last().filter(|_| more).map(|last| last.position.to_string());
    let requests = waiting.into_iter().map(|waiting| waiting.view).collect();
    Ok(HttpResponse::Ok().json(RequestPage { requests, next_cursor }))
}
