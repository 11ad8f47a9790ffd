//! Problems: the only place where an error becomes a status and a body (RFC 9457).

mod accounts;
mod extensions;
mod schedules;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use runner_actors::{AccountError, ApiKeyError, ExtensionError, RunnerError, ScheduleError, Unproven};
use runner_core::ids::{SessionId, TurnId};
use runner_core::session::error::SessionError;
use runner_core::session::view::{RequestView, TurnError};
use serde::Serialize;
use thiserror::Error;

use super::request_id;
pub(crate) use accounts::password_problem;

/// Why a request was not carried out.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// Something in the request itself.
    #[error("{0}")]
    Problem(Problem),
    #[error(transparent)]
    Runner(#[from] RunnerError),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The turn failed for a reason that is not the client's.
    #[error("{}", .error.detail)]
    TurnFailed { session: SessionId, turn: TurnId, error: TurnError },
}

/// A problem as the client sees it. `code` is stable; `detail` is for people.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) status: u16,
    pub(crate) detail: String,
    pub(crate) code: String,
    /// `urn:request:` and the request's `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
    /// The status with which the model's API answered, where that is what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upstream_status: Option<u16>,
    /// How long to wait before trying again.
    #[serde(skip)]
    pub(crate) retry_after_s: Option<u64>,
    /// The session and turn that failed, both stored and to be read; or the session that is busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) turn_id: Option<TurnId>,
    /// The request with the decision that was first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Box<RequestView>>,
}

/// A mistake in one field; `pointer` is a JSON Pointer into the body or `?name` of the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct FieldError {
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/docs#{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            instance: None,
            errors: vec![],
            upstream_status: None,
            retry_after_s: None,
            session_id: None,
            turn_id: None,
            request: None,
        }
    }

    /// A 400 about one field.
    pub(crate) fn field(code: &str, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = FieldError { pointer: pointer.to_owned(), detail: detail.clone() };
        Self { errors: vec![error], ..Self::new(StatusCode::BAD_REQUEST, code, detail) }
    }

    /// The same problem under another status, where a field is well formed but not allowed.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        status.canonical_reason().unwrap_or("Error").clone_into(&mut self.title);
        self
    }

    pub(crate) fn response(&self) -> HttpResponse {
        let named = Self { instance: request_id::current_request_id(), ..self.clone() };
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        let busy = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        if let Some(seconds) = self.retry_after_s.or(busy) {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.body(serde_json::to_string(&named).unwrap_or_default())
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl ApiError {
    /// The problem for the client. Causes of a 500 stay in the log.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => problem.clone(),
            Self::Runner(error) => runner_problem(error),
            Self::Account(error) => accounts::problem(error),
            Self::ApiKey(error) => accounts::key_problem(error),
            Self::Extension(error) => extensions::problem(error),
            Self::Schedule(error) => schedules::problem(error),
            Self::TurnFailed { session, turn, error } => {
                let status = match error.code.as_str() {
                    "agent_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
                    "budget" => StatusCode::PAYMENT_REQUIRED,
                    _ => StatusCode::BAD_GATEWAY,
                };
                let code = if error.code == "agent_died" { "agent_failed" } else { &error.code };
                let detail = if error.detail.is_empty() { "the turn failed" } else { &error.detail };
                Problem {
                    upstream_status: error.status,
                    session_id: Some(*session),
                    turn_id: Some(*turn),
                    ..Problem::new(status, code, detail)
                }
            }
        }
    }
}

