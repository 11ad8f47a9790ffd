//! One's service tokens, for programs.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, delete, get, post, web};
use runner_actors::AccountError;
use runner_core::ids::ServiceTokenId;
use runner_core::people::account::view::ServiceTokenView;
use runner_core::people::principal::Permission;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::field::whole;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::{ShownOnce, Write};

#[derive(Serialize, utoipa::ToSchema)]
struct ServiceTokenPage {
    tokens: Vec<ServiceTokenView>,
    next_cursor: Option<String>,
}

/// A token for a program.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceTokenBody {
    /// Each of one's tokens has another one.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_items = 1)]
    scopes: BTreeSet<Permission>,
    /// 90 days if absent; a year at most.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 31_622_400_000_i64)]
    expires_in_ms: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NewServiceToken {
    #[serde(flatten)]
    view: ServiceTokenView,
    /// Shown this once.
    token: String,
}

/// One's service tokens, by name.
#[utoipa::path(tag = "accounts", params(PageQuery), responses((status = 200, body = ServiceTokenPage)))]
#[get("/api/tokens")]
pub(crate) async fn list_tokens(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let tokens = context.accounts.list_tokens(&read.caller).await?;
    let (tokens, next_cursor) = asked.page(tokens, Order::Rising, |token| token.name.clone())?;
    Ok(HttpResponse::Ok().json(ServiceTokenPage { tokens, next_cursor }))
}

/// Makes a service token. Its text is shown this once.
#[utoipa::path(
    tag = "accounts",
    request_body = ServiceTokenBody,
    responses(
        (status = 201, body = NewServiceToken),
        (status = 403, description = "`scope_not_allowed`: not with this role", body = Problem),
        (status = 409, description = "`token_name_taken`, `too_many_tokens`, `no_account`, `shown_once`", body = Problem),
    )
)]
#[post("/api/tokens")]
pub(crate) async fn create_token(
    ShownOnce(write): ShownOnce<ServiceTokenBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let ServiceTokenBody { name, scopes, expires_in_ms } = write.body;
    let wanted = (name, scopes, expires_in_ms);
    let (view, code) = context.accounts.create_token(&write.caller, wanted, write.provenance).await?;
    Ok(Reply::created(NewServiceToken { view, token: code.0 }))
}

/// Takes a service token back; it is refused from now on.
#[utoipa::path(
    tag = "accounts",
    params(("id" = ServiceTokenId, Path)),
    responses(
        (status = 204, description = "It is of no use any more"),
        (status = 404, description = "`token_not_found`", body = Problem),
    )
)]
#[delete("/api/tokens/{id}")]
pub(crate) async fn revoke_token(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let unknown =
        || AccountError::Refused(runner_core::people::account::refusal::AccountRefusal::TokenUnknown);
    let token: ServiceTokenId = id.parse().map_err(|_| unknown())?;
    if write.first.is_none() {
        context.accounts.revoke_token(&write.caller, token, write.provenance).await?;
    }
    Ok(Reply::gone())
}
