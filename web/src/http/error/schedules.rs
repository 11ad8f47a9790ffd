//! Problems with schedules.

use actix_web::http::StatusCode;
use runner_actors::ScheduleError;

use super::{Problem, runner_problem};

pub(super) fn problem(error: &ScheduleError) -> Problem {
    let new = |status, code: &str| Problem::new(status, code, error.to_string());
    match error {
        ScheduleError::NotFound => new(StatusCode::NOT_FOUND, "schedule_not_found"),
        ScheduleError::VersionNotFound => new(StatusCode::NOT_FOUND, "schedule_version_not_found"),
        ScheduleError::NameTaken => new(StatusCode::CONFLICT, "schedule_name_taken"),
        ScheduleError::TooMany => new(StatusCode::CONFLICT, "too_many_schedules"),
        ScheduleError::RunInProgress(session) => {
            Problem { session_id: Some(*session), ..new(StatusCode::CONFLICT, "run_in_progress") }
        }
        ScheduleError::NotPermitted { code, detail: _ } => match code.as_str() {
            "working_dir_not_allowed" | "bypass_not_allowed" => new(StatusCode::FORBIDDEN, code),
            _ => new(StatusCode::CONFLICT, code),
        },
        ScheduleError::Runner(error) => runner_problem(error),
    }
}
