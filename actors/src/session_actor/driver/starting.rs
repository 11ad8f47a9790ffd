//! Beginning turns, and starting the agents that work on them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runner_core::agent::AgentOptions;
use runner_core::ids::ProcessId;
use runner_core::ports::{AgentError, AgentLaunch, AgentSeat, AgentSetup};
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::FailureCause;
use runner_core::setup::extension::active::ActiveExtensions;
use runner_core::setup::trust::Trust;
use tokio::sync::watch;
use uuid::Uuid;

use super::hooks::HeldCalls;
use super::{Agent, SessionDriver};
use crate::session_actor::agent_reports::AgentNotStarted;
use crate::session_actor::agent_task::{Errand, Start};

impl SessionDriver {
    /// Begins the next turn if a prompt waits and none runs.
    pub(in crate::session_actor) async fn begin_turn(&mut self) {
        if self.draining || self.finished || self.failed || self.rewinding || self.has_turn() {
            return;
        }
        self.release_slot();
        if self.session().and_then(Session::next_prompt).is_none() {
            return;
        }
        if self.agent.as_ref().is_some_and(Agent::is_ending) {
            return; // The end of this agent begins the turn, with another one.
        }
        if let Some(pause) = self.rest_of_limit() {
            self.pause = Some(pause);
            return;
        }
        if self.end_if_revoked().await || !self.acquire_slot() {
            return;
        }
        self.retire_if_setup_changed().await;
        let process = self.agent.as_ref().map_or_else(|| ProcessId(Uuid::now_v7()), |agent| agent.process);
        let start = SessionCommand::StartTurn {
            process,
            runtime_version: self.runtime_version(),
            node: self.services.settings.node.clone(),
        };
        self.record(vec![start], "system").await;
    }

    /// How long the model's API will go on answering nothing.
    fn rest_of_limit(&self) -> Option<Duration> {
        let until = self.session()?.limited_until()?;
        let rest = until.as_micros().saturating_sub(self.services.clock.now().as_micros());
        u64::try_from(rest).ok().filter(|rest| *rest > 0).map(Duration::from_micros)
    }

    pub(super) async fn start_agent_of_turn(&mut self, process: ProcessId, resume_at: Option<String>) {
        if let Err(error) = self.start_agent(process, resume_at).await {
            self.agent_not_started(AgentNotStarted { process, error }).await;
        }
    }

    /// Leaves the start of an agent as an errand, unless there is one.
    pub(super) async fn start_agent(
        &mut self,
        process: ProcessId,
        resume_at: Option<String>,
    ) -> Result<(), AgentError> {
        if self.agent.is_some() {
            return Ok(());
        }
        let trust = self.trust().await?;
        let within = self.team_folder().await?;
        let extensions = self.extensions().await?;
        let Some(session) = self.session() else { return Err(AgentError::Ended) };
        let Some(opened) = session.opened() else { return Err(AgentError::Ended) };
        let options = AgentOptions { model: session.model().map(str::to_owned), ..opened.options.clone() };
        let setup = AgentSetup {
            tenant: opened.tenant.clone(),
            owner: opened.owner.clone(),
            working_dir: opened.working_dir.clone().into(),
            within,
            permission_mode: session.asks_everything().unwrap_or(session.permission_mode()),
            options,
            trust,
            extensions: Arc::clone(&extensions),
        };
        let seat = AgentSeat {
            session: self.id,
            conversation: session.conversation().unwrap_or(self.id.0),
            process,
            spent: session.spent(),
            files: vec![],
            is_moved: session.is_moved(),
            resume_at,
        };
        let launch = AgentLaunch { setup, seat };
        let spare = self.shared.spares.take_claimed(&launch).await;
        let (killed, is_killed) = watch::channel(false);
        self.leave(Errand::Start(Box::new(Start { launch, spare, killed: is_killed })));
        self.held = HeldCalls::default();
        self.agent = Some(Agent {
            process,
            trust,
            hooks: Arc::new(extensions.hook_rules()),
            extensions,
            servers: None,
            revoked: None,
            is_stopped: false,
            killed,
        });
        Ok(())
    }

    pub(in crate::session_actor) async fn agent_not_started(
        &mut self,
        AgentNotStarted { process, error }: AgentNotStarted,
    ) {
        self.agent.take_if(|agent| agent.process == process);
        let running = self.session().and_then(Session::running);
        if running.is_some_and(|running| running.process == process && !running.parked) {
            let (cause, detail) = (FailureCause::AgentUnavailable, error.to_string());
            self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
        } else {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(session.id = %self.id, error, "an agent did not start");
        }
    }

    pub(in crate::session_actor) async fn warm_up(&mut self) {
        if self.agent.is_none() && !self.shared.turns.is_full() {
            self.warm_up_now().await;
        }
    }

    pub(super) async fn warm_up_now(&mut self) {
        if self.may_work().await {
            self.start_agent_of_turn(ProcessId(Uuid::now_v7()), None).await;
        }
    }

    /// What is known of the session's folders: an agent that loads what one of them brings does so with those
    /// beside it.
    pub(super) async fn trust(&self) -> Result<Trust, AgentError> {
        let Some(opened) = self.session().and_then(Session::opened) else { return Err(AgentError::Ended) };
        let beside = opened.options.add_dirs.iter().map(Path::new);
        let folders: Vec<&Path> = std::iter::once(Path::new(&opened.working_dir)).chain(beside).collect();
        let trust = self.services.trust.of_all(&opened.tenant, &folders).await;
        trust
            .map_err(|_| AgentError::NotStarted("it cannot be told whether its folder is trusted".to_owned()))
    }

    /// What people added to agents of the session's owner and folder.
    pub(super) async fn extensions(&self) -> Result<Arc<ActiveExtensions>, AgentError> {
        let Some(opened) = self.session().and_then(Session::opened) else { return Err(AgentError::Ended) };
        let session = (opened.owner.as_str(), Path::new(&opened.working_dir));
        let active = self.services.extensions.active(&opened.tenant, session).await;
        active.map(Arc::new).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "the extensions cannot be read");
            AgentError::NotStarted("it cannot be told what extends it".to_owned())
        })
    }

    /// Where the session's team works.
    pub(super) async fn team_folder(&self) -> Result<Option<PathBuf>, AgentError> {
        let Some(opened) = self.session().and_then(Session::opened) else { return Err(AgentError::Ended) };
        let folder = self.services.tenants.folder(&opened.tenant).await;
        folder.map_err(|_| AgentError::NotStarted("it cannot be told where its team works".to_owned()))
    }
}
