//! Going on with a copy of a session, from now or from an earlier point.

use runner_core::log::{Appended, Provenance};
use runner_core::session::command::SessionCommand;
use runner_core::session::fork::{Fork, conversation_parts};

use super::prompts::submit;
use super::{Sessions, Submission};
use crate::RunnerError;
use crate::session_actor::Execute;

impl Sessions {
    /// Opens a session that begins as its parent was at a version, with a prompt of its own if there is
    /// one. The other session does not notice.
    pub async fn fork(
        &self,
        fork: Fork,
        prompt: Option<Submission>,
        provenance: Provenance,
    ) -> Result<Appended, RunnerError> {
        if let Some(request_hash) = provenance.request_hash
            && let Some(first) = self.find_command(provenance.command, request_hash).await?
        {
            return Ok(first);
        }
        if prompt.is_some() {
            self.check_agent_of(fork.parent.session).await?;
        }
        let Fork { session, parent, .. } = fork;
        let history = self.history.events(parent.session, parent.version).await?;
        // The agent starts with what is stored under its session, so that goes first.
        let stored = self.services.files.load(parent.session).await?;
        let pair = (parent.session, session);
        let files = self.services.runtime.fork_files(pair, conversation_parts(&history), stored).await;
        self.services.files.save(session, &files).await?;
        let mut commands = vec![SessionCommand::Adopt(fork.events(history))];
        commands.extend(prompt.map(submit));
        Ok(self.dispatch(session, Execute { commands, provenance }).await?.appended)
    }
}
