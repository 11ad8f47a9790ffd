//! Seeing what the agent's commands change in files. A command tells nobody, so the working folder is
//! looked at before one is let through and again before something else changes files, before people are
//! asked (who may change files while they think), and before the turn ends.

use runner_core::agent::AgentOutput;
use runner_core::ports::WorkspaceSight;
use runner_core::request::{Decision, ToolEffect, ToolGate};
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::SessionEvent;
use runner_core::session::requests::SettledRequest;
use runner_core::workspace::{Unobserved, WorkspaceReport};

use super::Core;

/// What is known of the files in the turn that runs.
#[derive(Default)]
pub(super) struct Watched {
    sight: Option<Box<dyn WorkspaceSight>>,
    /// A command may have run since the last look.
    is_stale: bool,
    /// The folder was tried to be looked at.
    is_begun: bool,
    /// Why not all is known, until it is recorded.
    unobserved: Option<Unobserved>,
}

impl Core {
    /// What commands have changed before the agent said this, as far as it must be known before it.
    pub(super) async fn seen_before(&mut self, output: &AgentOutput) -> Option<SessionCommand> {
        if let AgentOutput::ToolReturned(returned) = output
            && let Some(change) = &returned.file_change
            && let Some(sight) = &mut self.watched.sight
        {
            sight.accept(&change.path).await;
            return None;
        }
        let matters = match output {
            AgentOutput::ToolGated(gate) => gate.effect == ToolEffect::WritesFiles,
            AgentOutput::Asked { .. } | AgentOutput::TurnEnded(_) => true,
            AgentOutput::Initialized(_)
            | AgentOutput::Text { .. }
            | AgentOutput::Thinking { .. }
            | AgentOutput::ToolUsed { .. }
            | AgentOutput::ToolReturned(_)
            | AgentOutput::RequestWithdrawn { .. }
            | AgentOutput::ToolRefused { .. }
            | AgentOutput::ModeChanged { .. }
            | AgentOutput::ModelCalled(_)
            | AgentOutput::BudgetExhausted(_)
            | AgentOutput::Metered { .. }
            | AgentOutput::TaskStarted(_)
            | AgentOutput::TaskProgressed { .. }
            | AgentOutput::TaskFinished { .. }
            | AgentOutput::TaskListChanged(_)
            | AgentOutput::ApiRetried { .. }
            | AgentOutput::RateLimited { .. }
            | AgentOutput::ContextCompacted { .. }
            | AgentOutput::Other { .. }
            | AgentOutput::Delta(_) => false,
        };
        if matters { self.seen().await } else { None }
    }

    /// The command that ends the turn, after what its commands have changed.
    pub(super) async fn after_a_look(&mut self, end: SessionCommand) -> Vec<SessionCommand> {
        self.seen().await.into_iter().chain([end]).collect()
    }

    /// What commands have changed since the last look.
    async fn seen(&mut self) -> Option<SessionCommand> {
        if !std::mem::take(&mut self.watched.is_stale) {
            return None;
        }
        let mut report = match &mut self.watched.sight {
            Some(sight) => sight.changes().await,
            None => WorkspaceReport::default(),
        };
        report.unobserved = report.unobserved.or(self.watched.unobserved.take());
        (report != WorkspaceReport::default()).then_some(SessionCommand::RecordWorkspace(report))
    }

    /// Looks at the folder before the first of these tool uses that runs a command.
    pub(super) async fn look_before(&mut self, gates: &[ToolGate]) {
        if !gates.iter().any(|gate| gate.effect.may_change_files_untold()) {
            return;
        }
        self.watched.is_stale = true;
        if std::mem::replace(&mut self.watched.is_begun, true) {
            return;
        }
        let Some(opened) = self.session().and_then(Session::opened) else { return };
        match self.services.workspaces.look(opened.working_dir.as_ref()).await {
            Ok(sight) => self.watched.sight = sight,
            Err(reason) => self.watched.unobserved = Some(Unobserved { reason, files: 0 }),
        }
    }

    /// What happened while people decided about a command was not done by it.
    pub(super) async fn look_again(&mut self, settled: &SettledRequest) {
        if !settled.open.request.effect.may_change_files_untold()
            || settled.settlement.decision == Decision::Deny
        {
            return;
        }
        if !std::mem::replace(&mut self.watched.is_stale, true)
            && let Some(sight) = &mut self.watched.sight
        {
            sight.changes().await;
        }
    }

    /// After a turn nothing is remembered: the next one begins with files as they are then.
    pub(super) fn forget_files(&mut self, events: &[SessionEvent]) {
        if events.iter().any(|event| event.ended_turn().is_some()) {
            self.watched = Watched::default();
        }
    }
}
