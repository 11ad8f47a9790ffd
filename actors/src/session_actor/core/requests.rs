//! What the agent asks: keeping what is needed to go on without its process, and taking decisions to it.

use actix::Addr;
use runner_core::agent::{AgentOutput, AgentTask};
use runner_core::ids::ProcessId;
use runner_core::ports::{AgentError, AgentFile, GateVerdict};
use runner_core::request::{AgentRequest, Decision, RequestKind, ToolGate};
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{FailureCause, SessionEvent};
use runner_core::session::gate::GateRule;
use runner_core::session::requests::SettledRequest;
use uuid::Uuid;

use super::Core;
use super::workspace::Watched;
use crate::session_actor::SessionActor;

/// What the agent waits for after one batch of what it said.
#[derive(Default)]
pub(super) struct Questions {
    pub(super) gates: Vec<ToolGate>,
    requests: Vec<AgentRequest>,
    /// Tasks that began in the same batch, which the session does not know yet.
    tasks: Vec<AgentTask>,
}

impl Core {
    /// Remembers what has to be answered, and what the transcript will have in the end.
    pub(super) fn note(&mut self, output: &AgentOutput, questions: &mut Questions) {
        if let AgentOutput::ToolGated(gate) = output {
            questions.gates.push(gate.clone());
        } else if let AgentOutput::Asked { request, .. } = output {
            questions.requests.push(request.clone());
        } else if let AgentOutput::TaskStarted(task) = output {
            questions.tasks.push(task.clone());
        } else if let AgentOutput::Text { message_id: told, parent_tool_use_id: None, .. }
        | AgentOutput::Thinking { message_id: told, parent_tool_use_id: None, .. }
        | AgentOutput::ToolUsed { tool_use_id: told, parent_tool_use_id: None, .. } = output
        {
            self.last_told = Some(told.clone());
        }
    }

