//! One turn of a session, and its end.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use runner_core::ids::{SessionId, TurnId};
use runner_core::session::view::TurnView;
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem, turn_not_found};
use crate::request::read::Read;

/// Ten minutes: longer than proxies leave a quiet connection open.
const MAX_WAIT_MS: u64 = 600_000;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TurnQuery {
    /// Wait for the turn's end at most so long, also while people decide; 0 if absent.
    #[param(minimum = 0, maximum = 600_000)]
    wait_ms: Option<u64>,
}

/// A turn as it is now, or as it ended if it does within `wait_ms`.
///
/// `status` says whether it is over: `completed`, `failed` or `interrupted`. Ask again while it is `queued`
/// or `running`; what waits for a person stands in the session's `pending`. A request that waits counts among
/// the caller's open streams.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ("turn_id" = TurnId, Path), TurnQuery),
    responses(
        (status = 200, body = TurnView),
        (status = 400, description = "`query_invalid`: waiting takes 0 to 600000 ms", body = Problem),
        (status = 404, description = "`session_not_found`, `turn_not_found`", body = Problem),
        (status = 429, description = "`too_many_streams`", body = Problem),
    )
)]
#[get("/api/sessions/{id}/turns/{turn_id}")]
pub(crate) async fn find_turn(
    path: web::Path<(String, String)>,
    read: Read<TurnQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let (id, turn) = path.into_inner();
    let wait = wait(read.query.wait_ms)?;
    let session = context.session(&read.caller, &id).await?.id;
    let turn: TurnId = turn.parse().map_err(|_| turn_not_found())?;
    let _place = if wait.is_zero() { None } else { Some(context.streams.open(&read.caller)?) };
    let found = context.sessions.wait_for_end(session, turn, wait).await?;
    if !wait.is_zero() {
        // Meanwhile it may have become somebody else's.
        context.session(&read.caller, &id).await?;
    }
    Ok(HttpResponse::Ok().json(found.ok_or_else(turn_not_found)?))
}

fn wait(millis: Option<u64>) -> Result<Duration, Problem> {
    match millis.unwrap_or(0) {
        millis @ 0..=MAX_WAIT_MS => Ok(Duration::from_millis(millis)),
        _ => {
            let detail = format!("must be between 0 and {MAX_WAIT_MS}");
            Err(Problem::field("query_invalid", "?wait_ms", detail))
        }
    }
}
