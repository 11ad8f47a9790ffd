//! The agents that have a process now, and what that takes of the machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use runner_core::ids::{ProcessId, SessionId, TenantId};
use runner_core::people::principal::Reach;
use runner_core::ports::{AgentInput, ProcessUsage};
use runner_core::time::Timestamp;

/// All of them. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct LiveAgents(Arc<Mutex<BTreeMap<ProcessId, LiveEntry>>>);

/// An agent that lives. It is forgotten when what [`LiveAgents::enter`] gave back is dropped.
#[derive(Clone)]
pub(crate) struct LiveEntry {
    pub(crate) session: SessionId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: String,
    pub(crate) started_at: Timestamp,
    pub(crate) input: Weak<dyn AgentInput>,
}

/// An agent's processes, and what they take.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredAgent {
    pub process: ProcessId,
    pub session: SessionId,
    pub owner: String,
    pub started_at: Timestamp,
    pub usage: ProcessUsage,
}

/// The place of an agent among those that live.
pub(crate) struct LivePlace {
    all: LiveAgents,
    process: ProcessId,
}

impl Drop for LivePlace {
    fn drop(&mut self) {
        self.all.lock().remove(&self.process);
    }
}

impl LiveAgents {
    pub(crate) fn enter(&self, process: ProcessId, entry: LiveEntry) -> LivePlace {
        self.lock().insert(process, entry);
        LivePlace { all: self.clone(), process }
    }

    /// Those of sessions within reach, the oldest first.
    pub(crate) async fn measure(&self, reach: &Reach) -> Vec<MeasuredAgent> {
        let live: Vec<(ProcessId, LiveEntry)> = {
            let all = self.lock();
            let seen = all.iter().filter(|(_, entry)| reach.covers(&entry.tenant, &entry.owner));
            seen.map(|(process, entry)| (*process, entry.clone())).collect()
        };
        let mut measured = vec![];
        for (process, LiveEntry { session, owner, started_at, input, .. }) in live {
            let Some(input) = input.upgrade() else { continue };
            if let Some(usage) = input.usage().await {
                measured.push(MeasuredAgent { process, session, owner, started_at, usage });
            }
        }
        measured
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProcessId, LiveEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
