//! Shows files of folders that may be hostile, and change while they are read.
//!
//! The kernel keeps the path below the folder, links included: those that lead out are not followed. What was
//! opened is then asked where it lies, so no name leads to what is the server's own.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use runner_core::ports::{EntryKind, EntryName, EntryRefusal, FolderEntry, FolderReader};
use tokio::task::spawn_blocking;

use super::folder::open_without_links;

/// Larger files are not shown.
const MAX_FILE_BYTES: u64 = 10 << 20;

const MAX_ENTRIES: usize = 10_000;

/// Shows everything but the server's own.
#[derive(Clone, Debug)]
pub struct GuardedFolders {
    /// Absolute paths without links.
    hidden: Vec<PathBuf>,
}

impl GuardedFolders {
    pub fn new(hidden: Vec<PathBuf>) -> Self {
        Self { hidden }
    }

    fn look(&self, folder: &Path, path: &Path) -> Result<FolderEntry, EntryRefusal> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let opened = open_below(folder, path).map_err(|_| EntryRefusal::Missing)?;
        let place = place_of(&opened).ok_or(EntryRefusal::Missing)?;
        if self.hides(&place) {
            return Err(EntryRefusal::Missing);
        }
        match kind(&fstat(&opened).map_err(|_| EntryRefusal::Missing)?) {
            EntryKind::File => content(opened).map(FolderEntry::File),
            EntryKind::Folder => self.entries(opened, &place).map(FolderEntry::Folder),
            EntryKind::Link | EntryKind::Other => Err(EntryRefusal::Missing),
        }
    }

    fn entries(&self, opened: OwnedFd, place: &Path) -> Result<Vec<EntryName>, EntryRefusal> {
        let mut folder = Dir::from_fd(opened).map_err(|_| EntryRefusal::Missing)?;
        let mut names = vec![];
        for entry in folder.iter().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." && !self.hides(&place.join(&name)) {
                names.push(name);
            }
            if names.len() > MAX_ENTRIES {
                return Err(EntryRefusal::TooMany { limit: MAX_ENTRIES });
            }
        }
        names.sort();
        // What is gone by now is left out.
        let entry = |name: String| {
            let stat = fstatat(&folder, name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
            let kind = kind(&stat);
            let bytes = u64::try_from(stat.st_size).ok().filter(|_| kind == EntryKind::File);
            Some(EntryName { name, kind, bytes })
        };
        Ok(names.into_iter().filter_map(entry).collect())
    }

    fn hides(&self, place: &Path) -> bool {
        self.hidden.iter().any(|hidden| place.starts_with(hidden))
    }
}

#[async_trait]
impl FolderReader for GuardedFolders {
    async fn read(&self, folder: &Path, path: &Path) -> Result<FolderEntry, EntryRefusal> {
        let (own, folder, path) = (self.clone(), folder.to_owned(), path.to_owned());
        spawn_blocking(move || own.look(&folder, &path)).await.unwrap_or(Err(EntryRefusal::Missing))
    }
}

/// A pipe is not waited for.
fn open_below(folder: &Path, path: &Path) -> nix::Result<OwnedFd> {
    let root = open_without_links(folder, OFlag::O_DIRECTORY)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    openat2(&root, path, OpenHow::new().flags(flags).resolve(resolve))
}

/// Where an open file lies, without links.
fn place_of(opened: &OwnedFd) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).ok()
}

fn content(opened: OwnedFd) -> Result<Vec<u8>, EntryRefusal> {
    let mut bytes = vec![];
    let read = File::from(opened).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() as u64 > MAX_FILE_BYTES => Err(EntryRefusal::TooLarge { limit: MAX_FILE_BYTES }),
        Ok(_) => Ok(bytes),
        Err(_) => Err(EntryRefusal::Missing),
    }
}

fn kind(stat: &FileStat) -> EntryKind {
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    match kind {
        kind if kind == SFlag::S_IFREG => EntryKind::File,
        kind if kind == SFlag::S_IFDIR => EntryKind::Folder,
        kind if kind == SFlag::S_IFLNK => EntryKind::Link,
        _ => EntryKind::Other,
    }
}
