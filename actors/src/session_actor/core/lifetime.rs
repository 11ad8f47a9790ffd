//! From the start of an actor to its end: taking up what an earlier one left, starting agents, giving them
//! up while people think, and stopping.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix::Addr;
use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::ProcessId;
use runner_core::ports::{AgentError, AgentLaunch};
use runner_core::request::RequestKind;
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{FailureCause, InterruptCause, ParkCause};
use runner_core::session::revoked::Revoked;
use runner_core::setup::trust::Trust;
use uuid::Uuid;

use super::Core;
use crate::session_actor::agent::LiveAgent;
use crate::session_actor::{AgentEnded, SessionActor};

impl Core {
    /// Closes a turn that an earlier run left open, and goes on with prompts that wait.
    pub(in crate::session_actor) async fn recover(&mut self, address: &Addr<SessionActor>) {
        if let Err(error) = self.load().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a session cannot be read");
            (self.failed, self.finished) = (true, true);
            return;
        }
        if self.session().is_some_and(Session::outlives_its_process) {
            self.record(vec![SessionCommand::Park { cause: ParkCause::ServerCrashed }], "system").await;
        } else if self.has_turn() {
            self.record(
                vec![SessionCommand::InterruptTurn { cause: InterruptCause::ServerCrashed }],
                "system",
            )
            .await;
        }
        self.close_tasks().await;
        self.deliver(address).await;
        self.advance(address).await;
    }

    pub(in crate::session_actor) async fn agent_ended(
        &mut self,
        message: AgentEnded,
        address: &Addr<SessionActor>,
    ) {
        let Some(agent) = self.agent.take_if(|agent| agent.process == message.process) else { return };
        // The program is gone; what it started may not be. Its last handle must go before the next
        // agent of this session starts, for it ends whatever carries the session's marker.
        agent.input.stop().await;
        let revoked = agent.revoked;
        drop(agent);
        self.close_tasks().await;
        if self.session().is_some_and(Session::is_waiting) {
            let cause = revoked.map_or(ParkCause::AgentDied, Revoked::park);
            let commands = self.after_a_look(SessionCommand::Park { cause }).await;
            self.record(commands, "system").await;
        } else if let (true, Some(revoked)) = (self.has_turn(), revoked) {
            let interrupt = SessionCommand::InterruptTurn { cause: revoked.interrupt() };
            let commands = self.after_a_look(interrupt).await;
            self.record(commands, "system").await;
        } else if self.has_turn() {
            let cause = match message.exit.at_start {
                true => FailureCause::AgentUnavailable,
                false => FailureCause::AgentDied,
            };
            let detail = message.exit.detail;
            let commands = self.after_a_look(SessionCommand::FailTurn { cause, detail }).await;
            self.record(commands, "system").await;
        }
        self.advance(address).await;
    }

    pub(in crate::session_actor) async fn warm_up(&mut self, address: &Addr<SessionActor>) {
        if self.agent.is_none() && !self.turns.is_full() {
            self.warm_up_now(address).await;
        }
    }

    pub(in crate::session_actor) async fn warm_up_now(&mut self, address: &Addr<SessionActor>) {
        if !self.may_work().await {
            return;
        }
        if let Err(error) = self.start_agent(ProcessId(Uuid::now_v7()), None, address).await {
            tracing::warn!(session.id = %self.id, error = &error as &dyn std::error::Error, "an agent did not start");
        }
    }

    pub(in crate::session_actor) async fn park(&mut self) -> bool {
        let session = self.session();
        let is_working_beside = self.agent.is_some() && session.is_some_and(Session::has_tasks);
        let has_prompts = session.is_some_and(|session| session.next_prompt().is_some());
        let may_begin = has_prompts && !self.draining && !self.waits_for_place();
        if self.is_busy() || is_working_beside || may_begin {
            return false;
        }
        self.park_turn(ParkCause::Idle).await;
        self.end().await;
        true
    }

    /// The agent counts its budget per process, and a turn's is meant.
    pub(in crate::session_actor) async fn retire_if_budgeted(&mut self) {
        let opened = self.session().and_then(Session::opened);
        if opened.is_some_and(|opened| opened.options.max_budget_micros.is_some())
            && let Some(agent) = self.agent.take()
        {
            agent.input.stop().await;
            self.close_tasks().await;
        }
    }

    /// An agent has loaded what its folder brings, or not. When that is to be otherwise, the next turn gets
    /// another one; what an agent does beside its turns goes on, unless it is no longer trusted.
    pub(in crate::session_actor) async fn retire_if_trust_changed(&mut self) {
        let Some(before) = self.agent.as_ref().map(|agent| agent.trust) else { return };
        // Where trust cannot be told, the next start says so.
        let now = self.trust().await.unwrap_or_default();
        let goes_on = now == Trust::Trusted && self.session().is_some_and(Session::has_tasks);
        if now == before || goes_on {
            return;
        }
        if let Some(agent) = self.agent.take() {
            agent.input.stop().await;
            drop(agent);
            self.close_tasks().await;
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

    /// Where the session's team works.
    async fn team_folder(&self) -> Result<Option<PathBuf>, AgentError> {
        let Some(opened) = self.session().and_then(Session::opened) else { return Err(AgentError::Ended) };
        let folder = self.services.tenants.folder(&opened.tenant).await;
        folder.map_err(|_| AgentError::NotStarted("it cannot be told where its team works".to_owned()))
    }

    /// A turn that waits gives up its process, which must not get to do anything more.
    async fn park_turn(&mut self, cause: ParkCause) {
        if !self.has_turn() {
            return;
        }
        let commands = self.after_a_look(SessionCommand::Park { cause }).await;
        self.record(commands, "system").await;
        if let Some(agent) = self.agent.take() {
            agent.input.kill().await;
        }
    }

    pub(in crate::session_actor) async fn stop(&mut self) {
        self.draining = true;
        if self.session().is_some_and(Session::outlives_its_process) {
            self.park_turn(ParkCause::ServerStopped).await;
        } else if self.has_turn() {
            let interrupt = SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped };
            let commands = self.after_a_look(interrupt).await;
            self.record(commands, "system").await;
        }
        self.close_tasks().await;
        self.end().await;
    }

    pub(in crate::session_actor) async fn end(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.input.stop().await;
        }
        self.kept().await;
        self.finished = true;
    }

    pub(in crate::session_actor) async fn start_agent(
        &mut self,
        process: ProcessId,
        resume_at: Option<String>,
        address: &Addr<SessionActor>,
    ) -> Result<(), AgentError> {
        if self.agent.is_some() {
            return Ok(());
        }
        let files = self.kept_files().await?;
        let trust = self.trust().await?;
        let within = self.team_folder().await?;
        let Some(session) = self.session() else { return Err(AgentError::Ended) };
        let Some(opened) = session.opened() else { return Err(AgentError::Ended) };
        let options = AgentOptions { model: session.model().map(str::to_owned), ..opened.options.clone() };
        // Taken up, it must come to the decision in every case: only then does it get the session's own mode.
        let is_plan = session.undelivered().is_some_and(|settled| settled.open.kind == RequestKind::Plan);
        let permission_mode = match (&resume_at, is_plan) {
            (None, _) => session.permission_mode(),
            (Some(_), true) => PermissionMode::Plan,
            (Some(_), false) => PermissionMode::Default,
        };
        let strict = resume_at.is_some().then_some(permission_mode);
        let launch = AgentLaunch {
            session: self.id,
            tenant: opened.tenant.clone(),
            owner: opened.owner.clone(),
            process,
            working_dir: opened.working_dir.clone().into(),
            within,
            permission_mode,
            options,
            spent: session.spent(),
            files,
            trust,
            resume_at,
        };
        let owner = launch.owner.clone();
        let agent = match self.spares.take(&launch).await {
            Some(agent) => agent,
            None => self.services.runtime.start(launch.clone()).await?,
        };
        self.spares.wish_for(launch);
        self.strict = strict;
        self.agent =
            Some(LiveAgent::new((process, trust), agent, address.clone(), (Arc::clone(&self.reach), owner)));
        Ok(())
    }
}
