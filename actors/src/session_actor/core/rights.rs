//! Ending what runs in a session when what it runs on was taken back.
//!
//! The agent is killed; its end then closes the turn with the true cause, after all that it has said and spent
//! was stored. What waits for people stays, and no prompt that waits begins a turn.

use actix::Addr;
use runner_core::ids::TurnId;
use runner_core::revoked::Revoked;
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::trust::Trust;

use super::Core;
use crate::RunnerError;
use crate::session_actor::SessionActor;

impl Core {
    /// Looks whether what runs may go on, and ends it if not.
    pub(in crate::session_actor) async fn check_rights(&mut self, address: &Addr<SessionActor>) {
        if let Some(revoked) = self.revoked().await {
            self.cut_off(revoked).await;
            self.advance(address).await;
        }
    }

    /// What the session has no longer, or what its agent was started with.
    async fn revoked(&self) -> Option<Revoked> {
        if let Some(revoked) = self.revoked_for_good().await {
            return Some(revoked);
        }
        let loads_folder = self.agent.as_ref().is_some_and(|agent| agent.trust == Trust::Trusted);
        let is_untrusted = loads_folder && self.trust().await.unwrap_or_default() == Trust::Untrusted;
        is_untrusted.then_some(Revoked::TrustRevoked)
    }

    /// Why no agent may work in this session.
    pub(super) async fn revoked_for_good(&self) -> Option<Revoked> {
        let is_archived = self.session().is_some_and(Session::is_archived);
        if is_archived { Some(Revoked::SessionArchived) } else { self.owner_revoked().await }
    }

    async fn owner_revoked(&self) -> Option<Revoked> {
        let owner = &self.session()?.opened()?.owner;
        match self.services.owners.revoked(owner).await {
            Ok(revoked) => revoked,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %self.id, error, "it cannot be told whether its owner may run tasks");
                None
            }
        }
    }

    pub(super) async fn refuse_if_revoked(&self) -> Result<(), RunnerError> {
        match self.owner_revoked().await {
            Some(revoked) => Err(revoked.into()),
            None => Ok(()),
        }
    }

    pub(super) async fn cut_off(&mut self, revoked: Revoked) {
        if let Some(agent) = &self.agent {
            tracing::info!(session.id = %self.id, "the agent is ended: {revoked}");
            self.revoked = Some(revoked);
            agent.input.kill().await; // Its end says the rest.
        }
        if revoked.is_for_good() {
            self.withdraw_prompts().await;
        }
    }

    async fn withdraw_prompts(&mut self) {
        let waiting: Vec<TurnId> = self.session().map(Session::queued).unwrap_or_default();
        let withdraw = |turn| SessionCommand::WithdrawPrompt { turn, by: "system".to_owned() };
        if !waiting.is_empty() {
            self.record(waiting.into_iter().map(withdraw).collect(), "system").await;
        }
    }
}
