//! Messages that come when their time has come: a limit, a second look, a slot.

use actix::prelude::*;
use runner_core::ids::TurnId;

use super::SessionActor;

/// The turn has worked for as long as it may.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct TurnTimedOut {
    pub(super) turn: TurnId,
}

impl Handler<TurnTimedOut> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: TurnTimedOut, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.time_out(message).await)
    }
}

/// A prompt may have waited long enough.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct ResumeQueue;

impl Handler<ResumeQueue> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, ResumeQueue: ResumeQueue, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async |driver| driver.begin_turn().await)
    }
}

/// The turn that was interrupted may still be running.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct RetryInterrupt {
    pub(super) turn: TurnId,
    /// How often the agent was asked.
    pub(super) times: u32,
}

impl Handler<RetryInterrupt> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: RetryInterrupt, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.retry_interrupt(message).await)
    }
}

/// The session has got a slot among the running turns.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SlotGranted;

impl Handler<SlotGranted> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, SlotGranted: SlotGranted, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async |driver| driver.use_slot().await)
    }
}
