//! People's API keys as the outside uses them: store, list, change, rotate, remove; and which of them a
//! session's calls are made with.
//!
//! A value comes in once, is sealed at once, and leaves the vault only on its way to the model's API, as a
//! [`ModelKey`]. A person who stored keys uses those and no other:
//! a key that the API refuses is passed over for the next, and when none is left, the call fails, also when
//! that person has disabled all of them.
//! Whoever has none uses the operator's (`serving.rs`).

mod serving;

use std::sync::Arc;

use runner_core::ids::{ApiKeyId, SecretId, StreamId};
use runner_core::log::{Aggregate as _, LogStream, Provenance, SecretChange};
use runner_core::money::MicroDollars;
use runner_core::people::principal::{Principal, Reach};
use runner_core::ports::model::{KeyTrial, KeyVerdict, ModelKey, SpendRecord};
use runner_core::ports::{AppendError, Clock, ReadError};
use runner_core::setup::api_key::event::{ApiKeyEvent, StoredKey};
use runner_core::setup::api_key::{
    ApiKey, ApiKeyCommand, ApiKeyRefusal, KeyChange, KeyCheck, MAX_KEYS, Network,
};
use runner_core::setup::vault::{SealedFor, Vault, VaultError};
use runner_core::spend::{Payer, Spent};
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use crate::store::{ChangeError, Decided, Loaded, Repository};
pub use serving::SessionKeys;

/// Why a key was not stored or changed.
#[derive(Debug, Error)]
pub enum ApiKeyError {
    #[error("there is no such key")]
    NotFound,
    #[error("another of the keys is called so")]
    NameTaken,
    #[error("nobody may keep more than {MAX_KEYS} keys")]
    TooMany,
    #[error("the API does not accept this key: it answered {status}")]
    KeyRefused { status: u16 },
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The request's key was used for something else.
    #[error("the key was used for a different request")]
    CommandReused,
    #[error("too much is waiting to be stored")]
    Overloaded,
    #[error("the event log cannot be written")]
    LogUnavailable(#[source] AppendError),
    #[error("the keys cannot be read")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A key to be stored.
#[derive(Debug)]
pub struct NewKey {
    pub name: String,
    pub value: SecretString,
    pub last_four: String,
    pub base_url: Option<String>,
    /// Where that may lie, by who stores it.
    pub network: Network,
    pub priority: u32,
    pub monthly_budget: Option<MicroDollars>,
}

/// Whether calls are made with stored keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    Used,
    /// The operator asked for the offline model or for a login: keys are kept for later.
    Unused,
}

/// The handle on all keys. Clones share everything.
#[derive(Clone)]
pub struct ApiKeys {
    repository: Repository,
    key_use: KeyUse,
    vault: Arc<dyn Vault>,
    record: Arc<dyn SpendRecord>,
    clock: Arc<dyn Clock>,
    /// Absent where keys are stored as they are told.
    trial: Option<Trial>,
    /// Held by whoever decides something that depends on several keys.
    deciding: Arc<tokio::sync::Mutex<()>>,
}

/// How keys are tried, and the API of those that name none.
#[derive(Clone)]
struct Trial {
    port: Arc<dyn KeyTrial>,
    base_url: Option<String>,
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

impl ApiKeys {
    pub fn new(
        (repository, key_use): (Repository, KeyUse),
        vault: Arc<dyn Vault>,
        record: Arc<dyn SpendRecord>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { repository, key_use, vault, record, clock, trial: None, deciding: Arc::default() }
    }

    /// Tries each key before it is stored; `base_url` is the API of those that name none.
    pub fn trying(self, port: Arc<dyn KeyTrial>, base_url: Option<String>) -> Self {
        Self { trial: Some(Trial { port, base_url }), ..self }
    }

    /// What was spent with a key in this calendar month of UTC.
    pub async fn spent_this_month(&self, key: ApiKeyId) -> Result<Spent, ApiKeyError> {
        Ok(self.record.spent_in_month(&self.clock.now().month(), &Payer::Key(key.0)).await?)
    }

    /// The keys within reach, in the order in which they are tried.
    pub async fn list(&self, reach: &Reach) -> Result<Vec<ApiKey>, ApiKeyError> {
        let stored = self.repository.list::<ApiKey>(Some(&reach.tenant)).await?;
        let mut keys: Vec<ApiKey> = stored.into_iter().map(|loaded| loaded.state).collect();
        keys.retain(|key| key.stored().is_some_and(|stored| reach.covers(&reach.tenant, &stored.owner)));
        keys.sort_by_key(|key| {
            key.stored().map(|stored| (stored.owner.clone(), stored.priority, stored.key))
        });
        Ok(keys)
    }

