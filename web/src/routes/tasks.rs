//! Running a task: waiting for its end, or watching it.

mod retry;

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, ResponseError, post, web};
use runner_actors::{Prompted, RunnerError, Submission, Waited};
use runner_core::ids::{SessionId, TurnId};
use runner_core::log::Provenance;
use runner_core::people::principal::{Permission, Principal};
use runner_core::ports::SessionFilter;
use runner_core::session::command::SessionChange;
use runner_core::session::error::SessionError;
use runner_core::session::frame::{Frame, TaskAnswer, UnfinishedTask};
use runner_core::session::index::{SessionHead, SessionSummary};
use runner_core::session::view::{SessionView, TurnStatus, TurnView};

use self::retry::Retry;
use super::sessions::open::opened;
use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::body::Fields;
use crate::request::reply::{Repeats, Reply};
use crate::request::task::{Target, Task, TaskBody};
use crate::request::write::Write;
use crate::stream;
use crate::stream::task::TaskFeed;

/// How long a request waits for a task that names no time.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

/// Runs a task and waits for its end, at most `timeout_ms`.
///
/// A retry under the same key waits for the turn that was begun and gets its answer. If that
/// turn has failed (402, 502, 503), the retry gives its session the prompt once more.
#[utoipa::path(
    tag = "tasks",
    request_body = TaskBody,
    responses(
        (status = 200, description = "The agent has finished", body = TaskAnswer),
        (status = 202, description = "Not over in time, or a person has to decide; `Location` is the turn, whose end can be waited for with `?wait_ms=`", body = UnfinishedTask),
        (status = "4XX", description = "The request was refused", body = Problem),
        (status = 409, description = "`session_busy`, with the `session_id` of the session in which something runs", body = Problem),
        (status = 402, description = "A budget is spent", body = Problem),
        (status = 502, description = "The agent or the model's API failed", body = Problem),
        (status = 503, description = "No agent, or too busy", body = Problem),
    )
)]
#[post("/api/task")]
pub(crate) async fn run_task(write: Write<Fields>, context: web::Data<Context>) -> Result<Reply, ApiError> {
    let write = read(write, &context).await?;
    let timeout = write.body.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let deadline = Instant::now() + timeout;
    if write.first.is_none() {
        context.sessions.wait_for_proof(timeout).await;
    }
    let Begun { prompted, repeats, .. } = begin(write, 0, &context).await?;
    let rest = deadline.saturating_duration_since(Instant::now());
    let waited = context.sessions.wait(prompted.session, prompted.turn, rest).await?;
    let reply = match &waited {
        Waited::Over(turn) => finished(prompted.session, turn),
        Waited::Unfinished(view) => unfinished(view, prompted.turn),
    };
    Ok(reply.repeating(repeats).replayed(prompted.replayed))
}

/// Runs a task and shows each step as it happens.
///
/// After a cut the same request under the same key with a `Last-Event-ID` goes on behind that frame. Without
/// a key nothing can tell it from a new task, and it is refused.
#[utoipa::path(
    tag = "tasks",
    params(("Last-Event-ID" = Option<u64>, Header)),
    request_body = TaskBody,
    responses(
        (status = 200, description = "Server-sent events: a `session` frame, what happens, a `complete` frame with what `/api/task` would have answered. After `timeout_ms`, also while people decide, and when the server stops, it is what that would have answered unfinished: the turn goes on, and its end is at `GET /api/sessions/{id}/turns/{turn_id}?wait_ms=`", content_type = "text/event-stream", body = Frame),
        (status = "4XX", description = "The request was refused", body = Problem),
        (status = 409, description = "`session_busy`, with the `session_id`; `stream_not_resumable`: a `Last-Event-ID` without the key of the first request", body = Problem),
        (status = 503, description = "No agent, or too busy", body = Problem),
    )
)]
#[post("/api/task/stream")]
pub(crate) async fn stream_task(
    request: HttpRequest,
    write: Write<Fields>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let seen = seen_before(&request, &write)?;
    let reach = write.caller.reach();
    let write = read(write, &context).await?;
    // Before anything begins that nobody could watch.
    let place = context.streams.open(&write.caller)?;
    let deadline = write.body.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    let Begun { prompted, resumed, repeats } = begin(write, seen, &context).await?;
    let subscription = context.sessions.subscribe(prompted.session, true);
    let view = context.sessions.view(prompted.session).await?;
    if seen > view.head.version {
        return Err(stream::not_an_event_id().into());
    }
    let feed = TaskFeed {
        sessions: context.sessions.clone(),
        session: prompted.session,
        turn: prompted.turn,
        resumed,
        after: seen.max(prompted.version),
        opening: seen < prompted.version,
        is_over: view.ended_turn(prompted.turn).is_some(),
        deadline,
        reach,
    };
    let reply = Reply::from(stream::respond(feed, subscription, place));
    Ok(reply.repeating(repeats).replayed(prompted.replayed))
}

