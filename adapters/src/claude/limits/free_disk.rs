//! The room on the disk that the server keeps for itself.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use runner_core::ports::AgentError;

use crate::claude::settings::MIB;

/// Refuses where a file system has less room than the server keeps for itself.
pub(crate) fn check_room(folder: &Path, keep_mib: u64) -> Result<(), AgentError> {
    // A file system that does not tell counts as not full.
    let Some(free) = free_mib(folder) else { return Ok(()) };
    if free >= keep_mib {
        return Ok(());
    }
    Err(AgentError::NotStarted(format!(
        "the disk of the data folder is nearly full: {free} MiB are free, and nothing begins below {keep_mib} MiB \
         (MIN_FREE_DISK_MB)"
    )))
}

/// The room that is free for the server's user.
pub(crate) fn free_mib(folder: &Path) -> Option<u64> {
    let stat = statvfs(folder).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()) / MIB)
}

#[cfg(test)]
mod tests {
    use super::{check_room, free_mib};

    #[test]
    fn nothing_begins_without_room() {
        let folder = tempfile::tempdir().unwrap();
        let free = free_mib(folder.path()).unwrap();

        assert!(check_room(folder.path(), free / 2).is_ok());
        let refused = check_room(folder.path(), free.saturating_add(1 << 20)).unwrap_err();
        assert!(refused.to_string().contains("nearly full"), "{refused}");
        assert!(!refused.to_string().contains(folder.path().to_str().unwrap()), "{refused}");
    }
}
