//! Teams, for the operators: the admins of the first one.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use runner_actors::{NewTenant, RunnerError, TenantInvite};
use runner_core::aggregate::TenantId;
use runner_core::invite::InviteView;
use runner_core::tenant::{Tenant, TenantName, TenantView};
use serde::{Deserialize, Serialize};

use super::{Context, sessions::mark_replay};
use crate::access::Caller;
use crate::error::{ApiError, Problem};
use crate::request::options::resolve;
use crate::request::{Write, limit, no_query, parse, query};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TenantsQuery {
    /// 1 to 200; 50 if absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

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
    name: String,
    /// A folder below an allowed root that is there, and that no other team's folder holds, is, or lies in.
    working_dir: String,
}

/// An invitation into a team.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantInviteBody {
    /// A week if absent; 90 days at most.
    expires_in_ms: Option<u64>,
}

/// An invitation of a team's first person, who becomes its admin.
#[derive(Serialize, utoipa::ToSchema)]
struct NewTenantInvite {
    #[serde(flatten)]
    view: InviteView,
    /// What registers one account. Shown this once: `null` in the answer to a retry.
    code: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NewTenantView {
    #[serde(flatten)]
    tenant: TenantView,
    /// `null` only in the answer to a retry, where the server stopped before it was made.
    invite: Option<NewTenantInvite>,
}

fn shown(TenantInvite { view, code, replayed: _ }: TenantInvite) -> Option<NewTenantInvite> {
    view.map(|view| NewTenantInvite { view, code: code.map(|code| code.0) })
}

/// The teams beside the first one, in the order in which they were made.
#[utoipa::path(
    tag = "tenants",
    params(TenantsQuery),
    responses(
        (status = 200, body = TenantPage),
        (status = 403, description = "Only for admins of the first team", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/api/tenants")]
pub(crate) async fn list_tenants(
    request: HttpRequest,
    _: Caller,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked: TenantsQuery = query(&request)?;
    let limit = limit(asked.limit)? as usize;
    let teams = context.tenants.list().await.map_err(RunnerError::from)?;
    let views: Vec<TenantView> = teams.iter().filter_map(Tenant::view).collect();
    let start = match &asked.cursor {
        None => 0,
        Some(cursor) => 1 + position(&views, cursor)?,
    };
    let end = views.len().min(start + limit);
    let next_cursor = (end < views.len()).then(|| views[end - 1].id.to_string());
    let tenants = views[start..end].to_vec();
    Ok(HttpResponse::Ok().json(TenantPage { tenants, next_cursor }))
}

/// Teams are made and never unmade, so that a cursor of this list stays one.
fn position(views: &[TenantView], cursor: &str) -> Result<usize, Problem> {
    let found = views.iter().position(|view| view.id.0 == cursor);
    found.ok_or_else(|| Problem::field("query_invalid", "?cursor", "is not a cursor of this list"))
}

/// Makes a team with a folder of its own, and an invitation for its first person, who becomes its admin by
/// registering with the code. What belongs to a team, nobody of another one sees; its sessions work below
/// its folder only.
#[utoipa::path(
    tag = "tenants",
    request_body = TenantBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key and body gets the same team and invitation, without the code.")),
    responses(
        (status = 201, body = NewTenantView),
        (status = 400, description = "`working_dir_missing`, `field_invalid`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`working_dir_not_allowed`; `forbidden`: only for admins of the first team", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`tenant_name_taken`; `working_dir_taken`: it overlaps with another team's folder; `no_account`: register first", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/tenants")]
pub(crate) async fn create_tenant(
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let TenantBody { name, working_dir } = parse(write.fields()?)?;
    let malformed = |error: runner_core::tenant::NameMalformed| {
        Problem::field("field_invalid", "/name", error.to_string())
    };
    let name = TenantName::try_from(name).map_err(malformed)?;
    let workspace = context.workspaces.of(&write.caller).await?;
    let working_dir = resolve(&working_dir, "/working_dir", &workspace)?;
    let new = NewTenant { name, working_dir, operators_dir: workspace.default };
    let (tenant, invite) = context.accounts.create_tenant(&write.caller, new, write.provenance).await?;
    let replayed = invite.replayed;
    let mut response = HttpResponse::Created().json(NewTenantView { tenant, invite: shown(invite) });
    mark_replay(&mut response, replayed);
    Ok(response)
}

/// Makes another invitation into a team, for one more admin.
#[utoipa::path(
    tag = "tenants",
    params(
        ("id" = TenantId, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key and body gets the same invitation, without the code."),
    ),
    request_body = TenantInviteBody,
    responses(
        (status = 201, body = NewTenantInvite),
        (status = 403, description = "Only for admins of the first team", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`tenant_not_found`", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/tenants/{id}/invites")]
pub(crate) async fn invite_to_tenant(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let TenantInviteBody { expires_in_ms } = parse(write.fields()?)?;
    let wanted = (&TenantId(id.into_inner()), expires_in_ms);
    let invite = context.accounts.invite_into(&write.caller, wanted, write.provenance).await?;
    let replayed = invite.replayed;
    let mut response = HttpResponse::Created().json(shown(invite));
    mark_replay(&mut response, replayed);
    Ok(response)
}
