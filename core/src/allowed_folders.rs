//! Which folders agents may work in, told by the name of a folder alone.

use std::path::{Path, PathBuf};

/// Folders below some roots, without what is kept out of them. All paths are absolute and have no links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedFolders {
    pub roots: Vec<PathBuf>,
    /// The server's own folders, where nobody works.
    pub except: Vec<PathBuf>,
    /// Where only those below one more folder count: a team's.
    pub within: Option<PathBuf>,
}

impl AllowedFolders {
    /// Whether a folder is one of them; `resolved` has no links, otherwise the answer means nothing.
    pub fn contain(&self, resolved: &Path) -> bool {
        let is_below = |folders: &[PathBuf]| folders.iter().any(|folder| resolved.starts_with(folder));
        let is_within = self.within.as_ref().is_none_or(|within| resolved.starts_with(within));
        is_below(&self.roots) && is_within && !is_below(&self.except)
    }

    /// The part of them that lies in one folder; all of them without one.
    pub fn within(&self, folder: Option<&Path>) -> Self {
        Self { within: folder.map(Path::to_owned), ..self.clone() }
    }
}
