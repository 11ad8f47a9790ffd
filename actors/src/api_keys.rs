//! People's API keys as the outside uses them: store, list, change, rotate, remove; and which of them a
//! session's calls are made with.
//!
//! A value comes in once, is sealed at once, and leaves the vault only on its way to the model's API, as a
//! [`ModelKey`]. Whoever has keys of his own uses those and no other: one that the API refuses is passed
//! over for the next, and when none is left, the call fails. Whoever has none uses the operator's.

use std::sync::Arc;

use async_trait::async_trait;
use runner_core::aggregate::SecretChange;
use runner_core::api_key::event::{ApiKeyEvent, Refusal, StoredKey};
use runner_core::api_key::{ApiKey, ApiKeyCommand, ApiKeyRefusal, KeyChange, MAX_KEYS};
use runner_core::event_log::Provenance;
use runner_core::ids::{ApiKeyId, CommandId, SecretId, StreamId};
use runner_core::model_access::{ModelKey, ModelKeys, ModelScope, Payer, SpendRecord, Spent};
use runner_core::money::MicroDollars;
use runner_core::ports::{AppendError, Clock, ReadError};
use runner_core::principal::{Principal, Reach};
use runner_core::vault::{SealedFor, Vault, VaultError};
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use crate::aggregates::{Aggregates, ChangeError, Decided, Loaded};

/// Why a key was not stored or changed.
#[derive(Debug, Error)]
pub enum ApiKeyError {
    #[error("there is no such key")]
    NotFound,
    #[error("another of the keys is called so")]
    NameTaken,
    #[error("nobody may keep more than {MAX_KEYS} keys")]
    TooMany,
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
    aggregates: Aggregates,
    key_use: KeyUse,
    vault: Arc<dyn Vault>,
    record: Arc<dyn SpendRecord>,
    clock: Arc<dyn Clock>,
    /// Held by whoever decides something that depends on several keys.
    deciding: Arc<tokio::sync::Mutex<()>>,
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

impl ApiKeys {
    pub fn new(
        (aggregates, key_use): (Aggregates, KeyUse),
        vault: Arc<dyn Vault>,
        record: Arc<dyn SpendRecord>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { aggregates, key_use, vault, record, clock, deciding: Arc::default() }
    }

    /// What was spent with a key in this calendar month of UTC.
    pub async fn spent_this_month(&self, key: ApiKeyId) -> Result<Spent, ApiKeyError> {
        Ok(self.record.spent_in_month(&self.clock.now().month(), &Payer::Key(key.0)).await?)
    }

    /// The keys within reach, in the order in which they are tried.
    pub async fn list(&self, reach: &Reach) -> Result<Vec<ApiKey>, ApiKeyError> {
        let stored = self.aggregates.list::<ApiKey>(Some(&reach.tenant)).await?;
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
        let _deciding = self.deciding.lock().await;
        let own = self.list(&owner.own()).await?;
        if own.len() >= MAX_KEYS {
            return Err(ApiKeyError::TooMany);
        }
        if own.iter().filter_map(ApiKey::stored).any(|stored| stored.name == new.name) {
            return Err(ApiKeyError::NameTaken);
        }
        let stored = StoredKey {
            key: ApiKeyId(Uuid::now_v7()),
            owner: owner.name.clone(),
            name: new.name,
            secret: SecretId(Uuid::now_v7()),
            last_four: new.last_four,
            base_url: new.base_url,
            priority: new.priority,
            monthly_budget_micros: new.monthly_budget,
            at: self.clock.now(),
        };
        let bound_to = bound_to(owner, &stored.owner, stored.secret);
        let sealed = self.vault.seal(&new.value, &bound_to)?;
        let secrets = vec![SecretChange { id: stored.secret, sealed: Some(sealed) }];
        let place = (StreamId(stored.key.0), owner.tenant.clone());
        let store = |key: &Loaded<ApiKey>| {
            let events = key.state.decide(ApiKeyCommand::Store(stored.clone()))?;
            Ok(Decided { events, secrets: secrets.clone() })
        };
        self.change_at(place, provenance, store).await
    }

