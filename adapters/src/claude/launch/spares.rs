//! Agents that are started before their sessions are opened.
//!
//! A spare agent must be like one that would be started later. Claude Code tells its model about the git
//! repository in which it starts, so the repository is part of the fingerprint: its state is read from the
//! files that git writes with every commit, checkout and change of its index, and nothing of the repository
//! is read or run. The keeper of the agent compares changes of files that git did not touch.
//!
//! A marker beside the folder of such an agent says that there may be no session for it. A server that finds
//! one when it starts removes both.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use runner_core::ids::SessionId;
use runner_core::ports::AgentPlace;

use super::config_folder::config_dir;
use crate::claude::credentials::Credentials;
use crate::claude::files::work_folder::WorkFolder;
use crate::claude::program::Program;
use crate::claude::sandbox::agent_paths::private_home;
use crate::claude::settings::ClaudeSettings;

const EXTENSION: &str = "ahead";

/// The files of a repository that change when Claude Code's description of it changes.
const OF_REPOSITORY: &[&str] =
    &["", "HEAD", "index", "config", "info/exclude", "logs/HEAD", "packed-refs", "refs/heads"];

/// The fingerprint of what an agent sees when it starts in these folders; absent where it cannot be told.
pub(crate) fn place(
    settings: &ClaudeSettings,
    program: &Program,
    folders: &[WorkFolder],
) -> Option<AgentPlace> {
    match settings.credentials {
        Credentials::Gateway { .. } => {}
        // Such an agent would keep the login of its start; the gateway asks for the key with every call.
        Credentials::Login { .. } | Credentials::OauthToken { .. } => return None,
    }
    let mut place = format!("{} {}", program.version, program.path.display());
    for folder in folders {
        place += &format!("\n{} {}", folder.identity, repository(&folder.real)?);
    }
    Some(AgentPlace(place))
}

fn repository(folder: &Path) -> Option<String> {
    let mut found = folder.ancestors().map(|folder| folder.join(".git"));
    let Some(git) = found.find(|path| path.symlink_metadata().is_ok()) else { return Some(String::new()) };
    // A file or a link leads to another folder.
    let is_folder = git.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    is_folder.then(|| OF_REPOSITORY.iter().map(|name| state(&git.join(name))).collect())
}

fn state(path: &Path) -> String {
    path.symlink_metadata().map_or_else(
        |_| "-,".to_owned(),
        |of| format!("{}:{}:{}.{},", of.ino(), of.size(), of.ctime(), of.ctime_nsec()),
    )
}

fn marker(settings: &ClaudeSettings, session: SessionId) -> PathBuf {
    config_dir(settings, session).with_extension(EXTENSION)
}

/// Marks a folder as made for a session that may never be opened.
pub(crate) fn mark(settings: &ClaudeSettings, session: SessionId) -> std::io::Result<()> {
    fs::create_dir_all(&settings.agents_dir)?;
    fs::write(marker(settings, session), [])
}

pub(crate) fn unmark(settings: &ClaudeSettings, session: SessionId) -> bool {
    fs::remove_file(marker(settings, session)).is_ok()
}

/// Removes the folders of a session that was not opened after all, and their mark.
pub(crate) fn discard(settings: &ClaudeSettings, session: SessionId) {
    let config_dir = config_dir(settings, session);
    for folder in [private_home(&config_dir), config_dir] {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "{} stays behind", folder.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
    unmark(settings, session);
}

/// Removes the marked folders that an earlier run of the server left.
pub(crate) fn sweep(settings: &ClaudeSettings) {
    for entry in fs::read_dir(&settings.agents_dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let session = path.file_stem().and_then(|name| name.to_str()?.parse().ok()).map(SessionId);
        if let Some(session) = session
            && path.extension().is_some_and(|extension| extension == EXTENSION)
        {
            discard(settings, session);
        }
    }
}
