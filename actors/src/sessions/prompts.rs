//! Prompts: given to a session, and found again by whoever asks twice.

use runner_core::ids::SessionId;
use runner_core::log::{Appended, Provenance};
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{PromptEvent, SessionEvent, SessionOpened};

use super::{Prompted, Sessions, Submission};
use crate::RunnerError;
use crate::session_actor::{Committed, Execute};

impl Sessions {
    pub async fn prompt(
        &self,
        session: SessionId,
        submission: Submission,
        provenance: Provenance,
    ) -> Result<Prompted, RunnerError> {
        self.change_and_prompt(session, (vec![], submission), provenance).await
    }

    /// Opens a session with its first prompt under the very id that was noted for it, whatever agents wait.
    pub async fn open_noted(
        &self,
        opened: SessionOpened,
        submission: Submission,
        provenance: Provenance,
    ) -> Result<Prompted, RunnerError> {
        self.check_opening(&opened).await?;
        let session = opened.session;
        let commands = vec![SessionCommand::Open(Box::new(opened)), submit(submission)];
        let committed = self.dispatch(session, Execute { commands, provenance }).await?;
        self.prompted(&committed).await
    }

    /// The prompt that an earlier request submitted.
    pub async fn find_prompt(&self, appended: Appended) -> Result<Prompted, RunnerError> {
        self.prompted(&Committed { appended, events: vec![] }).await
    }

    pub(super) async fn prompted(&self, committed: &Committed) -> Result<Prompted, RunnerError> {
        let Appended { last_version: version, replayed, .. } = committed.appended;
        let session = committed.appended.session();
        // Only what an earlier request stored has to be read.
        let last = match committed.events.last() {
            Some(last) => last.clone(),
            None => self.last_event(committed.appended).await?,
        };
        let SessionEvent::Prompt(PromptEvent::Submitted { turn, .. }) = last else {
            return Err(RunnerError::CommandReused);
        };
        Ok(Prompted { session, turn, version, replayed })
    }

    /// The last event that a request has stored. If it is not of the kind that such a request stores, the
    /// same key was used for a request of another kind.
    pub(super) async fn last_event(&self, appended: Appended) -> Result<SessionEvent, RunnerError> {
        let after = appended.last_version.saturating_sub(1);
        let stored = self.services.log.read(appended.stream, after, 1).await?;
        let last = stored.first().ok_or(RunnerError::CommandReused)?;
        last.decode().map_err(|source| RunnerError::Unexpected(source.into()))
    }
}

pub(super) fn submit(submission: Submission) -> SessionCommand {
    let Submission { turn, text, attachments, author, while_running } = submission;
    SessionCommand::SubmitPrompt { turn, text, attachments, author, while_running }
}
