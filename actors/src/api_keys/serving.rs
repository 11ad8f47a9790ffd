//! Which keys a session's calls are made with, and what is noted about those that did not serve.

use async_trait::async_trait;
use runner_core::ids::{CommandId, StreamId};
use runner_core::log::{LogStream, Provenance};
use runner_core::people::principal::{Principal, Reach};
use runner_core::ports::ReadError;
use runner_core::ports::model::{ModelKey, ModelKeys, ModelScope};
use runner_core::setup::api_key::event::{Exhaustion, Refusal};
use runner_core::setup::api_key::{ApiKey, ApiKeyCommand};
use runner_core::setup::vault::SealedFor;
use runner_core::spend::BudgetSpent;
use uuid::Uuid;

use super::{ApiKeyError, ApiKeys, KeyUse, address};

impl ApiKeys {
    /// Whether calls for the sessions of `owner` are made with keys that they stored.
    pub async fn serve(&self, owner: &Principal) -> Result<bool, ApiKeyError> {
        Ok(self.key_use == KeyUse::Used && !self.list(&owner.own()).await?.is_empty())
    }

    /// A person's keys that may be tried now, opened; `None` if that person has stored none.
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
        if keys.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        let rested = keys.iter().any(|key| key.is_usable(now));
        let mut usable = vec![];
        for key in keys.iter().filter(|key| key.enabled && (key.is_usable(now) || !rested)) {
            usable.extend(self.open(key, (scope, base_url)).await?);
        }
        Ok(Some(usable))
    }

    /// A key with its value. One that does not open must not keep the others from being used.
    async fn open(
        &self,
        key: &ApiKey,
        (scope, base_url): (&ModelScope, Option<&str>),
    ) -> Result<Option<ModelKey>, ReadError> {
        let Some(mut stored) = key.stored().cloned() else { return Ok(None) };
        let mut sealed = self.repository.load_secret(stored.secret).await?;
        if sealed.is_none() {
            // Rotated since the key was read: its value lies under another secret now.
            let again = self.repository.load::<ApiKey>(StreamId(stored.key.0)).await?;
            let Some(again) = again.and_then(|again| again.state.stored().cloned()) else { return Ok(None) };
            stored = again;
            sealed = self.repository.load_secret(stored.secret).await?;
        }
        let Some(sealed) = sealed else {
            tracing::error!(key = %stored.key, "the value of a stored API key is missing");
            return Ok(None);
        };
        let bound_to =
            SealedFor { tenant: scope.tenant.clone(), owner: stored.owner.clone(), secret: stored.secret };
        match self.vault.open(&sealed, &bound_to) {
            Ok(value) => {
                let (address, network) = address((stored.base_url.as_deref(), stored.network), base_url);
                let opened = ModelKey::new(Some(stored.key.0), address, value);
                Ok(Some(opened.stored(stored.secret, network)))
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(key = %stored.key, error, "a stored API key cannot be opened");
                Ok(None)
            }
        }
    }

    async fn note(&self, scope: &ModelScope, key: Uuid, command: ApiKeyCommand) {
        let stream = LogStream::of::<ApiKey>(StreamId(key), scope.tenant.clone());
        let provenance = Provenance::system(CommandId(Uuid::now_v7()));
        if let Err(error) = self.repository.execute::<ApiKey>(stream, command, provenance).await {
            tracing::warn!(%key, error = &error as &dyn std::error::Error, "what a key was passed over for is not stored");
        }
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
        let (Some(id), Some(value)) = (key.id, key.value) else {
            return self.operator.refused(scope, key, status).await;
        };
        let refusal = Refusal { status, at: self.own.clock.now() };
        self.own.note(scope, id, ApiKeyCommand::NoteRefusal(value, refusal)).await;
    }

    async fn exhausted(&self, scope: &ModelScope, key: &ModelKey, spent: &BudgetSpent) {
        let Some(id) = key.id else { return self.operator.exhausted(scope, key, spent).await };
        let exhaustion = Exhaustion {
            month: self.own.clock.now().month(),
            spent_micros: spent.spent_micros,
            limit_micros: spent.limit_micros,
        };
        self.own.note(scope, id, ApiKeyCommand::NoteExhaustion(exhaustion)).await;
    }
}