    /// Before a request is known to wait, everything is stored that another process needs to go on, and
    /// what was spent is read: waiting may end without an account.
    pub(super) async fn prepare_to_wait(&mut self, questions: &Questions) -> Option<AgentOutput> {
        let session = self.session()?;
        let is_new = |asked: &&AgentRequest| session.released(&asked.tool_use_id).is_none();
        let mark = questions
            .requests
            .iter()
            .rfind(is_new)
            .map(|request| resume_at(session, &questions.tasks, request))?;
        if let Some(mark) = mark {
            self.kept().await;
            let files = self.services.runtime.files(self.id, &mark).await;
            if let Err(error) = self.services.files.save(self.id, &files).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %self.id, error, "the agent's files were not stored");
            }
        }
        self.agent.as_ref()?.input.meter().await.ok()
    }

    /// The agent writes the end of its transcript a little later, and nobody waits for that.
    pub(super) fn keep_after_turn(&mut self) {
        let Some(mark) = self.last_told.take() else { return };
        let (id, services, earlier) = (self.id, self.services.clone(), self.keeping.take());
        self.keeping = Some(actix::spawn(async move {
            if let Some(earlier) = earlier {
                earlier.await.ok(); // The later state is stored later.
            }
            let files = services.runtime.files(id, &mark).await;
            if let Err(error) = services.files.save(id, &files).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %id, error, "the agent's files were not stored");
            }
        }));
    }

    /// Waits until the agent's files are stored.
    pub(super) async fn kept(&mut self) {
        if let Some(keeping) = self.keeping.take() {
            keeping.await.ok();
        }
    }

    pub(super) async fn kept_files(&mut self) -> Result<Vec<AgentFile>, AgentError> {
        self.kept().await;
        let loaded = self.services.files.load(self.id).await;
        loaded.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "the agent's files cannot be read");
            AgentError::NotStarted("its files cannot be read".to_owned())
        })
    }

    /// Answers what holds without asking people. If the agent has ended, nobody waits for it.
    pub(super) async fn answer(&mut self, questions: Questions, events: &[SessionEvent]) {
        self.answer_all(&questions, events).await;
        if events.iter().any(|event| matches!(event, SessionEvent::RequestReleased { .. })) {
            self.end_strictness().await;
        }
    }

    /// A process that took up a turn is told what it missed: the session's mode, and what people said to
    /// the turn. A message that its conversation has already is not said twice.
    pub(super) async fn end_strictness(&mut self) {
        let Some(mode) = self.strict.take() else { return };
        let files = self.services.files.load(self.id).await.unwrap_or_default();
        let (Some(agent), Some(session)) = (&self.agent, self.session()) else { return };
        // If it has just ended, its end closes the turn.
        if session.permission_mode() != mode {
            agent.input.change_mode(session.permission_mode()).await.ok();
        }
        for steered in session.steered() {
            if !files.iter().any(|file| contains(&file.bytes, &steered.turn.to_string())) {
                agent.input.prompt(steered.turn, &steered.text, &steered.attachments).await.ok();
            }
        }
    }

    async fn answer_all(&self, questions: &Questions, events: &[SessionEvent]) {
        let (Some(agent), Some(session)) = (&self.agent, self.session()) else { return };
        for gate in &questions.gates {
            // The mode may have changed since in the same breath of the agent; then the stricter one holds.
            let rule = session.gate_rule(gate.effect);
            let verdict = match (session.released(&gate.tool_use_id), refusal(events, gate), rule) {
                (Some(settled), _, _) => GateVerdict::Settled(settled),
                (None, Some(message), _) | (None, None, GateRule::Refuse(message)) => {
                    GateVerdict::Refuse(message)
                }
                (None, None, GateRule::Ask(why)) => GateVerdict::Ask(why),
                (None, None, GateRule::Pass) => GateVerdict::Pass,
            };
            agent.input.answer_gate(&gate.gate_id, verdict).await.ok();
        }
        for request in &questions.requests {
            if let Some(settled) = session.released(&request.tool_use_id) {
                self.tell(&request.request_id, settled).await;
            }
        }
    }

    /// Takes decisions that people made to the agent: to the process that waits, or to a new one.
    pub(super) async fn deliver(&mut self, address: &Addr<SessionActor>) {
        while !self.draining && !self.finished {
            let has_decision = self.session().is_some_and(|session| session.undelivered().is_some());
            if has_decision && self.end_if_revoked().await {
                return;
            }
            let Some(session) = self.session() else { return };
            let running = session.running();
            if running.is_some_and(|running| running.parked || self.agent.is_none()) {
                if let Some(settled) = session.undelivered().cloned()
                    && self.ask_for_place()
                {
                    self.resume(&settled, address).await;
                }
                return;
            }
            let (Some(agent), Some(settled)) = (&self.agent, session.awaited().cloned()) else { return };
            let process = agent.process;
            self.look_again(&settled).await;
            if self.record(vec![SessionCommand::Release { process }], "system").await.is_empty() {
                return;
            }
            self.tell(&settled.open.request.request_id, &settled).await;
        }
    }

    /// What the process did beside the conversation has ended with it.
    pub(super) async fn close_tasks(&mut self) {
        let is_needed =
            self.session().is_some_and(|session| session.has_tasks() || !session.waiting().is_empty());
        if is_needed {
            self.record(vec![SessionCommand::CloseTasks], "system").await;
        }
    }

    async fn tell(&self, request_id: &str, settled: &SettledRequest) {
        let (Some(agent), Some(session)) = (&self.agent, self.session()) else { return };
        let is_approved_plan =
            settled.open.kind == RequestKind::Plan && settled.settlement.decision == Decision::Allow;
        let mode_after = session.mode_before_plan().filter(|_| is_approved_plan);
        // If it has just ended, its end closes the turn.
        agent.input.answer(request_id, settled, mode_after).await.ok();
    }

    /// Starts a process that goes on where the decision was waited for.
    async fn resume(&mut self, settled: &SettledRequest, address: &Addr<SessionActor>) {
        let at = self.session().and_then(|session| resume_at(session, &[], &settled.open.request));
        let process = ProcessId(Uuid::now_v7());
        self.watched = Watched::default();
        let take_up = SessionCommand::Resume {
            process,
            runtime_version: self.runtime_version(),
            node: self.services.settings.node.clone(),
        };
        if self.record(vec![take_up], "system").await.is_empty() {
            return;
        }
        if let Err(error) = self.start_agent(process, at, address).await {
            let (cause, detail) = (FailureCause::AgentUnavailable, error.to_string());
            self.record(vec![SessionCommand::FailTurn { cause, detail }], "system").await;
        }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The tool use at which the main conversation stands while a request waits. A subagent cannot be taken
/// up in the middle: it begins again.
fn resume_at(session: &Session, new: &[AgentTask], request: &AgentRequest) -> Option<String> {
    match &request.subagent {
        Some(subagent) => {
            let new = new.iter().find(|task| task.task_id == *subagent);
            new.or_else(|| session.task(subagent))?.tool_use_id.clone()
        }
        None => Some(request.tool_use_id.clone()),
    }
}

fn refusal<'a>(events: &'a [SessionEvent], gate: &ToolGate) -> Option<&'a str> {
    events.iter().find_map(|event| {
        let SessionEvent::PolicyApplied { tool_use_id, message, .. } = event else { return None };
        (*tool_use_id == gate.tool_use_id).then_some(message.as_str())
    })
}
