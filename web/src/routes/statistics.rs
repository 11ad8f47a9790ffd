//! What was done and what it cost.

mod table;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use actix_web::{HttpRequest, HttpResponse, get, web};
use runner_actors::RunnerError;
use runner_core::people::principal::Principal;
use runner_core::statistics::{Grouping, StatisticsFilter, StatisticsView};
use runner_core::time::{Day, Timestamp};
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::accept::prefers;
use crate::request::read::Read;

/// The longest range: a leap year.
const MAX_DAYS: u64 = 366;

/// How many days there are where no first one is named.
const DEFAULT_DAYS: u64 = 30;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatisticsQuery {
    /// The first day: a date, or a time by RFC 3339, which stands for its day of UTC. 29 days before `to` if
    /// absent.
    #[param(value_type = Option<String>, example = "2026-01-01")]
    from: Option<Day>,
    /// The last day, which counts as well; today if absent. At most 366 days together.
    #[param(value_type = Option<String>, example = "2026-01-31")]
    to: Option<Day>,
    /// `day` if absent.
    #[param(inline)]
    group_by: Option<Grouping>,
}

/// Counts turns, money, tools, requests and files, by day or by what they are about. With
/// `Accept: text/csv` the groups are a table.
#[utoipa::path(
    tag = "server",
    params(StatisticsQuery),
    responses((status = 200, content((StatisticsView = "application/json"), (String = "text/csv")))),
)]
#[get("/api/stats")]
pub(crate) async fn show_statistics(
    request: HttpRequest,
    read: Read<StatisticsQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let filter = read_filter(read.query, &read.caller, context.sessions.now())?;
    let statistics = context.statistics.read_statistics(&filter).await.map_err(RunnerError::from)?;
    let view = StatisticsView::new(&filter, statistics);
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "accept"));
    if !prefers(&request, "text/csv") {
        return Ok(response.json(view));
    }
    let name = format!("stats-by-{}-{}-{}.csv", view.group_by.as_str(), view.from, view.to);
    Ok(response
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(table::of(&view)?))
}

fn read_filter(
    asked: StatisticsQuery,
    caller: &Principal,
    now: Timestamp,
) -> Result<StatisticsFilter, Problem> {
    let to = asked.to.unwrap_or(Day::of(now));
    let from = asked.from.unwrap_or(to.days_before(DEFAULT_DAYS - 1));
    match from.days_to(to) {
        Some(1..=MAX_DAYS) => {
            let grouping = asked.group_by.unwrap_or_default();
            Ok(StatisticsFilter { reach: caller.reach(), from, to, grouping })
        }
        Some(days) => {
            let detail = format!("{from} to {to} are {days} days; at most {MAX_DAYS} are added up at once");
            Err(Problem::field("query_invalid", "?from", detail))
        }
        None => {
            let detail = format!("{from} is after {to}, the last day");
            Err(Problem::field("query_invalid", "?from", detail))
        }
    }
}
