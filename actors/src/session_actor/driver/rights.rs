//! Ending what runs in a session when what it runs on was taken back.
//!
//! The agent is killed; its end then closes the turn with the true cause, after all that it has said and
//! spent was stored. What waits for people stays, and no prompt that waits begins a turn. Where it cannot be
//! told whether somebody still has a right, nothing begins, and it is asked again.

use std::time::Duration;

use runner_core::ids::TurnId;
use runner_core::ports::ReadError;
use runner_core::session::Session;
use runner_core::session::action::Action;
use runner_core::session::command::SessionCommand;
use runner_core::session::revoked::Revoked;
use runner_core::setup::trust::Trust;

use super::SessionDriver;
use crate::RunnerError;

/// How long until it is asked again what could not be told.
const UNTIL_ASKED_AGAIN: Duration = Duration::from_secs(1);

impl SessionDriver {
    /// Looks whether what runs may go on, and ends it if not.
    pub(in crate::session_actor) async fn check_rights(&mut self) {
        match self.revoked().await {
            Ok(Some(revoked)) => self.cut_off(revoked).await,
            Ok(None) => {}
            Err(_) => self.recheck = Some(UNTIL_ASKED_AGAIN),
        }
        self.todo.extend([Action::DeliverDecision, Action::BeginTurn]);
    }

    /// What the session has no longer, or what its agent was started with.
    async fn revoked(&self) -> Result<Option<Revoked>, ReadError> {
        if let Some(revoked) = self.revoked_for_good().await? {
            return Ok(Some(revoked));
        }
        let loads_folder = self.agent.as_ref().is_some_and(|agent| agent.trust == Trust::Trusted);
        // Where trust cannot be told, there is none.
        let is_untrusted = loads_folder && self.trust().await.unwrap_or_default() == Trust::Untrusted;
        Ok(is_untrusted.then_some(Revoked::TrustRevoked))
    }

    /// Why no agent may work in this session.
    async fn revoked_for_good(&self) -> Result<Option<Revoked>, ReadError> {
        let is_archived = self.session().is_some_and(Session::is_archived);
        if is_archived { Ok(Some(Revoked::SessionArchived)) } else { self.owner_revoked().await }
    }

    async fn owner_revoked(&self) -> Result<Option<Revoked>, ReadError> {
        let Some(opened) = self.session().and_then(Session::opened) else { return Ok(None) };
        let revoked = self.services.owners.revoked(&opened.owner).await;
        if let Err(error) = &revoked {
            let error = error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "it cannot be told whether its owner may run tasks");
        }
        revoked
    }

    pub(super) async fn refuse_if_revoked(&self) -> Result<(), RunnerError> {
        match self.owner_revoked().await? {
            Some(revoked) => Err(revoked.into()),
            None => Ok(()),
        }
    }

    /// Whether an agent may work here; if that cannot be told, it is asked again later.
    pub(super) async fn may_work(&mut self) -> bool {
        match self.revoked_for_good().await {
            Ok(revoked) => revoked.is_none(),
            Err(_) => {
                self.recheck = Some(UNTIL_ASKED_AGAIN);
                false
            }
        }
    }

    /// Ends a turn that would go on with a decision that has been made, and prompts that wait. True if
    /// nothing may begin here.
    pub(super) async fn end_if_revoked(&mut self) -> bool {
        let revoked = match self.revoked_for_good().await {
            Ok(None) => return false,
            Ok(Some(revoked)) => revoked,
            Err(_) => {
                self.recheck = Some(UNTIL_ASKED_AGAIN);
                return true;
            }
        };
        let has_decision = self.session().is_some_and(|session| session.undelivered().is_some());
        self.cut_off(revoked).await;
        // Without a process nothing will tell its end; what is decided does not wait for people any more.
        if has_decision && self.agent.is_none() && self.has_turn() {
            let interrupt = SessionCommand::InterruptTurn { cause: revoked.interrupt() };
            self.record(vec![interrupt], "system").await;
        }
        true
    }

    async fn cut_off(&mut self, revoked: Revoked) {
        if let Some(agent) = &mut self.agent {
            tracing::info!(session.id = %self.id, "the agent is ended: {revoked}");
            agent.revoked = Some(revoked);
            agent.killed.send_replace(true); // The agent's end says the rest.
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
