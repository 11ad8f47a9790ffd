//! The folders of an agent, held open from the check to the start.
//!
//! Anybody who can write beside a folder can put a link in its place. The server therefore opens a folder
//! first and checks the opened folder, and the start names that one: by its handle, or by its device and
//! inode. A folder's name was resolved when its session was opened. If the name has a link in it now,
//! somebody has put it there, and the folder is refused: trusted folders and hidden files are known by names
//! without links.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use runner_core::allowed_folders::AllowedFolders;
use runner_core::ports::{AgentError, AgentSetup};

/// A checked folder: no other folder can take its place while this value lives.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    /// The path by which the session knows the folder.
    pub(crate) named: PathBuf,
    /// The real path of the folder.
    pub(crate) real: PathBuf,
    /// `<device>:<inode>`, as `stat -c %d:%i` writes it.
    pub(crate) identity: String,
    file: File,
}

impl WorkFolder {
    /// Opens a folder. A folder behind a link, or outside of those in which agents may work, is refused.
    pub(crate) fn open(named: &Path, allowed: &AllowedFolders) -> Result<Self, AgentError> {
        Self::open_with(OFlag::O_DIRECTORY, named, allowed)
    }

    /// Opens a folder, or a file of one, in the same way.
    pub(crate) fn open_any(named: &Path, allowed: &AllowedFolders) -> Result<Self, AgentError> {
        Self::open_with(OFlag::empty(), named, allowed)
    }

    fn open_with(flag: OFlag, named: &Path, allowed: &AllowedFolders) -> Result<Self, AgentError> {
        let missing = || AgentError::WorkingDirMissing(named.to_owned());
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | flag;
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

    /// Opens the working folder, and then those beside it.
    pub(crate) fn open_all(setup: &AgentSetup, allowed: &AllowedFolders) -> Result<Vec<Self>, AgentError> {
        let beside = setup.options.add_dirs.iter().map(Path::new);
        let named = std::iter::once(setup.working_dir.as_path()).chain(beside);
        named.map(|folder| Self::open(folder, allowed)).collect()
    }

    /// A path that leads to the opened folder whatever becomes of its name: in this process, and in a child
    /// until it becomes another program.
    pub(crate) fn handle(&self) -> PathBuf {
        handle_path(&self.file)
    }
}

fn handle_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
