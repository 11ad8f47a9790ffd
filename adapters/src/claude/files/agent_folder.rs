//! A folder that an agent writes in, read and written by the server.
//!
//! The server may read and write what an agent may not. A link that an agent leaves in its folder must not
//! lead the server anywhere else, so the kernel is told to follow none, and to open nothing that blocks.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// The server looks no further into an agent's folder: it can hold more than fits into memory, deeper than
/// any stack.
const MAX_ENTRIES: usize = 10_000;
const MAX_DEPTH: usize = 16;

/// A folder of an agent. Paths are relative to it, and none leads through a link.
#[derive(Clone, Debug)]
pub(crate) struct AgentFolder {
    path: PathBuf,
}

impl AgentFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Reads a regular file of at most so many bytes.
    pub(crate) fn read(&self, relative: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = self.open(relative, OFlag::O_RDONLY)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > max_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file, or too large"));
        }
        let mut bytes = vec![];
        Read::by_ref(&mut file).take(max_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether a regular file begins with these bytes; reads no more of it.
    pub(super) fn begins_with(&self, relative: &Path, bytes: &[u8]) -> bool {
        if self.size(relative).is_none_or(|size| size < bytes.len() as u64) {
            return false;
        }
        let Ok(mut file) = self.open(relative, OFlag::O_RDONLY) else { return false };
        let mut chunk = vec![0; 64 * 1024];
        bytes.chunks(64 * 1024).all(|expected| {
            let read = &mut chunk[..expected.len()];
            file.read_exact(read).is_ok() && read == expected
        })
    }

    /// Reads the last bytes of a regular file, at most so many.
    pub(super) fn read_tail(&self, relative: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = self.open(relative, OFlag::O_RDONLY)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file"));
        }
        file.seek(SeekFrom::Start(metadata.len().saturating_sub(max_bytes)))?;
        let mut bytes = vec![];
        Read::by_ref(&mut file).take(max_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The size of a regular file.
    pub(super) fn size(&self, relative: &Path) -> Option<u64> {
        let metadata = self.open(relative, OFlag::O_PATH).and_then(|file| file.metadata()).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    pub(super) fn is_file(&self, relative: &Path) -> bool {
        let metadata = self.open(relative, OFlag::O_PATH).and_then(|file| file.metadata());
        metadata.is_ok_and(|metadata| metadata.is_file())
    }

    /// The paths in a folder, up to the limit of entries and one more.
    pub(super) fn list(&self, relative: &Path) -> Vec<PathBuf> {
        let Ok(folder) = self.open(relative, OFlag::O_RDONLY | OFlag::O_DIRECTORY) else { return vec![] };
        let entries = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        let entries = entries.into_iter().flatten().flatten().take(MAX_ENTRIES + 1);
        entries.map(|entry| relative.join(entry.file_name())).collect()
    }

    /// The regular files below a folder, within limits that a well-behaved agent never reaches.
    pub(super) fn list_below(&self, relative: &Path) -> Vec<PathBuf> {
        let (mut found, mut seen) = (vec![], 0);
        let mut folders = vec![(relative.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for path in self.list(&folder) {
                seen += 1;
                if seen > MAX_ENTRIES {
                    tracing::warn!(folder = %self.path.display(), "an agent's folder has more in it than is looked at");
                    return found;
                }
                if self.is_file(&path) {
                    found.push(path);
                } else if depth < MAX_DEPTH {
                    folders.push((path, depth + 1));
                }
            }
        }
        found
    }

    /// Writes a file in place of an older one, and makes the folders that lead to it.
    pub(crate) fn write(&self, relative: &Path, bytes: &[u8]) -> io::Result<()> {
        self.make_parent(relative)?;
        let mut file = self.open(relative, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC)?;
        file.write_all(bytes)
    }

    /// Gives a file another name, and makes the folders that lead to it.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.make_parent(to)?;
        let (old, old_name) = self.open_parent(from)?;
        let (new, new_name) = self.open_parent(to)?;
        Ok(renameat(&old, old_name, &new, new_name)?)
    }

    fn make_parent(&self, relative: &Path) -> io::Result<()> {
        let mut made = PathBuf::from(".");
        for part in relative.parent().unwrap_or(Path::new("")).components() {
            let Component::Normal(name) = part else { return Err(io::ErrorKind::InvalidInput.into()) };
            let parent = self.open(&made, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
            match mkdirat(&parent, name, Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => made.push(name),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes a file.
    pub(super) fn remove(&self, relative: &Path) -> io::Result<()> {
        let (parent, name) = self.open_parent(relative)?;
        Ok(unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir)?)
    }

    fn open_parent<'a>(&self, relative: &'a Path) -> io::Result<(File, &'a OsStr)> {
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok((self.open(parent, OFlag::O_PATH | OFlag::O_DIRECTORY)?, name))
    }

    fn open(&self, relative: &Path, flags: OFlag) -> io::Result<File> {
        let folder = File::open(&self.path)?;
        let links = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let mode = if flags.contains(OFlag::O_CREAT) { Mode::S_IRUSR | Mode::S_IWUSR } else { Mode::empty() };
        // An open path alone never blocks, and refuses the flag against it.
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
    fn folder_without_a_bottom_is_looked_into_so_far_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let own = AgentFolder::new(folder.path());
        own.write(Path::new("plans/one.md"), b"1").unwrap();
        let mut deep = fs::File::open(folder.path().join("plans")).unwrap();
        // Deeper than a path can name.
        for _ in 0..5_000 {
            nix::sys::stat::mkdirat(&deep, "a", nix::sys::stat::Mode::S_IRWXU).unwrap();
            let flags = nix::fcntl::OFlag::O_DIRECTORY;
            let below = nix::fcntl::openat(&deep, "a", flags, nix::sys::stat::Mode::empty()).unwrap();
            deep = below.into();
        }

        let small_stack = std::thread::Builder::new().stack_size(128 * 1024);
        let found = small_stack.spawn(move || own.list_below(Path::new("."))).unwrap().join().unwrap();

        assert_eq!(found, [Path::new("./plans/one.md")]);
        drop(deep);
        // The standard library would go as deep as the folders are.
        let path = folder.keep();
        assert!(std::process::Command::new("rm").arg("-rf").arg(path).status().unwrap().success());
    }

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
