//! The audit trail of a team, for its administrators.

use actix_web::{HttpResponse, get, web};
use runner_actors::{Audit, RunnerError};
use runner_core::people::audit::{AuditEntry, AuditFilter, Outcome, Scope};
use runner_core::people::principal::Principal;
use runner_core::request::{DecidedBy, Decision, ToolEffect};
use runner_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::http::error::{ApiError, Problem};
use crate::request::query::{limit, search_text, types};
use crate::request::read::Read;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before. A page may hold few events or none and still have a next one.
    #[param(value_type = Option<String>)]
    cursor: Option<u64>,
    /// As in the events: `user:ada` with her service tokens, `user:ada/token:<id>` for one of them,
    /// `anonymous`, `agent`, `system`.
    actor: Option<String>,
    /// Event types, separated by commas; of everything, whoever did it.
    r#type: Option<String>,
    /// `session`, `account`, `audit` …
    kind: Option<String>,
    /// The id of a session; the same as `object=session:<id>`.
    session: Option<String>,
    /// As in the events: `session:<id>`, `account:<username>`; an account also as `account:<id>`.
    object: Option<String>,
    /// RFC 3339; events recorded at that time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// RFC 3339; events recorded before.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    outcome: Option<Outcome>,
    /// Only decisions about uses of this tool, as `Bash`: by people, modes, rules or the agent's program,
    /// also where nobody was asked.
    #[param(min_length = 1, max_length = 200)]
    tool: Option<String>,
    /// Only decisions about uses of tools with this text somewhere in their input, as in the command.
    #[param(min_length = 1, max_length = 200)]
    q: Option<String>,
    /// Whether also to show what agents said and what the server did by itself.
    all: Option<bool>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AuditPage {
    #[schema(value_type = Vec<AuditedEvent>)]
    events: Vec<AuditEntry>,
    next_cursor: Option<String>,
}

/// The shape of an event in the audit trail, for the API's documentation.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the domain's own type is what is sent")]
struct AuditedEvent {
    /// Place in the whole log.
    position: u64,
    /// `session`, `account`, `audit` …
    kind: String,
    stream: String,
    /// Place in the stream, from 1 without gap.
    version: u64,
    r#type: String,
    schema: u32,
    #[schema(value_type = String, format = DateTime)]
    recorded_at: String,
    /// `user:<username>` where a person acted, `user:<username>/token:<id>` where a service token of hers
    /// did; `anonymous`, `agent`, `system`.
    actor: String,
    http_request_id: Option<String>,
    /// The address that the request came from.
    address: Option<String>,
    /// The object, as `session:<id>`; an account as `account:<username>`.
    object: Option<String>,
    outcome: Outcome,
    /// The tool that was decided about, where the event is a decision about one.
    tool_name: Option<String>,
    /// What the call was about: a command, a path, a host.
    target: Option<String>,
    effect: Option<ToolEffect>,
    decision: Option<Decision>,
    decided_by: Option<DecidedBy>,
    /// Null where it has more than 64 KiB; the session's own events have it.
    #[schema(required)]
    data: Option<serde_json::Value>,
}

/// Deeds of people and programs in this team, and refusals; the newest first.
#[utoipa::path(
    tag = "server",
    params(AuditQuery),
    responses(
        (status = 200, body = AuditPage),
        (status = 403, description = "Only for administrators", body = Problem),
    )
)]
#[get("/api/audit/events")]
pub(crate) async fn list_audit_events(
    read: Read<AuditQuery>,
    audit: web::Data<Audit>,
) -> Result<HttpResponse, ApiError> {
    let filter = read_filter(read.query, read.caller)?;
    let page = audit.list(filter).await.map_err(RunnerError::from)?;
    let next_cursor = page.next.map(|next| next.to_string());
    Ok(HttpResponse::Ok().json(AuditPage { events: page.entries, next_cursor }))
}

fn read_filter(asked: AuditQuery, caller: Principal) -> Result<AuditFilter, Problem> {
    let types = types(asked.r#type.as_deref());
    let tool = asked.tool.map(|tool| search_text(tool, "?tool")).transpose()?;
    let text = asked.q.map(|text| search_text(text, "?q")).transpose()?;
    let is_specific = !types.is_empty() || tool.is_some() || text.is_some();
    let scope = match asked.all.unwrap_or(is_specific) {
        true => Scope::Everything,
        false => Scope::People,
    };
    let object = match (asked.session, asked.object) {
        (Some(_), Some(_)) => {
            let detail = "`session` and `object` say the same; give one";
            return Err(Problem::field("query_invalid", "?session", detail));
        }
        (Some(session), None) => Some(format!("session:{session}")),
        (None, object) => object,
    };
    Ok(AuditFilter {
        tenant: caller.tenant,
        scope,
        actor: asked.actor,
        kind: asked.kind,
        types,
        object,
        outcome: asked.outcome,
        tool,
        text,
        from: asked.from,
        to: asked.to,
        limit: limit(asked.limit)?,
        before: asked.cursor,
    })
}
