//! Codes for new passwords, for admins.

use actix_web::{post, web};
use runner_core::time::Timestamp;
use serde::Serialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::reply::Reply;
use crate::request::write::{ShownOnce, Write};

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NewPasswordReset {
    username: String,
    /// The code with which this person sets a new password, at `/api/auth/password-reset`. Shown this once.
    code: String,
    /// A day after it was made.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Makes a code with which somebody who forgot the password sets a new one. It is shown this once and good
/// for a day, and one that was made before is of no use any more. Until it is used nothing changes.
#[utoipa::path(
    tag = "users",
    params(("username" = String, Path)),
    responses(
        (status = 201, body = NewPasswordReset),
        (status = 403, description = "`account_disabled`: enable it first", body = Problem),
        (status = 404, description = "`user_not_found`", body = Problem),
        (status = 409, description = "`own_account`, `shown_once`", body = Problem),
    )
)]
#[post("/api/users/{username}/password-reset")]
pub(crate) async fn issue_password_reset(
    username: web::Path<String>,
    ShownOnce(write): ShownOnce<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let Write { caller, provenance, .. } = write;
    let issued = context.accounts.issue_password_reset(&caller, username.into_inner(), provenance).await?;
    let (view, code) = issued;
    Ok(Reply::created(NewPasswordReset {
        username: view.username,
        code: code.0,
        expires_at: view.expires_at,
    }))
}
