//! Changing a session: its title, mode, model, tags, whether it is put away.

use std::sync::LazyLock;

use actix_web::{patch, web};
use runner_core::agent::PermissionMode;
use runner_core::ids::SessionId;
use runner_core::people::principal::Principal;
use runner_core::session::command::SessionChange;
use runner_core::session::view::SessionView;
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::field::present;
use crate::request::options::{model, permission_mode, title};
use crate::request::reply::Reply;
use crate::request::write::Write;

const MAX_TAGS: usize = 20;
const MAX_TAG_CHARS: usize = 50;

/// What is said of a tag that is none.
pub(super) static TAG_RULE: LazyLock<String> =
    LazyLock::new(|| format!("must have 1 to {MAX_TAG_CHARS} characters, and no space at either end"));

/// Fields to set anew; absent ones stay. Only `model` may be `null`: there is nothing else that `null` could
/// clear. `[]` takes all tags off.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Holds from the next tool call on.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, value_type = PermissionMode)]
    permission_mode: Option<String>,
    /// Holds from the next call of the model on; `null` is the agent's own choice.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 128)]
    model: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, max_items = 20)]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    archived: Option<bool>,
}

/// Changes a session while it lives.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    request_body = SessionPatch,
    responses(
        (status = 200, body = SessionView),
        (status = 403, description = "`bypass_not_allowed`", body = Problem),
        (status = 409, description = "`session_busy`: a session in which a turn works, or a prompt waits, is not archived", body = Problem),
    )
)]
#[patch("/api/sessions/{id}")]
pub(crate) async fn change_session(
    id: web::Path<String>,
    write: Write<SessionPatch>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let changes = read_changes(write.body, &write.caller, &context)?;
    let session = context.session(&write.caller, &id).await?.id;
    let (view, replayed) =
        context.sessions.change(session, changes, &write.caller.name, write.provenance).await?;
    Ok(Reply::ok(&*view).replayed(replayed))
}

fn read_changes(
    body: SessionPatch,
    caller: &Principal,
    context: &Context,
) -> Result<Vec<SessionChange>, Problem> {
    let mut changes = vec![];
    if let Some(text) = body.title {
        changes.push(SessionChange::Title(title(text)?));
    }
    if let Some(name) = body.permission_mode {
        let mode: PermissionMode = permission_mode(Some(&name), caller, context)?;
        changes.push(SessionChange::PermissionMode(mode));
    }
    if let Some(name) = body.model {
        changes.push(SessionChange::Model(name.map(|name| model(name, "/model")).transpose()?));
    }
    if let Some(tags) = body.tags {
        changes.push(SessionChange::Tags(check_tags(tags)?));
    }
    changes.extend(body.archived.map(SessionChange::Archived));
    Ok(changes)
}

pub(super) fn is_tag(tag: &str) -> bool {
    let length = tag.chars().count();
    (1..=MAX_TAG_CHARS).contains(&length) && tag.trim() == tag && !tag.chars().any(char::is_control)
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
        if !is_tag(tag) {
            return Err(Problem::field("field_invalid", &format!("/tags/{index}"), TAG_RULE.as_str()));
        }
    }
    tags.sort();
    tags.dedup();
    Ok(tags)
}
