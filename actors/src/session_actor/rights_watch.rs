//! Seeing to it that what is taken back ends what runs on it.

use actix::prelude::*;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::SessionActor;
use super::lifetime::CheckRights;

/// Tells an actor whenever something was taken back; it ends with this.
pub(super) struct RightsWatch(JoinHandle<()>);

impl RightsWatch {
    pub(super) fn start(mut rights: watch::Receiver<u64>, address: &Addr<SessionActor>) -> Self {
        let address = address.downgrade();
        Self(actix::spawn(async move {
            while rights.changed().await.is_ok() {
                let Some(address) = address.upgrade() else { return };
                // An actor that has ended has nothing to check.
                address.send(CheckRights).await.ok();
            }
        }))
    }
}

impl Drop for RightsWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
