//! What is to be done about what was decided. The rules say so together with the events; whoever has appended
//! those carries the actions out, in their order, and re-derives nothing from the state.
//!
//! An action is named by what it is for. Whether there is a process to tell, a slot for a turn, or a right to
//! go on, only the server knows that runs the session.

use serde_json::Value;

use crate::agent::{AgentOutput, BackgroundWork, PermissionMode};
use crate::ids::{ProcessId, TurnId};
use crate::log::Effects;
use crate::request::{AgentRequest, DecidedBy, DeciderKind, Decision, RequestKind, ToolGate};
use crate::session::command::SessionCommand;
use crate::session::error::SessionError;
use crate::session::event::{
    BackgroundEvent, HookEvent, Initiator, LifecycleEvent, PromptEvent, RequestEvent, SessionEvent,
    SettingEvent, ToolEvent, TurnEvent, TurnResumed,
};
use crate::session::gate::GateRule;
use crate::session::hooks::HookVerdict;
use crate::session::requests::SettledRequest;
use crate::session::{QueuedPrompt, Session, SteeredPrompt};
use crate::setup::extension::hook::HookRef;

/// Something to be done by the server that runs the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Begin with the prompt that waited longest.
    BeginTurn,
    /// Take the oldest decision to the agent: to the process that waits for it, or to a new one.
    DeliverDecision,
    /// Start the process that works on the turn, if it does not run yet.
    StartAgent {
        process: ProcessId,
        /// The tool use at which it takes up the conversation.
        resume_at: Option<String>,
    },
    /// Give the agent the prompt of the turn that has begun.
    SendPrompt(QueuedPrompt),
    /// Give the agent a prompt beside that of its turn.
    Steer(SteeredPrompt),
    ChangeMode(PermissionMode),
    ChangeModel(Option<String>),
    /// Ask the agent to stop its turn.
    Interrupt(TurnId),
    /// Have the agent end work beside its conversation.
    StopWork {
        task_id: String,
    },
    /// Tell the agent whether a tool use may come to its own rules.
    AnswerGate {
        gate: ToolGate,
        /// What the agent reads if a rule has refused the call.
        refusal: Option<String>,
        /// What hooks make of it otherwise.
        hooked: Option<HookVerdict>,
        /// What the tool is to be used with instead of what it came with.
        updated_input: Option<Value>,
    },
    /// Ask the program of a hook about a tool use.
    CallHook {
        gate: ToolGate,
        hook: HookRef,
    },
    /// What has changed in the folder until now was not done by the command that was decided about.
    ResnapshotFolder,
    /// Tell the agent what was decided about a tool use, under the id of the request that it waits for.
    AnswerRequest {
        request_id: String,
        tool_use_id: String,
    },
    /// Tell a process that was started to ask about everything which mode the session is in, and what people
    /// said to its turn meanwhile.
    CatchUp {
        started_in: PermissionMode,
    },
    /// The turn is over: store the agent's files, and forget what the folder was like.
    CloseTurn,
    /// The agent's process must not work on another turn.
    RetireAgent,
    /// The agent's process must not do anything more.
    KillAgent,
    /// See whether what runs may go on.
    CheckRights,
}

/// What becomes of a tool use at its gate.
#[derive(Clone, Debug, PartialEq)]
pub enum GateAnswer {
    /// The agent's own rules decide.
    Pass,
    /// People are asked whatever those say; and why.
    Ask(String),
    /// A hook lets it through without asking anybody.
    Allow(DecidedBy),
    /// What the agent reads.
    Refuse(String),
    /// It was decided about before the process was started.
    Settled(Box<SettledRequest>),
}

/// What the agent waits for with a command: noted before the command is consumed by its rule.
enum Waiting {
    Nothing,
    AtGate(ToolGate),
    ForRequest { request_id: String, tool_use_id: String },
    ForRelease,
    ToBeStopped,
}

