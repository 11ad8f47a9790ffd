//! The cost of a turn: its own calls of models, or without a gateway the agent's word.
//!
//! The gateway sees every call, so a turn costs the calls that were made for it, whoever made them and
//! however they ended. Read models add a call that ends after its turn, or that a subagent makes then.
//! Where nothing passes the gateway (a login of Claude Code), the agent's account holds: newer versions tell
//! a turn's own spend, older ones a running total of their process.

use crate::ids::{ProcessId, TurnId};
use crate::session::event::{AgentCounter, CostBasis, TurnAccount};
use crate::session::{RunningTurn, Session};
use crate::spend::{ModelCall, ModelUse, Spend};

impl Session {
    /// The account of a turn of which the agent gave none.
    pub(super) fn estimated_account(&self, running: &RunningTurn) -> TurnAccount {
        let counter = self.last_reading(running.process);
        let share = running.earlier.plus(&self.estimated_share(running.process));
        self.turn_account(running, share, counter)
    }

    /// The account of a turn, given its process's counters at its end, and the turn's own spend if the agent
    /// told that.
    pub(super) fn account(
        &self,
        running: &RunningTurn,
        counter: AgentCounter,
        own: Option<Spend>,
    ) -> TurnAccount {
        let mut share = self.share(running.process, &counter);
        if let Some(own) = own {
            // The version that tells it goes on counting from process to process.
            let before = self.counter.as_ref().map_or(0, |(_, counter)| counter.duration_api_ms);
            let duration_api_ms = counter.duration_api_ms.saturating_sub(before);
            share = AgentCounter { spend: own, duration_api_ms };
        }
        self.turn_account(running, running.earlier.plus(&share), counter)
    }

    fn turn_account(&self, running: &RunningTurn, told: AgentCounter, counter: AgentCounter) -> TurnAccount {
        let AgentCounter { spend, duration_api_ms } =
            if self.is_behind_gateway { running.calls.clone() } else { told };
        TurnAccount { spend, duration_ms: 0, duration_api_ms, counter, cost_basis: CostBasis::Counted }
    }

    /// The newest counters that are known of a process.
    pub(super) fn last_reading(&self, process: ProcessId) -> AgentCounter {
        match &self.metered {
            Some((metered, counter)) if *metered == process => counter.clone(),
            Some(_) | None => self.counter_of(process),
        }
    }

    /// The spend of a process since the last turn ended, by its last reading.
    pub(super) fn estimated_share(&self, process: ProcessId) -> AgentCounter {
        self.share(process, &self.last_reading(process))
    }

    /// Counts a call for the turn that runs. One before the first turn is left to that; one of a turn that is
    /// over is added to it by the read models.
    pub(super) fn count_call(&mut self, turn: Option<TurnId>, call: ModelCall) {
        self.is_behind_gateway = true;
        self.spent.session += call.cost_micros;
        let Some(turn) = turn else {
            self.calls_before = self.calls_before.plus(&call.into());
            return;
        };
        if let Some(running) = self.running.as_mut().filter(|running| running.turn == turn) {
            self.spent.turn += call.cost_micros;
            running.calls = running.calls.plus(&call.into());
        }
    }

    /// The spend of a process since the last turn ended.
    fn share(&self, process: ProcessId, counter: &AgentCounter) -> AgentCounter {
        let before = self.counter_of(process);
        AgentCounter {
            spend: counter.spend.since(&before.spend),
            duration_api_ms: counter.duration_api_ms.saturating_sub(before.duration_api_ms),
        }
    }

    fn counter_of(&self, process: ProcessId) -> AgentCounter {
        match &self.counter {
            Some((counted, counter)) if *counted == process => counter.clone(),
            Some(_) | None => AgentCounter::default(),
        }
    }
}

impl From<ModelCall> for AgentCounter {
    fn from(call: ModelCall) -> Self {
        let ModelCall { model, usage, cost_micros, duration_ms, .. } = call;
        let used = ModelUse { usage, cost_micros };
        // A call that the API refused has used nothing of its model.
        let models = if used == ModelUse::default() { [].into() } else { [(model, used)].into() };
        Self { spend: Spend { cost_micros, models }, duration_api_ms: duration_ms }
    }
}
