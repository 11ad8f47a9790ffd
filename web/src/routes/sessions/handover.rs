//! Giving a session to another owner.

use actix_web::http::StatusCode;
use actix_web::{post, web};
use runner_actors::AccountError;
use runner_core::ids::SessionId;
use runner_core::people::account::username::Username;
use runner_core::people::principal::{Means, Permission, Principal};
use runner_core::session::command::Handover;
use runner_core::session::revoked::Revoked;
use runner_core::session::view::SessionView;
use serde::Deserialize;
use uuid::Uuid;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::reply::Reply;
use crate::request::write::Write;

/// Who owns the session from now on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandoverBody {
    /// A person of the team who may run tasks.
    #[schema(min_length = 1, max_length = 64)]
    owner: String,
}

/// Gives a session to another person of the team, for admins. It goes on in their name: with their keys,
/// budget and limits, and in their lists.
///
/// What waits for a decision stays, and can be decided from now on also where the owner before was disabled.
/// The agent is ended, and what was decided for as long as the session lasts is asked about again. A session
/// in `bypassPermissions` goes on in `default` where the new owner has no right to that mode. To somebody
/// who owns it already nothing happens.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    request_body = HandoverBody,
    responses(
        (status = 200, body = SessionView),
        (status = 400, description = "`username_invalid`", body = Problem),
        (status = 404, description = "`session_not_found`, `user_not_found`", body = Problem),
        (status = 409, description = "`session_busy`: a turn works, or a prompt waits; `owner_disabled`, `owner_not_permitted`: nobody runs tasks in the name of the new owner", body = Problem),
    )
)]
#[post("/api/sessions/{id}/handover")]
pub(crate) async fn hand_over_session(
    id: web::Path<String>,
    write: Write<HandoverBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let Write { body, caller, provenance, .. } = write;
    let session = context.session(&caller, &id).await?.id;
    let owner = find_owner(&context, &caller, body.owner).await?;
    let handover = Handover {
        offline: context.is_offline_for(&owner).await?,
        may_bypass: context.has_bypass_right(&owner),
        to: owner.name,
        by: caller.name,
    };
    let (view, replayed) = context.sessions.hand_over(session, handover, provenance).await?;
    Ok(Reply::ok(&*view).replayed(replayed))
}

/// Somebody of the team in whose name agents may work.
async fn find_owner(context: &Context, caller: &Principal, name: String) -> Result<Principal, ApiError> {
    let wrong = |code: &str, detail: String, status| {
        ApiError::from(Problem::field(code, "/owner", detail).with_status(status))
    };
    let username = Username::try_from(name);
    let username =
        username.map_err(|error| wrong("username_invalid", error.to_string(), StatusCode::BAD_REQUEST))?;
    let user = match context.accounts.find_user(caller, username.to_string()).await {
        Err(AccountError::UserUnknown) => {
            let detail = "there is no such user".to_owned();
            return Err(wrong("user_not_found", detail, StatusCode::NOT_FOUND));
        }
        found => found?,
    };
    let revoked = |code: &str, revoked: Revoked| Err(wrong(code, revoked.to_string(), StatusCode::CONFLICT));
    if user.disabled {
        return revoked("owner_disabled", Revoked::OwnerDisabled);
    }
    if !user.role.allows(Permission::RunTasks) {
        return revoked("owner_not_permitted", Revoked::OwnerNotPermitted);
    }
    let means = Means::Login(Uuid::nil());
    Ok(Principal { tenant: user.tenant, name: user.username, role: user.role, means })
}
