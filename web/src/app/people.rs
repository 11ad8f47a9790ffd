//! Accounts, the key that signs their tokens, and the first user's code.

use std::sync::Arc;

use runner_actors::{AccountPolicy, AccountPorts, Accounts, LocalUser, Repository};
use runner_adapters::jwt::JwtSigner;
use runner_adapters::passwords::Argon2Hasher;
use runner_adapters::random_codes::RandomCodes;
use runner_adapters::secret_key::SecretKey;
use runner_adapters::setup_code::SetupFile;
use runner_core::people::account::Account;
use runner_core::people::credentials::SetupCode;
use runner_core::ports::Clock;

use super::keys;
use crate::config::Config;
use crate::http::authentication::{Agents, Authentication};
use crate::http::cookies::Transport;
use crate::http::proxies::Proxies;

pub(super) fn authentication(config: &Config, accounts: Accounts, agents: Agents) -> Authentication {
    let transport = if config.access.is_public_over_https() { Transport::Tls } else { Transport::Plain };
    if !config.host.is_loopback() && transport == Transport::Plain {
        tracing::warn!(
            "passwords and tokens travel in clear text unless a proxy in front speaks TLS; set PUBLIC_URL to its https address"
        );
    }
    let proxies = Proxies::new(config.access.trusted_proxies.clone());
    Authentication { accounts, proxies, transport, agents }
}

/// The operator's key, or the one in the data folder.
pub(super) async fn secret_key(config: &Config, repository: &Repository) -> anyhow::Result<SecretKey> {
    match &config.access.secret_key {
        Some(text) => Ok(SecretKey::from_setting(text.expose())?),
        None => keys::settled_key(&config.data_dir, repository).await,
    }
}

pub(super) async fn accounts(
    config: &Config,
    (secret_key, repository): (&SecretKey, Repository),
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Accounts> {
    let anybody = !repository.list::<Account>(None).await?.is_empty();
    let (local_user, registration) = (config.access.local_user, config.access.registration);
    let setup: Option<Arc<dyn SetupCode>> = match local_user {
        LocalUser::Refused if !anybody => {
            let file = SetupFile::load_or_create(&config.data_dir)?;
            tracing::warn!(
                "nobody has registered; the first user needs the code in {}",
                file.path().display()
            );
            Some(Arc::new(file))
        }
        LocalUser::Refused | LocalUser::Admitted => {
            SetupFile::discard(&config.data_dir)?;
            None
        }
    };
    let ports = ports((secret_key, repository), clock)?;
    Ok(Accounts::new(ports, AccountPolicy { registration, setup, local_user }))
}

pub(super) fn ports(
    (secret_key, repository): (&SecretKey, Repository),
    clock: Arc<dyn Clock>,
) -> anyhow::Result<AccountPorts> {
    Ok(AccountPorts {
        repository,
        clock,
        hasher: Arc::new(Argon2Hasher::new()?),
        signer: Arc::new(JwtSigner::new(secret_key)),
        codes: Arc::new(RandomCodes),
    })
}