/// The last version that the client was shown by an earlier request under the same key; 0 if there was none.
fn seen_before(request: &HttpRequest, write: &Write<Fields>) -> Result<u64, Problem> {
    let Some(seen) = stream::last_event_id(request)? else { return Ok(0) };
    match (write.provenance.request_hash, write.first) {
        (None, _) => Err(not_resumable()),
        (Some(_), Some(_)) => Ok(seen),
        (Some(_), None) => Ok(0),
    }
}

/// A client that posts again because its stream broke off would begin another task.
fn not_resumable() -> Problem {
    let detail = "send the Idempotency-Key of the first request to go on with its stream, or follow the session: \
         GET /api/sessions/{id}/events with Accept: text/event-stream";
    Problem::new(StatusCode::CONFLICT, "stream_not_resumable", detail)
}

async fn read(write: Write<Fields>, context: &Context) -> Result<Write<Task>, ApiError> {
    let Write { body, query, caller, provenance, first } = write;
    let offered = context.working_folders.of(&caller).await?;
    let body = Task::read(body, &caller, context, &offered)?;
    Ok(Write { body, query, caller, provenance, first })
}

/// A prompt that was submitted, and whether its session existed before.
struct Begun {
    prompted: Prompted,
    resumed: bool,
    repeats: Repeats,
}

/// Submits the prompt to the session it is for. `seen` is how far a stream of it was shown.
async fn begin(write: Write<Task>, seen: u64, context: &Context) -> Result<Begun, ApiError> {
    let Write { body: task, caller, provenance, first, .. } = write;
    if let Some(first) = first {
        return match retry::of(first, seen, &provenance, context).await? {
            Retry::Stands(prompted, appended) => {
                Ok(Begun { prompted, resumed: appended.first_version > 1, repeats: Repeats::First })
            }
            Retry::Again(session, provenance) => {
                let reach = caller.reach_with(Permission::WriteSessions);
                let head = context.sessions.find(&reach, session).await?.head;
                resume(&head, (vec![], task.submission), (&caller, provenance), context).await
            }
        };
    }
    let session = match task.target {
        Target::New => None,
        Target::Resume(session) => {
            Some(context.sessions.find(&caller.reach_with(Permission::WriteSessions), session).await?)
        }
        Target::NewestInFolder => newest_in(&task.opening.working_dir, &caller, context).await?,
    };
    match session {
        Some(SessionSummary { head, .. }) => {
            let changes = task.changes_to(&head, &context.sessions.opening(head.id).await?)?;
            resume(&head, (changes, task.submission), (&caller, provenance), context).await
        }
        None => {
            let opened = opened(task.opening, &caller, context).await?;
            let prompted = context.sessions.open_with_prompt(opened, task.submission, provenance).await?;
            Ok(Begun { prompted, resumed: false, repeats: Repeats::Nothing })
        }
    }
}

/// Gives a session the prompt; a problem that something runs in it names it.
async fn resume(
    session: &SessionHead,
    prompt: (Vec<SessionChange>, Submission),
    (caller, provenance): (&Principal, Provenance),
    context: &Context,
) -> Result<Begun, ApiError> {
    let folder = prompt.0.iter().find_map(SessionChange::working_dir);
    context.working_folders.check(caller, folder.unwrap_or(&session.working_dir)).await?;
    let mode = prompt.0.iter().find_map(SessionChange::permission_mode);
    context.check_mode(caller, mode.unwrap_or(session.permission_mode))?;
    match context.sessions.change_and_prompt(session.id, prompt, provenance).await {
        Ok(prompted) => Ok(Begun { prompted, resumed: true, repeats: Repeats::Nothing }),
        Err(busy @ RunnerError::Refused(SessionError::TurnInProgress)) => {
            let problem = ApiError::from(busy).problem();
            Err(Problem { session_id: Some(session.id), ..problem }.into())
        }
        Err(error) => Err(error.into()),
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

fn unfinished(view: &SessionView, turn: TurnId) -> Reply {
    let location = format!("/api/sessions/{}/turns/{turn}", view.head.id);
    Reply::accepted_at(location, UnfinishedTask::new(view, turn))
}

fn finished(session: SessionId, turn: &TurnView) -> Reply {
    match (turn.status, &turn.error) {
        (TurnStatus::Failed, Some(error)) => {
            ApiError::TurnFailed { session, turn: turn.id, error: error.clone() }.error_response().into()
        }
        _ => Reply::ok(TaskAnswer::new(session, turn)),
    }
}
