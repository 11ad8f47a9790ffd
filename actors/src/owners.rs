//! In whose name agents may work.

use runner_core::ids::TenantId;
use runner_core::people::account::Account;
use runner_core::people::account::username::Username;
use runner_core::people::principal::{Means, Principal};
use runner_core::ports::ReadError;
use runner_core::session::revoked::Revoked;
use tokio::sync::watch;

use crate::store::Repository;

/// Whether somebody may have agents work without asking anybody, by what the server's setting says.
pub type BypassRight = fn(&Principal) -> bool;

/// What is known of the owners of sessions. Clones share the log.
#[derive(Clone, Debug)]
pub struct Owners {
    repository: Repository,
    bypass: BypassRight,
}

impl Owners {
    pub fn new(repository: Repository, bypass: BypassRight) -> Self {
        Self { repository, bypass }
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

    /// Whether somebody of a team may have agents work without asking anybody now.
    pub async fn may_bypass(&self, tenant: &TenantId, owner: &str) -> Result<bool, ReadError> {
        let Ok(username) = Username::try_from(owner.to_owned()) else {
            let local = Principal::local();
            return Ok(local.name == owner && local.tenant == *tenant && (self.bypass)(&local));
        };
        let account = self.repository.load::<Account>(Account::stream(&username)).await?;
        let account = account.filter(|account| account.state.revoked().is_none());
        let profile = account.as_ref().and_then(|account| account.state.profile());
        Ok(profile.filter(|profile| profile.tenant == *tenant).is_some_and(|profile| {
            let (tenant, name) = (profile.tenant.clone(), profile.username.clone());
            (self.bypass)(&Principal { tenant, name, role: profile.role, means: Means::Local })
        }))
    }

    /// Changes whenever an account may do less or more, or a folder is no longer trusted.
    pub(crate) fn rights(&self) -> watch::Receiver<u64> {
        self.repository.rights()
    }
}
