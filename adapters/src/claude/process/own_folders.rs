//! The limit on what an agent writes into its home and its configuration folder.
//!
//! Both folders are measured while the agent runs, and an agent with too much in them is ended. They are
//! measured now and then, so more may be written in between. The folders that people gave the agent have no
//! limit here. Before either takes the room in which the log is written, nothing new begins
//! (`limits/free_disk.rs`).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::process_tree::ProcessTree;
use crate::claude::settings::MIB;

const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// Empty files take room as well, and counting them takes time.
const MAX_ENTRIES: usize = 500_000;

/// The unit in which the kernel counts blocks.
const BLOCK_BYTES: u64 = 512;

/// The folders that are one agent's own.
#[derive(Clone, Debug)]
pub(crate) struct OwnFolders {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) max_mib: u64,
}

impl OwnFolders {
    /// Ends the agent when its folders hold too much. Returns when the agent has ended.
    pub(super) async fn watch(self, tree: Arc<ProcessTree>, mut exit: watch::Receiver<Option<String>>) {
        loop {
            let own = self.clone();
            let is_over = tokio::task::spawn_blocking(move || own.are_over());
            if is_over.await.unwrap_or(false) {
                let why = format!(
                    "it was ended: its own folders hold more than {} MiB, or too many files (AGENT_MAX_DISK_MB)",
                    self.max_mib
                );
                tree.end_because(why).await;
                return;
            }
            let ended = exit.wait_for(Option::is_some);
            if tokio::time::timeout(BETWEEN_LOOKS, ended).await.is_ok() {
                return;
            }
        }
    }

    fn are_over(&self) -> bool {
        let (mut bytes, mut entries) = (0_u64, 0);
        let mut folders = self.paths.clone();
        while let Some(folder) = folders.pop() {
            let found = match fs::read_dir(&folder) {
                Ok(found) => found,
                // Folders deeper than a path can name: nobody needs these, and they could hide anything.
                Err(error) if error.kind() == ErrorKind::InvalidFilename => return true,
                // The folder is gone by now.
                Err(_) => continue,
            };
            for entry in found.flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                bytes = bytes.saturating_add(metadata.blocks() * BLOCK_BYTES);
                entries += 1;
                if bytes > self.max_mib.saturating_mul(MIB) || entries > MAX_ENTRIES {
                    return true;
                }
                if metadata.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::OwnFolders;

    #[test]
    fn what_is_written_counts_wherever_it_is_and_what_is_not_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let [home, config, outside] = ["home", "config", "outside"].map(|name| folder.path().join(name));
        for folder in [&home.join("deep/er"), &config, &outside] {
            fs::create_dir_all(folder).unwrap();
        }
        let own = OwnFolders { paths: vec![home.clone(), config.clone()], max_mib: 2 };
        fs::write(outside.join("large"), vec![1; 3 << 20]).unwrap();
        symlink(&outside, home.join("link")).unwrap();
        fs::File::create(home.join("sparse")).unwrap().set_len(1 << 40).unwrap();
        assert!(!own.are_over());

        fs::write(home.join("deep/er/one"), vec![1; 1 << 20]).unwrap();
        assert!(!own.are_over());
        fs::write(config.join("other"), vec![1; 1 << 20]).unwrap();
        assert!(own.are_over());
    }
}
