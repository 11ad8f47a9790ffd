//! Which folders are trusted, in a team.

use std::path::Path;

use runner_core::ids::TenantId;
use runner_core::log::{LogStream, Provenance};
use runner_core::ports::ReadError;
use runner_core::setup::trust::{Granted, NotTrusted, Trust, TrustCommand, TrustedFolder};

use crate::store::{ChangeError, Repository};

/// The handle on them. Clones share the log.
#[derive(Clone, Debug)]
pub struct TrustedFolders {
    repository: Repository,
}

impl TrustedFolders {
    pub fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// Those that are trusted now, by name.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<TrustedFolder>, ReadError> {
        let all = self.repository.list::<TrustedFolder>(Some(tenant)).await?;
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
        let command = TrustCommand::Trust { working_dir: working_dir.to_owned(), by };
        let trusted = self
            .repository
            .execute::<TrustedFolder>(stream(tenant, working_dir), command, provenance)
            .await?;
        Ok((trusted.aggregate.state, trusted.appended.is_some()))
    }

    pub async fn revoke(
        &self,
        (tenant, working_dir): (&TenantId, &str),
        by: Granted,
        provenance: Provenance,
    ) -> Result<(), ChangeError<NotTrusted>> {
        let revoked = self.repository.execute::<TrustedFolder>(
            stream(tenant, working_dir),
            TrustCommand::Revoke { by },
            provenance,
        );
        revoked.await.map(drop)
    }
}

fn stream(tenant: &TenantId, working_dir: &str) -> LogStream {
    LogStream::of::<TrustedFolder>(TrustedFolder::stream(tenant, working_dir), tenant.clone())
}
