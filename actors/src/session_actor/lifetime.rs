//! Messages about the actor itself: begin, look whether it may go on, give up, end.

use actix::prelude::*;
use runner_core::workspace::WorkspaceReport;

use super::SessionActor;

/// Something was taken back; end what may not go on.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct CheckRights;

impl Handler<CheckRights> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, CheckRights: CheckRights, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async |driver| driver.check_rights().await)
    }
}

/// Start the agent before it is needed.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Warm;

impl Handler<Warm> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Warm: Warm, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async |driver| driver.warm_up().await)
    }
}

/// Give up process and memory unless a turn runs; the answer tells, when both are gone.
#[derive(Clone, Message)]
#[rtype(result = "bool")]
pub(crate) struct Park;

impl Handler<Park> for SessionActor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, Park: Park, context: &mut Context<Self>) -> Self::Result {
        let may_park = self.driver.as_ref().is_some_and(|driver| driver.may_park());
        let (address, beside) = (context.address(), self.beside.clone());
        Box::pin(async move {
            let Some(beside) = beside.filter(|_| may_park) else { return false };
            let changes = beside.diff.collect_changes().await;
            let parked = address.send(ParkNow { changes }).await.unwrap_or(false);
            if parked {
                beside.drained().await;
            }
            parked
        })
    }
}

#[derive(Message)]
#[rtype(result = "bool")]
struct ParkNow {
    changes: Option<WorkspaceReport>,
}

impl Handler<ParkNow> for SessionActor {
    type Result = AtomicResponse<Self, bool>;

    fn handle(&mut self, ParkNow { changes }: ParkNow, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.park(changes).await)
    }
}

/// Take no more prompts; the running turn may go on.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

impl Handler<Drain> for SessionActor {
    type Result = ();

    fn handle(&mut self, Drain: Drain, _: &mut Context<Self>) {
        if let Some(driver) = &mut self.driver {
            driver.drain();
        }
    }
}

/// Interrupt what runs and end; answered when nothing is left.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

impl Handler<Stop> for SessionActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Stop: Stop, context: &mut Context<Self>) -> Self::Result {
        let (address, beside) = (context.address(), self.beside.clone());
        Box::pin(async move {
            let Some(beside) = beside else { return };
            let changes = beside.diff.collect_changes().await;
            // An actor that has ended has nothing to stop.
            if address.send(StopNow { changes }).await.is_ok() {
                beside.drained().await;
            }
        })
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct StopNow {
    changes: Option<WorkspaceReport>,
}

impl Handler<StopNow> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, StopNow { changes }: StopNow, _: &mut Context<Self>) -> Self::Result {
        self.exclusively(async move |driver| driver.stop(changes).await)
    }
}
