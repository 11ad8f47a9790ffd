//! What a hook would have made of calls that have happened, beside what was decided about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Session;
use super::event::{Asked, Decided, HookOutcome, RequestEvent, SessionEvent, ToolEvent};
use super::hooks_in_force::HooksInForce;
use crate::log::Aggregate;
use crate::people::audit::decision::{CallNature, NatureOfCall};
use crate::request::{DecidedBy, Decision, ToolGate};

/// A session that is told once more, with a hook.
#[derive(Debug)]
pub struct Simulation<'a> {
    session: Session,
    hooks: &'a HooksInForce,
    nature: NatureOfCall,
    calls: Vec<SimulatedCall>,
    /// The tool uses of requests.
    asked: BTreeMap<String, String>,
}

/// A call to which the hook would have applied.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedCall {
    /// Of the event that tells of it.
    pub version: u64,
    pub tool_use_id: String,
    pub tool_name: String,
    /// What it was about: a command, a path, a host.
    pub target: Option<String>,
    /// What the hook would have come to.
    pub outcome: HookOutcome,
    pub message: Option<String>,
    /// What was decided about it; absent where nothing was, as where it never came as far as that.
    pub decision: Option<(Decision, DecidedBy)>,
}

impl<'a> Simulation<'a> {
    pub fn new(hooks: &'a HooksInForce, nature: NatureOfCall) -> Self {
        Self { session: Session::default(), hooks, nature, calls: vec![], asked: BTreeMap::new() }
    }

    /// Takes in the event that follows.
    pub fn apply(&mut self, version: u64, event: &SessionEvent) {
        match event {
            SessionEvent::Tool(event) => self.apply_tool(version, event),
            SessionEvent::Request(RequestEvent::Asked(Asked { request, .. })) => {
                self.asked.insert(request.request_id.clone(), request.tool_use_id.clone());
            }
            SessionEvent::Request(RequestEvent::Decided(Decided { settlement, .. })) => {
                if let Some(tool_use_id) = self.asked.get(&settlement.request_id).cloned() {
                    self.decide(&tool_use_id, settlement.decision, &settlement.decided_by);
                }
            }
            SessionEvent::Request(RequestEvent::Released { .. } | RequestEvent::Withdrawn { .. })
            | SessionEvent::Lifecycle(_)
            | SessionEvent::Prompt(_)
            | SessionEvent::Turn(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Message(_)
            | SessionEvent::Files(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_)
            | SessionEvent::Setting(_)
            | SessionEvent::Hook(_) => {}
        }
        self.session.apply(event.clone());
    }

    /// The calls to which the hook would have applied, in order.
    pub fn into_calls(self) -> Vec<SimulatedCall> {
        self.calls
    }

    fn apply_tool(&mut self, version: u64, event: &ToolEvent) {
        match event {
            ToolEvent::Used { tool_use_id, name, input, .. } => {
                self.judge(version, (tool_use_id, name), input)
            }
            ToolEvent::Returned { tool_use_id, decided_by: Some(by), .. }
            | ToolEvent::Abandoned { tool_use_id, decided_by: by, .. } => {
                self.decide(tool_use_id, Decision::Allow, by);
            }
            ToolEvent::Returned { decided_by: None, .. } => {}
            ToolEvent::PolicyApplied { tool_use_id, decision, decided_by, .. } => {
                self.decide(tool_use_id, *decision, decided_by);
            }
        }
    }

    fn judge(&mut self, version: u64, (tool_use_id, tool_name): (&str, &str), input: &Value) {
        let CallNature { effect, target } = (self.nature)(tool_name, input);
        let gate = ToolGate {
            gate_id: String::new(),
            tool_use_id: tool_use_id.to_owned(),
            tool_name: tool_name.to_owned(),
            effect,
            target: target.clone(),
            input: Arc::new(input.clone()),
        };
        let Some(turn) = self.session.last_turn() else { return };
        let evaluated = self.session.evaluated(turn, &gate, self.hooks).pop();
        self.calls.extend(evaluated.map(|evaluated| SimulatedCall {
            version,
            tool_use_id: gate.tool_use_id,
            tool_name: gate.tool_name,
            target,
            outcome: evaluated.outcome,
            message: evaluated.message,
            decision: None,
        }));
    }

    /// The last word about a call is what was decided.
    fn decide(&mut self, tool_use_id: &str, decision: Decision, by: &DecidedBy) {
        let mut calls = self.calls.iter_mut().rev();
        if let Some(call) = calls.find(|call| call.tool_use_id == tool_use_id) {
            call.decision = Some((decision, by.clone()));
        }
    }
}
