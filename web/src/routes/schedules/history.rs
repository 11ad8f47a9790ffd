//! Who changed a schedule, and back to what it was.

use actix_web::{HttpResponse, get, post, web};
use runner_actors::{ScheduleChange, ScheduleError};
use runner_core::ids::ScheduleId;
use runner_core::setup::schedule::event::{DisableReason, ScheduleEvent};
use runner_core::time::Timestamp;
use serde::Serialize;

use super::view::{DefinitionView, ScheduleView, fields_of};
use super::{reach, read, schedule_id, shown};
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Nothing;
use crate::request::paging::{Order, PageQuery};
use crate::request::read::Read;
use crate::request::reply::Reply;
use crate::request::write::Write;

/// Something that was done to a schedule.
#[derive(Serialize, utoipa::ToSchema)]
struct ScheduleChangeView {
    version: u64,
    /// `schedule_created`, `schedule_changed`, `schedule_enabled` or `schedule_disabled`.
    #[serde(rename = "type")]
    kind: String,
    /// Who did it: `user:ada`, `user:ada/token:…`, or `system`.
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The whole of what it was from then on; such a version can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<DefinitionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_from: Option<u64>,
    /// Why it was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DisableReason>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ScheduleHistoryPage {
    changes: Vec<ScheduleChangeView>,
    next_cursor: Option<String>,
}

/// Who changed it, when, and to what: the newest first.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path), PageQuery),
    responses((status = 200, body = ScheduleHistoryPage), (status = 404, body = Problem))
)]
#[get("/api/schedules/{id}/history")]
pub(crate) async fn list_schedule_history(
    id: web::Path<String>,
    read: Read<PageQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let changes = context.schedules.changes(&read.caller.reach(), schedule_id(&id)?).await?;
    let place = |change: &ScheduleChange| format!("{:020}", change.recorded.version);
    let (changes, next_cursor) = read.query.page(changes, Order::Falling, place)?;
    let changes = changes.into_iter().map(change_view).collect();
    Ok(HttpResponse::Ok().json(ScheduleHistoryPage { changes, next_cursor }))
}

/// Takes up what the schedule was at an earlier version, if that is allowed now. Whether it is enabled stays.
#[utoipa::path(
    tag = "schedules",
    params(("id" = ScheduleId, Path), ("version" = u64, Path)),
    responses(
        (status = 200, body = ScheduleView),
        (status = 404, description = "`schedule_not_found`, `schedule_version_not_found`", body = Problem),
        (status = 409, description = "`schedule_name_taken`", body = Problem),
    )
)]
#[post("/api/schedules/{id}/history/{version}/restore")]
pub(crate) async fn restore_schedule(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (id, version) = path.into_inner();
    let (reach, id) = (reach(&write.caller), schedule_id(&id)?);
    let mut schedule = context.schedules.find(&reach, id).await?;
    if write.first.is_none() {
        let version = version.parse().map_err(|_| ScheduleError::VersionNotFound)?;
        let earlier = context.schedules.definition_of((&reach, id), version).await?;
        let definition = read(fields_of(&earlier), &write.caller, &context).await?;
        schedule = context.schedules.restore((&reach, id), (definition, version), write.provenance).await?;
    }
    Ok(Reply::ok(shown(&context, &schedule)?))
}

fn change_view(change: ScheduleChange) -> ScheduleChangeView {
    let ScheduleChange { recorded, event } = change;
    let (definition, restored_from, reason) = match &event {
        ScheduleEvent::Created(created) => (Some((&created.definition).into()), None, None),
        ScheduleEvent::Changed { definition, restored_from, at: _ } => {
            (Some((&**definition).into()), *restored_from, None)
        }
        ScheduleEvent::Disabled { reason, at: _ } => (None, None, Some(*reason)),
        ScheduleEvent::Enabled { .. }
        | ScheduleEvent::Removed { .. }
        | ScheduleEvent::RunStarted(_)
        | ScheduleEvent::RunSkipped { .. }
        | ScheduleEvent::RunEnded(_) => (None, None, None),
    };
    let at = recorded.happened_at();
    ScheduleChangeView {
        version: recorded.version,
        kind: recorded.type_name,
        by: recorded.actor,
        at,
        definition,
        restored_from,
        reason,
    }
}
