//! Sees what commands change in a git repository, by comparing its files from before and after.
//!
//! The `git` program is not used: in a hostile repository it runs what the repository's configuration says
//! (filters, file system monitors, those of nested repositories too). So the files are compared here. Of
//! git, only the ignore rules count, for what is ignored is not looked at: builds and dependencies.
//! `folder.rs` gets at the files without being led outside or held up, `snapshot.rs` remembers and
//! compares them, `patch.rs` says what the difference is, `binary.rs` where it is no text.

mod binary;
mod folder;
mod patch;
mod reader;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use runner_core::ports::{WorkspaceSight, WorkspaceWatch};
use runner_core::workspace::{UnobservedReason, WorkspaceReport};
use tokio::task::spawn_blocking;

use folder::Folder;
pub use reader::GuardedFolders;
use snapshot::Snapshot;

/// How far looking goes, so that it neither fills the disk nor holds up a turn.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files of a folder; in one with more, nothing is seen.
    pub files: usize,
    /// Bytes of file contents that are kept while a turn runs; changes of other files have no patch.
    pub kept_bytes: u64,
    /// Changed files that are listed.
    pub changes: usize,
    /// Bytes of all their patches.
    pub patch_bytes: usize,
    /// Time for one look.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 20_000,
            kept_bytes: 64 << 20,
            changes: 200,
            patch_bytes: 512 << 10,
            time: Duration::from_secs(2),
        }
    }
}

/// Looks at git repositories.
#[derive(Clone, Debug)]
pub struct GitWorkspaces {
    /// Where contents are kept; never looked at itself.
    data_dir: PathBuf,
    limits: Limits,
}

impl GitWorkspaces {
    /// `data_dir` is an absolute path without symbolic links.
    pub fn new(data_dir: PathBuf) -> Self {
        Self { data_dir, limits: Limits::default() }
    }
}

#[async_trait]
impl WorkspaceWatch for GitWorkspaces {
    async fn look(&self, folder: &Path) -> Result<Option<Box<dyn WorkspaceSight>>, UnobservedReason> {
        let (folder, data_dir, limits) = (folder.to_owned(), self.data_dir.clone(), self.limits);
        let taken = in_time(limits, move || {
            let Some(folder) = Folder::open(&folder, data_dir.clone())? else { return Ok(None) };
            Snapshot::take(folder, &data_dir, limits).map(Some)
        });
        let snapshot = taken.await??;
        Ok(snapshot.map(|snapshot| Box::new(Sight { snapshot: Some(snapshot), limits }) as _))
    }
}

/// Whether the lines of a file end as those of Windows do, by its first one. Blocks for as long as that is
/// read.
pub(crate) fn has_windows_line_ends(path: &Path) -> bool {
    folder::read_head(path).is_some_and(|head| {
        let end = head.iter().position(|byte| *byte == b'\n');
        end.and_then(|end| end.checked_sub(1)).is_some_and(|before| head[before] == b'\r')
    })
}

/// A snapshot at rest.
struct Sight {
    /// Absent after it got stuck.
    snapshot: Option<Snapshot>,
    limits: Limits,
}

impl Sight {
    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Snapshot) -> T + Send + 'static,
    ) -> Result<T, UnobservedReason> {
        let mut snapshot = self.snapshot.take().ok_or(UnobservedReason::TookTooLong)?;
        let (snapshot, worked) = in_time(self.limits, move || {
            let worked = work(&mut snapshot);
            (snapshot, worked)
        })
        .await?;
        self.snapshot = Some(snapshot);
        Ok(worked)
    }
}

#[async_trait]
impl WorkspaceSight for Sight {
    async fn changes(&mut self) -> WorkspaceReport {
        self.with(Snapshot::changes).await.unwrap_or_else(WorkspaceReport::from)
    }

    async fn accept(&mut self, path: &str) {
        let path = PathBuf::from(path);
        // If it got stuck, the next look says so.
        self.with(move |snapshot| snapshot.accept(&path)).await.ok();
    }
}

/// Work looks at the clock itself; this is for a file system that answers nothing.
async fn in_time<T: Send + 'static>(
    limits: Limits,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, UnobservedReason> {
    match tokio::time::timeout(limits.time * 2, spawn_blocking(work)).await {
        Ok(Ok(worked)) => Ok(worked),
        Ok(Err(_)) => Err(UnobservedReason::Unreadable),
        Err(_) => Err(UnobservedReason::TookTooLong),
    }
}
