//! What a session's actor does, step by step.
//!
//! State is only ever what the log says: it changes after an append was acknowledged, and after a failed
//! one it is dropped and read again.

mod commit;
mod interrupts;
mod lifetime;
mod place;
mod requests;
mod rights;
mod workspace;

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use runner_core::agent::{AgentOutput, PermissionMode};
use runner_core::ids::{CommandId, ProcessId, SessionId, TurnId};
use runner_core::log::event_log::Provenance;
use runner_core::ports::AgentError;
use runner_core::session::Session;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::event::{FailureCause, SessionEvent};
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::place::Place;
use self::requests::Questions;
use self::workspace::Watched;
use super::agent::{LiveAgent, Reach};
use super::{Committed, Execute, Heard, Insist, Rewind, SessionActor};
use crate::hub::{Hub, LiveDelta};
use crate::spares::Spares;
use crate::turns::Turns;
use crate::{RunnerError, Services};

/// The session as the log has it, and how far that is.
struct Loaded {
    session: Session,
    version: u64,
}

pub(super) struct Core {
    id: SessionId,
    services: Arc<Services>,
    hub: Arc<Hub>,
    turns: Arc<Turns>,
    spares: Arc<Spares>,
    place: Place,
    loaded: Option<Loaded>,
    agent: Option<LiveAgent>,
    reach: Arc<Reach>,
    draining: bool,
    finished: bool,
    /// The log failed; whether a turn runs is unknown until it is read again.
    failed: bool,
    /// The newest id that the agent told: its transcript is complete when it has that.
    last_told: Option<String>,
    /// The mode in which the process was started to ask about everything, until it has been told what was
    /// decided.
    strict: Option<PermissionMode>,
    /// What the turn's commands did to files.
    watched: Watched,
    /// The agent's files are being stored.
    keeping: Option<JoinHandle<()>>,
    /// Set when it could not be told whether the session may go on.
    pub(super) recheck: Option<Duration>,
    /// Set when a prompt waits for a limit to reset: how long still.
    pub(super) pause: Option<Duration>,
    /// Set when an interrupt should be looked after once more.
    pub(super) insist: Option<Insist>,
}

impl Core {
    pub(super) fn new(
        id: SessionId,
        services: Arc<Services>,
        (hub, turns, spares): (Arc<Hub>, Arc<Turns>, Arc<Spares>),
        reach: Arc<Reach>,
    ) -> Self {
        Self {
            id,
            services,
            hub,
            turns,
            spares,
            place: Place::None,
            loaded: None,
            agent: None,
            reach,
            draining: false,
            finished: false,
            failed: false,
            last_told: None,
            strict: None,
            watched: Watched::default(),
            keeping: None,
            recheck: None,
            pause: None,
            insist: None,
        }
    }

    /// Whether a turn runs, or may run, that does not wait for people. An actor that ends like this is
    /// started again and recovers.
    pub(super) fn is_busy(&self) -> bool {
        self.failed || (self.has_turn() && !self.session().is_some_and(Session::is_waiting))
    }

