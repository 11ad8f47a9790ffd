//! What a task does that was sent before under the same `Idempotency-Key`.
//!
//! What was begun is waited for, and what it came to is the answer, as often as it is asked for. A failure is
//! no answer: kept, it would be all that retries ever get. So after a turn that failed the same session gets
//! the prompt once more. It is the same session because the agent then sees how far it had come; in a new one
//! it would do twice what it had done. Each time has a command of its own, made of the first one, so retries
//! that come at the same time give the prompt once.

use runner_core::ids::SessionId;
use runner_core::log::{Appended, Provenance};
use runner_core::session::view::TurnStatus;

use runner_actors::Prompted;

use crate::context::Context;
use crate::http::error::ApiError;
use crate::request::write::retry_of;

/// How often a prompt is given anew under one key; each time is looked up.
const MAX_RETRIES: u32 = 100;

pub(super) enum Retry {
    /// The last time the prompt was given, and what was stored then.
    Stands(Prompted, Appended),
    /// Its turn has failed: the session is to get it once more.
    Again(SessionId, Provenance),
}

/// `seen` is how far the client was shown a stream: it goes on with what that showed.
pub(super) async fn of(
    first: Appended,
    seen: u64,
    provenance: &Provenance,
    context: &Context,
) -> Result<Retry, ApiError> {
    let sessions = &context.sessions;
    let mut appended = first;
    for retry in 1..=MAX_RETRIES {
        let prompted = sessions.find_prompt(appended).await?;
        let ended = sessions.view(prompted.session).await?.ended_turn(prompted.turn);
        if ended.is_none_or(|turn| turn.status != TurnStatus::Failed) {
            return Ok(Retry::Stands(prompted, appended));
        }
        let provenance = retry_of(provenance, retry);
        let next = match provenance.request_hash {
            Some(request_hash) => sessions.find_command(provenance.command, request_hash).await?,
            None => None,
        };
        match next {
            Some(next) if seen == 0 || next.last_version <= seen => appended = next,
            None if seen == 0 => return Ok(Retry::Again(prompted.session, provenance)),
            Some(_) | None => return Ok(Retry::Stands(prompted, appended)),
        }
    }
    Ok(Retry::Stands(sessions.find_prompt(appended).await?, appended))
}
