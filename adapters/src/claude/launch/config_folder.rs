//! The folders of one session's agents alone: their configuration, and their home.

use std::fs;
use std::path::{Path, PathBuf};

use runner_core::ids::SessionId;

use crate::claude::credentials::Credentials;
use crate::claude::sandbox::agent_paths::private_home;
use crate::claude::settings::ClaudeSettings;

/// The name of the file in which Claude Code keeps a login.
const LOGIN_FILE: &str = ".credentials.json";

/// The configuration folder of a session. Sessions and people share no settings and no history.
pub(crate) fn config_dir(settings: &ClaudeSettings, session: SessionId) -> PathBuf {
    settings.agents_dir.join(session.to_string())
}

/// The folders in which only this session's agents write.
pub(crate) fn own_folders(settings: &ClaudeSettings, session: SessionId) -> Vec<PathBuf> {
    let config_dir = config_dir(settings, session);
    vec![private_home(&config_dir), config_dir]
}

pub(crate) fn make_folders(settings: &ClaudeSettings, folder: &Path) -> std::io::Result<()> {
    for own in [folder, &private_home(folder)] {
        fs::create_dir_all(own)?;
        fs::set_permissions(own, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    }
    if let Credentials::Login { credentials_file } = &settings.credentials {
        let link = folder.join(LOGIN_FILE);
        // An older link may point to a login that is gone.
        fs::remove_file(&link).or_else(ignore_missing)?;
        std::os::unix::fs::symlink(credentials_file, link)?;
    }
    Ok(())
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
