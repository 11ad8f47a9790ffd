//! Stopping a turn: because somebody asked for it, or because it takes too long.

use std::time::Duration;

use actix::Addr;
use runner_core::ids::{CommandId, TurnId};
use runner_core::log::event_log::Provenance;
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{FailureCause, InterruptCause};
use uuid::Uuid;

use super::Core;
use crate::RunnerError;
use crate::session_actor::{Committed, Insist, Interrupt, Overdue, SessionActor};

/// How often an agent is asked to stop its turn before it is ended.
const MAX_INTERRUPTS: u32 = 5;

impl Core {
    pub(in crate::session_actor) async fn interrupt(
        &mut self,
        message: Interrupt,
        address: &Addr<SessionActor>,
    ) -> Result<Committed, RunnerError> {
        let command = SessionCommand::RequestInterrupt { by: message.by, cause: message.cause };
        let committed = self.execute(vec![command], message.provenance).await?;
        if let Some(turn) = self.running_turn() {
            self.ask_to_stop(turn, 0).await;
        }
        self.advance(address).await;
        Ok(committed)
    }

    /// The turn that may not work for ever, unless it waits for people.
    pub(in crate::session_actor) fn time_limit(&self) -> Option<(TurnId, Duration)> {
        let session = self.session()?;
        let millis = session.opened()?.options.max_duration_ms?;
        let running = session.running().filter(|_| !session.is_waiting())?;
        Some((running.turn, Duration::from_millis(millis)))
    }

    pub(in crate::session_actor) async fn overdue(&mut self, message: Overdue, address: &Addr<SessionActor>) {
        if self.running_turn() != Some(message.turn) || !self.is_busy() {
            return;
        }
        let command = CommandId(Uuid::now_v7());
        let provenance = Provenance {
            actor: "system".to_owned(),
            request_id: None,
            address: None,
            command,
            request_hash: None,
        };
        let (by, cause) = ("system".to_owned(), InterruptCause::Deadline);
        if let Err(error) = self.interrupt(Interrupt { by, cause, provenance }, address).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a turn that took too long was not stopped");
        }
    }

    /// An interrupt that came before the agent took up the prompt had no effect, so it is said again.
    pub(in crate::session_actor) async fn insist(&mut self, message: Insist) {
        if self.running_turn() != Some(message.turn) {
            return;
        }
        if message.times < MAX_INTERRUPTS {
            self.ask_to_stop(message.turn, message.times).await;
        } else if let Some(agent) = &mut self.agent {
            agent.is_stopped = true;
            agent.input.stop().await; // Its end closes the turn.
        }
        if self.agent.is_none() {
            let (cause, detail) = (FailureCause::AgentDied, "there is no agent any more".to_owned());
            let commands = self.after_a_look(SessionCommand::FailTurn { cause, detail }).await;
            self.record(commands, "system").await;
        }
    }

    async fn ask_to_stop(&mut self, turn: TurnId, times: u32) {
        if let Some(agent) = &self.agent {
            // What the turn was given beside its prompt would begin another turn. If the agent has ended, its
            // end closes the turn.
            for steered in self.session().map(Session::steered).unwrap_or_default() {
                agent.input.withdraw(steered.turn).await.ok();
            }
            agent.input.interrupt().await.ok();
        }
        self.insist = Some(Insist { turn, times: times + 1 });
    }
}
