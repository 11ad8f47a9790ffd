//! The files of extensions: kept in the log once for each content, and read when an agent begins to need
//! them.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use runner_core::ids::{CommandId, ExtensionId, TenantId};
use runner_core::log::{Aggregate as _, Digest, LogStream, Provenance};
use runner_core::setup::extension::active::ActiveExtension;
use runner_core::setup::extension::files::{FileBundle, FileSet};
use runner_core::setup::extension::kept_files::KeptFiles;
use uuid::Uuid;

use super::{ExtensionError, Extensions};
use crate::store::{ChangeError, Changed};

/// The most bytes of files that stay in memory, those that were read last.
const MAX_CACHED_BYTES: usize = 64 * 1024 * 1024;

#[derive(Default)]
pub(super) struct FileCache(Mutex<VecDeque<(TenantId, Digest, Arc<FileBundle>)>>);

impl FileCache {
    fn find(&self, tenant: &TenantId, digest: Digest) -> Option<Arc<FileBundle>> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = cached.iter().find(|(whose, of, _)| (whose, *of) == (tenant, digest));
        found.map(|(_, _, files)| Arc::clone(files))
    }

    fn keep(&self, tenant: TenantId, digest: Digest, files: Arc<FileBundle>) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.push_back((tenant, digest, files));
        let size = |cached: &VecDeque<(_, _, Arc<FileBundle>)>| {
            cached.iter().map(|(_, _, files)| files.bytes()).sum::<usize>()
        };
        while size(&cached) > MAX_CACHED_BYTES {
            cached.pop_front();
        }
    }
}

impl Extensions {
    /// Files that belong to an extension, with their contents.
    pub async fn load_files(
        &self,
        tenant: &TenantId,
        set: &FileSet,
    ) -> Result<Arc<FileBundle>, ExtensionError> {
        if let Some(cached) = self.files.find(tenant, set.digest) {
            return Ok(cached);
        }
        let events = self.repository.events::<KeptFiles>(KeptFiles::stream(tenant, set.digest)).await?;
        let mut kept = KeptFiles::default();
        events.into_iter().for_each(|(_, event)| kept.apply(event));
        let files = kept.files.filter(|files| files.set().digest == set.digest);
        let files = Arc::new(files.ok_or(ExtensionError::FilesMissing)?);
        self.files.keep(tenant.clone(), set.digest, Arc::clone(&files));
        Ok(files)
    }

    /// The files of those that have any.
    pub(super) async fn files_of(
        &self,
        tenant: &TenantId,
        active: &[ActiveExtension],
    ) -> Result<BTreeMap<ExtensionId, Arc<FileBundle>>, ExtensionError> {
        let mut files = BTreeMap::new();
        for extension in active {
            if let Some(set) = extension.definition.files() {
                files.insert(extension.id, self.load_files(tenant, set).await?);
            }
        }
        Ok(files)
    }

    /// Keeps files before a definition names them. What is kept already stays.
    pub(super) async fn keep_files(
        &self,
        tenant: &TenantId,
        files: Option<FileBundle>,
        provenance: &Provenance,
    ) -> Result<(), ExtensionError> {
        let Some(files) = files else { return Ok(()) };
        let id = KeptFiles::stream(tenant, files.set().digest);
        let stream = LogStream { id, kind: KeptFiles::KIND, tenant: tenant.clone() };
        // The request's own command is what comes next.
        let command = CommandId(Uuid::now_v7());
        let provenance = Provenance { command, request_hash: None, ..provenance.clone() };
        let kept: Result<Changed<KeptFiles>, ChangeError<Infallible>> =
            self.repository.execute(stream, files, provenance).await;
        match kept {
            Ok(_) => Ok(()),
            Err(ChangeError::Refused(never)) => match never {},
            Err(ChangeError::Append(error)) => Err(ExtensionError::LogUnavailable(error)),
            Err(ChangeError::Read(error)) => Err(error.into()),
        }
    }
}
