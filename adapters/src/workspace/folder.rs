//! The files of a folder that may be hostile.
//!
//! Everything is opened relative to the folder, without following symbolic links and without waiting, so
//! nothing outside is read and no pipe holds anybody up, also when files change at the same time. Every
//! read has a limit: ignore rules may well be a link to `/dev/zero`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use runner_core::workspace::UnobservedReason;

/// Larger files are not read.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 20;

const MAX_RULES_BYTES: u64 = 64 << 10;

/// More than a line has.
const MAX_HEAD_BYTES: u64 = 4 << 10;

/// Rules of folders hang on those above, and are let go of one by one.
const MAX_DEPTH: usize = 128;

/// By what a file is known to be the same without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) bytes: u64,
    modified: (i64, i64),
    /// Seconds and nanoseconds since 1970.
    pub(super) changed: (i64, i64),
    inode: (u64, u64),
    /// Whether its owner may execute it, which is all that git knows of a file's mode.
    pub(super) executable: bool,
}

/// An open folder in a git repository.
pub(super) struct Folder {
    root: OwnedFd,
    pub(super) path: PathBuf,
    rules: Option<Arc<Rules>>,
    excluded: PathBuf,
}

/// What is ignored in a folder: its own rules go before those of the folder above.
struct Rules {
    own: Gitignore,
    above: Option<Arc<Self>>,
}

impl Folder {
    /// Absent if the folder is in no git repository. `excluded` is not looked at.
    pub(super) fn open(path: &Path, excluded: PathBuf) -> Result<Option<Self>, UnobservedReason> {
        if path.starts_with(&excluded) {
            return Err(UnobservedReason::Unreadable);
        }
        let Some(repository) = path.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok())
        else {
            return Ok(None);
        };
        // Its name had no links when the session was opened. If it has one now, it leads to somebody else's.
        let root = open_without_links(path, OFlag::O_DIRECTORY).map_err(|_| UnobservedReason::Unreadable)?;
        let mut rules = extend(None, repository, read_outside(&repository.join(".git/info/exclude")));
        let mut above: Vec<&Path> =
            path.ancestors().skip(1).take_while(|folder| folder.starts_with(repository)).collect();
        above.reverse();
        for folder in above {
            rules = extend(rules, folder, read_outside(&folder.join(".gitignore")));
        }
        Ok(Some(Self { root, path: path.to_owned(), rules, excluded }))
    }

    /// The regular files that are not ignored, by their path in the folder.
    pub(super) fn files(
        &self,
        limit: usize,
        deadline: Instant,
    ) -> Result<BTreeMap<PathBuf, Stat>, UnobservedReason> {
        let mut found = BTreeMap::new();
        let mut folders = vec![(PathBuf::new(), self.rules.clone())];
        while let Some((folder, rules)) = folders.pop() {
            let place = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            let opened = match self.open_beneath(place, OFlag::O_DIRECTORY) {
                Ok(opened) => opened,
                // Gone, replaced by a link, a mount, or not for us.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EXDEV | Errno::EACCES) => continue,
                Err(_) => return Err(UnobservedReason::Unreadable),
            };
            let mut entries = Dir::from_fd(opened).map_err(|_| UnobservedReason::Unreadable)?;
            let text = self.read_limited(&folder.join(".gitignore"), MAX_RULES_BYTES);
            let rules = extend(rules, &self.path.join(&folder), text);
            let mut stats = vec![];
            for entry in entries.iter().flatten() {
                if Instant::now() > deadline {
                    return Err(UnobservedReason::TookTooLong);
                }
                stats.push(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
            }
            for name in stats {
                let path = folder.join(&name);
                let is_own = name == "." || name == ".." || name == ".git";
                let stat = match is_own {
                    true => continue,
                    false => fstatat(&entries, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW),
                };
                let Ok(stat) = stat else { continue };
                let kind = kind(&stat);
                let is_folder = kind == SFlag::S_IFDIR;
                if self.is_ignored(&path, is_folder, rules.as_deref()) {
                    continue;
                }
                if is_folder && path.components().count() > MAX_DEPTH {
                    return Err(UnobservedReason::TooManyFiles);
                } else if is_folder {
                    folders.push((path, rules.clone()));
                } else if kind == SFlag::S_IFREG {
                    found.insert(path, Stat::of(&stat));
                }
                if found.len() > limit || folders.len() > limit {
                    return Err(UnobservedReason::TooManyFiles);
                }
                if Instant::now() > deadline {
                    return Err(UnobservedReason::TookTooLong);
                }
            }
        }
        Ok(found)
    }

    /// The regular file that is there now.
    pub(super) fn stat(&self, path: &Path) -> Option<Stat> {
        let file = self.open_beneath(path, OFlag::O_NONBLOCK).ok()?;
        let stat = fstat(&file).ok()?;
        (kind(&stat) == SFlag::S_IFREG).then(|| Stat::of(&stat))
    }

    /// What is in a file; absent if it is too large, or cannot be read.
    pub(super) fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.read_limited(path, MAX_FILE_BYTES)
    }

    fn read_limited(&self, path: &Path, limit: u64) -> Option<Vec<u8>> {
        read_regular(self.open_beneath(path, OFlag::O_NONBLOCK).ok()?, limit)
    }

    fn open_beneath(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let resolve =
            ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
        openat2(&self.root, path, OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve))
    }

    fn is_ignored(&self, path: &Path, is_folder: bool, rules: Option<&Rules>) -> bool {
        let path = self.path.join(path);
        let mut rules = rules;
        while let Some(here) = rules {
            match here.own.matched(&path, is_folder) {
                ignore::Match::None => rules = here.above.as_deref(),
                ignore::Match::Ignore(_) => return true,
                ignore::Match::Whitelist(_) => return path == self.excluded,
            }
        }
        path == self.excluded
    }
}

impl Stat {
    fn of(stat: &FileStat) -> Self {
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
            inode: (stat.st_dev, stat.st_ino),
            executable: stat.st_mode & Mode::S_IXUSR.bits() != 0,
        }
    }
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

/// Ignore rules of the folders above, and git's own of this repository.
fn read_outside(path: &Path) -> Option<Vec<u8>> {
    read_regular(open_without_links(path, OFlag::O_NONBLOCK).ok()?, MAX_RULES_BYTES)
}

/// The beginning of a file, wherever it is.
pub(super) fn read_head(path: &Path) -> Option<Vec<u8>> {
    let opened = open_without_links(path, OFlag::O_NONBLOCK).ok()?;
    if kind(&fstat(&opened).ok()?) != SFlag::S_IFREG {
        return None;
    }
    let mut bytes = vec![];
    File::from(opened).take(MAX_HEAD_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Opens an absolute path in which no part is a symbolic link.
pub(super) fn open_without_links(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    openat2(AT_FDCWD, path, how)
}

fn read_regular(opened: OwnedFd, limit: u64) -> Option<Vec<u8>> {
    if kind(&fstat(&opened).ok()?) != SFlag::S_IFREG {
        return None;
    }
    let mut bytes = vec![];
    File::from(opened).take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

fn extend(above: Option<Arc<Rules>>, folder: &Path, text: Option<Vec<u8>>) -> Option<Arc<Rules>> {
    let Some(text) = text else { return above };
    let mut builder = GitignoreBuilder::new(folder);
    for line in String::from_utf8_lossy(&text).lines() {
        // git passes over what it cannot read as well.
        builder.add_line(None, line).ok();
    }
    match builder.build() {
        Ok(own) => Some(Arc::new(Rules { own, above })),
        Err(_) => above,
    }
}
