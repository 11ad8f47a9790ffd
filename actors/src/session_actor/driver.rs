//! What a session's actor does, step by step.
//!
//! State is only ever what the log says: it changes after an append was acknowledged, and after a failed one
//! it is dropped and read again. What is to be done about an append comes from the rules as [`Action`]s,
//! which wait in `todo` and are worked off before the mailbox is free again. None of them waits for the
//! agent: it is left an errand.

mod commit;
mod hooks;
mod interrupts;
mod let_through;
mod lifetime;
mod requests;
mod rewind;
mod rights;
mod slot;
mod starting;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use runner_core::agent::AgentOutput;
use runner_core::ids::{CommandId, ProcessId, SessionId, TurnId};
use runner_core::log::Provenance;
use runner_core::session::Session;
use runner_core::session::action::Action;
use runner_core::session::command::{Recording, SessionCommand};
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::session::revoked::Revoked;
use runner_core::setup::extension::active::ActiveExtensions;
use runner_core::setup::extension::hook::rules::HookRules;
use runner_core::setup::trust::Trust;
use tokio::sync::watch;
use uuid::Uuid;

use self::hooks::HeldCalls;
use self::let_through::LetThrough;
use self::slot::Slot;
use super::agent_reports::{AgentSaid, Said};
use super::agent_task::{AgentLine, Errand, SharedSession, Telling};
use super::reminders::RetryInterrupt;
use super::{Committed, Execute};
use crate::extensions::live::{AgentOwner, Noted};
use crate::hub::LiveDelta;
use crate::{RunnerError, Services, Shared};

/// The session as the log has it, and how far that is.
struct Loaded {
    session: Arc<Session>,
    version: u64,
}

/// The process that works for the session, from when its start is an errand until it is given up.
struct Agent {
    process: ProcessId,
    /// What was known of its folder when it was started.
    trust: Trust,
    /// What it was extended with.
    extensions: Arc<ActiveExtensions>,
    /// The hooks by which its calls are judged: those of now, where it went on when they were changed.
    hooks: Arc<HookRules>,
    /// What it said of its MCP servers, for as long as it works here.
    servers: Option<Noted>,
    /// Why it was killed, if it was because a right is gone.
    revoked: Option<Revoked>,
    /// Whether it was stopped because it did not react.
    is_stopped: bool,
    /// Has it killed at once, whatever it is being told.
    killed: watch::Sender<bool>,
}

impl Agent {
    /// Whether it takes no prompt any more, though what it said last may still be on its way.
    fn is_ending(&self) -> bool {
        self.is_stopped || self.revoked.is_some()
    }
}

pub(super) struct SessionDriver {
    id: SessionId,
    services: Arc<Services>,
    shared: Shared,
    slot: Slot,
    loaded: Option<Loaded>,
    /// The same for the task beside the mailbox.
    state: SharedSession,
    /// Absent before the actor has started, and after the agent was given its last errand.
    line: Option<AgentLine>,
    agent: Option<Agent>,
    let_through: LetThrough,
    held: HeldCalls,
    todo: VecDeque<Action>,
    draining: bool,
    finished: bool,
    /// The log failed; whether a turn runs is unknown until it is read again.
    failed: bool,
    /// The agent puts files back: no turn begins.
    rewinding: bool,
    /// Set when it could not be told whether the session may go on.
    pub(super) recheck: Option<Duration>,
    /// Set when a prompt waits for a limit to reset: how long still.
    pub(super) pause: Option<Duration>,
    /// Set when an interrupt should be looked after once more.
    pub(super) retry_interrupt: Option<RetryInterrupt>,
}

impl SessionDriver {
    pub(super) fn new(id: SessionId, services: Arc<Services>, shared: Shared) -> Self {
        Self {
            id,
            services,
            shared,
            slot: Slot::None,
            loaded: None,
            state: SharedSession::default(),
            line: None,
            agent: None,
            let_through: LetThrough::default(),
            held: HeldCalls::default(),
            todo: VecDeque::new(),
            draining: false,
            finished: false,
            failed: false,
            rewinding: false,
            recheck: None,
            pause: None,
            retry_interrupt: None,
        }
    }

    pub(super) fn shared_session(&self) -> SharedSession {
        self.state.clone()
    }

    pub(super) fn use_agent(&mut self, line: AgentLine) {
        self.line = Some(line);
    }

