//! Messages about the actor itself: begin, look whether it may go on, give up, end.

use actix::prelude::*;

use super::SessionActor;
use super::core::Core;

/// Something was taken back; end what may not go on.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct CheckRights;

impl Handler<CheckRights> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, CheckRights: CheckRights, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.check_rights(&address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

/// Start the agent before it is needed.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Warm;

impl Handler<Warm> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Warm: Warm, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.warm_up(&address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

/// Give up process and memory unless a turn runs; the answer tells.
#[derive(Clone, Message)]
#[rtype(result = "bool")]
pub(crate) struct Park;

impl Handler<Park> for SessionActor {
    type Result = AtomicResponse<Self, bool>;

    fn handle(&mut self, Park: Park, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, _| async move {
            let parked = core.park().await;
            (core, parked)
        };
        self.exclusively(work, context)
    }
}

/// Take no more prompts; the running turn may go on.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

impl Handler<Drain> for SessionActor {
    type Result = ();

    fn handle(&mut self, Drain: Drain, _: &mut Context<Self>) {
        if let Some(core) = &mut self.core {
            core.drain();
        }
    }
}

/// Interrupt what runs and end.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

impl Handler<Stop> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Stop: Stop, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, _| async move {
            core.stop().await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}
