//! A schedule as it is shown.

use std::collections::BTreeMap;

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{ScheduleId, SessionId, TurnId};
use runner_core::money::MicroDollars;
use runner_core::setup::schedule::Schedule;
use runner_core::setup::schedule::definition::{ConcurrencyPolicy, ScheduleDefinition};
use runner_core::setup::schedule::event::{DisableReason, RunOutcome, Trigger};
use runner_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::request::body::Fields;

/// Times that are shown ahead.
const NEXT_RUNS: usize = 5;

/// A schedule.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ScheduleView {
    pub(super) id: ScheduleId,
    owner: String,
    #[serde(flatten)]
    definition: DefinitionView,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<DisableReason>,
    /// Empty while it is disabled.
    #[schema(value_type = Vec<String>, format = DateTime)]
    next_runs: Vec<Timestamp>,
    /// The run that is not over.
    running: Option<RunningView>,
    /// The run that ended last.
    last_run: Option<LastRunView>,
    /// Since a run succeeded, or somebody changed or enabled it; after five it is disabled.
    consecutive_failures: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RunningScheduleRun)]
struct RunningView {
    session_id: SessionId,
    turn_id: TurnId,
    trigger: Trigger,
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = LastScheduleRun)]
struct LastRunView {
    session_id: SessionId,
    outcome: RunOutcome,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Timestamp,
}

/// What people set of a schedule; the names are those of the body.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ScheduleDefinition)]
pub(super) struct DefinitionView {
    name: String,
    prompt: String,
    cron: String,
    time_zone: String,
    concurrency_policy: ConcurrencyPolicy,
    working_dir: String,
    permission_mode: PermissionMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_turns: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_budget_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    append_system_prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    output_schema: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    add_dirs: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    env: BTreeMap<String, String>,
}

impl From<&ScheduleDefinition> for DefinitionView {
    fn from(definition: &ScheduleDefinition) -> Self {
        let definition = definition.clone();
        let AgentOptions { model, fallback_model, effort, tools, max_turns, .. } = definition.options;
        let AgentOptions { max_budget_micros, max_duration_ms, append_system_prompt, .. } =
            definition.options;
        let AgentOptions { output_schema, add_dirs, env, .. } = definition.options;
        Self {
            name: definition.name,
            prompt: definition.prompt,
            cron: definition.cron,
            time_zone: definition.time_zone,
            concurrency_policy: definition.concurrency_policy,
            working_dir: definition.working_dir,
            permission_mode: definition.permission_mode,
            title: definition.title,
            tools,
            model,
            fallback_model,
            effort,
            max_turns,
            max_budget_usd: max_budget_micros.map(MicroDollars::as_usd),
            max_duration_ms,
            append_system_prompt,
            output_schema,
            add_dirs,
            env,
        }
    }
}

/// The body that leads to a definition.
pub(super) fn fields_of(definition: &ScheduleDefinition) -> Fields {
    match serde_json::to_value(DefinitionView::from(definition)) {
        Ok(Value::Object(fields)) => fields,
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | Err(_) => {
            Fields::new()
        }
    }
}

/// Absent where the schedule is removed.
pub(super) fn view(context: &Context, schedule: &Schedule) -> Option<ScheduleView> {
    let created = schedule.created()?;
    let running = schedule.running.as_ref().map(|run| RunningView {
        session_id: run.session,
        turn_id: run.turn,
        trigger: run.trigger,
        due_at: run.due_at,
        started_at: run.at,
    });
    let last_run = schedule.last_run.as_ref().map(|last| LastRunView {
        session_id: last.session,
        outcome: last.outcome,
        ended_at: last.ended_at,
    });
    Some(ScheduleView {
        id: created.schedule,
        owner: created.owner.clone(),
        definition: (&created.definition).into(),
        enabled: schedule.disabled.is_none(),
        disabled_reason: schedule.disabled,
        next_runs: schedule.next_runs(context.schedules.now(), NEXT_RUNS),
        running,
        last_run,
        consecutive_failures: schedule.failures,
        created_at: created.at,
        updated_at: schedule.changed_at,
    })
}