    /// Whether a turn runs, or may run, that does not wait for people. An actor that ends like this is
    /// started again and recovers.
    pub(super) fn is_busy(&self) -> bool {
        self.failed || (self.has_turn() && !self.session().is_some_and(Session::is_waiting))
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

    pub(super) async fn submit(&mut self, message: Execute) -> Result<Committed, RunnerError> {
        let submitted = self.carry_through(message).await;
        // If there was an agent for this session, it is this session's by now.
        self.shared.spares.abandon(self.id).await;
        submitted
    }

    async fn carry_through(&mut self, message: Execute) -> Result<Committed, RunnerError> {
        if self.draining {
            return Err(RunnerError::ShuttingDown);
        }
        self.refuse_what_hooks_block(&message.commands).await?;
        let committed = self.execute(message.commands, message.provenance).await?;
        // The first request under this command id may have opened another session.
        self.finished = committed.appended.session() != self.id;
        if !self.finished && self.shared.spares.is_claimed(self.id) {
            // It runs already, whether there is a slot for a turn or not.
            self.warm_up_now().await;
        }
        Ok(committed)
    }

    pub(super) async fn hear(&mut self, AgentSaid { process, mut said }: AgentSaid) {
        if self.agent.as_ref().is_none_or(|agent| agent.process != process) {
            return; // It was given up.
        }
        let turn = self.running_turn();
        let begins_by_itself = |said: &Said| {
            let Said::Output(output) = said else { return false };
            matches!(**output, AgentOutput::Initialized(_))
        };
        if turn.is_none() && said.iter().any(begins_by_itself) && self.end_if_revoked().await {
            said.retain(|said| matches!(said, Said::Output(output) if output.is_spending()));
        }
        let is_at_gate = |said: &Said| {
            let Said::Output(output) = said else { return false };
            matches!(**output, AgentOutput::ToolGated(_))
        };
        let hooks = match said.iter().any(is_at_gate) {
            true => self.hooks_in_force().await,
            false => HooksInForce::default(),
        };
        let mut commands = Vec::with_capacity(said.len());
        for said in said {
            match said {
                Said::Changes(report) => commands.push(SessionCommand::RecordWorkspace(report)),
                Said::Delta(delta) => {
                    self.shared.hub.publish_delta(self.id, LiveDelta { turn, delta: Arc::new(delta) });
                }
                Said::Output(mut output) => {
                    self.let_through.hear(&mut output);
                    self.note_servers(&output);
                    let recording = Recording { hooks: hooks.clone(), ..self.recording(process, *output) };
                    commands.push(SessionCommand::Record(Box::new(recording)));
                }
            }
        }
        if !commands.is_empty() {
            self.record(commands, "agent").await;
        }
    }

    /// Shows what the agent says of its MCP servers to those who look at them.
    fn note_servers(&mut self, output: &AgentOutput) {
        let AgentOutput::Initialized(profile) = output else { return };
        let opened = self.loaded.as_ref().and_then(|loaded| loaded.session.opened());
        let (Some(agent), Some(opened)) = (&mut self.agent, opened) else { return };
        let (session, tenant, owner) = (self.id, opened.tenant.clone(), opened.owner.clone());
        let owner = AgentOwner { session, tenant, owner };
        // What it said before is forgotten first.
        agent.servers = None;
        agent.servers =
            self.services.extensions.live.note((agent.process, owner), &agent.extensions, profile);
    }

    /// Carries out what follows from what was appended, until nothing does.
    pub(super) async fn work_off(&mut self) {
        while let Some(action) = self.todo.pop_front() {
            if self.finished || self.failed {
                self.todo.clear();
                return;
            }
            self.perform(action).await;
        }
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::BeginTurn => self.begin_turn().await,
            Action::DeliverDecision => self.deliver_decision().await,
            Action::StartAgent { process, resume_at } => self.start_agent_of_turn(process, resume_at).await,
            Action::SendPrompt(prompt) => self.tell(Telling::Prompt(prompt)),
            Action::Steer(prompt) => self.tell(Telling::Steer(prompt)),
            Action::ChangeMode(mode) => self.tell(Telling::ChangeMode(mode)),
            Action::ChangeModel(model) => self.tell(Telling::ChangeModel(model)),
            Action::Interrupt(turn) => self.ask_to_stop(turn, 0),
            Action::StopWork { task_id } => self.tell(Telling::StopWork { task_id }),
            Action::CallHook { gate, hook } => self.call_hook(gate, hook.id).await,
            Action::AnswerGate { gate, refusal, hooked, updated_input } => {
                self.held.forget(&gate.tool_use_id);
                let session = self.session();
                if let Some(answer) = session.map(|session| session.gate_answer(&gate, refusal, hooked)) {
                    self.note_passage(&gate, &answer);
                    self.tell(Telling::AnswerGate { gate, answer, updated_input });
                }
            }
            Action::ResnapshotFolder => self.tell(Telling::ResnapshotFolder),
            Action::AnswerRequest { request_id, tool_use_id } => self.answer(request_id, &tool_use_id),
            Action::CatchUp { started_in } => {
                let Some(session) = self.session() else { return };
                let mode = Some(session.permission_mode()).filter(|mode| *mode != started_in);
                let steered = session.steered().to_vec();
                self.tell(Telling::CatchUp { mode, steered });
            }
            Action::CloseTurn => self.leave(Errand::CloseTurn),
            Action::RetireAgent => self.retire_agent().await,
            Action::KillAgent => self.kill_agent().await,
            Action::CheckRights => self.check_rights().await,
        }
    }

    /// Says something to the agent, if there is one.
    fn tell(&self, telling: Telling) {
        if self.agent.is_some() {
            self.leave(Errand::Tell(telling));
        }
    }

    fn leave(&self, errand: Errand) {
        if self.line.as_ref().is_some_and(|line| !line.leave(errand)) {
            tracing::error!(session.id = %self.id, "an agent is killed: it takes nothing of what it is told");
            if let Some(agent) = &self.agent {
                agent.killed.send_replace(true);
            }
        }
    }

    /// Stores what cannot be refused to anybody. If that fails the actor ends: what is not in the log must
    /// not go on happening.
    async fn record(&mut self, commands: Vec<SessionCommand>, actor: &str) {
        if let Err(error) = self.execute(commands, by(actor)).await {
            let error = &error as &dyn std::error::Error;
            if self.shared.hub.stall(self.id) {
                tracing::error!(session.id = %self.id, error, "a session stops: its events cannot be stored");
            } else {
                tracing::debug!(session.id = %self.id, error, "a session stops again");
            }
            (self.failed, self.finished) = (true, true);
        }
    }

    fn session(&self) -> Option<&Session> {
        self.loaded.as_ref().map(|loaded| &*loaded.session)
    }

    fn has_turn(&self) -> bool {
        self.running_turn().is_some()
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
            hooks: HooksInForce::default(),
        }
    }
}

/// On behalf of the server itself, or of the agent.
fn by(actor: &str) -> Provenance {
    Provenance::of(actor, CommandId(Uuid::now_v7()))
}
