//! Prompts for a session that exists: given, steered, taken back.

use actix_web::{delete, post, web};
use runner_actors::{RunnerError, Submission};
use runner_core::ids::{SessionId, TurnId};
use runner_core::log::Provenance;
use runner_core::session::error::SessionError;
use runner_core::session::view::{SessionView, TurnStatus};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem, turn_not_found};
use crate::request::body::Nothing;
use crate::request::reply::Reply;
use crate::request::task::{PromptBody, read_prompt};
use crate::request::write::Write;

#[derive(Serialize, utoipa::ToSchema)]
struct PromptAccepted {
    turn_id: TurnId,
    /// The version of the event that holds the prompt.
    version: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PromptQuery {
    /// `queue` (the default), or `steer`: the running turn gets it.
    #[param(inline)]
    mode: Option<PromptMode>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum PromptMode {
    Queue,
    Steer,
}

/// Gives the session a prompt; while a turn runs it waits its turn, in order.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), PromptQuery),
    request_body = PromptBody,
    responses(
        (status = 202, body = PromptAccepted),
        (status = 409, description = "`session_archived`, `queue_full`, or the session's owner may not run tasks: `owner_disabled`, `owner_not_permitted`", body = Problem),
        (status = "4XX", body = Problem))
)]
#[post("/api/sessions/{id}/prompts")]
pub(crate) async fn submit_prompt(
    id: web::Path<String>,
    write: Write<PromptBody, PromptQuery>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let submission = read_prompt(write.body, &write.caller.name)?;
    let head = context.session(&write.caller, &id).await?;
    context.working_folders.check(&write.caller, &head.working_dir).await?;
    context.check_mode(&write.caller, head.permission_mode)?;
    if let Some(PromptMode::Steer) = write.query.mode {
        return steer(head.id, submission, write.provenance, &context).await;
    }
    let prompted = context.sessions.prompt(head.id, submission, write.provenance).await?;
    let accepted = PromptAccepted { turn_id: prompted.turn, version: prompted.version };
    Ok(Reply::accepted(accepted).replayed(prompted.replayed))
}

/// The running turn gets the prompt with the next result of a tool, or right after its answer.
async fn steer(
    session: SessionId,
    submission: Submission,
    provenance: Provenance,
    context: &Context,
) -> Result<Reply, ApiError> {
    let Submission { turn: message, text, attachments, author, .. } = submission;
    let prompt = (message, text, attachments);
    let appended = context.sessions.steer(session, prompt, author, provenance).await?;
    let turn_id = context.sessions.steered_turn(appended).await?;
    let accepted = PromptAccepted { turn_id, version: appended.last_version };
    Ok(Reply::accepted(accepted).replayed(appended.replayed))
}

/// Takes back a prompt that waits behind the running turn.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ("turn_id" = TurnId, Path)),
    responses(
        (status = 204, description = "It will not be run"),
        (status = 409, description = "`prompt_not_waiting`: it has begun, or was taken back before; the detail says which", body = Problem),
    )
)]
#[delete("/api/sessions/{id}/prompts/{turn_id}")]
pub(crate) async fn withdraw_prompt(
    path: web::Path<(String, String)>,
    write: Write<Nothing>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let (id, turn) = path.into_inner();
    let session = context.session(&write.caller, &id).await?.id;
    let turn: TurnId = turn.parse().map_err(|_| turn_not_found())?;
    match context.sessions.withdraw_prompt(session, turn, &write.caller.name, write.provenance).await {
        Err(RunnerError::Refused(SessionError::PromptNotWaiting)) => {
            let view = context.sessions.view(session).await?;
            Err(why_not_waiting(&view, turn).into())
        }
        Err(error) => Err(error.into()),
        Ok(appended) => Ok(Reply::gone().replayed(appended.replayed)),
    }
}

/// The fate of a prompt that does not wait.
fn why_not_waiting(view: &SessionView, turn: TurnId) -> Problem {
    let became = match (view.turn(turn).map(|turn| turn.status), view.withdrawn_by(turn)) {
        (Some(TurnStatus::Queued | TurnStatus::Running), _) => "its turn has begun".to_owned(),
        (Some(TurnStatus::Completed), _) => "its turn is completed".to_owned(),
        (Some(TurnStatus::Failed), _) => "its turn has failed".to_owned(),
        (Some(TurnStatus::Interrupted), _) => "its turn was interrupted".to_owned(),
        (None, Some(by)) => format!("it was taken back by {by}"),
        (None, None) => return turn_not_found(),
    };
    let conflict = actix_web::http::StatusCode::CONFLICT;
    Problem::new(conflict, "prompt_not_waiting", format!("the prompt does not wait any more: {became}"))
}
