//! `claude-runner users reset-password`: lets somebody in again who forgot the password, also an only admin.
//!
//! Whoever runs the server has its data folder, and may do this without an account. The log says that it
//! was the operator.

use std::sync::Arc;

use anyhow::Context as _;
use runner_actors::{AccountError, AccountPolicy, Accounts, LocalUser, RegistrationPolicy, Repository};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::people::credentials::Code;
use runner_core::ports::Clock;
use runner_core::time::Timestamp;

use super::{people, prepare_data_dir};
use crate::config::Config;

/// A code for a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordReset {
    pub username: String,
    pub code: Code,
    pub expires_at: Timestamp,
}

/// Makes a code with which somebody sets a new password; refuses while a server uses the data folder.
pub async fn reset_password(config: &Config, name: &str) -> anyhow::Result<PasswordReset> {
    let _lock = prepare_data_dir(&config.data_dir).context(
        "stop the server first, or have an admin ask it for a code: POST /api/users/{username}/password-reset",
    )?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let store = EventStore::open(&config.database, Arc::clone(&clock)).await?;
    let repository = Repository::new(Arc::new(store.clone()));
    let reset = reset_in(config, (repository, clock), name).await;
    store.close().await;
    reset
}

async fn reset_in(
    config: &Config,
    (repository, clock): (Repository, Arc<dyn Clock>),
    name: &str,
) -> anyhow::Result<PasswordReset> {
    let secret_key = people::secret_key(config, &repository).await?;
    let ports = people::ports((&secret_key, repository), clock)?;
    let (registration, local_user) = (RegistrationPolicy::Closed, LocalUser::Refused);
    let accounts = Accounts::new(ports, AccountPolicy { registration, setup: None, local_user });
    let issued = accounts.issue_password_reset_by_operator(name.to_owned()).await;
    let (view, code) = match issued {
        Err(AccountError::UserUnknown) => {
            anyhow::bail!("there is no user `{name}` in {}", config.database.display())
        }
        issued => issued?,
    };
    Ok(PasswordReset { username: view.username, code, expires_at: view.expires_at })
}
