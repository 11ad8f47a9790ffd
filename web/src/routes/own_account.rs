//! One's own account: who one is, the password, the logins, the service tokens.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use runner_actors::{AccountError, PasswordChange};
use runner_core::ids::{LoginId, ServiceTokenId};
use runner_core::people::account::event::Tokens;
use runner_core::people::account::password::Password;
use runner_core::people::account::view::{LoginView, ServiceTokenView, UserView};
use runner_core::people::principal::Permission;
use serde::{Deserialize, Serialize};

use super::Context;
use super::auth::{AdmissionBody, admitted};
use crate::access::Caller;
use crate::authentication::{Authentication, Shown};
use crate::error::{ApiError, Problem, password_problem};
use crate::request::paging::{Order, PageQuery};
use crate::request::retry::gone;
use crate::request::{Write, no_query, parse, query};

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    #[schema(value_type = String, format = Password)]
    current_password: Password,
    /// 8 to 128 characters.
    #[schema(value_type = String, format = Password)]
    new_password: Password,
    /// Whether service tokens stay as they are. Without it they end, like the logins.
    #[serde(default)]
    keep_tokens: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
struct LoginPage {
    sessions: Vec<LoginView>,
    next_cursor: Option<String>,
}

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
    name: String,
    scopes: BTreeSet<Permission>,
    /// 90 days if absent; a year at most.
    expires_in_ms: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NewServiceToken {
    #[serde(flatten)]
    view: ServiceTokenView,
    /// Shown this once.
    token: String,
}

/// Who one is.
#[utoipa::path(tag = "accounts", responses((status = 200, body = UserView)))]
#[get("/api/auth/me")]
pub(crate) async fn show_self(
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    Ok(HttpResponse::Ok().json(context.accounts.find_self(&caller.0).await?))
}

/// Sets a new password. Every login ends, and every service token unless `keep_tokens` is true; a new login
/// begins with the tokens in the answer.
#[utoipa::path(
    tag = "accounts",
    request_body = PasswordBody,
    responses(
        (status = 200, body = AdmissionBody),
        (status = 403, description = "`password_wrong`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[put("/api/auth/password")]
pub(crate) async fn change_password(
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let PasswordBody { current_password, new_password, keep_tokens } = parse(write.fields()?)?;
    let tokens = if keep_tokens { Tokens::Kept } else { Tokens::Ended };
    let change = PasswordChange { current: current_password, new: new_password, tokens };
    let mut client = authentication.client(&request);
    client.provenance = write.provenance;
    let changed = context.accounts.change_password(&write.caller, change, client).await;
    if let Err(AccountError::Password(wrong)) = changed {
        return Err(password_problem(wrong, "/new_password").into());
    }
    let admission = changed?;
    let transport = match authentication.shown(&request)? {
        Shown::Cookie(_) => Some(authentication.transport(&request)),
        Shown::Header(_) | Shown::Nothing => None,
    };
    Ok(admitted(HttpResponse::Ok(), &admission, transport))
}

/// One's logins that have not ended, the newest first.
#[utoipa::path(tag = "accounts", params(PageQuery), responses((status = 200, body = LoginPage)))]
#[get("/api/auth/sessions")]
pub(crate) async fn list_logins(
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: PageQuery = query(&request)?;
    let logins = context.accounts.list_logins(&caller.0).await?;
    let (sessions, next_cursor) = asked.page(logins, Order::Falling, |login| login.id.to_string())?;
    Ok(HttpResponse::Ok().json(LoginPage { sessions, next_cursor }))
}

/// Ends all of one's logins but this one.
#[utoipa::path(tag = "accounts", responses((status = 204, description = "They have ended")))]
#[delete("/api/auth/sessions")]
pub(crate) async fn revoke_other_logins(
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    write.no_fields()?;
    let first = write.first(&context).await?;
    if first.is_none() {
        context.accounts.revoke_logins(&write.caller, None, write.provenance).await?;
    }
    Ok(gone(first))
}

/// Ends one of one's logins.
#[utoipa::path(
    tag = "accounts",
    params(("id" = LoginId, Path)),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, description = "`login_not_found`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/api/auth/sessions/{id}")]
pub(crate) async fn revoke_login(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    write.no_fields()?;
    let unknown =
        || AccountError::Refused(runner_core::people::account::refusal::AccountRefusal::LoginUnknown);
    let login: LoginId = id.parse().map_err(|_| unknown())?;
    let first = write.first(&context).await?;
    if first.is_none() {
        context.accounts.revoke_logins(&write.caller, Some(login), write.provenance).await?;
    }
    Ok(gone(first))
}

/// One's service tokens, by name.
#[utoipa::path(tag = "accounts", params(PageQuery), responses((status = 200, body = ServiceTokenPage)))]
#[get("/api/tokens")]
pub(crate) async fn list_tokens(
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: PageQuery = query(&request)?;
    let tokens = context.accounts.list_tokens(&caller.0).await?;
    let (tokens, next_cursor) = asked.page(tokens, Order::Rising, |token| token.name.clone())?;
    Ok(HttpResponse::Ok().json(ServiceTokenPage { tokens, next_cursor }))
}

/// Makes a service token. Its text is shown this once.
#[utoipa::path(
    tag = "accounts",
    request_body = ServiceTokenBody,
    responses(
        (status = 201, body = NewServiceToken),
        (status = 403, description = "`scope_not_allowed`: not with this role", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`token_name_taken`, `too_many_tokens`, `no_account`, `shown_once`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/tokens")]
pub(crate) async fn create_token(
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let ServiceTokenBody { name, scopes, expires_in_ms } = parse(write.fields()?)?;
    write.refuse_retry(&context).await?;
    let wanted = (name, scopes, expires_in_ms);
    let (view, code) = context.accounts.create_token(&write.caller, wanted, write.provenance).await?;
    Ok(HttpResponse::Created().json(NewServiceToken { view, token: code.0 }))
}

/// Takes a service token back; it is refused from now on.
#[utoipa::path(
    tag = "accounts",
    params(("id" = ServiceTokenId, Path)),
    responses(
        (status = 204, description = "It is of no use any more"),
        (status = 404, description = "`token_not_found`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/api/tokens/{id}")]
pub(crate) async fn revoke_token(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    write.no_fields()?;
    let unknown =
        || AccountError::Refused(runner_core::people::account::refusal::AccountRefusal::TokenUnknown);
    let token: ServiceTokenId = id.parse().map_err(|_| unknown())?;
    let first = write.first(&context).await?;
    if first.is_none() {
        context.accounts.revoke_token(&write.caller, token, write.provenance).await?;
    }
    Ok(gone(first))
}
