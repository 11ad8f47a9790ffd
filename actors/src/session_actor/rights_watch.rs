//! Seeing to it that what is taken back ends what runs on it soon, whatever the session's actor is doing.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::task::JoinHandle;

use super::SessionActor;
use super::agent_task::Reach;
use super::lifetime::CheckRights;
use crate::owners::Owners;

/// How long the actor may take to look before its agent is ended without it.
const UNTIL_ENDED_ANYWAY: Duration = Duration::from_millis(300);

/// Tells an actor whenever something was taken back; it ends with this.
pub(super) struct RightsWatch(JoinHandle<()>);

impl RightsWatch {
    pub(super) fn start(owners: Owners, reach: Arc<Reach>, address: Addr<SessionActor>) -> Self {
        let address = address.downgrade();
        Self(actix::spawn(async move {
            let mut rights = owners.rights();
            while rights.changed().await.is_ok() {
                let Some(address) = address.upgrade() else { return };
                look(&owners, &reach, &address).await;
            }
        }))
    }
}

/// Has the actor look; if it holds its mailbox for something else, its agent does not go on meanwhile.
async fn look(owners: &Owners, reach: &Reach, address: &Addr<SessionActor>) {
    let checking = address.send(CheckRights);
    tokio::pin!(checking);
    if tokio::time::timeout(UNTIL_ENDED_ANYWAY, &mut checking).await.is_ok() {
        return;
    }
    if let Some((owner, agent)) = reach.agent()
        && !matches!(owners.revoked(&owner).await, Ok(None))
    {
        agent.kill().await;
    }
    checking.await.ok();
}

impl Drop for RightsWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
