//! The body of a schedule: what to run and when, with the options of a session.

use runner_core::people::principal::Principal;
use runner_core::setup::schedule::definition::{ConcurrencyPolicy, ScheduleDefinition};
use runner_core::setup::schedule::timetable::{Timetable, TimetableError};
use serde::Deserialize;

use super::body::{Fields, parse};
use super::name::name;
use super::options::{OpenSessionBody, Opening, take_options};
use super::task::prompt_text;
use crate::context::Context;
use crate::http::error::Problem;
use crate::working_folders::OfferedFolders;

const MAX_CRON_BYTES: usize = 256;

/// The fields of a schedule beside the options of its sessions.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleFields {
    /// Each of one's schedules has another one.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_length = 1, max_length = 100000)]
    prompt: String,
    /// Minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`, `@monthly`,
    /// `@yearly`.
    #[schema(min_length = 1, max_length = 256)]
    cron: String,
    /// A name of the IANA database, such as `Europe/Berlin`; `UTC` if absent.
    time_zone: Option<String>,
    /// What becomes of a run that is due while another one is not over: `skip` if absent.
    concurrency_policy: Option<ConcurrencyPolicy>,
}

/// The body of a schedule, for the API's documentation.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read field by field, so that each mistake can be named")]
pub(crate) struct ScheduleBody {
    #[schema(inline)]
    #[serde(flatten)]
    schedule: ScheduleFields,
    #[schema(inline)]
    #[serde(flatten)]
    options: OpenSessionBody,
}

/// Fields to set anew, for the API's documentation; absent ones stay, and `null` takes an option away.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read field by field, so that each mistake can be named")]
pub(crate) struct SchedulePatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 100000)]
    prompt: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    cron: Option<String>,
    time_zone: Option<String>,
    concurrency_policy: Option<ConcurrencyPolicy>,
    /// Whether it runs when it is time. To enable it forgets what failed and what was missed.
    enabled: Option<bool>,
    #[schema(inline)]
    #[serde(flatten)]
    options: OpenSessionBody,
}

/// Checks a schedule as somebody wants it.
pub(crate) fn read_schedule(
    mut fields: Fields,
    caller: &Principal,
    (context, offered): (&Context, &OfferedFolders),
) -> Result<ScheduleDefinition, Problem> {
    let options = take_options(&mut fields);
    let body: ScheduleFields = parse(fields)?;
    let time_zone = body.time_zone.unwrap_or_else(|| "UTC".to_owned());
    check_times(&body.cron, &time_zone)?;
    let Opening { working_dir, permission_mode, title, options } =
        Opening::read(parse(options)?, caller, (context, offered))?;
    offered.check(&working_dir)?;
    Ok(ScheduleDefinition {
        name: name(body.name)?,
        prompt: prompt_text(body.prompt)?.into_string(),
        cron: body.cron,
        time_zone,
        concurrency_policy: body.concurrency_policy.unwrap_or_default(),
        working_dir,
        permission_mode,
        title,
        options,
    })
}

fn check_times(cron: &str, time_zone: &str) -> Result<(), Problem> {
    if cron.len() > MAX_CRON_BYTES {
        let detail = format!("must have at most {MAX_CRON_BYTES} bytes");
        return Err(Problem::field("cron_invalid", "/cron", detail));
    }
    match Timetable::read(cron, time_zone) {
        Ok(_) => Ok(()),
        Err(TimetableError::Cron(error)) => Err(Problem::field("cron_invalid", "/cron", error.to_string())),
        Err(error @ TimetableError::ZoneUnknown) => {
            Err(Problem::field("time_zone_unknown", "/time_zone", error.to_string()))
        }
    }
}
