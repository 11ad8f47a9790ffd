//! The cost of a turn: its process's own counters, or where the process never told them, the calls of a model
//! that were made meanwhile.
//!
//! The agent counts per process and tells at the end of a turn. If it cannot, because it died or the server
//! stopped, what is known is its last reading, which may be old or missing, and each call that passed the
//! gateway. Neither includes the other, both are of the same calls, and the one that knows of more holds.

use crate::ids::ProcessId;
use crate::money::MicroDollars;
use crate::session::event::{AgentCounter, TurnAccount};
use crate::session::{RunningTurn, Session};
use crate::spend::{CallOutcome, ModelCall, ModelUse, Spend, Usage};

impl Session {
    /// The account of a turn of which the agent gave none.
    pub(super) fn estimated_account(&self, running: &RunningTurn) -> TurnAccount {
        let process = running.process;
        let (known, reading) = (self.estimated_share(process), self.last_reading(process));
        let share = running.earlier.plus(&known);
        // If the process goes on after all, its next turn does not pay for this one again.
        let counted = self.counter_of(process).plus(&known);
        let counter = if counted.knows_of_more_than(&reading) { counted } else { reading };
        TurnAccount { spend: share.spend, duration_ms: 0, duration_api_ms: share.duration_api_ms, counter }
    }

    /// The account of a turn, given its process's counters at its end.
    pub(super) fn account(
        &self,
        running: &RunningTurn,
        counter: AgentCounter,
        duration_ms: u64,
    ) -> TurnAccount {
        let share = running.earlier.plus(&self.share(running.process, &counter));
        // The agent counts the time of its own process; with several the clock tells.
        let duration_ms = if running.attempt > 1 { 0 } else { duration_ms };
        TurnAccount { spend: share.spend, duration_ms, duration_api_ms: share.duration_api_ms, counter }
    }

    /// The newest counters that are known of a process.
    pub(super) fn last_reading(&self, process: ProcessId) -> AgentCounter {
        match &self.metered {
            Some((metered, counter)) if *metered == process => counter.clone(),
            Some(_) | None => self.counter_of(process),
        }
    }

    /// The spend of a process since the last turn ended, as far as it is known although the process has not
    /// told it.
    pub(super) fn estimated_share(&self, process: ProcessId) -> AgentCounter {
        let read = self.share(process, &self.last_reading(process));
        if self.uncounted.knows_of_more_than(&read) { self.uncounted.clone() } else { read }
    }

    /// The calls beside the conversation that a process made after its last turn, if that process is gone.
    /// The next turn pays for them, as it does where the process is the same.
    pub(super) fn take_uncounted(&mut self, process: ProcessId) -> AgentCounter {
        match &self.counter {
            Some((counted, _)) if *counted != process => std::mem::take(&mut self.uncounted),
            // The process's own counters have it.
            Some(_) | None => AgentCounter::default(),
        }
    }

    /// Notes a call until an account has it.
    pub(super) fn note_call(&mut self, call: ModelCall) {
        let ModelCall { model, outcome, usage, cost_micros, duration_ms, .. } = call;
        let is_late = match outcome {
            // The agent has given it up, with its turn.
            CallOutcome::CutOff | CallOutcome::Failed => self.running.is_none(),
            CallOutcome::Completed => false,
        };
        let is_free = usage == Usage::default() && cost_micros == MicroDollars::default();
        if is_late || is_free {
            return;
        }
        let models = [(model, ModelUse { usage, cost_micros })].into();
        let call = AgentCounter { spend: Spend { cost_micros, models }, duration_api_ms: duration_ms };
        self.uncounted = self.uncounted.plus(&call);
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

impl AgentCounter {
    /// By its cost; models that cost nothing are told by their tokens.
    fn knows_of_more_than(&self, other: &Self) -> bool {
        let size = |counter: &Self| {
            let usage = counter.spend.usage();
            let [read, created] = [usage.cache_read_input_tokens, usage.cache_creation_input_tokens];
            let tokens = [usage.input_tokens, usage.output_tokens, read, created];
            (counter.spend.cost_micros, tokens.into_iter().fold(0, u64::saturating_add))
        };
        size(self) > size(other)
    }
}
