//! One's own account: who one is, and the password.

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use runner_actors::{AccountError, PasswordChange};
use runner_core::people::account::event::Tokens;
use runner_core::people::account::password::Password;
use serde::Deserialize;

use super::entry::{AdmissionBody, admitted};
use crate::context::Context;
use crate::http::authentication::{Authentication, Shown};
use crate::http::error::{ApiError, Problem, password_problem};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;
use crate::routes::users::view::{PersonView, person};

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    #[schema(value_type = String, format = Password)]
    current_password: Password,
    /// 8 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    new_password: Password,
    /// Whether service tokens stay as they are. Without it they end, like the logins.
    #[serde(default)]
    keep_tokens: bool,
}

/// Who one is, and what one has spent.
#[utoipa::path(tag = "accounts", responses((status = 200, body = PersonView)))]
#[get("/api/auth/me")]
pub(crate) async fn show_self(read: Read, context: web::Data<Context>) -> Result<HttpResponse, ApiError> {
    let user = context.accounts.find_self(&read.caller).await?;
    Ok(HttpResponse::Ok().json(person(&context, user).await?))
}

/// Sets a new password. Every login ends, and every service token unless `keep_tokens` is true; a new login
/// begins with the tokens in the answer.
#[utoipa::path(
    tag = "accounts",
    request_body = PasswordBody,
    responses(
        (status = 200, body = AdmissionBody),
        (status = 403, description = "`password_wrong`", body = Problem),
    )
)]
#[put("/api/auth/password")]
pub(crate) async fn change_password(
    request: HttpRequest,
    write: Write<PasswordBody>,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<Reply, ApiError> {
    let PasswordBody { current_password, new_password, keep_tokens } = write.body;
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
    Ok(admitted(HttpResponse::Ok(), &admission, transport).into())
}
