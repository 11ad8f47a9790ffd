//! Finding the `claude` program and its version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runner_core::ports::AgentError;
use tokio::process::Command;

use crate::claude::settings::ClaudeSettings;

pub(super) const HOW_TO_INSTALL: &str = "the claude program was not found: install it with \
     `npm install -g @anthropic-ai/claude-code`, or set CLAUDE_BIN to where it is";

const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// An installed `claude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: String,
    /// `setpriv` of util-linux, which has the kernel end a process with its parent; absent where it is not
    /// installed.
    pub(super) setpriv: Option<PathBuf>,
}

impl Program {
    pub(super) async fn find(settings: &ClaudeSettings) -> Result<Self, AgentError> {
        let path = locate(settings).ok_or_else(|| AgentError::NotInstalled(HOW_TO_INSTALL.to_owned()))?;
        let version = ask_version(&path).await?;
        let setpriv = on_search_path(settings, "setpriv");
        Ok(Self { path, version, setpriv })
    }

    /// Whether its version is this one or a later one. A version that is not three numbers is older than all.
    pub(super) fn is_at_least(&self, version: [u64; 3]) -> bool {
        let numbers: Option<Vec<u64>> = self.version.split('.').map(|part| part.parse().ok()).collect();
        numbers.is_some_and(|numbers| numbers.len() == 3 && numbers[..] >= version[..])
    }

    /// The program's path without links: a sandbox does not have the links that lead to it.
    pub(super) fn resolved(&self) -> PathBuf {
        self.path.canonicalize().unwrap_or_else(|_| self.path.clone())
    }
}

pub(super) fn locate(settings: &ClaudeSettings) -> Option<PathBuf> {
    if let Some(program) = &settings.program {
        return program.is_file().then(|| program.clone());
    }
    on_search_path(settings, "claude")
}

pub(super) fn on_search_path(settings: &ClaudeSettings, name: &str) -> Option<PathBuf> {
    let search_path = settings.search_path.as_ref()?;
    // A relative folder lies below the server's working folder, where agents may be able to write.
    let folders = std::env::split_paths(search_path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

async fn ask_version(path: &Path) -> Result<String, AgentError> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let not_started = |why: String| AgentError::NotStarted(format!("{}: {why}", path.display()));
    let output = tokio::time::timeout(VERSION_TIMEOUT, command.output())
        .await
        .map_err(|_| not_started("it did not tell its version".to_owned()))?
        .map_err(|error| not_started(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.split_whitespace().next() {
        Some(version) if output.status.success() => Ok(version.to_owned()),
        Some(_) | None => Err(not_started(format!(
            "`--version` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
    }
}
