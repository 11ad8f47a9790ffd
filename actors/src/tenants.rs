//! The teams beside the first one, and where each of them works.

use std::path::PathBuf;

use runner_core::ids::TenantId;
use runner_core::people::tenant::{Tenant, TenantCreated};
use runner_core::ports::ReadError;

use crate::store::Repository;

/// The handle on them. Clones share the log.
#[derive(Clone, Debug)]
pub struct Tenants {
    repository: Repository,
}

impl Tenants {
    pub fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// All of them, in the order in which they were made.
    pub async fn list(&self) -> Result<Vec<Tenant>, ReadError> {
        // They are events of the team that makes them.
        let loaded = self.repository.list::<Tenant>(Some(&TenantId::first())).await?;
        let mut teams: Vec<_> = loaded.into_iter().map(|loaded| loaded.state).collect();
        teams.sort_by_key(|team| team.created().map(|created| (created.at, created.tenant.clone())));
        Ok(teams)
    }

    /// The folder below which a team works; `None` for the first one, which works wherever anybody may.
    pub async fn folder(&self, tenant: &TenantId) -> Result<Option<PathBuf>, ReadError> {
        if tenant.is_first() {
            return Ok(None);
        }
        let team = match Tenant::stream(tenant) {
            Some(stream) => self.repository.load::<Tenant>(stream).await?,
            None => None,
        };
        let created = team.as_ref().and_then(|team| team.state.created());
        // Whoever is in a team that nobody made gets nowhere.
        let TenantCreated { working_dir, .. } =
            created.ok_or_else(|| ReadError(format!("there is no team {tenant}").into()))?;
        Ok(Some(working_dir.into()))
    }
}
