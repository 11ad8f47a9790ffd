//! Trying a hook on what has happened.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{post, web};
use runner_actors::{SimulatedCalls, SimulationPlace, SimulationRange};
use runner_core::ids::{CommandId, ExtensionId, SessionId};
use runner_core::people::principal::Principal;
use runner_core::ports::SessionCursor;
use runner_core::request::{DecidedBy, Decision};
use runner_core::session::event::HookOutcome;
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::session::simulation::SimulatedCall;
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::hook::condition::Condition;
use runner_core::setup::extension::hook::rules::{ActiveHook, HookAnswers, HookOrigin, HookRules};
use runner_core::setup::extension::hook::{Hook, HookAction, HookRef, HookTrigger};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::KIND;
use super::fields::HookBody;
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::reply::Reply;
use crate::request::write::Write;

const MAX_CALLS: u32 = 200;

/// A hook to try: the name of one that is stored, or what one would be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimulationBody {
    /// Of a stored hook; its name or its id.
    name: Option<String>,
    event: Option<HookTrigger>,
    action: Option<HookAction>,
    #[schema(max_items = 20)]
    conditions: Option<Vec<Condition>>,
    /// Only this session; otherwise all of one's own, the newest first.
    session_id: Option<String>,
    /// The most calls: 1 to 200; 50 if absent.
    #[schema(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The calls to which the hook would have applied.
#[derive(Serialize, utoipa::ToSchema)]
struct SimulationView {
    calls: Vec<SimulatedCallView>,
    /// The number of sessions that were looked at for this page.
    sessions: usize,
    /// Absent when everything was looked at.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct SimulatedCallView {
    session_id: SessionId,
    /// The version of the event `tool_used`.
    version: u64,
    tool_use_id: String,
    tool_name: String,
    /// What it was about: a command, a path, a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// What the hook would have come to, alone.
    outcome: HookOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// What was decided; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<DecidedBy>,
}

/// Says to which stored calls a hook would have applied, what it would have decided, and what was decided.
/// Nothing is stored.
#[utoipa::path(
    tag = "hooks",
    request_body = SimulationBody,
    responses((status = 200, body = SimulationView), (status = 404, body = Problem))
)]
#[post("/api/claude/hooks/simulate")]
pub(crate) async fn simulate_hook(
    write: Write<SimulationBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (body, caller) = (write.body, write.caller);
    let (hook, definition) = hook(&context, &caller, &body).await?;
    let limit = match body.limit.unwrap_or(50) {
        limit @ 1..=MAX_CALLS => limit as usize,
        _ => {
            let detail = format!("must be from 1 to {MAX_CALLS}");
            return Err(Problem::field("field_invalid", "/limit", detail).into());
        }
    };
    let session = match &body.session_id {
        Some(id) => Some(context.session(&caller, id).await?.id),
        None => None,
    };
    let from = body.cursor.as_deref().map(read_place).transpose()?.unwrap_or_default();
    let range = SimulationRange { reach: caller.own(), session, from, limit };
    let may_bypass: BTreeSet<String> =
        context.has_bypass_right(&caller).then(|| caller.name.clone()).into_iter().collect();
    let active = ActiveHook { hook, owner: caller.name, origin: HookOrigin::Owner, definition };
    let rules = Arc::new(HookRules::new([active]));
    let hooks = HooksInForce { rules, may_bypass, answers: HookAnswers::new() };
    let nature = context.extensions.hook_policy().nature;
    let SimulatedCalls { calls, sessions, next } = context.sessions.simulate(range, (&hooks, nature)).await?;
    let calls = calls.into_iter().map(|(session, call)| SimulatedCallView::of(session, call)).collect();
    Ok(Reply::ok(SimulationView { calls, sessions, next_cursor: next.map(written) }))
}

async fn hook(
    context: &Context,
    caller: &Principal,
    body: &SimulationBody,
) -> Result<(HookRef, Hook), ApiError> {
    let missing = |field: &str| {
        let detail = format!("`{field}` is required, unless `name` names a stored hook");
        ApiError::from(Problem::field("field_missing", &format!("/{field}"), detail))
    };
    match (&body.name, body.event, body.action) {
        (Some(name), None, None) if body.conditions.is_none() => {
            let stored = context.extensions.find(caller, KIND, name).await?;
            let hook = HookRef { id: stored.id, name: stored.created.name.clone(), version: stored.version };
            match stored.created.definition {
                Definition::Hook(definition) => Ok((hook, definition)),
                // The kind was asked for.
                Definition::McpServer(_)
                | Definition::Skill(_)
                | Definition::Plugin(_)
                | Definition::Agent(_) => Err(missing("event")),
            }
        }
        (Some(_), _, _) => {
            let detail = "names a stored hook, so nothing else may be said about it";
            Err(Problem::field("field_invalid", "/name", detail).into())
        }
        (None, Some(event), Some(action)) => {
            let conditions = body.conditions.clone().unwrap_or_default();
            let body = HookBody::of(event, action, conditions);
            let name = body.name_for(CommandId(Uuid::nil()))?;
            Ok((HookRef { id: ExtensionId(Uuid::nil()), name, version: 0 }, body.hook()?))
        }
        (None, None, _) => Err(missing("event")),
        (None, Some(_), None) => Err(missing("action")),
    }
}

fn written(place: SimulationPlace) -> String {
    match place.after {
        Some(SessionCursor { key, session }) => format!("{key}.{session}.{}", place.version),
        None => format!("..{}", place.version),
    }
}

fn read_place(text: &str) -> Result<SimulationPlace, Problem> {
    let place = || {
        let (rest, version) = text.rsplit_once('.')?;
        let (key, session) = rest.split_once('.')?;
        let after = match (key, session) {
            ("", "") => None,
            (key, session) => Some(SessionCursor { key: key.parse().ok()?, session: session.parse().ok()? }),
        };
        Some(SimulationPlace { after, version: version.parse().ok()? })
    };
    place().ok_or_else(|| Problem::field("field_invalid", "/cursor", "is not a cursor of this list"))
}

impl SimulatedCallView {
    fn of(session_id: SessionId, call: SimulatedCall) -> Self {
        let SimulatedCall { version, tool_use_id, tool_name, target, outcome, message, decision } = call;
        let (decision, decided_by) = decision.unzip();
        Self { session_id, version, tool_use_id, tool_name, target, outcome, message, decision, decided_by }
    }
}
