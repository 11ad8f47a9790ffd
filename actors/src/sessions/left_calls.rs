//! Calls of models that an earlier run of the server sent and did not live to tell of.

use std::collections::HashSet;

use runner_core::agent::AgentOutput;
use runner_core::ids::{CommandId, ProcessId, SessionId, TurnId};
use runner_core::log::Provenance;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::event::{SessionEvent, SpendEvent};
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::spend::ModelCall;
use uuid::Uuid;

use super::Sessions;
use crate::RunnerError;
use crate::session_actor::Execute;

/// Events read at once.
const PAGE: u32 = 1000;

impl Sessions {
    /// Tells the log of calls that it does not have. Where that fails, the next start tries again.
    pub(super) async fn tell_left_calls(&self, left: Vec<(SessionId, Vec<ModelCall>)>) {
        for (session, calls) in left {
            if let Err(error) = self.tell_calls(session, calls).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %session, error, "calls of an earlier run cannot be stored");
                return;
            }
        }
        self.services.runtime.forget_left_calls().await;
    }

    async fn tell_calls(&self, session: SessionId, calls: Vec<ModelCall>) -> Result<(), RunnerError> {
        let Some(told) = self.told_calls(session).await? else { return Ok(()) };
        let is_new = |call: &ModelCall| call.call_id.is_some_and(|id| !told.contains(&id));
        let commands: Vec<SessionCommand> = calls.into_iter().filter(is_new).map(record).collect();
        if commands.is_empty() {
            return Ok(());
        }
        let provenance = Provenance::system(CommandId(Uuid::now_v7()));
        self.dispatch(session, Execute { commands, provenance }).await.map(drop)
    }

    /// The calls that the log has; absent for a session that was never opened, as that of a spare agent.
    async fn told_calls(&self, session: SessionId) -> Result<Option<HashSet<Uuid>>, RunnerError> {
        let (mut told, mut after) = (HashSet::new(), 0);
        loop {
            let page = self.services.log.read(session.into(), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((after > 0).then_some(told)) };
            after = last.version;
            for event in page.iter().filter(|event| event.type_name == "model_called") {
                let event = event.decode().map_err(|source| RunnerError::Unexpected(source.into()))?;
                if let SessionEvent::Spend(SpendEvent::ModelCalled { call, .. }) = event {
                    told.extend(call.call_id);
                }
            }
        }
    }
}

fn record(call: ModelCall) -> SessionCommand {
    SessionCommand::Record(Box::new(Recording {
        output: AgentOutput::ModelCalled(call),
        process: ProcessId(Uuid::nil()),
        runtime_version: String::new(),
        node: String::new(),
        spare_turn: TurnId(Uuid::now_v7()),
        hooks: HooksInForce::default(),
    }))
}
