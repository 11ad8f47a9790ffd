//! Names that an agent cannot take away from hidden and read-only paths in the folders that it writes in.
//!
//! A mounted path cannot be renamed or removed, but a folder above it can: `mv srv moved` would take a hidden
//! `srv/.env` along, and the agent would put one of its own in its place. So every folder between is mounted
//! onto itself. A hidden path that does not exist is mounted all the same, or the agent would make it.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// The paths that keep their names, and the folders in which an agent may rename.
pub(super) struct NameGuard<'a> {
    pub(super) paths: Vec<&'a Path>,
    pub(super) folders: Vec<&'a Path>,
}

impl NameGuard<'_> {
    /// The folders to mount onto themselves. None of them is, or lies in, a path that is mounted in another
    /// way.
    pub(super) fn pins(&self) -> Vec<PathBuf> {
        let above = self.paths.iter().flat_map(|path| path.ancestors().skip(1));
        let mut pins: Vec<PathBuf> = above.filter(|path| self.is_between(path)).map(Path::to_owned).collect();
        pins.sort();
        pins.dedup();
        pins
    }

    fn is_between(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder))
            && !self.folders.contains(&path)
            && !self.paths.iter().any(|guarded| path.starts_with(guarded))
            && path.is_dir()
    }
}

/// Whether agents could make this path, or write in it, in one of their folders.
pub(super) fn is_named_in(path: &Path, folders: &[&Path]) -> bool {
    let can_be_made = || path.parent().is_some_and(|parent| access(parent, AccessFlags::W_OK).is_ok());
    folders.iter().any(|folder| path.starts_with(folder)) && (path.exists() || can_be_made())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::NameGuard;

    #[test]
    fn every_folder_between_one_that_is_written_in_and_what_is_kept_stays_where_it_is() {
        let scratch = tempfile::tempdir().unwrap();
        let [root, outside] = ["root", "outside"].map(|name| scratch.path().join(name));
        fs::create_dir_all(root.join("srv/app/data/agents")).unwrap();
        fs::create_dir_all(outside.join("data")).unwrap();
        let (env, data) = (root.join("srv/app/.env"), root.join("srv/app/data"));
        let (agents, elsewhere) = (data.join("agents"), outside.join("data"));

        let guard = NameGuard { paths: vec![&env, &data, &agents, &elsewhere], folders: vec![&root] };
        assert_eq!(guard.pins(), [root.join("srv"), root.join("srv/app")]);

        let nested = NameGuard { paths: vec![&env], folders: vec![&root, Path::new("/"), &outside] };
        assert!(nested.pins().contains(&root.join("srv/app")) && !nested.pins().contains(&root));
    }
}
