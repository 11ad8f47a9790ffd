//! Which keys calls are made with while the keys change.

use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use runner_core::ids::{ApiKeyId, CommandId, SecretId, SessionId, StreamId, TenantId};
use runner_core::log::chain::Verification;
use runner_core::log::{Append, Appended, Digest, RecordedEvent, StoredAggregate};
use runner_core::people::principal::Principal;
use runner_core::ports::model::{ModelKey, ModelKeys, ModelScope, SpendRecord};
use runner_core::ports::{AppendError, Clock, EventLog, ReadError};
use runner_core::setup::api_key::{ApiKey, Network};
use runner_core::setup::vault::{SealedFor, Vault, VaultError};
use runner_core::spend::{BudgetSpent, Payer, Spent};
use runner_core::time::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::memory_log::MemoryLog;
use super::samples::provenance;
use crate::{ApiKeys, KeyUse, NewKey, Repository, SessionKeys};

#[tokio::test]
async fn refusal_of_a_value_that_was_rotated_meanwhile_does_not_put_the_new_one_to_rest() {
    let world = World::open();
    let key = world.store("main", "old-value").await;
    let scope = scope();
    let old = world.keys.keys(&scope).await.unwrap().remove(0);
    world.rotate(key, "new-value").await;

    world.keys.refused(&scope, &old, 401).await;
    let after_the_old = world.find(key).await.last_refused;
    let new = world.keys.keys(&scope).await.unwrap().remove(0);
    world.keys.refused(&scope, &new, 401).await;

    assert_eq!((old.expose(), new.expose()), ("old-value", "new-value"));
    assert_eq!(after_the_old, None);
    assert!(world.find(key).await.last_refused.is_some());
}

#[tokio::test]
async fn key_that_is_rotated_while_it_is_read_is_served_with_its_new_value() {
    let world = World::open();
    let key = world.store("main", "old-value").await;
    *world.log.before_next_secret.lock().unwrap() = Some(key);

    let served = world.keys.keys(&scope()).await.unwrap();

    let values: Vec<_> = served.iter().map(ModelKey::expose).collect();
    assert_eq!(values, ["new-value"]);
}

#[tokio::test]
async fn key_that_does_not_open_is_passed_over() {
    let world = World::open();
    world.store("first", "damaged").await;
    world.store("second", "good-value").await;

    let served = world.keys.keys(&scope()).await.unwrap();

    let values: Vec<_> = served.iter().map(ModelKey::expose).collect();
    assert_eq!(values, ["good-value"]);
}

struct World {
    log: Arc<RotatingLog>,
    keys: SessionKeys<NobodysKey>,
}

impl World {
    fn open() -> Self {
        let log = Arc::new(RotatingLog::default());
        let repository = Repository::new(Arc::clone(&log) as Arc<dyn EventLog>);
        let own = ApiKeys::new(
            (repository, KeyUse::Used),
            Arc::new(PlainVault),
            Arc::new(NothingSpent),
            Arc::new(NoTime),
        );
        log.keys.set(own.clone()).ok();
        Self { log, keys: SessionKeys { own, base_url: None, operator: NobodysKey } }
    }

    async fn store(&self, name: &str, value: &str) -> ApiKeyId {
        let new = NewKey {
            name: name.into(),
            value: SecretString::from(value),
            last_four: "alue".into(),
            base_url: None,
            network: Network::Public,
            priority: 0,
            monthly_budget: None,
        };
        let key = self.keys.own.store(&Principal::local(), new, provenance()).await.unwrap();
        key.stored().unwrap().key
    }

    async fn rotate(&self, key: ApiKeyId, value: &str) {
        rotate(&self.keys.own, key, value).await;
    }

    async fn find(&self, key: ApiKeyId) -> ApiKey {
        self.keys.own.find(&Principal::local().own(), key).await.unwrap()
    }
}

async fn rotate(keys: &ApiKeys, key: ApiKeyId, value: &str) {
    let value = (SecretString::from(value), "alue".to_owned());
    keys.rotate(&Principal::local().own(), key, value, provenance()).await.unwrap();
}

fn scope() -> ModelScope {
    let Principal { tenant, name: owner, .. } = Principal::local();
    ModelScope { session: SessionId(Uuid::from_u128(1)), tenant, owner }
}

/// A log in which, on demand, a key is rotated just before its value is read.
#[derive(Default)]
struct RotatingLog {
    log: MemoryLog,
    keys: OnceLock<ApiKeys>,
    before_next_secret: Mutex<Option<ApiKeyId>>,
}

#[async_trait]
impl EventLog for RotatingLog {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.log.append(append).await
    }

    async fn read(&self, stream: StreamId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read(stream, after, limit).await
    }

    async fn find_command(
        &self,
        command: CommandId,
        request_hash: Digest,
    ) -> Result<Option<Appended>, AppendError> {
        self.log.find_command(command, request_hash).await
    }

    fn is_writable(&self) -> bool {
        self.log.is_writable()
    }

    async fn verify(&self, stream: StreamId) -> Result<Verification, ReadError> {
        self.log.verify(stream).await
    }

    async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> Result<Option<StoredAggregate>, ReadError> {
        self.log.load_aggregate(kind, stream).await
    }

    async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<StoredAggregate>, ReadError> {
        self.log.list_aggregates(kind, tenant).await
    }

    async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError> {
        let key = self.before_next_secret.lock().unwrap().take();
        if let Some(key) = key {
            rotate(self.keys.get().unwrap(), key, "new-value").await;
        }
        self.log.load_secret(secret).await
    }
}

/// Keeps values as they are.
pub(super) struct PlainVault;

impl Vault for PlainVault {
    fn seal(&self, value: &SecretString, _: &SealedFor) -> Result<Vec<u8>, VaultError> {
        Ok(value.expose_secret().as_bytes().to_vec())
    }

    fn open(&self, sealed: &[u8], _: &SealedFor) -> Result<SecretString, VaultError> {
        match std::str::from_utf8(sealed) {
            Ok("damaged") | Err(_) => Err(VaultError::Damaged),
            Ok(text) => Ok(SecretString::from(text)),
        }
    }
}

struct NothingSpent;

#[async_trait]
impl SpendRecord for NothingSpent {
    async fn spent_in_month(&self, _: &str, _: &Payer) -> Result<Spent, ReadError> {
        Ok(Spent::default())
    }
}

struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_795_343_053_000_000)
    }
}

#[derive(Debug)]
struct NobodysKey;

#[async_trait]
impl ModelKeys for NobodysKey {
    async fn keys(&self, _: &ModelScope) -> Result<Vec<ModelKey>, ReadError> {
        Ok(vec![])
    }

    async fn refused(&self, _: &ModelScope, _: &ModelKey, _: u16) {}

    async fn exhausted(&self, _: &ModelScope, _: &ModelKey, _: &BudgetSpent) {}
}
