//! Putting files back to what they were before a turn. The agent keeps what they were like; it is started for
//! this if it has to be.

use runner_core::ids::ProcessId;
use runner_core::log::Aggregate as _;
use runner_core::ports::AgentError;
use runner_core::session::action::Action;
use runner_core::session::command::SessionCommand;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::SessionDriver;
use crate::RunnerError;
use crate::session_actor::agent_task::Errand;
use crate::session_actor::commands::RewindBegun;
use crate::session_actor::{Committed, Rewind};

impl SessionDriver {
    /// Asks the agent, unless the session refuses: nothing is changed on disk then.
    pub(in crate::session_actor) async fn begin_rewind(
        &mut self,
        rewind: Rewind,
    ) -> Result<RewindBegun, RunnerError> {
        if let Some(committed) = self.find_earlier(&rewind.provenance).await? {
            return Ok(RewindBegun::Before(committed));
        }
        if self.draining {
            return Err(RunnerError::ShuttingDown);
        }
        let turn = rewind.turn;
        self.load().await?.session.decide(record(rewind, vec![]).0)?;
        self.refuse_if_revoked().await?;
        if self.rewinding {
            return Err(RunnerError::AgentUnavailable("files are being put back already".to_owned()));
        }
        self.start_agent(ProcessId(Uuid::now_v7()), None).await?;
        let (answer, answered) = oneshot::channel();
        self.leave(Errand::Rewind { turn, answer });
        self.rewinding = true;
        Ok(RewindBegun::Now(answered))
    }

    pub(in crate::session_actor) async fn end_rewind(
        &mut self,
        rewind: Rewind,
        files: Result<Vec<String>, AgentError>,
    ) -> Result<Committed, RunnerError> {
        self.rewinding = false;
        self.todo.push_back(Action::BeginTurn); // A prompt may have come meanwhile.
        let files = match files {
            Err(AgentError::Refused(why)) => return Err(RunnerError::NothingToRewind(why)),
            files => files?,
        };
        let (command, provenance) = record(rewind, files);
        self.execute(vec![command], provenance).await
    }
}

fn record(
    Rewind { turn, by, provenance }: Rewind,
    files: Vec<String>,
) -> (SessionCommand, runner_core::log::Provenance) {
    (SessionCommand::RecordRewind { turn, files, by }, provenance)
}