    fn has_turn(&self) -> bool {
        self.running_turn().is_some()
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

    pub(super) async fn submit(
        &mut self,
        message: Execute,
        address: &Addr<SessionActor>,
    ) -> Result<Committed, RunnerError> {
        let submitted = self.carry_through(message, address).await;
        // If there was an agent for this session, it is this session's by now.
        self.spares.abandon(self.id).await;
        submitted
    }

    async fn carry_through(
        &mut self,
        message: Execute,
        address: &Addr<SessionActor>,
    ) -> Result<Committed, RunnerError> {
        if self.draining {
            return Err(RunnerError::ShuttingDown);
        }
        let committed = self.execute(message.commands, message.provenance).await?;
        // The first request under this command id may have opened another session.
        self.finished = committed.appended.session() != self.id;
        if !self.finished && self.spares.is_claimed(self.id) {
            // It runs already, whether there is a place for a turn or not.
            self.warm_up_now(address).await;
        }
        self.carry_out(&committed.events).await;
        if committed.events.iter().any(|event| matches!(event, SessionEvent::SessionArchived { .. })) {
            self.check_rights(address).await;
        }
        self.deliver(address).await;
        self.advance(address).await;
        Ok(committed)
    }

    /// Tells the agent what changed for it. If it has just ended, the next one is started with it.
    async fn carry_out(&self, events: &[SessionEvent]) {
        let Some(agent) = &self.agent else { return };
        // One that takes up a turn is told its mode, and what was said to it, after the decision.
        let is_strict = self.strict.is_some();
        for event in events {
            let told = if let SessionEvent::ModelChanged { model, .. } = event {
                agent.input.change_model(model.as_deref()).await
            } else if is_strict {
                Ok(())
            } else if let SessionEvent::PermissionModeChanged { mode, .. } = event {
                agent.input.change_mode(*mode).await
            } else if let SessionEvent::PromptSteered { message, text, attachments, .. } = event {
                agent.input.prompt(*message, text, attachments).await
            } else {
                Ok(())
            };
            if told.is_err() {
                return;
            }
        }
    }

    /// The agent keeps what files were like; it is started for this if it has to be.
    pub(super) async fn rewind(
        &mut self,
        message: Rewind,
        address: &Addr<SessionActor>,
    ) -> Result<Committed, RunnerError> {
        let Rewind { turn, by, provenance } = message;
        if let Some(request_hash) = provenance.request_hash
            && let Some(appended) = self.services.log.find_command(provenance.command, request_hash).await?
        {
            return Ok(Committed { appended, events: vec![] });
        }
        // Refused before anything is changed on disk.
        let record = |files| SessionCommand::RecordRewind { turn, files, by: by.clone() };
        self.load().await?.session.decide(record(vec![]))?;
        self.refuse_if_revoked().await?;
        self.start_agent(ProcessId(Uuid::now_v7()), None, address).await?;
        let Some(agent) = &self.agent else { return Err(RunnerError::from(AgentError::Ended)) };
        let files = match agent.input.rewind(turn).await {
            Err(AgentError::Refused(why)) => return Err(RunnerError::NothingToRewind(why)),
            files => files?,
        };
        self.execute(vec![record(files)], provenance).await
    }

    /// How long the model's API will go on answering nothing.
    fn rest_of_limit(&self) -> Option<Duration> {
        let until = self.session()?.limited_until()?;
        let rest = until.as_micros().saturating_sub(self.services.clock.now().as_micros());
        u64::try_from(rest).ok().filter(|rest| *rest > 0).map(Duration::from_micros)
    }

    pub(super) async fn hear(&mut self, message: Heard, address: &Addr<SessionActor>) {
        let Heard { process, mut outputs } = message;
        let turn = self.running_turn();
        if turn.is_none()
            && outputs.iter().any(|output| matches!(output, AgentOutput::Initialized(_)))
            && self.end_if_revoked().await
        {
            outputs.retain(AgentOutput::is_spending);
        }
        let mut commands = Vec::new();
        let mut questions = Questions::default();
        for output in outputs {
            if let AgentOutput::Delta(delta) = output {
                self.hub.publish_delta(self.id, LiveDelta { turn, delta: Arc::new(delta) });
            } else {
                self.note(&output, &mut questions);
                commands.extend(self.seen_before(&output).await);
                commands.push(SessionCommand::Record(Box::new(self.recording(process, output))));
            }
        }
        if commands.is_empty() {
            return;
        }
        if let Some(metered) = self.prepare_to_wait(&questions).await {
            commands.insert(0, SessionCommand::Record(Box::new(self.recording(process, metered))));
        }
        let events = self.record(commands, "agent").await;
        self.look_before(&questions.gates).await;
        self.answer(questions, &events).await;
        if events.iter().any(|event| event.ended_turn().is_some()) {
            self.keep_after_turn();
            self.retire_if_budgeted().await;
        }
        self.advance(address).await;
    }

    /// Begins the next turn if a prompt waits and none runs.
    pub(super) async fn advance(&mut self, address: &Addr<SessionActor>) {
        while !self.draining && !self.finished && !self.failed && !self.has_turn() {
            self.give_place_back();
            let Some(next) = self.session().and_then(Session::next_prompt).cloned() else { return };
            if self.agent.as_ref().is_some_and(LiveAgent::is_ending) {
                return; // The end of this agent begins the turn, with another one.
            }
            if let Some(pause) = self.rest_of_limit() {
                self.pause = Some(pause);
                return;
            }
            if self.end_if_revoked().await {
                return;
            }
            if !self.ask_for_place() {
                return;
            }
            self.retire_if_trust_changed().await;
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
            if let Err(error) = self.start_agent(process, None, address).await {
                let (cause, detail) = (FailureCause::AgentUnavailable, error.to_string());
                self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
                continue;
            }
            self.end_strictness().await;
            if let Some(agent) = &self.agent {
                // If it has just ended, its end closes the turn.
                agent.input.prompt(next.turn, &next.text, &next.attachments).await.ok();
            }
        }
    }

    /// Stores what cannot be refused to anybody. If that fails the actor ends: what is not in the log
    /// must not go on happening.
    async fn record(&mut self, commands: Vec<SessionCommand>, actor: &str) -> Vec<SessionEvent> {
        let command = CommandId(Uuid::now_v7());
        let provenance = Provenance {
            actor: actor.to_owned(),
            request_id: None,
            address: None,
            command,
            request_hash: None,
        };
        match self.execute(commands, provenance).await {
            Ok(committed) => {
                self.forget_files(&committed.events);
                committed.events
            }
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
