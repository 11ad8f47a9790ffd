//! The extensions of each team, as they were read last: every turn that begins looks at them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runner_core::ids::TenantId;

use super::StoredExtension;

#[derive(Default)]
pub(super) struct Cache(Mutex<State>);

#[derive(Default)]
struct State {
    by_tenant: HashMap<TenantId, Arc<Vec<StoredExtension>>>,
    /// Counts changes: what was read before one is not kept after it.
    epoch: u64,
}

impl Cache {
    /// What is kept for a team; else what [`Cache::keep`] wants to be told.
    pub(super) fn find(&self, tenant: &TenantId) -> Result<Arc<Vec<StoredExtension>>, u64> {
        let state = self.lock();
        state.by_tenant.get(tenant).map(Arc::clone).ok_or(state.epoch)
    }

    pub(super) fn keep(&self, tenant: TenantId, all: Arc<Vec<StoredExtension>>, epoch: u64) {
        let mut state = self.lock();
        if state.epoch == epoch {
            state.by_tenant.insert(tenant, all);
        }
    }

    pub(super) fn forget(&self, tenant: &TenantId) {
        let mut state = self.lock();
        state.epoch += 1;
        state.by_tenant.remove(tenant);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
