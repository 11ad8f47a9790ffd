//! A folder that an agent writes in, read and written by the server.
//!
//! The server may read and write what an agent may not. A link that an agent leaves in its folder must not
//! lead the server anywhere else, so the kernel is told to follow none, and to open nothing that blocks.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};

/// Paths are relative to it. What is or lies behind a link is not there.
#[derive(Clone, Debug)]
pub(super) struct AgentFolder {
    path: PathBuf,
}

impl AgentFolder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// A regular file of at most so many bytes.
    pub(super) fn read(&self, relative: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = self.open(relative, OFlag::O_RDONLY)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > max_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file, or too large"));
        }
        let mut bytes = vec![];
        Read::by_ref(&mut file).take(max_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn is_file(&self, relative: &Path) -> bool {
        let metadata = self.open(relative, OFlag::O_PATH).and_then(|file| file.metadata());
        metadata.is_ok_and(|metadata| metadata.is_file())
    }

    /// The names in a folder.
    pub(super) fn list(&self, relative: &Path) -> Vec<PathBuf> {
        let Ok(folder) = self.open(relative, OFlag::O_RDONLY | OFlag::O_DIRECTORY) else { return vec![] };
        let entries = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        entries.into_iter().flatten().flatten().map(|entry| relative.join(entry.file_name())).collect()
    }

    /// All regular files below a folder.
    pub(super) fn list_below(&self, relative: &Path) -> Vec<PathBuf> {
        let entries = self.list(relative).into_iter();
        entries
            .flat_map(|path| if self.is_file(&path) { vec![path] } else { self.list_below(&path) })
            .collect()
    }

    /// Makes a file, in place of what it was, with the folders that lead to it.
    pub(super) fn write(&self, relative: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut made = PathBuf::from(".");
        for part in relative.parent().unwrap_or(Path::new("")).components() {
            let Component::Normal(name) = part else { return Err(io::ErrorKind::InvalidInput.into()) };
            let parent = self.open(&made, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
            match mkdirat(&parent, name, Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => made.push(name),
                Err(error) => return Err(error.into()),
            }
        }
        let mut file = self.open(relative, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC)?;
        file.write_all(bytes)
    }

    fn open(&self, relative: &Path, flags: OFlag) -> io::Result<File> {
        let folder = File::open(&self.path)?;
        let links = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let mode = if flags.contains(OFlag::O_CREAT) { Mode::S_IRUSR | Mode::S_IWUSR } else { Mode::empty() };
        // A path alone neither blocks nor can be asked not to.
        let kind = if flags.contains(OFlag::O_PATH) {
            OFlag::O_CLOEXEC
        } else {
            OFlag::O_CLOEXEC | OFlag::O_NONBLOCK
        };
        let how = OpenHow::new().flags(flags | kind).mode(mode).resolve(links);
        Ok(File::from(openat2(&folder, relative, how)?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::AgentFolder;

    #[test]
    fn links_lead_nowhere() {
        let folder = std::env::temp_dir().join(format!("agent-folder-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(folder.join("own/plans")).unwrap();
        fs::create_dir_all(folder.join("outside")).unwrap();
        fs::write(folder.join("outside/secret.md"), "secret").unwrap();
        symlink(folder.join("outside"), folder.join("own/link")).unwrap();
        symlink("../../outside/secret.md", folder.join("own/plans/link.md")).unwrap();
        let own = AgentFolder::new(&folder.join("own"));

        own.write(Path::new("plans/deep/own.md"), b"mine").unwrap();

        for path in ["link/secret.md", "plans/link.md", "../outside/secret.md"] {
            assert!(own.read(Path::new(path), 100).is_err(), "{path} was read");
            assert!(own.write(Path::new(path), b"changed").is_err(), "{path} was written");
        }
        assert!(own.write(Path::new("link/new.md"), b"x").is_err());
        assert_eq!(own.list_below(Path::new(".")), [Path::new("./plans/deep/own.md")]);
        assert_eq!(own.read(Path::new("plans/deep/own.md"), 100).unwrap(), b"mine");
        assert_eq!(fs::read_to_string(folder.join("outside/secret.md")).unwrap(), "secret");
        fs::remove_dir_all(folder).ok();
    }
}
