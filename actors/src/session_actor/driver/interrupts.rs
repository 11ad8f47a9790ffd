//! Stopping a turn: because somebody asked for it, or because it takes too long.

use std::time::Duration;

use runner_core::ids::TurnId;
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{FailureCause, InterruptCause};

use super::{SessionDriver, by};
use crate::RunnerError;
use crate::session_actor::agent_task::{Errand, Telling};
use crate::session_actor::reminders::{RetryInterrupt, TurnTimedOut};
use crate::session_actor::{Committed, Interrupt};

/// How often an agent is asked to stop its turn before it is ended.
const MAX_INTERRUPTS: u32 = 5;

impl SessionDriver {
    pub(in crate::session_actor) async fn interrupt(
        &mut self,
        Interrupt { by, cause, provenance }: Interrupt,
    ) -> Result<Committed, RunnerError> {
        self.execute(vec![SessionCommand::RequestInterrupt { by, cause }], provenance).await
    }

    /// The turn that may not work for ever, unless it waits for people.
    pub(in crate::session_actor) fn time_limit(&self) -> Option<(TurnId, Duration)> {
        let session = self.session()?;
        let millis = session.opened()?.options.max_duration_ms?;
        let running = session.running().filter(|_| !session.is_waiting())?;
        Some((running.turn, Duration::from_millis(millis)))
    }

    pub(in crate::session_actor) async fn time_out(&mut self, message: TurnTimedOut) {
        if self.running_turn() != Some(message.turn) || !self.is_busy() {
            return;
        }
        let interrupt =
            Interrupt { by: "system".to_owned(), cause: InterruptCause::Deadline, provenance: by("system") };
        if let Err(error) = self.interrupt(interrupt).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a turn that took too long was not stopped");
        }
    }

    /// An interrupt that came before the agent took up the prompt had no effect, so it is said again.
    pub(in crate::session_actor) async fn retry_interrupt(&mut self, message: RetryInterrupt) {
        if self.running_turn() != Some(message.turn) {
            return;
        }
        if message.times < MAX_INTERRUPTS {
            self.ask_to_stop(message.turn, message.times);
        } else if let Some(agent) = &mut self.agent {
            agent.is_stopped = true;
            self.leave(Errand::Stop); // Its end closes the turn.
        }
        if self.agent.is_none() {
            let (cause, detail) = (FailureCause::AgentDied, "there is no agent any more".to_owned());
            self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
        }
    }

    pub(super) fn ask_to_stop(&mut self, turn: TurnId, times: u32) {
        let steered = self.session().map(Session::steered).unwrap_or_default();
        let withdrawn = steered.iter().map(|steered| steered.message).collect();
        self.tell(Telling::Interrupt { withdrawn });
        self.retry_interrupt = Some(RetryInterrupt { turn, times: times + 1 });
    }
}
