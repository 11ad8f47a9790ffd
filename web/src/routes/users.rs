//! The team, for admins: its people and its invitations.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use runner_actors::{AccountError, UserChange};
use runner_core::ids::InviteId;
use runner_core::people::account::username::Username;
use runner_core::people::account::view::UserView;
use runner_core::people::invite::{InviteRefusal, InviteView};
use runner_core::people::principal::Role;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::access::Caller;
use crate::error::{ApiError, Problem};
use crate::request::field::{monthly_budget, present};
use crate::request::paging::{Order, PageQuery};
use crate::request::retry::{gone, mark_replay};
use crate::request::{Write, no_query, parse, query};

#[derive(Serialize, utoipa::ToSchema)]
struct UserPage {
    users: Vec<UserView>,
    next_cursor: Option<String>,
}

/// What to set anew; what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    role: Option<Role>,
    disabled: Option<bool>,
    /// What may be spent in a calendar month; `null` is no limit of one's own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>)]
    monthly_budget_usd: Option<Option<f64>>,
}

/// Whom to invite.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteBody {
    role: Role,
    /// The only name that may be chosen; any if absent.
    username: Option<String>,
    /// A week if absent; 90 days at most.
    expires_in_ms: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NewInvite {
    #[serde(flatten)]
    pub(super) view: InviteView,
    /// What registers one account. Shown this once.
    pub(super) code: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct InvitePage {
    invites: Vec<InviteView>,
    next_cursor: Option<String>,
}

/// Everybody in the team, by name.
#[utoipa::path(tag = "users", params(PageQuery), responses((status = 200, body = UserPage)))]
#[get("/api/users")]
pub(crate) async fn list_users(
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: PageQuery = query(&request)?;
    let users = context.accounts.list_users(&caller.0).await?;
    let (users, next_cursor) = asked.page(users, Order::Rising, |user| user.username.clone())?;
    Ok(HttpResponse::Ok().json(UserPage { users, next_cursor }))
}

/// Changes the role or the budget of an account, or disables it. The change holds from that person's next
/// request on, and their live streams end.
#[utoipa::path(
    tag = "users",
    params(("username" = String, Path)),
    request_body = UserPatch,
    responses(
        (status = 200, body = UserView),
        (status = 404, description = "`user_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`last_admin`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/api/users/{username}")]
pub(crate) async fn change_user(
    username: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let UserPatch { role, disabled, monthly_budget_usd } = parse(write.fields()?)?;
    let monthly_budget = monthly_budget_usd.map(|usd| usd.map(monthly_budget).transpose()).transpose()?;
    let change = UserChange { role, disabled, monthly_budget };
    let changed = (username.into_inner(), change);
    let first = write.first(&context).await?;
    let user = match first {
        Some(_) => context.accounts.find_user(&write.caller, changed.0).await?,
        None => context.accounts.change_user(&write.caller, changed, write.provenance).await?,
    };
    let mut response = HttpResponse::Ok().json(user);
    mark_replay(&mut response, first.is_some());
    Ok(response)
}

/// Makes an invitation. Its code is shown this once.
#[utoipa::path(
    tag = "users",
    request_body = InviteBody,
    responses(
        (status = 201, body = NewInvite),
        (status = 409, description = "`username_taken`, `shown_once`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/users/invites")]
pub(crate) async fn invite_user(
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let InviteBody { role, username, expires_in_ms } = parse(write.fields()?)?;
    let username = username.map(Username::try_from).transpose().map_err(AccountError::from)?;
    write.refuse_retry(&context).await?;
    let wanted = (role, username, expires_in_ms);
    let (view, code) = context.accounts.invite(&write.caller, wanted, write.provenance).await?;
    Ok(HttpResponse::Created().json(NewInvite { view, code: code.0 }))
}

/// The invitations that can still be used, the newest first.
#[utoipa::path(tag = "users", params(PageQuery), responses((status = 200, body = InvitePage)))]
#[get("/api/users/invites")]
pub(crate) async fn list_invites(
    request: HttpRequest,
    caller: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: PageQuery = query(&request)?;
    let invites = context.accounts.list_invites(&caller.0).await?;
    let (invites, next_cursor) = asked.page(invites, Order::Falling, |invite| invite.id.to_string())?;
    Ok(HttpResponse::Ok().json(InvitePage { invites, next_cursor }))
}

/// Takes an invitation back.
#[utoipa::path(
    tag = "users",
    params(("id" = InviteId, Path)),
    responses(
        (status = 204, description = "Nobody can use it any more"),
        (status = 404, description = "`invite_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`invite_closed`: it was used", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/api/users/invites/{id}")]
pub(crate) async fn revoke_invite(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    write.no_fields()?;
    let invite: InviteId = id.parse().map_err(|_| AccountError::Invite(InviteRefusal::Unknown))?;
    let first = write.first(&context).await?;
    if first.is_none() {
        context.accounts.revoke_invite(&write.caller, invite, write.provenance).await?;
    }
    Ok(gone(first))
}
