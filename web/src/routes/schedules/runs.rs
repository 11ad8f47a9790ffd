//! Runs of a schedule: begun on demand, and listed.

use actix_web::{HttpResponse, get, post, web};
use runner_core::ids::ScheduleId;
use runner_core::setup::schedule::runs::RunView;
use serde::{Deserialize, Serialize};

use super::{reach, schedule_id};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::query::limit;
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ScheduleRunPage {
    runs: Vec<RunView>,
    next_cursor: Option<String>,
}

/// Begins a run now, also of a schedule that is disabled; it changes nothing about the times that come.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path)),
    responses(
        (status = 202, description = "The run; `Location` is its turn, whose end can be waited for with `?wait_ms=`", body = RunView),
        (status = 403, description = "`working_dir_not_allowed`, `bypass_not_allowed`: by now", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`run_in_progress`, with the `session_id`; `owner_disabled`, `owner_not_permitted`, `working_dir_missing`", body = Problem),
    )
)]
#[post("/api/schedules/{id}/run")]
pub(crate) async fn run_schedule(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let run = match write.first {
        Some(first) => context.schedules.find_run(first).await?,
        None => {
            let schedule = (&reach(&write.caller), schedule_id(&id)?);
            match context.schedules.run_now(schedule, write.provenance.clone()).await {
                Ok(run) => run,
                // Because the same request came at the same time and was faster?
                Err(refused) => match write.find_first(&context).await? {
                    Some(first) => context.schedules.find_run(first).await?,
                    None => return Err(refused.into()),
                },
            }
        }
    };
    let turn = run.turn_id.map(|turn| format!("/turns/{turn}")).unwrap_or_default();
    Ok(Reply::accepted_at(format!("/api/sessions/{}{turn}", run.session_id), run))
}

/// What ran, and what was left out because something ran: the newest first.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path), RunsQuery),
    responses((status = 200, body = ScheduleRunPage), (status = 404, body = Problem))
)]
#[get("/api/schedules/{id}/runs")]
pub(crate) async fn list_schedule_runs(
    id: web::Path<String>,
    read: Read<RunsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let limit = limit(read.query.limit)? as usize;
    let before = read.query.cursor.as_deref().map(cursor).transpose()?;
    let schedule = (&read.caller.reach(), schedule_id(&id)?);
    let (runs, more) = context.schedules.runs(schedule, before, limit).await?;
    let next_cursor = runs.last().filter(|_| more).map(|run| run.version.to_string());
    Ok(HttpResponse::Ok().json(ScheduleRunPage { runs, next_cursor }))
}

fn cursor(text: &str) -> Result<u64, Problem> {
    let version = text.parse().ok().filter(|version| *version > 0);
    version.ok_or_else(|| Problem::field("query_invalid", "?cursor", "is no cursor of this list"))
}
