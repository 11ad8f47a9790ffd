//! Messages that a session's actor sends to itself later.
//!
//! They come through the mailbox. actix would deliver its own delayed messages (`notify_later`) beside the
//! mailbox, also in the moment in which a handler has begun to hold that: the delayed one then finds the
//! session's core taken out.

use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::prelude::*;
use tokio::task::JoinHandle;

use super::SessionActor;

/// A message that is to come; dropping it takes it back.
pub(super) struct Timer(JoinHandle<()>);

impl Timer {
    pub(super) fn start<M>(message: M, delay: Duration, address: &Addr<SessionActor>) -> Self
    where
        M: Message<Result: Send> + Send + 'static,
        SessionActor: Handler<M>,
        Context<SessionActor>: ToEnvelope<SessionActor, M>,
    {
        let address = address.downgrade();
        Self(actix::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(address) = address.upgrade() {
                // An actor that has ended needs no reminder.
                address.send(message).await.ok();
            }
        }))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
