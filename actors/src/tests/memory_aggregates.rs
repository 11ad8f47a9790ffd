//! Aggregates in memory: the whole of the port, but for durability.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use runner_core::ids::{SecretId, StreamId, TenantId};
use runner_core::log::aggregate::{Change, StoredAggregate};
use runner_core::log::event_log::Appended;
use runner_core::ports::{AggregateLog, AppendError, ReadError};

#[derive(Default)]
pub(super) struct MemoryAggregates {
    stored: Mutex<BTreeMap<StreamId, (&'static str, StoredAggregate)>>,
    secrets: Mutex<BTreeMap<SecretId, Vec<u8>>>,
}

#[async_trait]
impl AggregateLog for MemoryAggregates {
    async fn append_change(&self, change: Change) -> Result<Appended, AppendError> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let (stream, tenant) = (change.stream, change.tenant);
        let before = stored.get(&stream).map_or(0, |(_, stored)| stored.version);
        if let Some(expected) = change.expected_version.filter(|expected| *expected != before) {
            return Err(AppendError::Conflict { expected, actual: before });
        }
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in change.secrets {
            match secret.sealed {
                Some(sealed) => drop(secrets.insert(secret.id, sealed)),
                None => drop(secrets.remove(&secret.id)),
            }
        }
        let version = before + u64::try_from(change.events.len()).unwrap();
        let state = change.state.unwrap_or_default();
        stored.insert(stream, (change.kind, StoredAggregate { stream, tenant, version, state }));
        Ok(Appended { stream, first_version: before + 1, last_version: version, replayed: false })
    }

    async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> Result<Option<StoredAggregate>, ReadError> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stored.get(&stream).filter(|(own, _)| *own == kind).map(|(_, stored)| stored.clone()))
    }

    async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<StoredAggregate>, ReadError> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = stored.values().filter(|(own, _)| *own == kind).map(|(_, stored)| stored);
        Ok(of_kind.filter(|stored| tenant.is_none_or(|tenant| *tenant == stored.tenant)).cloned().collect())
    }

    async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(&secret).cloned())
    }
}
