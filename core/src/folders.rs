//! Which folders agents may work in, told by the name of a folder alone.

use std::path::{Path, PathBuf};

/// Folders below some roots, without what is kept out of them. All paths are absolute and have no links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedFolders {
    pub roots: Vec<PathBuf>,
    /// The server's own folders, where nobody works.
    pub except: Vec<PathBuf>,
}

impl AllowedFolders {
    /// Whether a folder is one of them; `resolved` has no links, otherwise the answer means nothing.
    pub fn contain(&self, resolved: &Path) -> bool {
        let is_below = |folders: &[PathBuf]| folders.iter().any(|folder| resolved.starts_with(folder));
        is_below(&self.roots) && !is_below(&self.except)
    }
}