impl Waiting {
    fn of(command: &SessionCommand) -> Self {
        if matches!(command, SessionCommand::Release { .. }) {
            return Self::ForRelease;
        }
        if matches!(command, SessionCommand::RequestInterrupt { .. }) {
            return Self::ToBeStopped;
        }
        let SessionCommand::Record(recording) = command else { return Self::Nothing };
        if let AgentOutput::ToolGated(gate) = &recording.output {
            return Self::AtGate(gate.clone());
        }
        let AgentOutput::Asked { request, .. } = &recording.output else { return Self::Nothing };
        let (request_id, tool_use_id) = (request.request_id.clone(), request.tool_use_id.clone());
        Self::ForRequest { request_id, tool_use_id }
    }
}

impl Session {
    /// The events that a command leads to, and what is to be done about them.
    pub(super) fn effects_of(
        &self,
        command: SessionCommand,
    ) -> Result<Effects<SessionEvent, Action>, SessionError> {
        let waiting = Waiting::of(&command);
        let events = self.events_of(command)?;
        let mut actions = self.answers(waiting, &events);
        actions.extend(events.iter().flat_map(|event| self.reactions(event)));
        Ok(Effects { events, actions })
    }

    /// What is to be done about an event, whoever has appended it; `self` is the session before it.
    pub fn reactions(&self, event: &SessionEvent) -> Vec<Action> {
        match event {
            SessionEvent::Prompt(event) => self.reactions_to_prompt(event),
            SessionEvent::Turn(event) => self.reactions_to_turn(event),
            SessionEvent::Request(event) => self.reactions_to_request(event),
            SessionEvent::Setting(event) => self.reactions_to_setting(event),
            SessionEvent::Lifecycle(LifecycleEvent::Archived { .. }) => vec![Action::CheckRights],
            SessionEvent::Background(BackgroundEvent::StopRequested { task_id, .. }) => {
                let is_told = self.has_process(task_id);
                is_told.then(|| Action::StopWork { task_id: task_id.clone() }).into_iter().collect()
            }
            // The agent works with the keys of the one before.
            SessionEvent::Lifecycle(LifecycleEvent::HandedOver { .. }) => {
                vec![Action::KillAgent, Action::DeliverDecision]
            }
            SessionEvent::Lifecycle(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Message(_)
            | SessionEvent::Tool(_)
            | SessionEvent::Files(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_)
            | SessionEvent::Hook(_) => vec![],
        }
    }

    fn reactions_to_prompt(&self, event: &PromptEvent) -> Vec<Action> {
        match event {
            PromptEvent::Submitted { .. } if self.running.is_none() => vec![Action::BeginTurn],
            PromptEvent::Submitted { .. } | PromptEvent::Withdrawn { .. } => vec![],
            PromptEvent::Steered { message, text, attachments, .. } => {
                let (message, text, attachments) = (*message, text.clone(), attachments.clone());
                self.unless_it_asks_everything(Action::Steer(SteeredPrompt { message, text, attachments }))
            }
        }
    }

    fn reactions_to_turn(&self, event: &TurnEvent) -> Vec<Action> {
        match event {
            TurnEvent::Started { turn, initiator: Initiator::Prompt, process, .. } => {
                self.begin(*turn, *process)
            }
            // The agent is at work on it already. What asks for an interrupt has the agent asked, see
            // `answers`.
            TurnEvent::Started { initiator: Initiator::Agent, .. } | TurnEvent::InterruptRequested { .. } => {
                vec![]
            }
            TurnEvent::Resumed(resumed) => vec![self.take_up_again(resumed)],
            TurnEvent::Parked { .. } => vec![Action::KillAgent],
            // It went on elsewhere.
            TurnEvent::Continued { .. } => vec![],
            TurnEvent::Completed(_) | TurnEvent::Failed { .. } | TurnEvent::Interrupted { .. } => {
                self.close_turn()
            }
        }
    }

    fn reactions_to_request(&self, event: &RequestEvent) -> Vec<Action> {
        match event {
            // What holds without a person is handed to the agent with the event itself.
            RequestEvent::Decided(decided) if decided.settlement.decided_by.kind == DeciderKind::User => {
                vec![Action::DeliverDecision]
            }
            RequestEvent::Released { process, .. } => self.catch_up(*process).into_iter().collect(),
            RequestEvent::Asked(_) | RequestEvent::Decided(_) | RequestEvent::Withdrawn { .. } => vec![],
        }
    }

    fn reactions_to_setting(&self, event: &SettingEvent) -> Vec<Action> {
        match event {
            SettingEvent::PermissionModeChanged { mode, by } if by.kind == DeciderKind::User => {
                self.unless_it_asks_everything(Action::ChangeMode(*mode))
            }
            // The agent changed it by itself.
            SettingEvent::PermissionModeChanged { .. } => vec![],
            SettingEvent::ModelChanged { model, .. } => vec![Action::ChangeModel(model.clone())],
            // A process stays in the folder in which it began.
            SettingEvent::WorkingDirChanged { .. } => vec![Action::RetireAgent],
        }
    }

    /// What the agent is answered. This comes before what the events lead to.
    fn answers(&self, waiting: Waiting, events: &[SessionEvent]) -> Vec<Action> {
        match waiting {
            Waiting::Nothing => vec![],
            Waiting::AtGate(gate) => {
                let refusal = events.iter().find_map(refusal);
                if let Some(hook) = events.iter().find_map(called) {
                    return vec![Action::CallHook { gate, hook }];
                }
                let hooked = events.iter().find_map(HookVerdict::of);
                let updated_input = events.iter().rev().find_map(updated_input);
                vec![Action::AnswerGate { gate, refusal, hooked, updated_input }]
            }
            Waiting::ForRequest { request_id, tool_use_id } => {
                let is_released = |event: &SessionEvent| {
                    matches!(event, SessionEvent::Request(RequestEvent::Released { .. }))
                };
                let is_known = self.released(&tool_use_id).is_some() || events.iter().any(is_released);
                is_known.then_some(Action::AnswerRequest { request_id, tool_use_id }).into_iter().collect()
            }
            Waiting::ForRelease => self.awaited().map(release).unwrap_or_default(),
            Waiting::ToBeStopped => {
                let working = match &self.running {
                    Some(running) => (!running.parked).then_some(running.turn),
                    None => self.last_turn().filter(|_| self.queue.is_empty() && self.has_background_work()),
                };
                working.map(Action::Interrupt).into_iter().collect()
            }
        }
    }

    fn begin(&self, turn: TurnId, process: ProcessId) -> Vec<Action> {
        let prompt = self.queue.iter().find(|queued| queued.turn == turn).cloned();
        [Some(Action::StartAgent { process, resume_at: None }), self.catch_up(process)]
            .into_iter()
            .chain([prompt.map(Action::SendPrompt)])
            .flatten()
            .collect()
    }

    fn take_up_again(&self, resumed: &TurnResumed) -> Action {
        let request = self.undelivered().map(|settled| &settled.open.request);
        let resume_at = request.and_then(|request| self.resume_at(&[], request));
        Action::StartAgent { process: resumed.process, resume_at }
    }

    /// A process that asks about everything is told the rest when it has the decision that it was started
    /// with.
    fn unless_it_asks_everything(&self, action: Action) -> Vec<Action> {
        if self.asks_everything.is_some() { vec![] } else { vec![action] }
    }

    fn catch_up(&self, process: ProcessId) -> Option<Action> {
        let (asking, started_in) = self.asks_everything?;
        (asking == process).then_some(Action::CatchUp { started_in })
    }

    fn close_turn(&self) -> Vec<Action> {
        let has_budget =
            self.opened.as_ref().is_some_and(|opened| opened.options.max_budget_micros.is_some());
        // The agent counts its budget per process, and a turn's is meant.
        let retire = has_budget.then_some(Action::RetireAgent);
        let next = (!self.queue.is_empty()).then_some(Action::BeginTurn);
        [Some(Action::CloseTurn), retire, next].into_iter().flatten().collect()
    }

    /// The mode in which a process was started to ask about everything, until it has the decision that it was
    /// started with.
    pub fn asks_everything(&self) -> Option<PermissionMode> {
        self.asks_everything.map(|(_, mode)| mode)
    }

    /// What holds for a tool use now. The mode may have changed since a rule refused it in the same breath of
    /// the agent; then the stricter one holds.
    pub fn gate_answer(
        &self,
        gate: &ToolGate,
        refusal: Option<String>,
        hooked: Option<HookVerdict>,
    ) -> GateAnswer {
        if self.is_denied_when_asked(&gate.tool_use_id) {
            return GateAnswer::Ask("it was decided about before".to_owned());
        }
        if let Some(settled) = self.released(&gate.tool_use_id) {
            return GateAnswer::Settled(Box::new(settled.clone()));
        }
        match (refusal, self.gate_rule(gate.effect), hooked) {
            (Some(message), _, _) => GateAnswer::Refuse(message),
            (None, GateRule::Refuse(message), _) => GateAnswer::Refuse(message.to_owned()),
            (None, GateRule::Ask(_) | GateRule::Pass, Some(HookVerdict::Ask(why))) => GateAnswer::Ask(why),
            (None, GateRule::Ask(_) | GateRule::Pass, Some(HookVerdict::Allow(by)))
                if self.may_be_spared(gate.effect) =>
            {
                GateAnswer::Allow(by)
            }
            (None, GateRule::Ask(why), _) => GateAnswer::Ask(why.to_owned()),
            (None, GateRule::Pass, _) => GateAnswer::Pass,
        }
    }

    /// The mode that an agent goes back to with the decision about its plan.
    pub fn mode_after(&self, settled: &SettledRequest) -> Option<PermissionMode> {
        let is_approved_plan =
            settled.open.kind == RequestKind::Plan && settled.settlement.decision == Decision::Allow;
        self.mode_before_plan().filter(|_| is_approved_plan)
    }

    /// The tool use at which the main conversation stands while a request waits. A subagent cannot be taken
    /// up in the middle: it begins again. `new` has those that began in the same breath of the agent.
    pub fn resume_at(&self, new: &[BackgroundWork], request: &AgentRequest) -> Option<String> {
        match &request.subagent {
            Some(subagent) => {
                let new = new.iter().find(|task| task.task_id == *subagent);
                new.or_else(|| self.background_work(subagent))?.tool_use_id.clone()
            }
            None => Some(request.tool_use_id.clone()),
        }
    }
}

fn release(settled: &SettledRequest) -> Vec<Action> {
    let request = &settled.open.request;
    let runs_command =
        request.effect.may_change_files_untold() && settled.settlement.decision == Decision::Allow;
    let (request_id, tool_use_id) = (request.request_id.clone(), request.tool_use_id.clone());
    let answer = Action::AnswerRequest { request_id, tool_use_id };
    runs_command.then_some(Action::ResnapshotFolder).into_iter().chain([answer]).collect()
}

fn called(event: &SessionEvent) -> Option<HookRef> {
    let SessionEvent::Hook(HookEvent::Called(called)) = event else { return None };
    Some(called.hook.clone())
}

fn updated_input(event: &SessionEvent) -> Option<Value> {
    let SessionEvent::Hook(HookEvent::Evaluated(evaluated)) = event else { return None };
    evaluated.updated_input.clone()
}

fn refusal(event: &SessionEvent) -> Option<String> {
    let SessionEvent::Tool(ToolEvent::PolicyApplied { message, .. }) = event else { return None };
    Some(message.clone())
}
