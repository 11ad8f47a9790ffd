//! `claude-runner keys rotate`: a new secret key, and everything that is sealed sealed with it.
//!
//! The order survives being cut off anywhere. First the new key is on disk beside the old one, then all
//! values are sealed anew in one transaction, then the new key takes the old one's name. A start finds out
//! from the values which of two keys is the right one.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use runner_actors::{Decided, Repository};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_adapters::secret_key::SecretKey;
use runner_adapters::vault::KeyVault;
use runner_core::ids::{CommandId, TenantId};
use runner_core::log::{EncodedEvent, LogStream, Provenance, SecretChange, stream_of_name};
use runner_core::setup::api_key::ApiKey;
use runner_core::setup::extension::Extension;
use runner_core::setup::vault::{SealedFor, Vault as _};
use uuid::Uuid;

use super::prepare_data_dir;
use crate::config::{Config, Secret};

/// A stored value as it is sealed now, and what it is bound to.
struct Sealed {
    /// For people.
    what: String,
    bound_to: SealedFor,
    bytes: Vec<u8>,
}

/// The outcome of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    pub sealed: usize,
    /// The operator has to put the new key where the old one is set.
    pub is_set_by_operator: bool,
}

/// Seals everything with a new key; refuses while a server uses the data folder.
pub async fn rotate(config: &Config) -> anyhow::Result<Rotated> {
    let _lock = prepare_data_dir(&config.data_dir)?;
    let store = EventStore::open(&config.database, Arc::new(SystemClock::default())).await?;
    let repository = Repository::new(Arc::new(store.clone()));
    let rotated = rotate_in(config, &repository).await;
    store.close().await;
    rotated
}

async fn rotate_in(config: &Config, repository: &Repository) -> anyhow::Result<Rotated> {
    let (old, new, is_set_by_operator) = match (&config.access.secret_key, &config.access.new_secret_key) {
        (Some(old), Some(new)) => (setting("SECRET_KEY", old)?, setting("NEW_SECRET_KEY", new)?, true),
        (Some(_), None) => bail!("SECRET_KEY is set, so the new key must be too: as NEW_SECRET_KEY"),
        // From the key in the data folder to one of the operator's.
        (None, Some(new)) => {
            (settled_key(&config.data_dir, repository).await?, setting("NEW_SECRET_KEY", new)?, true)
        }
        (None, None) => {
            let old = settled_key(&config.data_dir, repository).await?;
            (old, SecretKey::create_next(&config.data_dir)?, false)
        }
    };
    let (from, to) = (KeyVault::new(&old), KeyVault::new(&new));
    let mut secrets = vec![];
    for Sealed { what, bound_to, bytes } in sealed_values(repository).await? {
        if to.is_sealed_with(&bytes) {
            continue; // An earlier rotation to the same key got so far.
        }
        let value = from.open(&bytes, &bound_to);
        let value = value.with_context(|| format!("{what} cannot be opened"))?;
        secrets.push(SecretChange { id: bound_to.secret, sealed: Some(to.seal(&value, &bound_to)?) });
    }
    let sealed = secrets.len();
    let event = EncodedEvent {
        type_name: "vault_key_rotated".into(),
        schema: 1,
        data: serde_json::json!({ "sealed": sealed }).to_string(),
    };
    let decided = Decided { events: vec![event], secrets };
    let by_operator = Provenance::of("operator", CommandId(Uuid::now_v7()));
    repository.note(vault_stream(), decided, by_operator).await?;
    if !is_set_by_operator {
        SecretKey::promote_next(&config.data_dir)?;
    }
    Ok(Rotated { sealed, is_set_by_operator })
}

/// The key in the data folder; the right one of two where a rotation was cut off.
pub(crate) async fn settled_key(data_dir: &Path, repository: &Repository) -> anyhow::Result<SecretKey> {
    if let Some(next) = SecretKey::load_next(data_dir)? {
        let vault = KeyVault::new(&next);
        let values = sealed_values(repository).await?;
        match values.iter().any(|sealed| vault.is_sealed_with(&sealed.bytes)) {
            true => SecretKey::promote_next(data_dir)?,
            false => SecretKey::discard_next(data_dir)?,
        }
    }
    Ok(SecretKey::load_or_create(data_dir)?)
}

/// Refuses to start with a key that opens nothing.
pub(crate) async fn check(vault: &KeyVault, repository: &Repository) -> anyhow::Result<()> {
    let values = sealed_values(repository).await?;
    let foreign = values.iter().filter(|sealed| !vault.is_sealed_with(&sealed.bytes)).count();
    ensure!(
        foreign == 0,
        "{foreign} stored secrets are sealed with another secret key: set SECRET_KEY to what it was, or unset \
         it if the key in the data folder was in use, or bring back the file `secret-key` of the data folder"
    );
    Ok(())
}

async fn sealed_values(repository: &Repository) -> anyhow::Result<Vec<Sealed>> {
    let mut named: Vec<(String, SealedFor)> = vec![];
    for loaded in repository.list::<ApiKey>(None).await? {
        let Some(stored) = loaded.state.stored() else { continue };
        let (owner, secret) = (stored.owner.clone(), stored.secret);
        let what = format!("the API key {} of {owner}", stored.key);
        named.push((what, SealedFor { tenant: loaded.tenant, owner, secret }));
    }
    for loaded in repository.list::<Extension>(None).await? {
        let Some((created, secret)) = loaded.state.created().zip(loaded.state.secret()) else { continue };
        let owner = created.owner.clone();
        let what = format!("what belongs to the extension {} of {owner}", created.name);
        named.push((what, SealedFor { tenant: loaded.tenant, owner, secret }));
    }
    let mut values = vec![];
    for (what, bound_to) in named {
        if let Some(bytes) = repository.load_secret(bound_to.secret).await? {
            values.push(Sealed { what, bound_to, bytes });
        }
    }
    Ok(values)
}

fn setting(name: &str, text: &Secret) -> anyhow::Result<SecretKey> {
    SecretKey::from_setting(text.expose()).with_context(|| name.to_owned())
}

fn vault_stream() -> LogStream {
    LogStream { id: stream_of_name("vault", "key"), kind: "vault", tenant: TenantId::first() }
}
