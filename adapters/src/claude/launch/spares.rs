//! Agents that are started before their sessions are opened.
//!
//! Such an agent has to be what one would be that is started later. Claude Code tells its model what the git
//! repository is like in which it starts, so that counts: it is told by what git writes with every commit,
//! checkout and change of its index, and nothing of the repository is read or run. What is said of files
//! that git did not touch is for whoever keeps the agent to compare.
//!
//! A marker beside the folder of such an agent says that there may be no session for it; who finds one when
//! the server starts removes both.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use runner_core::ids::SessionId;
use runner_core::ports::AgentPlace;

use super::config_folder::config_dir;
use crate::claude::credentials::Credentials;
use crate::claude::files::work_folder::WorkFolder;
use crate::claude::program::Program;
use crate::claude::sandbox::inside::private_home;
use crate::claude::settings::ClaudeSettings;

const EXTENSION: &str = "ahead";

/// What changes in a repository when what Claude Code says of it changes.
const OF_REPOSITORY: &[&str] =
    &["", "HEAD", "index", "config", "info/exclude", "logs/HEAD", "packed-refs", "refs/heads"];

/// What an agent sees in these folders when it starts; absent where that cannot be told.
pub(crate) fn place(
    settings: &ClaudeSettings,
    program: &Program,
    folders: &[WorkFolder],
) -> Option<AgentPlace> {
    match settings.credentials {
        Credentials::Gateway { .. } => {}
        // It would keep what it was given at its start; the gateway asks for the key with every call.
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

/// Notes that a folder is for a session that may never be opened.
pub(crate) fn mark(settings: &ClaudeSettings, session: SessionId) -> std::io::Result<()> {
    fs::create_dir_all(&settings.agents_dir)?;
    fs::write(marker(settings, session), [])
}

pub(crate) fn unmark(settings: &ClaudeSettings, session: SessionId) -> bool {
    fs::remove_file(marker(settings, session)).is_ok()
}

/// Removes what was made for a session, if it was made ahead and the session was not opened.
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

/// Removes what an earlier run of the server left of this kind.
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
