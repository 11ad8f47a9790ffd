//! Schedules: prompts that are given at set times, each time to a session of its own.

pub(crate) mod history;
pub(crate) mod runs;
mod view;

use actix_web::{HttpResponse, delete, get, patch, post, web};
use runner_actors::ScheduleError;
use runner_core::ids::ScheduleId;
use runner_core::log::Appended;
use runner_core::people::principal::{Permission, Principal, Reach};
use runner_core::setup::schedule::Schedule;
use runner_core::setup::schedule::definition::ScheduleDefinition;
use serde::Serialize;

use self::view::{ScheduleView, fields_of, view};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::{Fields, Nothing};
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::schedule::{ScheduleBody, SchedulePatch, read_schedule};
use crate::request::write::Write;

#[derive(Serialize, utoipa::ToSchema)]
struct SchedulePage {
    schedules: Vec<ScheduleView>,
    next_cursor: Option<String>,
}

/// Makes a schedule. Its prompt is given to a new session whenever it is time, in its maker's name and with
/// the rights that they have then.
#[utoipa::path(
    tag = "schedules",
    request_body = ScheduleBody,
    responses(
        (status = 201, body = ScheduleView),
        (status = 400, description = "`cron_invalid`, `time_zone_unknown`, or what a task refuses", body = Problem),
        (status = 403, description = "`working_dir_not_allowed`, `bypass_not_allowed`", body = Problem),
        (status = 409, description = "`schedule_name_taken`, `too_many_schedules`", body = Problem),
    )
)]
#[post("/api/schedules")]
pub(crate) async fn create_schedule(
    write: Write<Fields>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let own = write.caller.own();
    let find = async |first: Appended| context.schedules.find(&own, ScheduleId(first.stream.0)).await;
    let (schedule, is_replay) = match write.first {
        Some(first) => (find(first).await?, true),
        None => {
            let definition = read(write.body.clone(), &write.caller, &context).await?;
            match context.schedules.create(&write.caller, definition, write.provenance.clone()).await {
                Ok(schedule) => (schedule, false),
                // Because the same request came at the same time and was faster?
                Err(refused) => match write.find_first(&context).await? {
                    Some(first) => (find(first).await?, true),
                    None => return Err(refused.into()),
                },
            }
        }
    };
    let view = shown(&context, &schedule)?;
    let location = format!("/api/schedules/{}", view.id);
    Ok(Reply::created_at(location, view).replayed(is_replay))
}

/// One's schedules, the oldest first; for admins and viewers, all of the team's.
#[utoipa::path(tag = "schedules", params(PageQuery), responses((status = 200, body = SchedulePage)))]
#[get("/api/schedules")]
pub(crate) async fn list_schedules(
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let schedules = context.schedules.list(&read.caller.reach()).await?;
    let (schedules, next_cursor) = read.query.page(schedules, Order::Rising, place)?;
    let schedules = schedules.iter().filter_map(|schedule| view(&context, schedule)).collect();
    Ok(HttpResponse::Ok().json(SchedulePage { schedules, next_cursor }))
}

/// One schedule, with the next times at which it runs.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path)),
    responses((status = 200, body = ScheduleView), (status = 404, body = Problem))
)]
#[get("/api/schedules/{id}")]
pub(crate) async fn find_schedule(
    id: web::Path<String>,
    read: Read,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let schedule = context.schedules.find(&read.caller.reach(), schedule_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(shown(&context, &schedule)?))
}

/// Changes a schedule, or lets it run or not. What it becomes is checked as a whole, as a new one is.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path)),
    request_body = SchedulePatch,
    responses(
        (status = 200, body = ScheduleView),
        (status = 404, body = Problem),
        (status = 409, description = "`schedule_name_taken`", body = Problem),
    )
)]
#[patch("/api/schedules/{id}")]
pub(crate) async fn change_schedule(
    id: web::Path<String>,
    write: Write<Fields>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (reach, id) = (reach(&write.caller), schedule_id(&id)?);
    let mut schedule = context.schedules.find(&reach, id).await?;
    if write.first.is_none() {
        let mut fields = write.body;
        let enabled = enabled(&mut fields)?;
        let mut provenance = write.provenance;
        if !fields.is_empty() {
            let whole = changed(&schedule, fields)?;
            let definition = read(whole, &write.caller, &context).await?;
            schedule = context.schedules.change((&reach, id), definition, provenance.clone()).await?;
            // A command is carried out once.
            provenance.request_hash = None;
        }
        schedule = match enabled {
            Some(true) => context.schedules.enable((&reach, id), provenance).await?,
            Some(false) => context.schedules.disable((&reach, id), provenance).await?,
            None => schedule,
        };
    }
    Ok(Reply::ok(shown(&context, &schedule)?))
}

/// Takes a schedule away. Its sessions stay, and a run that is not over goes on.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path)),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem))
)]
#[delete("/api/schedules/{id}")]
pub(crate) async fn remove_schedule(
    id: web::Path<String>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let id = schedule_id(&id)?;
    if write.first.is_none() {
        context.schedules.remove((&reach(&write.caller), id), write.provenance).await?;
    }
    Ok(Reply::gone())
}

/// Checks what a schedule is to be.
async fn read(fields: Fields, caller: &Principal, context: &Context) -> Result<ScheduleDefinition, ApiError> {
    let offered = context.working_folders.of(caller).await?;
    Ok(read_schedule(fields, caller, (context, &offered))?)
}

/// The body of a schedule with some fields set anew.
fn changed(schedule: &Schedule, fields: Fields) -> Result<Fields, ApiError> {
    let created = schedule.created().ok_or(ScheduleError::NotFound)?;
    let mut whole = fields_of(&created.definition);
    for (name, value) in fields {
        match value.is_null() {
            true => drop(whole.remove(&name)),
            false => drop(whole.insert(name, value)),
        }
    }
    Ok(whole)
}

fn enabled(fields: &mut Fields) -> Result<Option<bool>, Problem> {
    let Some(value) = fields.remove("enabled") else { return Ok(None) };
    let detail = "must be true or false";
    value.as_bool().map(Some).ok_or_else(|| Problem::field("field_invalid", "/enabled", detail))
}

/// What can be changed of others is for admins.
fn reach(caller: &Principal) -> Reach {
    caller.reach_with(Permission::WriteSessions)
}

fn schedule_id(text: &str) -> Result<ScheduleId, ApiError> {
    text.parse().map_err(|_| ScheduleError::NotFound.into())
}

fn shown(context: &Context, schedule: &Schedule) -> Result<ScheduleView, ApiError> {
    view(context, schedule).ok_or_else(|| ScheduleError::NotFound.into())
}

fn place(schedule: &Schedule) -> String {
    schedule.created().map(|created| created.schedule.to_string()).unwrap_or_default()
}
