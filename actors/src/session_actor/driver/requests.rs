//! Taking decisions to the agent: to the process that waits, or to a new one.

use runner_core::ids::{ProcessId, TurnId};
use runner_core::session::Session;
use runner_core::session::action::Action;
use runner_core::session::command::SessionCommand;
use uuid::Uuid;

use super::{Agent, SessionDriver};
use crate::session_actor::agent_task::Telling;

impl SessionDriver {
    pub(super) async fn deliver_decision(&mut self) {
        let has_decision = self.session().is_some_and(Session::has_undelivered);
        if self.draining || !has_decision || self.end_if_revoked().await {
            return;
        }
        if self.agent.as_ref().is_some_and(Agent::is_ending) {
            return; // The end of this agent parks the turn, and another one gets the decision.
        }
        let Some(session) = self.session() else { return };
        let is_parked = session.running().is_some_and(|running| running.parked || self.agent.is_none());
        let is_awaited = session.awaited().is_some();
        if session.decided_when_parked().is_some() {
            let turn = TurnId(Uuid::now_v7());
            self.record(vec![SessionCommand::ReportDecision { turn }], "system").await;
            self.todo.push_back(Action::DeliverDecision); // There may be another one.
        } else if is_parked && session.undelivered().is_some() {
            if self.acquire_slot() {
                self.take_turn_up().await;
            }
        } else if let (Some(agent), true) = (&self.agent, is_awaited) {
            let process = agent.process;
            self.record(vec![SessionCommand::Release { process }], "system").await;
            self.todo.push_back(Action::DeliverDecision); // There may be another one.
        }
    }

    /// Another process goes on where the decision was waited for.
    async fn take_turn_up(&mut self) {
        let take_up = SessionCommand::Resume {
            process: ProcessId(Uuid::now_v7()),
            runtime_version: self.runtime_version(),
            node: self.services.settings.node.clone(),
        };
        self.record(vec![take_up], "system").await;
    }

    /// Tells the agent what was decided about a tool use.
    pub(super) fn answer(&self, request_id: String, tool_use_id: &str) {
        let Some(session) = self.session() else { return };
        let Some(settled) = session.released(tool_use_id) else { return };
        let mode_after = session.mode_after(settled);
        self.tell(Telling::AnswerRequest { request_id, settled: Box::new(settled.clone()), mode_after });
    }
}
