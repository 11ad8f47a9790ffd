//! In whose name agents may work.

use runner_core::people::account::Account;
use runner_core::people::account::username::Username;
use runner_core::ports::ReadError;
use runner_core::session::revoked::Revoked;
use tokio::sync::watch;

use crate::store::Repository;

/// What is known of the owners of sessions. Clones share the log.
#[derive(Clone, Debug)]
pub struct Owners {
    repository: Repository,
}

impl Owners {
    pub fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// Why no agent may work in somebody's name; absent if one may. The local user has no account, and may.
    pub async fn revoked(&self, owner: &str) -> Result<Option<Revoked>, ReadError> {
        let Ok(username) = Username::try_from(owner.to_owned()) else { return Ok(None) };
        let account = self.repository.load::<Account>(Account::stream(&username)).await?;
        Ok(account.and_then(|account| account.state.revoked()))
    }

    /// Whether somebody is an admin, or the local user, who has no account.
    pub(crate) async fn is_admin(&self, owner: &str) -> Result<bool, ReadError> {
        let Ok(username) = Username::try_from(owner.to_owned()) else { return Ok(true) };
        let account = self.repository.load::<Account>(Account::stream(&username)).await?;
        Ok(account.is_none_or(|account| account.state.is_active_admin()))
    }

    /// Changes whenever an account may do less or more, or a folder is no longer trusted.
    pub(crate) fn rights(&self) -> watch::Receiver<u64> {
        self.repository.rights()
    }
}