    pub async fn change(
        &self,
        reach: &Reach,
        key: ApiKeyId,
        changes: Vec<KeyChange>,
        provenance: Provenance,
    ) -> Result<ApiKey, ApiKeyError> {
        let loaded = self.load(reach, key).await?;
        let change =
            |key: &Loaded<ApiKey>| Ok(key.state.decide(ApiKeyCommand::Change(changes.clone()))?.into());
        self.change_at((loaded.stream, loaded.tenant), provenance, change).await
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
        let owner = loaded.state.stored().map(|stored| stored.owner.clone()).unwrap_or_default();
        let (secret, at) = (SecretId(Uuid::now_v7()), self.clock.now());
        let bound_to = SealedFor { tenant: loaded.tenant.clone(), owner, secret };
        let sealed = self.vault.seal(&value, &bound_to)?;
        let rotate = |key: &Loaded<ApiKey>| {
            let old = key.state.stored().map(|stored| stored.secret);
            let last_four = last_four.clone();
            let events = key.state.decide(ApiKeyCommand::Rotate { secret, last_four, at })?;
            let new = SecretChange { id: secret, sealed: Some(sealed.clone()) };
            let secrets = old.map(|id| SecretChange { id, sealed: None }).into_iter().chain([new]).collect();
            Ok(Decided { events, secrets })
        };
        self.change_at((loaded.stream, loaded.tenant), provenance, rotate).await
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
            let events = key.state.decide(ApiKeyCommand::Remove)?;
            Ok(Decided { events, secrets: old.into_iter().collect() })
        };
        self.change_at((loaded.stream, loaded.tenant), provenance, remove).await.map(drop)
    }

    async fn load(&self, reach: &Reach, key: ApiKeyId) -> Result<Loaded<ApiKey>, ApiKeyError> {
        let loaded = self.aggregates.load::<ApiKey>(StreamId(key.0)).await?;
        let found = loaded.filter(|loaded| {
            let stored = loaded.state.stored();
            stored.is_some_and(|stored| reach.covers(&loaded.tenant, &stored.owner))
        });
        found.ok_or(ApiKeyError::NotFound)
    }

    async fn change_at(
        &self,
        place: (StreamId, runner_core::aggregate::TenantId),
        provenance: Provenance,
        decide: impl Fn(&Loaded<ApiKey>) -> Result<Decided<ApiKeyEvent>, ApiKeyRefusal>,
    ) -> Result<ApiKey, ApiKeyError> {
        Ok(self.aggregates.change(place, provenance, decide).await?.0.state)
    }

    /// Whether the calls of somebody's sessions are made with keys of his own.
    pub async fn serve(&self, owner: &Principal) -> Result<bool, ApiKeyError> {
        Ok(self.key_use == KeyUse::Used && self.list(&owner.own()).await?.iter().any(|key| key.enabled))
    }

    /// A person's keys that may be tried now, opened; `None` if he has none at all.
    async fn usable(
        &self,
        scope: &ModelScope,
        base_url: Option<&str>,
    ) -> Result<Option<Vec<ModelKey>>, ReadError> {
        if self.key_use == KeyUse::Unused {
            return Ok(None);
        }
        let reach = Reach { tenant: scope.tenant.clone(), owner: Some(scope.owner.clone()) };
        let keys = self.list(&reach).await.map_err(|error| ReadError(error.into()))?;
        if !keys.iter().any(|key| key.enabled) {
            return Ok(None);
        }
        let now = self.clock.now();
        let rested = keys.iter().any(|key| key.is_usable(now));
        let mut usable = vec![];
        for key in keys.iter().filter(|key| key.enabled && (key.is_usable(now) || !rested)) {
            let Some(stored) = key.stored() else { continue };
            let bound_to = SealedFor {
                tenant: scope.tenant.clone(),
                owner: stored.owner.clone(),
                secret: stored.secret,
            };
            let Some(sealed) = self.aggregates.load_secret(stored.secret).await? else { continue };
            let value = self.vault.open(&sealed, &bound_to).map_err(|error| ReadError(error.into()))?;
            let base_url = stored.base_url.as_deref().or(base_url).map(str::to_owned);
            usable.push(ModelKey::new(Some(stored.key.0), base_url, value));
        }
        Ok(Some(usable))
    }
}

/// Which keys a session's calls are made with: its owner's, or the operator's.
#[derive(Debug)]
pub struct SessionKeys<K> {
    pub own: ApiKeys,
    /// Where own keys are valid that do not say; absent means Anthropic's public API.
    pub base_url: Option<String>,
    pub operator: K,
}

#[async_trait]
impl<K: ModelKeys> ModelKeys for SessionKeys<K> {
    async fn keys(&self, scope: &ModelScope) -> Result<Vec<ModelKey>, ReadError> {
        match self.own.usable(scope, self.base_url.as_deref()).await? {
            Some(own) => Ok(own),
            None => self.operator.keys(scope).await,
        }
    }

    async fn refused(&self, scope: &ModelScope, key: &ModelKey, status: u16) {
        let Some(id) = key.id else { return self.operator.refused(scope, key, status).await };
        let provenance = Provenance {
            actor: "system".to_owned(),
            request_id: None,
            address: None,
            command: CommandId(Uuid::now_v7()),
            request_hash: None,
        };
        let refusal = Refusal { status, at: self.own.clock.now() };
        let place = (StreamId(id), scope.tenant.clone());
        let note =
            |key: &Loaded<ApiKey>| Ok(key.state.decide(ApiKeyCommand::NoteRefusal(refusal.clone()))?.into());
        if let Err(error) = self.own.change_at(place, provenance, note).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "that a key was refused is not stored");
        }
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
