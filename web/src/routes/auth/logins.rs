//! One's logins.

use actix_web::{HttpResponse, delete, get, web};
use runner_actors::AccountError;
use runner_core::ids::LoginId;
use runner_core::people::account::view::LoginView;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

#[derive(Serialize, utoipa::ToSchema)]
struct LoginPage {
    sessions: Vec<LoginView>,
    next_cursor: Option<String>,
}

/// One's logins that have not ended, the newest first.
#[utoipa::path(tag = "accounts", params(PageQuery), responses((status = 200, body = LoginPage)))]
#[get("/api/auth/sessions")]
pub(crate) async fn list_logins(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let logins = context.accounts.list_logins(&read.caller).await?;
    let (sessions, next_cursor) = asked.page(logins, Order::Falling, |login| login.id.to_string())?;
    Ok(HttpResponse::Ok().json(LoginPage { sessions, next_cursor }))
}

/// Ends all of one's logins but this one.
#[utoipa::path(tag = "accounts", responses((status = 204, description = "They have ended")))]
#[delete("/api/auth/sessions")]
pub(crate) async fn revoke_other_logins(
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    if write.first.is_none() {
        context.accounts.revoke_logins(&write.caller, None, write.provenance).await?;
    }
    Ok(Reply::gone())
}

/// Ends one of one's logins.
#[utoipa::path(
    tag = "accounts",
    params(("id" = LoginId, Path)),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, description = "`login_not_found`", body = Problem),
    )
)]
#[delete("/api/auth/sessions/{id}")]
pub(crate) async fn revoke_login(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let unknown =
        || AccountError::Refused(runner_core::people::account::refusal::AccountRefusal::LoginUnknown);
    let login: LoginId = id.parse().map_err(|_| unknown())?;
    if write.first.is_none() {
        context.accounts.revoke_logins(&write.caller, Some(login), write.provenance).await?;
    }
    Ok(Reply::gone())
}
