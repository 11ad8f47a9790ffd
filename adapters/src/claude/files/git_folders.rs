//! The git folders of repositories that a session has only a part of: of a linked worktree, and of the
//! repository around a folder. Without them git finds no repository in the sandbox.
//!
//! Whoever writes in a folder can leave any `.git` there. So nothing is shown that is not where the session
//! may work, and nothing behind a link; and a worktree's repository has to name the worktree, as git notes it
//! when it makes one. All is held open and compared inside, like the session's own folders.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;
use runner_core::allowed_folders::AllowedFolders;

use super::work_folder::WorkFolder;

/// Notes of git are short, and its configuration is not long either.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// What names programs to run, and where else git looks. These of a repository's are kept from an agent that
/// writes beside them.
const KEPT: &[&str] = &["config", "hooks"];
const KEPT_IF_THERE: &[&str] = &["config.worktree", "modules", "worktrees"];
/// What is the main worktree's alone.
const OF_MAIN: &[&str] = &["HEAD", "index"];
/// What binds a worktree to its repository.
const BINDING: &[&str] = &["commondir", "gitdir"];

/// A folder, or a file, that an agent sees beside its own folders.
#[derive(Debug)]
pub(crate) struct GitFolder {
    pub(crate) folder: WorkFolder,
    pub(crate) is_writable: bool,
}

/// What git needs in these folders and does not find there, but for repositories around them that hold what
/// nobody may see.
pub(crate) fn around(
    folders: &[WorkFolder],
    allowed: &AllowedFolders,
    is_private: &dyn Fn(&Path) -> bool,
) -> Vec<GitFolder> {
    let mut shown: Vec<GitFolder> = vec![];
    for folder in folders {
        let places = Places { allowed, is_private };
        for found in places.around(&folder.real).unwrap_or_default() {
            let is_seen = folders.iter().any(|own| found.folder.real.starts_with(&own.real))
                || shown.iter().any(|known| known.folder.real == found.folder.real);
            if !is_seen {
                shown.push(found);
            }
        }
    }
    shown
}

#[derive(Clone, Copy)]
struct Places<'a> {
    allowed: &'a AllowedFolders,
    is_private: &'a dyn Fn(&Path) -> bool,
}

impl Places<'_> {
    fn around(self, folder: &Path) -> Option<Vec<GitFolder>> {
        let mut above = folder.ancestors().take_while(|path| self.allowed.contain(path));
        let top = above.find(|path| path.join(".git").symlink_metadata().is_ok())?;
        if top != folder && (self.is_private)(top) {
            return None;
        }
        let git = top.join(".git");
        let mut shown = match git.symlink_metadata().ok()?.is_dir() {
            true => self.repository(&git)?,
            false => self.worktree(&git)?,
        };
        // Without the files around, git would take them for deleted, and commit that.
        shown.push(self.read_only(top)?);
        Some(shown)
    }

    /// The git folder of a repository. Git makes files right in it at every step, so it is writable but for
    /// what is kept.
    fn repository(self, git: &Path) -> Option<Vec<GitFolder>> {
        let kept: Option<Vec<_>> = KEPT.iter().map(|name| self.read_only(&git.join(name))).collect();
        let is_writable = kept.is_some() && has_one_config(git, git);
        let mut shown = vec![GitFolder { folder: self.open(git)?, is_writable }];
        shown.extend(kept.into_iter().flatten());
        shown.extend(KEPT_IF_THERE.iter().filter_map(|name| self.read_only(&git.join(name))));
        Some(shown)
    }

    /// The git folders of a linked worktree: its own, and the one that it shares with the others.
    fn worktree(self, note: &Path) -> Option<Vec<GitFolder>> {
        let own = told(note, "gitdir: ")?;
        let shared = told(&own.join("commondir"), "")?;
        let is_named = own.parent()? == shared.join("worktrees") && told(&own.join("gitdir"), "")? == note;
        if !is_named {
            return None;
        }
        let mut shown = self.repository(&shared)?;
        shown.extend(OF_MAIN.iter().filter_map(|name| self.read_only(&shared.join(name))));
        let is_writable = has_one_config(&own, &shared);
        shown.push(GitFolder { folder: self.open(&own)?, is_writable });
        let binding: Option<Vec<_>> = BINDING.iter().map(|name| self.read_only(&own.join(name))).collect();
        shown.extend(binding?);
        Some(shown)
    }

    fn read_only(self, path: &Path) -> Option<GitFolder> {
        Some(GitFolder { folder: self.open(path)?, is_writable: false })
    }

    fn open(self, path: &Path) -> Option<WorkFolder> {
        WorkFolder::open_any(path, self.allowed).ok()
    }
}

/// The path that a note of git tells; a relative one is meant from the note's folder.
fn told(note: &Path, prefix: &str) -> Option<PathBuf> {
    let text = read(note)?;
    let path = note.parent()?.join(text.strip_prefix(prefix)?.trim_end_matches(['\n', '\r']));
    let mut told = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(told.pop()),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => told.push(part),
        }
    }
    Some(told)
}

/// Whether git reads no more configuration from a folder than the one that is shown there: a worktree may
/// have one of its own, if the shared one says so.
fn has_one_config(own: &Path, shared: &Path) -> bool {
    let Some(config) = read(&shared.join("config")) else { return false };
    !config.to_ascii_lowercase().contains("worktreeconfig")
        || own == shared && own.join("config.worktree").is_file()
}

/// Reads a file that anybody may have put there, and waits for nobody.
fn read(path: &Path) -> Option<String> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).ok()?;
    let is_short =
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_FILE_BYTES);
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).ok().filter(|_| is_short)?;
    Some(text)
}
