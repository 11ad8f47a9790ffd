//! Running a task: waiting for its end, or watching it.

use actix_web::{HttpResponse, ResponseError, post, web};
use runner_actors::{Prompted, Waited};
use runner_core::ids::SessionId;
use runner_core::people::principal::{Permission, Principal};
use runner_core::ports::SessionFilter;
use runner_core::session::frame::{TaskAnswer, UnfinishedTask};
use runner_core::session::index::SessionSummary;
use runner_core::session::view::{TurnStatus, TurnView};

use super::sessions::open::opened;
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::Write;
use crate::request::retry::mark_replay;
use crate::request::task::{Target, Task, TaskBody};
use crate::stream;
use crate::stream::task::TaskFeed;

/// Runs a task and waits for its end, at most `timeout_ms`.
#[utoipa::path(
    tag = "tasks",
    request_body = TaskBody,
    responses(
        (status = 200, description = "The agent has finished", body = TaskAnswer),
        (status = 202, description = "Not over in time; follow the session", body = UnfinishedTask),
        (status = "4XX", description = "The request was refused", body = Problem, content_type = "application/problem+json"),
        (status = 402, description = "A budget is spent", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The agent or the model's API failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No agent, or too busy", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/task")]
pub(crate) async fn run_task(write: Write, context: web::Data<Context>) -> Result<HttpResponse, ApiError> {
    let task = read(&write, &context).await?;
    let timeout = task.timeout;
    let (prompted, _) = begin(task, write, &context).await?;
    let waited = context.sessions.wait(prompted.session, prompted.turn, timeout).await?;
    let mut response = match &waited {
        Waited::Over(turn) => finished(prompted.session, turn),
        Waited::Unfinished(view) => HttpResponse::Accepted().json(UnfinishedTask::new(view, prompted.turn)),
    };
    mark_replay(&mut response, prompted.replayed);
    Ok(response)
}

/// Runs a task and shows each step as it happens.
#[utoipa::path(
    tag = "tasks",
    request_body = TaskBody,
    responses(
        (status = 200, description = "Server-sent events: a `session` frame, what happens, a `complete` frame with what `/api/task` would have answered; when the server stops while the turn waits, with what it would have answered unfinished", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "The request was refused", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No agent, or too busy", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/task/stream")]
pub(crate) async fn stream_task(write: Write, context: web::Data<Context>) -> Result<HttpResponse, ApiError> {
    let task = read(&write, &context).await?;
    // Before anything begins that nobody could watch.
    let place = context.streams.open(&write.caller)?;
    let (prompted, resumed) = begin(task, write, &context).await?;
    let subscription = context.sessions.subscribe(prompted.session, true);
    let feed = TaskFeed {
        sessions: context.sessions.clone(),
        session: prompted.session,
        turn: prompted.turn,
        resumed,
        after: prompted.version,
        opening: true,
    };
    let mut response = stream::respond(feed, subscription, place);
    mark_replay(&mut response, prompted.replayed);
    Ok(response)
}

async fn read(write: &Write, context: &Context) -> Result<Task, ApiError> {
    let offered = context.working_folders.of(&write.caller).await?;
    Ok(Task::read(write.fields()?, &write.caller.name, (context, &offered))?)
}

/// Submits the prompt to the session it is for; says whether that existed before.
async fn begin(task: Task, write: Write, context: &Context) -> Result<(Prompted, bool), ApiError> {
    let (sessions, Write { caller, provenance, .. }) = (&context.sessions, write);
    if let Some(request_hash) = provenance.request_hash
        && let Some(first) = sessions.find_command(provenance.command, request_hash).await?
    {
        return Ok((sessions.find_prompt(first).await?, first.first_version > 1));
    }
    let session = match task.target {
        Target::New => None,
        Target::Resume(session) => {
            Some(sessions.find(&caller.reach_with(Permission::WriteSessions), session).await?)
        }
        Target::NewestInFolder => newest_in(&task.opening.working_dir, &caller, context).await?,
    };
    match session {
        Some(session) => {
            task.check_fits(&session.head.working_dir)?;
            context.working_folders.check(&caller, &session.head.working_dir).await?;
            Ok((sessions.prompt(session.head.id, task.submission, provenance).await?, true))
        }
        None => {
            let opened = opened(task.opening, &caller, context).await?;
            Ok((sessions.open_with_prompt(opened, task.submission, provenance).await?, false))
        }
    }
}

async fn newest_in(
    working_dir: &str,
    caller: &Principal,
    context: &Context,
) -> Result<Option<SessionSummary>, ApiError> {
    let filter = SessionFilter {
        reach: caller.own(),
        working_dir: Some(working_dir.to_owned()),
        limit: 1,
        ..SessionFilter::default()
    };
    let (newest, _) = context.sessions.list(filter).await?;
    Ok(newest.into_iter().next())
}

fn finished(session: SessionId, turn: &TurnView) -> HttpResponse {
    match (turn.status, &turn.error) {
        (TurnStatus::Failed, Some(error)) => {
            ApiError::TurnFailed { session, turn: turn.id, error: error.clone() }.error_response()
        }
        _ => HttpResponse::Ok().json(TaskAnswer::new(session, turn)),
    }
}
