//! What a session's actor does, step by step.
//!
//! State is only ever what the log says: it changes after an append was acknowledged, and after a failed
//! one it is dropped and read again.

mod commit;

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use runner_core::agent::AgentOutput;
use runner_core::event_log::Provenance;
use runner_core::ids::{CommandId, ProcessId, SessionId, TurnId};
use runner_core::ports::{AgentError, AgentLaunch};
use runner_core::session::Session;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::event::{FailureCause, InterruptCause, SessionEvent};
use uuid::Uuid;

use super::agent::LiveAgent;
use super::{AgentEnded, Committed, Execute, Heard, Insist, Interrupt, SessionActor};
use crate::hub::{Hub, LiveDelta};
use crate::{RunnerError, Services};

/// How often an agent is asked to stop its turn before it is ended.
const MAX_INTERRUPTS: u32 = 5;

/// The session as the log has it, and how far that is.
struct Loaded {
    session: Session,
    version: u64,
}

pub(super) struct Core {
    id: SessionId,
    services: Arc<Services>,
    hub: Arc<Hub>,
    loaded: Option<Loaded>,
    agent: Option<LiveAgent>,
    draining: bool,
    finished: bool,
    /// The log failed; whether a turn runs is unknown until it is read again.
    failed: bool,
    /// Set when an interrupt should be looked after once more.
    pub(super) insist: Option<Insist>,
}

impl Core {
    pub(super) fn new(id: SessionId, services: Arc<Services>, hub: Arc<Hub>) -> Self {
        let (loaded, agent, insist) = (None, None, None);
        Self { id, services, hub, loaded, agent, draining: false, finished: false, failed: false, insist }
    }

