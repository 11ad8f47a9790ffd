//! Going on with a copy of a session.

use actix_web::{post, web};
use runner_core::ids::SessionId;
use runner_core::session::event::Parent;
use runner_core::session::fork::Fork;
use runner_core::session::view::SessionView;
use serde::Deserialize;
use uuid::Uuid;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::field::whole;
use crate::request::query::version;
use crate::request::reply::Reply;
use crate::request::task::text_prompt;
use crate::request::write::Write;

/// How much of a session is copied, and how the copy goes on.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForkBody {
    /// The last version that is copied; the newest one if absent.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    at_version: Option<u64>,
    /// The first prompt that the copy alone gets.
    #[schema(min_length = 1, max_length = 100000)]
    prompt: Option<String>,
}

/// Opens a session that begins as a copy of this one, from now or from an earlier version.
///
/// The copied events keep their version numbers; their times are those of the copy. The copy costs nothing
/// until it goes on: what was spent stays with the session that spent it. A turn that was running is
/// interrupted in the copy, prompts that waited are taken back. The agent knows what was said up to there
/// and nothing that came later. Files in the working folder are shared and stay as they are.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    request_body = ForkBody,
    responses(
        (status = 201, description = "The new session; `Location` says where it is", body = SessionView),
        (status = 400, body = Problem),
        (status = 403, description = "`working_dir_not_allowed`", body = Problem),
        (status = 404, body = Problem),
    )
)]
#[post("/api/sessions/{id}/fork")]
pub(crate) async fn fork_session(
    id: web::Path<String>,
    write: Write<ForkBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = write.body;
    let prompt = body.prompt.map(|text| text_prompt(text, &write.caller.name)).transpose()?;
    let sessions = &context.sessions;
    let head = context.session(&write.caller, &id).await?;
    context.working_folders.check(&write.caller, &head.working_dir).await?;
    let version = version(body.at_version, "/at_version", 1..=head.version)?.unwrap_or(head.version);
    let parent = Parent { session: head.id, version };
    let offline = context.is_offline_for(&write.caller).await?;
    let may_bypass = context.has_bypass_right(&write.caller);
    let session = SessionId(Uuid::now_v7());
    let fork = Fork { session, parent, by: write.caller.name, offline, may_bypass };
    let forked = sessions.fork(fork, prompt, write.provenance).await?;
    let view = sessions.view_at(forked.session(), forked.last_version).await?;
    let location = format!("/api/sessions/{}", forked.session());
    Ok(Reply::created_at(location, &*view).replayed(forked.replayed))
}
