//! The folders of one agent in its sandbox.

use std::path::{Path, PathBuf};

use super::folder::Folder;

/// The program and the folders of one agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside<'a> {
    pub(super) program: &'a Path,
    pub(super) folders: &'a [Folder],
    pub(super) config_dir: &'a Path,
    /// The operator's own login, where agents use that.
    pub(super) login: Option<&'a Path>,
}

/// Where an agent's private home lies outside: not in a folder in which the agent could put a link in its
/// place.
pub(super) fn private_home(config_dir: &Path) -> PathBuf {
    config_dir.with_extension("home")
}
