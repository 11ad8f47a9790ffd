//! The program and the folders of one agent, as its sandbox has them.

use std::path::{Path, PathBuf};

use crate::claude::files::git_folders::GitFolder;
use crate::claude::files::work_folder::WorkFolder;

/// The program and the folders of one agent in its sandbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentPaths<'a> {
    pub(crate) program: &'a Path,
    pub(crate) folders: &'a [WorkFolder],
    /// What git needs beside the folders.
    pub(crate) git_folders: &'a [GitFolder],
    pub(crate) config_dir: &'a Path,
    /// The folder with what extends the agent, which only the server writes.
    pub(crate) extensions: Option<&'a Path>,
    /// The file of the operator's own login, where agents use that.
    pub(crate) login: Option<&'a Path>,
}

impl AgentPaths<'_> {
    /// Everything that was checked outside and has to be the same inside.
    pub(super) fn checked(&self) -> impl Iterator<Item = &WorkFolder> {
        self.folders.iter().chain(self.git_folders.iter().map(|shown| &shown.folder))
    }
}

/// The path of an agent's private home outside. The agent cannot write in the folder that holds it, so it
/// cannot put a link in its place.
pub(crate) fn private_home(config_dir: &Path) -> PathBuf {
    config_dir.with_extension("home")
}
