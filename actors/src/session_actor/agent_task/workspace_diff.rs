//! Seeing what the agent's commands change in files. A command tells nobody, so the working folder is looked
//! at before one is let through and again before something else changes files, before people are asked (who
//! may change files while they think), and before the turn ends.

use std::path::PathBuf;
use std::sync::Arc;

use runner_core::agent::AgentOutput;
use runner_core::ports::{WorkspaceSight, WorkspaceWatch};
use runner_core::request::ToolEffect;
use runner_core::workspace::{Unobserved, WorkspaceReport};
use tokio::sync::Mutex;

/// What is known of the files in the turn that runs. Clones share it.
#[derive(Clone)]
pub(in crate::session_actor) struct SharedDiff {
    watch: Arc<dyn WorkspaceWatch>,
    diff: Arc<Mutex<WorkspaceDiff>>,
}

#[derive(Default)]
struct WorkspaceDiff {
    folder: Option<PathBuf>,
    sight: Option<Box<dyn WorkspaceSight>>,
    /// A command may have run since the last look.
    is_stale: bool,
    /// The folder was tried to be looked at.
    is_begun: bool,
    /// Why not all is known, until it is recorded.
    unobserved: Option<Unobserved>,
}

impl SharedDiff {
    pub(super) fn new(watch: Arc<dyn WorkspaceWatch>) -> Self {
        Self { watch, diff: Arc::default() }
    }

    /// The folder that the agent of the session works in.
    pub(super) async fn watch(&self, folder: PathBuf) {
        self.diff.lock().await.folder = Some(folder);
    }

    /// What commands have changed before the agent said this, as far as it must be known before it.
    pub(super) async fn changes_before(&self, output: &AgentOutput) -> Option<WorkspaceReport> {
        if let AgentOutput::ToolReturned(returned) = output
            && let Some(change) = &returned.file_change
            && let Some(sight) = &mut self.diff.lock().await.sight
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
        if matters { self.collect_changes().await } else { None }
    }

    /// What commands have changed since the last look.
    pub(in crate::session_actor) async fn collect_changes(&self) -> Option<WorkspaceReport> {
        let mut diff = self.diff.lock().await;
        if !std::mem::take(&mut diff.is_stale) {
            return None;
        }
        let mut report = match &mut diff.sight {
            Some(sight) => sight.changes().await,
            None => WorkspaceReport::default(),
        };
        report.unobserved = report.unobserved.or(diff.unobserved.take());
        (report != WorkspaceReport::default()).then_some(report)
    }

    /// Looks at the folder before the first tool use of a turn that may run a command.
    pub(super) async fn snapshot_before(&self, effect: ToolEffect) {
        if !effect.may_change_files_untold() {
            return;
        }
        let mut diff = self.diff.lock().await;
        diff.is_stale = true;
        if std::mem::replace(&mut diff.is_begun, true) {
            return;
        }
        let Some(folder) = &diff.folder else { return };
        match self.watch.look(folder).await {
            Ok(sight) => diff.sight = sight,
            Err(reason) => diff.unobserved = Some(Unobserved { reason, files: 0 }),
        }
    }

    /// What happened while people decided about a command was not done by it.
    pub(super) async fn resnapshot(&self) {
        let mut diff = self.diff.lock().await;
        if !std::mem::replace(&mut diff.is_stale, true)
            && let Some(sight) = &mut diff.sight
        {
            sight.changes().await;
        }
    }

    /// After a turn nothing is remembered: the next one begins with files as they are then.
    pub(super) async fn forget(&self) {
        let mut diff = self.diff.lock().await;
        let folder = diff.folder.take();
        *diff = WorkspaceDiff { folder, ..WorkspaceDiff::default() };
    }
}
