//! Who let a tool be used where nobody was asked. Nothing of it is an event of its own: what passed the gate
//! waits here until its result comes, and the two are told together. A process that ends takes its calls
//! along, so what is left of them is told then.

use std::collections::BTreeMap;

use runner_core::agent::AgentOutput;
use runner_core::request::ToolGate;
use runner_core::session::action::GateAnswer;
use runner_core::session::command::SessionCommand;
use runner_core::session::gate::Allowance;

use super::SessionDriver;

/// The calls that the process was let use, and of which nothing was heard since, by their tool uses.
#[derive(Default)]
pub(super) struct LetThrough(BTreeMap<String, Allowance>);

impl LetThrough {
    fn add(&mut self, allowance: Allowance) {
        self.0.insert(allowance.tool_use_id.clone(), allowance);
    }

    /// A result gets who allowed it. What is asked about or refused after the gate is decided in the log.
    pub(super) fn hear(&mut self, output: &mut AgentOutput) {
        match output {
            AgentOutput::ToolReturned(returned) => {
                let allowance = self.0.remove(&returned.tool_use_id);
                returned.allowed_by = allowance.map(|allowance| allowance.decided_by);
            }
            AgentOutput::Asked { request, .. } => drop(self.0.remove(&request.tool_use_id)),
            AgentOutput::ToolRefused { tool_use_id, .. } => drop(self.0.remove(tool_use_id)),
            AgentOutput::Initialized(_)
            | AgentOutput::Text { .. }
            | AgentOutput::Thinking { .. }
            | AgentOutput::ToolUsed { .. }
            | AgentOutput::ToolGated(_)
            | AgentOutput::RequestWithdrawn { .. }
            | AgentOutput::ModeChanged { .. }
            | AgentOutput::Metered { .. }
            | AgentOutput::ModelCalled(_)
            | AgentOutput::BudgetExhausted(_)
            | AgentOutput::TaskStarted(_)
            | AgentOutput::TaskProgressed { .. }
            | AgentOutput::TaskFinished { .. }
            | AgentOutput::TaskListChanged(_)
            | AgentOutput::ApiRetried { .. }
            | AgentOutput::RateLimited { .. }
            | AgentOutput::ContextCompacted { .. }
            | AgentOutput::Other { .. }
            | AgentOutput::Delta(_)
            | AgentOutput::TurnEnded(_) => {}
        }
    }
}

impl SessionDriver {
    /// Remembers a call that passes the gate.
    pub(super) fn note_passage(&mut self, gate: &ToolGate, answer: &GateAnswer) {
        if self.agent.is_none() {
            return;
        }
        let allowance = self.session().and_then(|session| session.allowance(gate));
        let allowance = match answer {
            GateAnswer::Pass => allowance,
            GateAnswer::Allow(by) => {
                allowance.map(|allowance| Allowance { decided_by: by.clone(), ..allowance })
            }
            GateAnswer::Ask(_) | GateAnswer::Refuse(_) | GateAnswer::Settled(_) => None,
        };
        allowance.into_iter().for_each(|allowance| self.let_through.add(allowance));
    }

    /// Nothing comes back any more of what the process was let use.
    pub(super) async fn abandon_calls(&mut self) {
        let calls: Vec<Allowance> = std::mem::take(&mut self.let_through.0).into_values().collect();
        if !calls.is_empty() {
            self.record(vec![SessionCommand::AbandonCalls(calls)], "system").await;
        }
    }
}
