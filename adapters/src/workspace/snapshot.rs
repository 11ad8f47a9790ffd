//! What a folder's files were like, and what is different now.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use runner_core::agent::FileChangeKind;
use runner_core::workspace::{Unobserved, UnobservedReason, WorkspaceChange, WorkspaceReport};

use super::Limits;
use super::folder::{Folder, MAX_FILE_BYTES, Stat};
use super::patch;
use crate::session_tokens::masked;

/// A file may change twice within one tick of the file system's clock: what is newer than this at the
/// time of a look is read again at the next.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Snapshot {
    folder: Folder,
    limits: Limits,
    files: BTreeMap<PathBuf, Seen>,
    /// New files of which it is known how they came to be.
    accepted: BTreeMap<PathBuf, Seen>,
    contents: Contents,
    looked_at: SystemTime,
}

#[derive(Clone)]
struct Seen {
    stat: Stat,
    /// Where its content is kept, if it is.
    content: Option<Range<u64>>,
}

/// Contents of files, in a file without a name: it is gone with the process.
struct Contents {
    file: File,
    end: u64,
    limit: u64,
}

impl Snapshot {
    pub(super) fn take(folder: Folder, scratch: &Path, limits: Limits) -> Result<Self, UnobservedReason> {
        let (looked_at, deadline) = (now(), Instant::now() + limits.time);
        let file = tempfile::tempfile_in(scratch).map_err(|_| UnobservedReason::Unreadable)?;
        let mut contents = Contents { file, end: 0, limit: limits.kept_bytes };
        let mut files = BTreeMap::new();
        for (path, stat) in folder.files(limits.files, deadline)? {
            let in_time = Instant::now() < deadline && contents.has_room(stat);
            let content = if in_time { folder.read(&path) } else { None };
            let content = content.and_then(|bytes| contents.keep(&bytes));
            files.insert(path, Seen { stat, content });
        }
        Ok(Self { folder, limits, files, accepted: BTreeMap::new(), contents, looked_at })
    }

    /// The differences, in the order of the paths; from now on they are known.
    pub(super) fn changes(&mut self) -> WorkspaceReport {
        let (looked_at, deadline) = (now(), Instant::now() + self.limits.time);
        let found = match self.folder.files(self.limits.files, deadline) {
            Ok(found) => found,
            Err(reason) => return reason.into(),
        };
        let mut before = std::mem::take(&mut self.files);
        let mut accepted = std::mem::take(&mut self.accepted);
        let mut listing = Listing::new(self.limits, deadline);
        for (path, stat) in found {
            let old = accepted.remove(&path).or_else(|| before.remove(&path));
            let seen = self.compare(&path, stat, old, &mut listing);
            self.files.insert(path, seen);
        }
        // An accepted file that was not found may be an ignored one.
        accepted.retain(|path, _| self.folder.stat(path).is_none());
        before.append(&mut accepted);
        for (path, old) in before {
            let old = self.contents.load(old.content.as_ref());
            let change =
                Difference { kind: FileChangeKind::Deleted, executable: None, old, new: Some(vec![]) };
            listing.add(&self.folder.path.join(path), change);
        }
        self.looked_at = looked_at;
        listing.report()
    }

    /// Takes a file as it is now.
    pub(super) fn accept(&mut self, path: &Path) {
        let Ok(path) = path.strip_prefix(&self.folder.path) else { return };
        let Some(stat) = self.folder.stat(path) else { return };
        let content = self.folder.read(path).and_then(|bytes| self.contents.keep(&bytes));
        let seen = Seen { stat, content };
        match self.files.get_mut(path) {
            Some(known) => *known = seen,
            None => drop(self.accepted.insert(path.to_owned(), seen)),
        }
    }