    pub async fn find(&self, reach: &Reach, key: ApiKeyId) -> Result<ApiKey, ApiKeyError> {
        Ok(self.load(reach, key).await?.state)
    }

    pub async fn store(
        &self,
        owner: &Principal,
        new: NewKey,
        provenance: Provenance,
    ) -> Result<ApiKey, ApiKeyError> {
        let checked = self.check(&new.value, (new.base_url.as_deref(), new.network)).await?;
        let _deciding = self.deciding.lock().await;
        let own = self.list(&owner.own()).await?;
        if own.len() >= MAX_KEYS {
            return Err(ApiKeyError::TooMany);
        }
        if is_taken(&own, &new.name) {
            return Err(ApiKeyError::NameTaken);
        }
        let stored = StoredKey {
            key: ApiKeyId(Uuid::now_v7()),
            owner: owner.name.clone(),
            name: new.name,
            secret: SecretId(Uuid::now_v7()),
            last_four: new.last_four,
            checked,
            base_url: new.base_url,
            network: new.network,
            priority: new.priority,
            monthly_budget_micros: new.monthly_budget,
            at: self.clock.now(),
        };
        let bound_to = bound_to(owner, &stored.owner, stored.secret);
        let sealed = self.vault.seal(&new.value, &bound_to)?;
        let secrets = vec![SecretChange { id: stored.secret, sealed: Some(sealed) }];
        let stream = LogStream::of::<ApiKey>(StreamId(stored.key.0), owner.tenant.clone());
        let store = |key: &Loaded<ApiKey>| {
            let events = key.state.decide(ApiKeyCommand::Store(stored.clone()))?.events;
            Ok(Decided { events, secrets: secrets.clone() })
        };
        self.change_at(stream, provenance, store).await
    }

    pub async fn change(
        &self,
        reach: &Reach,
        key: ApiKeyId,
        changes: Vec<KeyChange>,
        provenance: Provenance,
    ) -> Result<ApiKey, ApiKeyError> {
        let _deciding = self.deciding.lock().await;
        let loaded = self.load(reach, key).await?;
        let name = changes.iter().find_map(|change| match change {
            KeyChange::Name(name) => Some(name),
            KeyChange::Enabled
            | KeyChange::Disabled
            | KeyChange::Priority(_)
            | KeyChange::MonthlyBudget(_) => None,
        });
        if let (Some(name), Some(stored)) = (name, loaded.state.stored()) {
            let of_owner = Reach { tenant: loaded.tenant.clone(), owner: Some(stored.owner.clone()) };
            let mut others = self.list(&of_owner).await?;
            others.retain(|other| other.stored().is_some_and(|other| other.key != key));
            if is_taken(&others, name) {
                return Err(ApiKeyError::NameTaken);
            }
        }
        let stream = LogStream::of::<ApiKey>(loaded.stream, loaded.tenant);
        let changed = self.repository.execute(stream, ApiKeyCommand::Change(changes), provenance);
        Ok(changed.await?.aggregate.state)
    }

    /// Puts a new value in place of the old one, which is destroyed.
    pub async fn rotate(
        &self,
        reach: &Reach,
        key: ApiKeyId,
        (value, last_four): (SecretString, String),
        provenance: Provenance,
    ) -> Result<ApiKey, ApiKeyError> {
        let loaded = self.load(reach, key).await?;
        let stored = loaded.state.stored().ok_or(ApiKeyError::NotFound)?;
        let checked = self.check(&value, (stored.base_url.as_deref(), stored.network)).await?;
        let owner = stored.owner.clone();
        let (secret, at) = (SecretId(Uuid::now_v7()), self.clock.now());
        let bound_to = SealedFor { tenant: loaded.tenant.clone(), owner, secret };
        let sealed = self.vault.seal(&value, &bound_to)?;
        let rotate = |key: &Loaded<ApiKey>| {
            let old = key.state.stored().map(|stored| stored.secret);
            let last_four = last_four.clone();
            let events = key.state.decide(ApiKeyCommand::Rotate { secret, last_four, checked, at })?.events;
            let new = SecretChange { id: secret, sealed: Some(sealed.clone()) };
            let secrets = old.map(|id| SecretChange { id, sealed: None }).into_iter().chain([new]).collect();
            Ok(Decided { events, secrets })
        };
        self.change_at(LogStream::of::<ApiKey>(loaded.stream, loaded.tenant), provenance, rotate).await
    }

