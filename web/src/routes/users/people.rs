//! The people of the team, for admins.

use actix_web::{HttpResponse, delete, get, patch, web};
use runner_actors::UserChange;
use runner_core::people::principal::{Reach, Role};
use serde::{Deserialize, Serialize};

use super::view::{PersonView, person};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::field::{monthly_budget, present};
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

#[derive(Serialize, utoipa::ToSchema)]
struct UserPage {
    users: Vec<PersonView>,
    next_cursor: Option<String>,
}

/// Fields to set anew; absent ones stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    role: Option<Role>,
    disabled: Option<bool>,
    /// The limit of spending in a calendar month; `null` is no limit of one's own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1000000000)]
    monthly_budget_usd: Option<Option<f64>>,
}

/// Everybody in the team, by name.
#[utoipa::path(tag = "users", params(PageQuery), responses((status = 200, body = UserPage)))]
#[get("/api/users")]
pub(crate) async fn list_users(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let users = context.accounts.list_users(&read.caller).await?;
    let (page, next_cursor) = asked.page(users, Order::Rising, |user| user.username.clone())?;
    let mut users = vec![];
    for user in page {
        users.push(person(&context, user).await?);
    }
    Ok(HttpResponse::Ok().json(UserPage { users, next_cursor }))
}

/// Changes the role or the budget of an account, or disables it. The change holds from that person's next
/// request on, and their live streams end.
#[utoipa::path(
    tag = "users",
    params(("username" = String, Path)),
    request_body = UserPatch,
    responses(
        (status = 200, body = PersonView),
        (status = 404, description = "`user_not_found`", body = Problem),
        (status = 409, description = "`last_admin`", body = Problem),
    )
)]
#[patch("/api/users/{username}")]
pub(crate) async fn change_user(
    username: web::Path<String>,
    write: Write<UserPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let UserPatch { role, disabled, monthly_budget_usd } = write.body;
    let monthly_budget = monthly_budget_usd.map(|usd| usd.map(monthly_budget).transpose()).transpose()?;
    let change = UserChange { role, disabled, monthly_budget };
    let changed = (username.into_inner(), change);
    let user = match write.first {
        Some(_) => context.accounts.find_user(&write.caller, changed.0).await?,
        None => context.accounts.change_user(&write.caller, changed, write.provenance).await?,
    };
    Ok(Reply::ok(person(&context, user).await?))
}

/// Removes an account. Logins, service tokens, API keys and open invitations of that person end, and what
/// agents do in their name. What they did keeps their name in the log, and nobody else gets that name. Their
/// sessions stay and can be handed over.
#[utoipa::path(
    tag = "users",
    params(("username" = String, Path)),
    responses(
        (status = 204, description = "The account is gone; also if it was before"),
        (status = 404, description = "`user_not_found`", body = Problem),
        (status = 409, description = "`own_account`, `last_admin`", body = Problem),
    )
)]
#[delete("/api/users/{username}")]
pub(crate) async fn remove_user(
    username: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let Write { caller, provenance, .. } = write;
    // Also where it is asked again: what follows from it may have been cut off.
    let removed = context.accounts.remove_user(&caller, username.into_inner(), provenance.clone()).await?;
    let of_removed = Reach { tenant: caller.tenant, owner: Some(removed.to_string()) };
    context.api_keys.remove_all(&of_removed, provenance.clone()).await?;
    context.extensions.remove_all((&of_removed.tenant, removed.as_str()), provenance).await?;
    Ok(Reply::gone())
}
