//! Changing a session: its title, mode, model, tags, whether it is put away; taking back prompts and
//! changes of files.

use actix_web::{HttpRequest, HttpResponse, delete, patch, post, web};
use runner_actors::RunnerError;
use runner_core::agent::PermissionMode;
use runner_core::ids::{SessionId, TurnId};
use runner_core::session::command::SessionChange;
use runner_core::session::error::SessionError;
use runner_core::session::view::{SessionView, TurnStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Context;
use crate::error::{ApiError, Problem};
use crate::request::field::present;
use crate::request::options::{model, permission_mode, title};
use crate::request::retry::mark_replay;
use crate::request::{Write, no_query, parse, session_id};

const MAX_TAGS: usize = 20;
const MAX_TAG_CHARS: usize = 50;

/// What to set anew; what is absent stays. Only `model` may be `null`; `[]` takes all tags off.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionPatch {
    title: Option<String>,
    /// Holds from the next tool call on.
    permission_mode: Option<String>,
    /// Holds from the next call of the model on; `null` is the agent's own choice.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    model: Option<Value>,
    tags: Option<Vec<String>>,
    archived: Option<bool>,
}

/// Changes a session while it lives.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    request_body = SessionPatch,
    responses(
        (status = 200, body = SessionView),
        (status = 403, description = "`bypass_not_allowed`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`session_busy`: a session in which a turn works, or a prompt waits, is not archived", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/api/sessions/{id}")]
pub(crate) async fn change_session(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let fields = write.fields()?;
    refuse_null(&fields)?;
    let changes = read_changes(parse(fields)?, &context)?;
    let session = context.sessions.find(&write.caller.reach(), session_id(&id)?).await?.head.id;
    let (view, replayed) =
        context.sessions.change(session, changes, &write.caller.name, write.provenance).await?;
    let mut response = HttpResponse::Ok().json(&*view);
    mark_replay(&mut response, replayed);
    Ok(response)
}

/// `null` would look like a wish to clear something, and there is nothing that could be cleared by it.
fn refuse_null(fields: &Map<String, Value>) -> Result<(), Problem> {
    let known = ["title", "permission_mode", "tags", "archived"];
    match known.into_iter().find(|name| fields.get(*name).is_some_and(Value::is_null)) {
        Some(name) => {
            let detail = format!("`{name}` must not be null; leave it out to keep what is set");
            Err(Problem::field("field_invalid", &format!("/{name}"), detail))
        }
        None => Ok(()),
    }
}

fn read_changes(body: SessionPatch, context: &Context) -> Result<Vec<SessionChange>, Problem> {
    let mut changes = vec![];
    if let Some(text) = body.title {
        changes.push(SessionChange::Title(title(text)?));
    }
    if let Some(name) = body.permission_mode {
        let mode: PermissionMode = permission_mode(Some(&name), context)?;
        changes.push(SessionChange::PermissionMode(mode));
    }
    changes.extend(body.model.map(read_model).transpose()?);
    if let Some(tags) = body.tags {
        changes.push(SessionChange::Tags(check_tags(tags)?));
    }
    changes.extend(body.archived.map(SessionChange::Archived));
    Ok(changes)
}

fn read_model(name: Value) -> Result<SessionChange, Problem> {
    match name {
        Value::Null => Ok(SessionChange::Model(None)),
        Value::String(name) => Ok(SessionChange::Model(Some(model(name, "/model")?))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Problem::field("model_invalid", "/model", "is not the name of a model"))
        }
    }
}

fn check_tags(mut tags: Vec<String>) -> Result<Vec<String>, Problem> {
    if tags.len() > MAX_TAGS {
        return Err(Problem::field(
            "field_invalid",
            "/tags",
            format!("must have at most {MAX_TAGS} entries"),
        ));
    }
    for (index, tag) in tags.iter().enumerate() {
        let length = tag.chars().count();
        if !(1..=MAX_TAG_CHARS).contains(&length) || tag.trim() != tag || tag.chars().any(char::is_control) {
            let detail = format!("must have 1 to {MAX_TAG_CHARS} characters, and no space at either end");
            return Err(Problem::field("field_invalid", &format!("/tags/{index}"), detail));
        }
    }
    tags.sort();
    tags.dedup();
    Ok(tags)
}

/// Takes back a prompt that waits behind the running turn.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ("turn_id" = TurnId, Path)),
    responses(
        (status = 204, description = "It will not be run"),
        (status = 409, description = "`prompt_not_waiting`: it has begun, or was taken back before; the detail says which", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/api/sessions/{id}/prompts/{turn_id}")]
pub(crate) async fn withdraw_prompt(
    path: web::Path<(String, String)>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    write.no_fields()?;
    let (id, turn) = path.into_inner();
    let session = context.sessions.find(&write.caller.reach(), session_id(&id)?).await?.head.id;
    let turn: TurnId = turn.parse().map_err(|_| turn_not_found())?;
    match context.sessions.withdraw_prompt(session, turn, &write.caller.name, write.provenance).await {
        Err(RunnerError::Refused(SessionError::PromptNotWaiting)) => {
            let view = context.sessions.view(session).await?;
            Err(why_not_waiting(&view, turn).into())
        }
        Err(error) => Err(error.into()),
        Ok(appended) => {
            let mut response = HttpResponse::NoContent().finish();
            mark_replay(&mut response, appended.replayed);
            Ok(response)
        }
    }
}

/// What became of a prompt that does not wait.
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

/// Which turn to go back before.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RewindBody {
    turn_id: TurnId,
    /// `true`: only files can be rewound; to go on from an earlier point of the conversation, fork.
    files: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Rewound {
    /// The files that were put back.
    files: Vec<String>,
    version: u64,
}

/// Puts files back to what they were before a turn, as far as the agent's file tools changed them.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    request_body = RewindBody,
    responses(
        (status = 200, body = Rewound),
        (status = 404, description = "`turn_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`session_busy`, or `nothing_to_rewind`: the agent kept nothing", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/api/sessions/{id}/rewind")]
pub(crate) async fn rewind_session(
    id: web::Path<String>,
    request: HttpRequest,
    write: Write,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    no_query(&request)?;
    let body: RewindBody = parse(write.fields()?)?;
    if !body.files {
        return Err(Problem::field("field_invalid", "/files", "must be true").into());
    }
    let head = context.sessions.find(&write.caller.reach(), session_id(&id)?).await?.head;
    context.workspaces.check(&write.caller, &head.working_dir).await?;
    context.sessions.view(head.id).await?.turn(body.turn_id).ok_or_else(turn_not_found)?;
    let rewound =
        context.sessions.rewind(head.id, body.turn_id, &write.caller.name, write.provenance).await?;
    let (files, appended) = rewound;
    let mut response = HttpResponse::Ok().json(Rewound { files, version: appended.last_version });
    mark_replay(&mut response, appended.replayed);
    Ok(response)
}

pub(super) fn turn_not_found() -> Problem {
    let not_found = actix_web::http::StatusCode::NOT_FOUND;
    Problem::new(not_found, "turn_not_found", "the session has no such turn")
}
