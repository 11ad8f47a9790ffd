//! Messages of people and programs: what they want done in a session.

use actix::prelude::*;
use runner_core::ids::TurnId;
use runner_core::log::{Appended, Provenance};
use runner_core::ports::AgentError;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{InterruptCause, SessionEvent};
use tokio::sync::oneshot;

use super::SessionActor;
use crate::RunnerError;

/// What a command led to.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) appended: Appended,
    pub(crate) events: Vec<SessionEvent>,
}

/// Carry out commands in one append, and what follows from them.
#[derive(Clone, Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
pub(crate) struct Execute {
    pub(crate) commands: Vec<SessionCommand>,
    pub(crate) provenance: Provenance,
}

impl Handler<Execute> for SessionActor {
    type Result = AtomicResponse<Self, Result<Committed, RunnerError>>;

    fn handle(&mut self, message: Execute, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.submit(message).await)
    }
}

/// Stop the running turn, or take back the prompt that comes next; the session goes on.
#[derive(Clone, Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
pub(crate) struct Interrupt {
    pub(crate) by: String,
    pub(crate) cause: InterruptCause,
    pub(crate) provenance: Provenance,
}

impl Handler<Interrupt> for SessionActor {
    type Result = AtomicResponse<Self, Result<Committed, RunnerError>>;

    fn handle(&mut self, message: Interrupt, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.interrupt(message).await)
    }
}

/// Put files back to what they were before a turn; the answer says which. The agent does it, and meanwhile no
/// turn begins.
#[derive(Clone, Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
pub(crate) struct Rewind {
    pub(crate) turn: TurnId,
    pub(crate) by: String,
    pub(crate) provenance: Provenance,
}

impl Handler<Rewind> for SessionActor {
    type Result = ResponseFuture<Result<Committed, RunnerError>>;

    fn handle(&mut self, rewind: Rewind, context: &mut Context<Self>) -> Self::Result {
        let address = context.address();
        Box::pin(async move {
            match address.send(BeginRewind(rewind.clone())).await?? {
                RewindBegun::Before(committed) => Ok(committed),
                RewindBegun::Now(answer) => {
                    let files = answer.await.unwrap_or(Err(AgentError::Ended));
                    // Files were being put back when the session ended with its server.
                    address.send(EndRewind { rewind, files }).await.unwrap_or(Err(AgentError::Ended.into()))
                }
            }
        })
    }
}

/// How a rewind has begun.
pub(super) enum RewindBegun {
    /// An earlier request under the same command id did it.
    Before(Committed),
    /// The agent is asked.
    Now(oneshot::Receiver<Result<Vec<String>, AgentError>>),
}

#[derive(Message)]
#[rtype(result = "Result<RewindBegun, RunnerError>")]
struct BeginRewind(Rewind);

impl Handler<BeginRewind> for SessionActor {
    type Result = AtomicResponse<Self, Result<RewindBegun, RunnerError>>;

    fn handle(&mut self, BeginRewind(rewind): BeginRewind, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.begin_rewind(rewind).await)
    }
}

#[derive(Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
struct EndRewind {
    rewind: Rewind,
    files: Result<Vec<String>, AgentError>,
}

impl Handler<EndRewind> for SessionActor {
    type Result = AtomicResponse<Self, Result<Committed, RunnerError>>;

    fn handle(&mut self, EndRewind { rewind, files }: EndRewind, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.end_rewind(rewind, files).await)
    }
}
