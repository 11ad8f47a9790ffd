//! Finding the `claude` program and its version.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runner_core::ports::AgentError;
use tokio::process::Command;

use crate::claude::settings::ClaudeSettings;

const HOW_TO_INSTALL: &str = "the claude program was not found: install it with \
     `npm install -g @anthropic-ai/claude-code@latest`, or set CLAUDE_BIN to where it is";

/// The oldest version that speaks as this server does.
const OLDEST_VERSION: [u64; 3] = [2, 1, 197];

const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// An installed `claude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: String,
    /// The file that told its version; another one may lie there since.
    file: FileStamp,
    /// `setpriv` of util-linux, which has the kernel end a process with its parent; absent where it is not
    /// installed.
    pub(super) setpriv: Option<PathBuf>,
}

impl Program {
    pub(super) async fn find(settings: &ClaudeSettings) -> Result<Self, AgentError> {
        let path = locate(settings).ok_or_else(missing)?;
        let file = FileStamp::of(&path);
        let version = ask_version(&path).await?;
        let setpriv = on_search_path(settings, "setpriv");
        let program = Self { path, version, file, setpriv };
        let Self { path, version, .. } = &program;
        if program.is_at_least(OLDEST_VERSION) {
            return Ok(program);
        }
        let [major, minor, patch] = OLDEST_VERSION;
        Err(AgentError::NotInstalled(format!(
            "{} is Claude Code {version}, this server needs {major}.{minor}.{patch} or a later one: install that with \
             `npm install -g @anthropic-ai/claude-code@latest`, or set CLAUDE_BIN to where it is",
            path.display()
        )))
    }

    /// A program that was not asked.
    #[cfg(test)]
    pub(super) fn at(path: PathBuf, version: &str) -> Self {
        let file = FileStamp::of(&path);
        Self { path, version: version.to_owned(), file, setpriv: None }
    }

    /// Whether the file that told the version is still there.
    pub(super) fn is_unchanged(&self) -> bool {
        self.file == FileStamp::of(&self.path)
    }

    /// Whether its version is this one or a later one. A version that does not begin with three numbers is
    /// older than all.
    pub(super) fn is_at_least(&self, version: [u64; 3]) -> bool {
        let release = self.version.split(['-', '+']).next().unwrap_or_default();
        let numbers: Option<Vec<u64>> = release.split('.').map(|part| part.parse().ok()).collect();
        numbers.is_some_and(|numbers| numbers.len() == 3 && numbers[..] >= version[..])
    }

    /// The program's path without links: a sandbox does not have the links that lead to it.
    pub(super) fn resolved(&self) -> PathBuf {
        self.path.canonicalize().unwrap_or_else(|_| self.path.clone())
    }
}

pub(super) fn missing() -> AgentError {
    AgentError::NotInstalled(HOW_TO_INSTALL.to_owned())
}

/// What tells one file from another that was put in its place; empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileStamp(Option<(u64, u64, i64, i64)>);

impl FileStamp {
    fn of(path: &Path) -> Self {
        let known = path.metadata().ok();
        Self(known.map(|file| (file.dev(), file.ino(), file.mtime(), file.mtime_nsec())))
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
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(not_started(format!("`--version` failed: {}", why.trim())));
    }
    match text.trim().strip_suffix("(Claude Code)") {
        Some(version) => Ok(version.trim().to_owned()),
        None => Err(AgentError::NotInstalled(format!(
            "{} is not Claude Code: it says `{}` of itself; set CLAUDE_BIN to where Claude Code is",
            path.display(),
            text.trim().chars().take(100).collect::<String>()
        ))),
    }
}
