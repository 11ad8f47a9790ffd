//! Teams, for the operators: the admins of the first one.

use actix_web::{HttpResponse, get, post, web};
use runner_actors::{NewTenant, RunnerError};
use runner_core::ids::TenantId;
use runner_core::people::tenant::{NameMalformed, Tenant, TenantName, TenantView};
use serde::{Deserialize, Serialize};

use super::users::invites::NewInvite;
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::field::whole;
use crate::request::options::resolve;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::ShownOnce;

#[derive(Serialize, utoipa::ToSchema)]
struct TenantPage {
    tenants: Vec<TenantView>,
    next_cursor: Option<String>,
}

/// A team to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantBody {
    /// 1 to 64 visible characters; no two teams have one that differs in case alone.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// A folder below an allowed root that is there, and that no other team's folder holds, is, or lies in.
    working_dir: String,
}

/// An invitation into a team.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantInviteBody {
    /// A week if absent; 90 days at most.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 7_776_000_000_i64)]
    expires_in_ms: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NewTenantView {
    #[serde(flatten)]
    tenant: TenantView,
    /// For the team's first person, who becomes its admin.
    invite: NewInvite,
}

/// The teams beside the first one, in the order in which they were made.
#[utoipa::path(
    tag = "tenants",
    params(PageQuery),
    responses(
        (status = 200, body = TenantPage),
        (status = 403, description = "Only for admins of the first team", body = Problem),
    )
)]
#[get("/api/tenants")]
pub(crate) async fn list_tenants(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let teams = context.working_folders.tenants.list().await.map_err(RunnerError::from)?;
    let views = teams.iter().filter_map(Tenant::view).collect();
    let (tenants, next_cursor) = asked.page(views, Order::Rising, |team: &TenantView| team.id.to_string())?;
    Ok(HttpResponse::Ok().json(TenantPage { tenants, next_cursor }))
}

/// Makes a team with a folder of its own, and an invitation for its first person, who becomes its admin by
/// registering with the code. What belongs to a team, nobody of another one sees; its sessions work below
/// its folder only.
#[utoipa::path(
    tag = "tenants",
    request_body = TenantBody,
    responses(
        (status = 201, body = NewTenantView),
        (status = 400, description = "`working_dir_missing`, `field_invalid`", body = Problem),
        (status = 403, description = "`working_dir_not_allowed`; `forbidden`: only for admins of the first team", body = Problem),
        (status = 409, description = "`tenant_name_taken`; `working_dir_taken`: it overlaps with another team's; `no_account`: register first; `shown_once`", body = Problem),
    )
)]
#[post("/api/tenants")]
pub(crate) async fn create_tenant(
    ShownOnce(write): ShownOnce<TenantBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let TenantBody { name, working_dir } = write.body;
    let malformed = |error: NameMalformed| Problem::field("field_invalid", "/name", error.to_string());
    let name = TenantName::try_from(name).map_err(malformed)?;
    let offered = context.working_folders.of(&write.caller).await?;
    let working_dir = resolve(&working_dir, "/working_dir", &offered)?;
    let new = NewTenant { name, working_dir, operators_dir: offered.default };
    let (tenant, view, code) = context.accounts.create_tenant(&write.caller, new, write.provenance).await?;
    let invite = NewInvite { view, code: code.0 };
    Ok(Reply::created(NewTenantView { tenant, invite }))
}

/// Makes another invitation into a team, for one more admin. Its code is shown this once.
#[utoipa::path(
    tag = "tenants",
    params(("id" = TenantId, Path)),
    request_body = TenantInviteBody,
    responses(
        (status = 201, body = NewInvite),
        (status = 403, description = "Only for admins of the first team", body = Problem),
        (status = 404, description = "`tenant_not_found`", body = Problem),
        (status = 409, description = "`shown_once`", body = Problem),
    )
)]
#[post("/api/tenants/{id}/invites")]
pub(crate) async fn invite_to_tenant(
    id: web::Path<String>,
    ShownOnce(write): ShownOnce<TenantInviteBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let TenantInviteBody { expires_in_ms } = write.body;
    let wanted = (&TenantId(id.into_inner()), expires_in_ms);
    let (view, code) = context.accounts.invite_into(&write.caller, wanted, write.provenance).await?;
    Ok(Reply::created(NewInvite { view, code: code.0 }))
}
