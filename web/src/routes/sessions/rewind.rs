//! Putting files back to what they were before a turn.

use actix_web::{post, web};
use runner_core::ids::{SessionId, TurnId};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::error::{ApiError, Problem, turn_not_found};
use crate::request::reply::Reply;
use crate::request::write::Write;

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
        (status = 404, description = "`turn_not_found`", body = Problem),
        (status = 409, description = "`session_busy`, or `nothing_to_rewind`: the agent kept nothing", body = Problem),
    )
)]
#[post("/api/sessions/{id}/rewind")]
pub(crate) async fn rewind_session(
    id: web::Path<String>,
    write: Write<RewindBody>,
    context: web::Data<Context>,
) -> Result<Reply, ApiError> {
    let body = write.body;
    if !body.files {
        return Err(Problem::field("field_invalid", "/files", "must be true").into());
    }
    let head = context.session(&write.caller, &id).await?;
    context.working_folders.check(&write.caller, &head.working_dir).await?;
    context.sessions.view(head.id).await?.turn(body.turn_id).ok_or_else(turn_not_found)?;
    let rewound =
        context.sessions.rewind(head.id, body.turn_id, &write.caller.name, write.provenance).await?;
    let (files, appended) = rewound;
    Ok(Reply::ok(Rewound { files, version: appended.last_version }).replayed(appended.replayed))
}
