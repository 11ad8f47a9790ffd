//! From the start of an actor to its end: taking up what an earlier one left, giving agents up while people
//! think, and stopping.

use std::sync::Arc;

use runner_core::session::Session;
use runner_core::session::action::Action;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{FailureCause, InterruptCause, ParkCause};
use runner_core::session::revoked::Revoked;
use runner_core::setup::trust::Trust;
use runner_core::workspace::WorkspaceReport;

use super::SessionDriver;
use crate::session_actor::agent_reports::AgentEnded;
use crate::session_actor::agent_task::{Ending, Errand};

impl SessionDriver {
    /// Closes a turn that an earlier run left open, and goes on with prompts that wait.
    pub(in crate::session_actor) async fn recover(&mut self) {
        if let Err(error) = self.load().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a session cannot be read");
            (self.failed, self.finished) = (true, true);
            return;
        }
        let (park, interrupt) = match self.shared.hub.is_stalled(self.id) {
            true => (ParkCause::StoreUnavailable, InterruptCause::StoreUnavailable),
            false => (ParkCause::ServerCrashed, InterruptCause::ServerCrashed),
        };
        let calls = self.session().map(Session::unsettled_calls).unwrap_or_default();
        let mut commands = vec![];
        if !calls.is_empty() {
            commands.push(SessionCommand::AbandonCalls(calls));
        }
        if self.session().is_some_and(Session::outlives_its_process) {
            commands.push(SessionCommand::Park { cause: park });
        } else if self.has_turn() {
            commands.push(SessionCommand::InterruptTurn { cause: interrupt });
        }
        if !commands.is_empty() {
            self.record(commands, "system").await;
        }
        self.close_background_work().await;
        self.todo.extend([Action::DeliverDecision, Action::BeginTurn]);
    }

    pub(in crate::session_actor) async fn agent_ended(&mut self, message: AgentEnded) {
        let Some(agent) = self.agent.take_if(|agent| agent.process == message.process) else { return };
        if !agent.is_stopped && !*agent.killed.borrow() {
            let detail = &message.exit.detail;
            tracing::warn!(session.id = %self.id, "an agent ended that nobody here had ended: {detail}");
        }
        // The program is gone; what it started may not be.
        self.leave(Errand::End(Ending::Stop));
        self.abandon_calls().await;
        self.close_background_work().await;
        // The agent was killed with a decision on its way: another one takes that up, if there may be one.
        let is_decided = agent.revoked.is_some() && self.session().is_some_and(Session::outlives_its_process);
        let end = if is_decided || self.session().is_some_and(Session::is_waiting) {
            let cause = agent.revoked.map_or(ParkCause::AgentDied, Revoked::park);
            Some(SessionCommand::Park { cause })
        } else if !self.has_turn() {
            None
        } else if let Some(revoked) = agent.revoked {
            Some(SessionCommand::InterruptTurn { cause: revoked.interrupt() })
        } else {
            let cause = match message.exit.at_start {
                true => FailureCause::AgentUnavailable,
                false => FailureCause::AgentDied,
            };
            Some(SessionCommand::FailTurn { cause, detail: message.exit.detail })
        };
        self.record_after_changes(message.changes, end).await;
        self.close_background_work().await;
        self.todo.extend([Action::DeliverDecision, Action::BeginTurn]);
    }

    /// Whether nothing is lost if the session gives up its process and its memory.
    pub(in crate::session_actor) fn may_park(&self) -> bool {
        let session = self.session();
        let is_working_beside = self.agent.is_some() && session.is_some_and(Session::is_working_beside);
        let has_prompts = session.is_some_and(|session| session.next_prompt().is_some());
        let may_begin = has_prompts && !self.draining && !self.waits_for_slot();
        !(self.is_busy() || self.rewinding || is_working_beside || may_begin)
    }

    pub(in crate::session_actor) async fn park(&mut self, changes: Option<WorkspaceReport>) -> bool {
        let may_park = self.may_park();
        let park = (may_park && self.has_turn()).then_some(SessionCommand::Park { cause: ParkCause::Idle });
        self.record_after_changes(changes, park).await;
        if may_park {
            self.close_background_work().await;
        }
        self.work_off().await;
        self.finished |= may_park;
        may_park
    }

    pub(in crate::session_actor) async fn stop(&mut self, changes: Option<WorkspaceReport>) {
        self.draining = true;
        self.abandon_calls().await;
        let end = if self.session().is_some_and(Session::outlives_its_process) {
            Some(SessionCommand::Park { cause: ParkCause::ServerStopped })
        } else {
            let interrupt = SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped };
            self.has_turn().then_some(interrupt)
        };
        self.record_after_changes(changes, end).await;
        self.close_background_work().await;
        self.work_off().await;
        self.finished = true;
    }

    /// What commands have changed in files is stored before the end of their turn.
    async fn record_after_changes(&mut self, changes: Option<WorkspaceReport>, end: Option<SessionCommand>) {
        let changes = changes.map(SessionCommand::RecordWorkspace);
        let commands: Vec<SessionCommand> = changes.into_iter().chain(end).collect();
        if !commands.is_empty() {
            self.record(commands, "system").await;
        }
    }

    /// Gives the agent its last errand.
    pub(in crate::session_actor) fn finish_agent(&mut self) {
        if let Some(line) = self.line.take() {
            line.finish();
        }
    }

    pub(super) async fn retire_agent(&mut self) {
        if self.agent.take().is_some() {
            self.leave(Errand::End(Ending::Stop));
            self.abandon_calls().await;
            self.close_background_work().await;
        }
    }

    /// What waits for people gives up its process, which must not get to do anything more.
    pub(super) async fn kill_agent(&mut self) {
        if self.agent.take().is_some() {
            self.leave(Errand::End(Ending::Kill));
            self.abandon_calls().await;
        }
    }

    /// An agent has loaded what its folder brings, or not, and what people added. When that is to be
    /// otherwise, the next turn gets another one; what an agent does beside its turns goes on, unless it is
    /// no longer trusted.
    pub(super) async fn retire_if_setup_changed(&mut self) {
        let Some(agent) = &self.agent else { return };
        let (trust_before, extensions_before) = (agent.trust, Arc::clone(&agent.extensions));
        // Where trust or extensions cannot be told, the next start says so.
        let trust = self.trust().await.unwrap_or_default();
        let extensions = self.extensions().await;
        let is_same = trust == trust_before
            && extensions.as_ref().is_ok_and(|extensions| *extensions == extensions_before);
        let is_revoked = trust != trust_before && trust == Trust::Untrusted;
        let goes_on = !is_revoked && self.session().is_some_and(Session::has_background_work);
        if !is_same && !goes_on {
            self.retire_agent().await;
        } else if let (false, Ok(extensions)) = (is_same, extensions) {
            self.renew_hooks(extensions.hook_rules());
        }
    }

    /// What the process did beside the conversation has ended with it.
    pub(super) async fn close_background_work(&mut self) {
        let has_rest = |session: &Session| session.has_background_work() || !session.waiting().is_empty();
        let is_needed = self.session().is_some_and(has_rest);
        if is_needed {
            self.record(vec![SessionCommand::CloseBackgroundWork], "system").await;
        }
    }
}
