//! Which folders are trusted, in a tenant.

use std::path::Path;

use runner_core::ids::TenantId;
use runner_core::log::event_log::Provenance;
use runner_core::ports::ReadError;
use runner_core::setup::trust::{Granted, NotTrusted, Trust, TrustedFolder};

use crate::aggregates::{Aggregates, ChangeError};

/// The handle on them. Clones share the log.
#[derive(Clone, Debug)]
pub struct TrustedFolders {
    aggregates: Aggregates,
}

impl TrustedFolders {
    pub fn new(aggregates: Aggregates) -> Self {
        Self { aggregates }
    }

    /// Those that are trusted now, by name.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<TrustedFolder>, ReadError> {
        let all = self.aggregates.list::<TrustedFolder>(Some(tenant)).await?;
        let mut trusted: Vec<_> =
            all.into_iter().map(|loaded| loaded.state).filter(|folder| folder.granted.is_some()).collect();
        trusted.sort_by(|one, other| one.working_dir.cmp(&other.working_dir));
        Ok(trusted)
    }

    /// What is known of resolved folders together: they are trusted if every single one is.
    pub async fn of_all(&self, tenant: &TenantId, folders: &[&Path]) -> Result<Trust, ReadError> {
        let trusted = self.list(tenant).await?;
        let is_trusted = |folder: &&Path| trusted.iter().any(|trusted| trusted.covers(folder));
        Ok(if folders.iter().all(is_trusted) { Trust::Trusted } else { Trust::Untrusted })
    }

    /// Trusts a resolved folder; says whether that was new.
    pub async fn trust(
        &self,
        (tenant, working_dir): (&TenantId, &str),
        by: Granted,
        provenance: Provenance,
    ) -> Result<(TrustedFolder, bool), ChangeError<NotTrusted>> {
        let stream = TrustedFolder::stream(tenant, working_dir);
        let decide = |folder: &crate::Loaded<TrustedFolder>| Ok(folder.state.trust(working_dir, &by).into());
        let (folder, appended) = self.aggregates.change((stream, tenant.clone()), provenance, decide).await?;
        Ok((folder.state, appended.is_some()))
    }

    pub async fn revoke(
        &self,
        (tenant, working_dir): (&TenantId, &str),
        by: Granted,
        provenance: Provenance,
    ) -> Result<(), ChangeError<NotTrusted>> {
        let stream = TrustedFolder::stream(tenant, working_dir);
        let decide = |folder: &crate::Loaded<TrustedFolder>| folder.state.revoke(&by).map(Into::into);
        self.aggregates.change((stream, tenant.clone()), provenance, decide).await.map(drop)
    }
}