fn runner_problem(error: &RunnerError) -> Problem {
    let detail = error.to_string();
    match error {
        RunnerError::NotFound | RunnerError::Refused(SessionError::NotOpened) => not_found(),
        RunnerError::Refused(SessionError::TurnInProgress) => {
            Problem::new(StatusCode::CONFLICT, "session_busy", detail)
        }
        RunnerError::Refused(SessionError::NothingRunning | SessionError::NothingQueued) => {
            Problem::new(StatusCode::CONFLICT, "nothing_running", "no turn is running")
        }
        RunnerError::Refused(SessionError::QueueFull { .. }) => {
            Problem::new(StatusCode::CONFLICT, "queue_full", detail)
        }
        RunnerError::Refused(SessionError::PromptNotWaiting) => {
            Problem::new(StatusCode::CONFLICT, "prompt_not_waiting", detail)
        }
        RunnerError::Refused(SessionError::SubagentNotRunning) => {
            Problem::new(StatusCode::CONFLICT, "subagent_not_running", detail)
        }
        RunnerError::Refused(SessionError::Archived) => {
            Problem::new(StatusCode::CONFLICT, "session_archived", detail)
        }
        RunnerError::Revoked(revoked) => {
            Problem::new(StatusCode::CONFLICT, revoked.interrupt().as_str(), detail)
        }
        RunnerError::Refused(SessionError::AnswerInvalid(mismatch)) => {
            Problem::field("answer_invalid", &mismatch.pointer, &mismatch.detail)
        }
        RunnerError::Refused(SessionError::RequestNotWaiting(_)) | RunnerError::RequestNotFound => {
            Problem::new(StatusCode::NOT_FOUND, "request_not_found", "the session has no such request")
        }
        RunnerError::RequestClosed(request) => request_closed(request),
        RunnerError::Refused(SessionError::AlreadyOpened | SessionError::NotALog) => {
            Problem::new(StatusCode::CONFLICT, "session_exists", detail)
        }
        RunnerError::CommandReused => key_reused(),
        RunnerError::Overloaded => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail),
        RunnerError::ShuttingDown => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", detail),
        RunnerError::LogUnavailable(_) => store_unavailable(),
        RunnerError::NothingToRewind(_) => Problem::new(StatusCode::CONFLICT, "nothing_to_rewind", detail),
        RunnerError::AgentUnavailable(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "agent_unavailable", detail)
        }
        RunnerError::Unproven(unproven) => {
            let retry_after_s = matches!(unproven, Unproven::Underway { .. }).then_some(5);
            Problem {
                retry_after_s,
                ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "agent_unproven", detail)
            }
        }
        RunnerError::Unexpected(_) => internal(),
    }
}

fn request_closed(request: &RequestView) -> Problem {
    let (code, detail) = match &request.withdrawn {
        Some(reason) => ("request_withdrawn", format!("nobody need decide any more: {reason}")),
        None => ("request_already_decided", "it has been decided; the first answer holds".to_owned()),
    };
    let request = Some(Box::new(request.clone()));
    Problem { request, ..Problem::new(StatusCode::CONFLICT, code, detail) }
}

fn key_reused() -> Problem {
    let detail = "the key was used for a different request";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
}

/// The problem for an error that is the server's own.
pub(crate) fn internal() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on the server")
}

/// The code and the detail where the log cannot be written.
pub(crate) const STORE_UNAVAILABLE: (&str, &str) =
    ("store_unavailable", "nothing can be stored just now; the disk may be full");

fn store_unavailable() -> Problem {
    let (code, detail) = STORE_UNAVAILABLE;
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
}

/// The same problem for an absent session and for one of other people.
pub(crate) fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "session_not_found", "there is no such session")
}

pub(crate) fn subagent_not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "subagent_not_found", "there is no such subagent")
}

pub(crate) fn version_not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "extension_version_not_found", "its history has no such version")
}

pub(crate) fn turn_not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "turn_not_found", "the session has no such turn")
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        // That the log cannot be written is told by whoever tries, and not once for each request.
        if let Self::Runner(RunnerError::Unexpected(_))
        | Self::Account(AccountError::Unexpected(_))
        | Self::ApiKey(ApiKeyError::Unexpected(_) | ApiKeyError::Vault(_))
        | Self::Extension(
            ExtensionError::Unexpected(_) | ExtensionError::FilesMissing | ExtensionError::Vault(_),
        )
        | Self::Schedule(ScheduleError::Runner(RunnerError::Unexpected(_))) = self
        {
            tracing::error!(error = self as &dyn std::error::Error, "a request failed");
        }
        self.problem().response()
    }
}