    /// Whether a turn runs, or may run. An actor that ends like this is started again and recovers.
    pub(super) fn is_busy(&self) -> bool {
        self.failed || self.session().is_some_and(|session| session.running().is_some())
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        self.services.settings.idle_timeout
    }

    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// Closes a turn that an earlier run left open, and goes on with prompts that wait.
    pub(super) async fn recover(&mut self, address: &Addr<SessionActor>) {
        if let Err(error) = self.load().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a session cannot be read");
            (self.failed, self.finished) = (true, true);
            return;
        }
        if self.is_busy() {
            self.record(
                vec![SessionCommand::InterruptTurn { cause: InterruptCause::ServerCrashed }],
                "system",
            )
            .await;
        }
        self.advance(address).await;
    }

    pub(super) async fn submit(
        &mut self,
        message: Execute,
        address: &Addr<SessionActor>,
    ) -> Result<Committed, RunnerError> {
        if self.draining {
            return Err(RunnerError::ShuttingDown);
        }
        let committed = self.execute(message.commands, message.provenance).await?;
        // The first request under this command id may have opened another session.
        self.finished = committed.appended.session != self.id;
        self.advance(address).await;
        Ok(committed)
    }

    pub(super) async fn interrupt(&mut self, message: Interrupt) -> Result<Committed, RunnerError> {
        let command = SessionCommand::RequestInterrupt { by: message.by };
        let committed = self.execute(vec![command], message.provenance).await?;
        if let Some(turn) = self.running_turn() {
            self.ask_to_stop(turn, 0).await;
        }
        Ok(committed)
    }

    /// An interrupt that came before the agent took up the prompt had no effect, so it is said again.
    pub(super) async fn insist(&mut self, message: Insist) {
        if self.running_turn() != Some(message.turn) {
            return;
        }
        if message.times < MAX_INTERRUPTS {
            self.ask_to_stop(message.turn, message.times).await;
        } else if let Some(agent) = &self.agent {
            agent.input.stop().await; // Its end closes the turn.
        }
        if self.agent.is_none() {
            let (cause, detail) = (FailureCause::AgentDied, "there is no agent any more".to_owned());
            self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
        }
    }

    async fn ask_to_stop(&mut self, turn: TurnId, times: u32) {
        if let Some(agent) = &self.agent {
            // If it has ended, its end closes the turn.
            agent.input.interrupt().await.ok();
        }
        self.insist = Some(Insist { turn, times: times + 1 });
    }

    pub(super) async fn hear(&mut self, message: Heard, address: &Addr<SessionActor>) {
        let Heard { process, outputs } = message;
        let turn = self.running_turn();
        let mut commands = Vec::new();
        for output in outputs {
            if let AgentOutput::Delta(delta) = output {
                self.hub.publish_delta(self.id, LiveDelta { turn, delta: Arc::new(delta) });
            } else {
                commands.push(SessionCommand::Record(Box::new(self.recording(process, output))));
            }
        }
        if commands.is_empty() {
            return;
        }
        for event in self.record(commands, "agent").await {
            if let SessionEvent::PermissionDecided { request_id, message, .. } = event
                && let Some(agent) = &self.agent
            {
                // If it has ended, nobody waits for the answer.
                agent.input.refuse(&request_id, message.as_deref().unwrap_or_default()).await.ok();
            }
        }
        self.advance(address).await;
    }

    pub(super) async fn agent_ended(&mut self, message: AgentEnded, address: &Addr<SessionActor>) {
        let Some(agent) = self.agent.take_if(|agent| agent.process == message.process) else { return };
        // The program is gone; what it started may not be. Its last handle must go before the next
        // agent of this session starts, for it ends whatever carries the session's marker.
        agent.input.stop().await;
        drop(agent);
        if self.is_busy() {
            let cause = match message.exit.at_start {
                true => FailureCause::AgentUnavailable,
                false => FailureCause::AgentDied,
            };
            let detail = message.exit.detail;
            self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
        }
        self.advance(address).await;
    }

    pub(super) async fn warm_up(&mut self, address: &Addr<SessionActor>) {
        if self.agent.is_none()
            && let Err(error) = self.start_agent(ProcessId(Uuid::now_v7()), address).await
        {
            tracing::warn!(session.id = %self.id, error = &error as &dyn std::error::Error, "an agent did not start");
        }
    }

    pub(super) async fn park(&mut self) -> bool {
        if self.is_busy() {
            return false;
        }
        self.end().await;
        true
    }

    pub(super) async fn stop(&mut self) {
        self.draining = true;
        if self.is_busy() {
            self.record(
                vec![SessionCommand::InterruptTurn { cause: InterruptCause::ServerStopped }],
                "system",
            )
            .await;
        }
        self.end().await;
    }

    async fn end(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.input.stop().await;
        }
        self.finished = true;
    }

    /// Begins the next turn if a prompt waits and none runs.
    async fn advance(&mut self, address: &Addr<SessionActor>) {
        while !self.draining && !self.finished && !self.is_busy() {
            let Some(next) = self.session().and_then(Session::next_prompt).cloned() else { return };
            let process =
                self.agent.as_ref().map_or_else(|| ProcessId(Uuid::now_v7()), |agent| agent.process);
            let start = SessionCommand::StartTurn {
                process,
                runtime_version: self.runtime_version(),
                node: self.services.settings.node.clone(),
            };
            if self.record(vec![start], "system").await.is_empty() {
                return;
            }
            if let Err(error) = self.start_agent(process, address).await {
                let (cause, detail) = (FailureCause::AgentUnavailable, error.to_string());
                self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
                continue;
            }
            if let Some(agent) = &self.agent {
                // If it has just ended, its end closes the turn.
                agent.input.prompt(next.turn, &next.text, &next.attachments).await.ok();
            }
        }
    }

    async fn start_agent(
        &mut self,
        process: ProcessId,
        address: &Addr<SessionActor>,
    ) -> Result<(), AgentError> {
        if self.agent.is_some() {
            return Ok(());
        }
        let Some(opened) = self.session().and_then(Session::opened) else { return Err(AgentError::Ended) };
        let launch = AgentLaunch {
            session: self.id,
            process,
            working_dir: opened.working_dir.clone().into(),
            permission_mode: opened.permission_mode,
            options: opened.options.clone(),
        };
        let agent = self.services.runtime.start(launch).await?;
        self.agent = Some(LiveAgent::new(process, agent, address.clone()));
        Ok(())
    }

    /// Stores what cannot be refused to anybody. If that fails the actor ends: what is not in the log
    /// must not go on happening.
    async fn record(&mut self, commands: Vec<SessionCommand>, actor: &str) -> Vec<SessionEvent> {
        let command = CommandId(Uuid::now_v7());
        let provenance =
            Provenance { actor: actor.to_owned(), request_id: None, command, request_hash: None };
        match self.execute(commands, provenance).await {
            Ok(committed) => committed.events,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %self.id, error, "a session stops: its events cannot be stored");
                self.failed = true;
                self.end().await;
                vec![]
            }
        }
    }

    fn session(&self) -> Option<&Session> {
        self.loaded.as_ref().map(|loaded| &loaded.session)
    }

    fn running_turn(&self) -> Option<TurnId> {
        self.session()?.running().map(|running| running.turn)
    }

    fn runtime_version(&self) -> String {
        self.services.runtime.status().version.unwrap_or_default()
    }

    fn recording(&self, process: ProcessId, output: AgentOutput) -> Recording {
        Recording {
            output,
            process,
            runtime_version: self.runtime_version(),
            node: self.services.settings.node.clone(),
            spare_turn: TurnId(Uuid::now_v7()),
        }
    }
}
