//! Invitations into the team, for admins.

use actix_web::{HttpResponse, delete, get, post, web};
use runner_actors::AccountError;
use runner_core::ids::InviteId;
use runner_core::people::account::username::Username;
use runner_core::people::invite::{InviteRefusal, InviteView};
use runner_core::people::principal::Role;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::field::whole;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::{ShownOnce, Write};

/// Whom to invite.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteBody {
    role: Role,
    /// The only name that may be chosen; any if absent.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// A week if absent; 90 days at most.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 7_776_000_000_i64)]
    expires_in_ms: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NewInvite {
    #[serde(flatten)]
    pub(crate) view: InviteView,
    /// The code that registers one account. Shown this once.
    pub(crate) code: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct InvitePage {
    invites: Vec<InviteView>,
    next_cursor: Option<String>,
}

/// Makes an invitation. Its code is shown this once.
#[utoipa::path(
    tag = "users",
    request_body = InviteBody,
    responses(
        (status = 201, body = NewInvite),
        (status = 409, description = "`username_taken`, `shown_once`", body = Problem),
    )
)]
#[post("/api/users/invites")]
pub(crate) async fn invite_user(
    ShownOnce(write): ShownOnce<InviteBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let InviteBody { role, username, expires_in_ms } = write.body;
    let username = username.map(Username::try_from).transpose().map_err(AccountError::from)?;
    let wanted = (role, username, expires_in_ms);
    let (view, code) = context.accounts.invite(&write.caller, wanted, write.provenance).await?;
    Ok(Reply::created(NewInvite { view, code: code.0 }))
}

/// The invitations that can still be used, the newest first.
#[utoipa::path(tag = "users", params(PageQuery), responses((status = 200, body = InvitePage)))]
#[get("/api/users/invites")]
pub(crate) async fn list_invites(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let invites = context.accounts.list_invites(&read.caller).await?;
    let (invites, next_cursor) = asked.page(invites, Order::Falling, |invite| invite.id.to_string())?;
    Ok(HttpResponse::Ok().json(InvitePage { invites, next_cursor }))
}

/// Takes an invitation back.
#[utoipa::path(
    tag = "users",
    params(("id" = InviteId, Path)),
    responses(
        (status = 204, description = "Nobody can use it any more"),
        (status = 404, description = "`invite_not_found`", body = Problem),
        (status = 409, description = "`invite_closed`: it was used", body = Problem),
    )
)]
#[delete("/api/users/invites/{id}")]
pub(crate) async fn revoke_invite(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let invite: InviteId = id.parse().map_err(|_| AccountError::Invite(InviteRefusal::Unknown))?;
    if write.first.is_none() {
        context.accounts.revoke_invite(&write.caller, invite, write.provenance).await?;
    }
    Ok(Reply::gone())
}
