//! Deciding what the agent asks, and changing a session while it lives.

use std::sync::Arc;

use runner_core::ids::{SessionId, TurnId};
use runner_core::log::{Appended, Provenance};
use runner_core::people::principal::Reach;
use runner_core::ports::WaitingRequest;
use runner_core::prompt::{Attachment, Prompt};
use runner_core::request::{Answer, DecidedBy};
use runner_core::session::command::{Handover, SessionChange, SessionCommand};
use runner_core::session::error::SessionError;
use runner_core::session::event::{FilesEvent, PromptEvent, SessionEvent};
use runner_core::session::view::{RequestView, SessionView};

use super::{Prompted, Sessions, Submission, submit};
use crate::RunnerError;
use crate::session_actor::{Execute, Rewind};

/// A request with its decision, and whether that had been made by an earlier request under the same key.
#[derive(Clone, Debug)]
pub struct Settled {
    pub request: RequestView,
    pub replayed: bool,
}

impl Sessions {
    /// Decides a request. The first answer wins, whoever gives it and whenever.
    pub async fn settle(
        &self,
        session: SessionId,
        request_id: &str,
        (answer, by): (Answer, DecidedBy),
        provenance: Provenance,
    ) -> Result<Settled, RunnerError> {
        // A decision that no agent can be started with would be lost on it.
        self.check_agent_of(session).await?;
        let (request, answer) = (request_id.to_owned(), Box::new(answer));
        let commands = vec![SessionCommand::Settle { request_id: request, answer, by }];
        match self.dispatch(session, Execute { commands, provenance }).await {
            Ok(committed) => {
                let request = self.request(session, request_id).await?;
                Ok(Settled { request, replayed: committed.appended.replayed })
            }
            Err(RunnerError::Refused(SessionError::RequestNotWaiting(_))) => {
                Err(RunnerError::RequestClosed(Box::new(self.request(session, request_id).await?)))
            }
            Err(error) => Err(error),
        }
    }

    async fn request(&self, session: SessionId, request_id: &str) -> Result<RequestView, RunnerError> {
        let view = self.view(session).await?;
        view.request(request_id).cloned().ok_or(RunnerError::RequestNotFound)
    }

    /// What waits for people in sessions within reach, the oldest first.
    pub async fn waiting_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, RunnerError> {
        Ok(self.services.directory.list_requests(reach, after, limit).await?)
    }

    /// Sets properties anew, all or none.
    pub async fn change(
        &self,
        session: SessionId,
        changes: Vec<SessionChange>,
        by: &str,
        provenance: Provenance,
    ) -> Result<(Arc<SessionView>, bool), RunnerError> {
        if let Some(mode) = changes.iter().find_map(SessionChange::permission_mode) {
            self.check_agent(mode).await?;
        }
        let commands = changes.into_iter().map(|change| SessionCommand::Change { change, by: by.to_owned() });
        self.changed(session, Execute { commands: commands.collect(), provenance }).await
    }

    /// The session as a change left it, and whether an earlier request had made that.
    async fn changed(
        &self,
        session: SessionId,
        execute: Execute,
    ) -> Result<(Arc<SessionView>, bool), RunnerError> {
        let appended = self.dispatch(session, execute).await?.appended;
        let view = match appended.replayed {
            true => self.view_at(session, appended.last_version).await?,
            false => self.view(session).await?,
        };
        Ok((view, appended.replayed))
    }

    /// Gives a session to another owner.
    pub async fn hand_over(
        &self,
        session: SessionId,
        handover: Handover,
        provenance: Provenance,
    ) -> Result<(Arc<SessionView>, bool), RunnerError> {
        let commands = vec![SessionCommand::HandOver(handover)];
        self.changed(session, Execute { commands, provenance }).await
    }

    /// Sets properties anew and gives the prompt, both or none.
    pub async fn change_and_prompt(
        &self,
        session: SessionId,
        (changes, submission): (Vec<SessionChange>, Submission),
        provenance: Provenance,
    ) -> Result<Prompted, RunnerError> {
        let mode = changes.iter().find_map(SessionChange::permission_mode);
        match mode {
            Some(mode) => self.check_agent(mode).await?,
            None => self.check_agent_of(session).await?,
        }
        self.check_queue(None)?;
        let by = &submission.author;
        let change = |change| SessionCommand::Change { change, by: by.clone() };
        let mut commands: Vec<_> = changes.into_iter().map(change).collect();
        commands.push(submit(submission));
        let committed = self.dispatch(session, Execute { commands, provenance }).await?;
        self.prompted(&committed).await
    }

    /// Takes back a prompt that waits behind the running turn.
    pub async fn withdraw_prompt(
        &self,
        session: SessionId,
        turn: TurnId,
        by: &str,
        provenance: Provenance,
    ) -> Result<Appended, RunnerError> {
        let commands = vec![SessionCommand::WithdrawPrompt { turn, by: by.to_owned() }];
        Ok(self.dispatch(session, Execute { commands, provenance }).await?.appended)
    }

    /// Gives a prompt to the running turn; returns where it was stored.
    pub async fn steer(
        &self,
        session: SessionId,
        (message, text, attachments): (TurnId, Prompt, Vec<Attachment>),
        author: String,
        provenance: Provenance,
    ) -> Result<Appended, RunnerError> {
        let commands = vec![SessionCommand::Steer { message, text, attachments, author }];
        Ok(self.dispatch(session, Execute { commands, provenance }).await?.appended)
    }

    /// Puts files back to what they were before a turn; says which.
    pub async fn rewind(
        &self,
        session: SessionId,
        turn: TurnId,
        by: &str,
        provenance: Provenance,
    ) -> Result<(Vec<String>, Appended), RunnerError> {
        self.services.runtime.check().await?;
        let rewind = Rewind { turn, by: by.to_owned(), provenance };
        let appended = self.dispatch(session, rewind).await?.appended;
        let SessionEvent::Files(FilesEvent::Rewound { files, .. }) = self.last_event(appended).await? else {
            return Err(RunnerError::CommandReused);
        };
        Ok((files, appended))
    }

    /// The turn that a prompt was given to.
    pub async fn steered_turn(&self, appended: Appended) -> Result<TurnId, RunnerError> {
        let SessionEvent::Prompt(PromptEvent::Steered { turn, .. }) = self.last_event(appended).await? else {
            return Err(RunnerError::CommandReused);
        };
        Ok(turn)
    }
}