    fn compare(&mut self, path: &Path, stat: Stat, old: Option<Seen>, listing: &mut Listing) -> Seen {
        let is_same = old.as_ref().is_some_and(|old| old.stat == stat && self.is_settled(stat));
        if is_same && let Some(old) = old {
            return old;
        }
        let new = if listing.in_time() { self.folder.read(path) } else { None };
        let before = old.as_ref().map(|old| self.contents.load(old.content.as_ref()));
        let full_path = self.folder.path.join(path);
        let was_executable = old.as_ref().is_some_and(|old| old.stat.executable);
        let executable = (was_executable != stat.executable).then_some(stat.executable);
        match (&before, &new) {
            (Some(Some(before)), Some(new)) if before == new => {
                if executable.is_some() {
                    listing.add_mode(&full_path, executable);
                }
                return Seen { stat, content: old.and_then(|old| old.content) };
            }
            // Nothing but its size and times are known of it.
            (Some(None), _) | (Some(_), None) if old.as_ref().is_some_and(|old| old.stat == stat) => {}
            (Some(before), new) => {
                let (kind, old, new) = (FileChangeKind::Modified, before.clone(), new.clone());
                listing.add(&full_path, Difference { kind, executable, old, new });
            }
            (None, new) => {
                let (kind, old, new) = (FileChangeKind::Created, Some(vec![]), new.clone());
                listing.add(&full_path, Difference { kind, executable, old, new });
            }
        }
        Seen { stat, content: new.and_then(|bytes| self.contents.keep(&bytes)) }
    }

    /// Whether the file's time is old enough to have changed with its content.
    fn is_settled(&self, stat: Stat) -> bool {
        let (seconds, nanos) = stat.changed;
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u32::try_from(nanos)) else { return false };
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos) + TICK < self.looked_at
    }
}

impl Contents {
    fn has_room(&self, stat: Stat) -> bool {
        stat.bytes <= MAX_FILE_BYTES && self.end + stat.bytes <= self.limit
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Range<u64>> {
        let range = self.end..self.end + bytes.len() as u64;
        if range.end > self.limit {
            return None;
        }
        self.file.write_all_at(bytes, range.start).ok()?;
        self.end = range.end;
        Some(range)
    }

    fn load(&self, range: Option<&Range<u64>>) -> Option<Vec<u8>> {
        let read = |range: &Range<u64>| -> io::Result<Vec<u8>> {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
            self.file.read_exact_at(&mut bytes, range.start)?;
            Ok(bytes)
        };
        read(range?).ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "it is compared with the times of files")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A file as it was and as it is; contents that could not be kept or read are absent.
struct Difference {
    kind: FileChangeKind,
    executable: Option<bool>,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
}

/// Changes, as many as there is room for.
struct Listing {
    limits: Limits,
    deadline: Instant,
    changes: Vec<WorkspaceChange>,
    patch_bytes: usize,
    left_out: u32,
}

impl Listing {
    fn new(limits: Limits, deadline: Instant) -> Self {
        Self { limits, deadline, changes: vec![], patch_bytes: 0, left_out: 0 }
    }

    fn in_time(&self) -> bool {
        Instant::now() < self.deadline && self.changes.len() < self.limits.changes
    }

    fn add(&mut self, path: &Path, Difference { kind, executable, old, new }: Difference) {
        if self.is_full() {
            return;
        }
        let compared = old.zip(new).filter(|_| self.in_time());
        let patch = compared.map(|(old, new)| patch::between(kind, &old, &new));
        let (added, removed, text) =
            patch.map_or((0, 0, None), |patch| (patch.added, patch.removed, patch.text));
        let patch = text.filter(|text| self.patch_bytes + text.len() <= self.limits.patch_bytes);
        let patch = patch.map(|patch| masked(&patch).into_owned());
        self.patch_bytes += patch.as_ref().map_or(0, String::len);
        let path = path.to_string_lossy().into_owned();
        self.changes.push(WorkspaceChange { path, kind, added, removed, patch, executable });
    }

    /// Nothing but its mode is different.
    fn add_mode(&mut self, path: &Path, executable: Option<bool>) {
        if self.is_full() {
            return;
        }
        let (path, patch) = (path.to_string_lossy().into_owned(), Some(String::new()));
        let (kind, added, removed) = (FileChangeKind::Modified, 0, 0);
        self.changes.push(WorkspaceChange { path, kind, added, removed, patch, executable });
    }

    /// Whether there is no room for another one, which is counted then.
    fn is_full(&mut self) -> bool {
        let is_full = self.changes.len() >= self.limits.changes;
        self.left_out = self.left_out.saturating_add(u32::from(is_full));
        is_full
    }

    fn report(mut self) -> WorkspaceReport {
        self.changes.sort_by(|one, other| one.path.cmp(&other.path));
        let unobserved = (self.left_out > 0)
            .then_some(Unobserved { reason: UnobservedReason::TooManyChanges, files: self.left_out });
        WorkspaceReport { changes: self.changes, unobserved }
    }
}
