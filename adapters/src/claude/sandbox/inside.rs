//! The folders of one agent in its sandbox.

use std::path::{Path, PathBuf};

use crate::claude::files::work_folder::WorkFolder;

/// The program and the folders of one agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside<'a> {
    pub(crate) program: &'a Path,
    pub(crate) folders: &'a [WorkFolder],
    pub(crate) config_dir: &'a Path,
    /// The operator's own login, where agents use that.
    pub(crate) login: Option<&'a Path>,
}

/// Where an agent's private home lies outside: not in a folder in which the agent could put a link in its
/// place.
pub(crate) fn private_home(config_dir: &Path) -> PathBuf {
    config_dir.with_extension("home")
}