    /// Destroys a key. Its history stays.
    pub async fn remove(
        &self,
        reach: &Reach,
        key: ApiKeyId,
        provenance: Provenance,
    ) -> Result<(), ApiKeyError> {
        let loaded = self.load(reach, key).await?;
        let remove = |key: &Loaded<ApiKey>| {
            let old = key.state.stored().map(|stored| SecretChange { id: stored.secret, sealed: None });
            let events = key.state.decide(ApiKeyCommand::Remove)?.events;
            Ok(Decided { events, secrets: old.into_iter().collect() })
        };
        self.change_at(LogStream::of::<ApiKey>(loaded.stream, loaded.tenant), provenance, remove)
            .await
            .map(drop)
    }

    /// What the API says to a key that is to be stored; an error if it does not take it. Nobody is asked
    /// where stored keys are not used.
    async fn check(
        &self,
        value: &SecretString,
        (base_url, network): (Option<&str>, Network),
    ) -> Result<Option<KeyCheck>, ApiKeyError> {
        let Some(trial) = self.trial.as_ref().filter(|_| self.key_use == KeyUse::Used) else {
            return Ok(None);
        };
        let (address, network) = address((base_url, network), trial.base_url.as_deref());
        let key = ModelKey::new(None, address, value.clone()).within(network);
        match trial.port.try_key(&key).await {
            KeyVerdict::Accepted => Ok(Some(KeyCheck::Accepted)),
            KeyVerdict::Unclear => Ok(Some(KeyCheck::Unclear)),
            KeyVerdict::Unreachable => Ok(Some(KeyCheck::Unreachable)),
            KeyVerdict::Refused { status } => Err(ApiKeyError::KeyRefused { status }),
        }
    }

    /// Destroys all keys within reach, after another change and under the command of the same request.
    pub async fn remove_all(&self, reach: &Reach, provenance: Provenance) -> Result<(), ApiKeyError> {
        let provenance = Provenance { request_hash: None, ..provenance };
        for key in self.list(reach).await? {
            let Some(stored) = key.stored() else { continue };
            self.remove(reach, stored.key, provenance.clone()).await?;
        }
        Ok(())
    }

    async fn load(&self, reach: &Reach, key: ApiKeyId) -> Result<Loaded<ApiKey>, ApiKeyError> {
        let loaded = self.repository.load::<ApiKey>(StreamId(key.0)).await?;
        let found = loaded.filter(|loaded| {
            let stored = loaded.state.stored();
            stored.is_some_and(|stored| reach.covers(&loaded.tenant, &stored.owner))
        });
        found.ok_or(ApiKeyError::NotFound)
    }

    async fn change_at(
        &self,
        stream: LogStream,
        provenance: Provenance,
        decide: impl Fn(&Loaded<ApiKey>) -> Result<Decided<ApiKeyEvent>, ApiKeyRefusal>,
    ) -> Result<ApiKey, ApiKeyError> {
        Ok(self.repository.change(stream, provenance, decide).await?.aggregate.state)
    }
}

fn is_taken(keys: &[ApiKey], name: &str) -> bool {
    keys.iter().filter_map(ApiKey::stored).any(|stored| stored.name == name)
}

/// Where a key is valid, and where that may lie. The server's own address is the operator's choice.
fn address(
    (base_url, network): (Option<&str>, Network),
    servers_own: Option<&str>,
) -> (Option<String>, Network) {
    match base_url {
        Some(address) => (Some(address.to_owned()), network),
        None => (servers_own.map(str::to_owned), Network::Any),
    }
}

fn bound_to(principal: &Principal, owner: &str, secret: SecretId) -> SealedFor {
    SealedFor { tenant: principal.tenant.clone(), owner: owner.to_owned(), secret }
}

impl From<ChangeError<ApiKeyRefusal>> for ApiKeyError {
    fn from(error: ChangeError<ApiKeyRefusal>) -> Self {
        match error {
            ChangeError::Refused(ApiKeyRefusal::NoSuchKey | ApiKeyRefusal::AlreadyStored) => Self::NotFound,
            ChangeError::Append(AppendError::CommandReused) => Self::CommandReused,
            // Too many changed the same at once.
            ChangeError::Append(AppendError::Overloaded | AppendError::Conflict { .. }) => Self::Overloaded,
            ChangeError::Append(error @ AppendError::Unavailable(_)) => Self::LogUnavailable(error),
            ChangeError::Read(error) => Self::Unexpected(error.into()),
        }
    }
}

impl From<ReadError> for ApiKeyError {
    fn from(error: ReadError) -> Self {
        Self::Unexpected(error.into())
    }
}
