//! Folders of an agent, held open from the check to the start.
//!
//! Whoever can write beside a folder can put a link in its place. A folder is therefore opened first, what
//! was opened is checked, and the start names what was opened: by its handle, or by its device and inode.
//! A name was resolved when its session was opened. If a link is in it now, somebody has put it there: what
//! is trusted, and what of a folder is hidden, is known by names without links.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use runner_core::allowed_folders::AllowedFolders;
use runner_core::ports::{AgentError, AgentSetup};

/// A folder that is what it was when it was checked, for as long as this lives.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    /// As the session knows it.
    pub(crate) named: PathBuf,
    /// Where it is.
    pub(crate) real: PathBuf,
    /// `<device>:<inode>`, as `stat -c %d:%i` writes it.
    pub(crate) identity: String,
    file: File,
}

impl WorkFolder {
    /// Opens a folder; one that is not where agents may work is refused, and so is one behind a link.
    pub(crate) fn open(named: &Path, allowed: &AllowedFolders) -> Result<Self, AgentError> {
        let missing = || AgentError::WorkingDirMissing(named.to_owned());
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let handle: OwnedFd = open(named, flags, Mode::empty()).map_err(|_| missing())?;
        let file = File::from(handle);
        let metadata = file.metadata().map_err(|_| missing())?;
        let real = fs::read_link(handle_path(&file)).map_err(|_| missing())?;
        if real != named || !allowed.contain(&real) {
            return Err(AgentError::WorkingDirNotAllowed(named.to_owned()));
        }
        let identity = format!("{}:{}", metadata.dev(), metadata.ino());
        Ok(Self { named: named.to_owned(), real, identity, file })
    }

    /// The working folder and then those beside it.
    pub(crate) fn open_all(setup: &AgentSetup, allowed: &AllowedFolders) -> Result<Vec<Self>, AgentError> {
        let beside = setup.options.add_dirs.iter().map(Path::new);
        let named = std::iter::once(setup.working_dir.as_path()).chain(beside);
        named.map(|folder| Self::open(folder, allowed)).collect()
    }

    /// A path that leads to the opened folder whatever is done to its name: in this process, and in a child
    /// until it becomes another program.
    pub(crate) fn handle(&self) -> PathBuf {
        handle_path(&self.file)
    }
}

fn handle_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
