//! A new password for somebody who forgot theirs, with a code that somebody else asked for.

use actix_web::{HttpRequest, HttpResponse, post, web};
use runner_actors::NewPassword;
use runner_core::people::account::event::Tokens;
use runner_core::people::account::password::Password;
use serde::Deserialize;

use super::entry::{AdmissionBody, CookieQuery, admitted};
use crate::context::Context;
use crate::http::authentication::Authentication;
use crate::http::error::{ApiError, Problem};
use crate::http::refusals;
use crate::request::arrival::Arrival;

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetBody {
    /// From an admin, or from `claude-runner users reset-password`. It says whose password it is for.
    code: String,
    /// 8 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    password: Password,
    /// Whether service tokens stay as they are. Without it they end, like the logins.
    #[serde(default)]
    keep_tokens: bool,
}

/// Sets a new password with a code. Every login ends, and every service token unless `keep_tokens` is true;
/// a new login begins with the tokens in the answer.
#[utoipa::path(
    tag = "accounts",
    params(CookieQuery),
    request_body = PasswordResetBody,
    responses(
        (status = 200, body = AdmissionBody),
        (status = 403, description = "`code_invalid`: wrong, used, or too old; `account_disabled`", body = Problem),
        (status = 429, description = "`too_many_attempts`", body = Problem),
    )
)]
#[post("/api/auth/password-reset")]
pub(crate) async fn reset_password(
    request: HttpRequest,
    arrival: Arrival<PasswordResetBody, CookieQuery>,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    let CookieQuery { cookie } = arrival.query;
    let PasswordResetBody { code, password, keep_tokens } = arrival.body;
    let owner = context.accounts.find_reset_owner(&code).await?;
    let tokens = if keep_tokens { Tokens::Kept } else { Tokens::Ended };
    let new = NewPassword { code, password, tokens };
    let admission = match (context.accounts.reset_password(new, arrival.client).await, owner) {
        (Ok(admission), _) => admission,
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(owner)) => {
            refusals::about_account(&request, owner.as_str());
            refusals::in_team(&request, context.accounts.tenant_of(owner.as_str()).await?);
            return Err(error.into());
        }
    };
    let transport = cookie.then(|| authentication.transport(&request));
    Ok(admitted(HttpResponse::Ok(), &admission, transport))
}
