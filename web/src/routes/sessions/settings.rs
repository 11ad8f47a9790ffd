//! Changing a session: its title, mode, model, tags, whether it is put away.

use actix_web::{HttpRequest, HttpResponse, patch, web};
use runner_core::agent::PermissionMode;
use runner_core::ids::SessionId;
use runner_core::session::command::SessionChange;
use runner_core::session::view::SessionView;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
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
