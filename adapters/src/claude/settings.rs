//! The settings of the runtime.

use std::ffi::OsString;
use std::path::PathBuf;

use runner_core::allowed_folders::AllowedFolders;

use crate::claude::credentials::Credentials;

pub(super) const MIB: u64 = 1024 * 1024;

/// The runtime's settings, read once from the configuration.
#[derive(Clone, Debug)]
pub struct ClaudeSettings {
    /// The path of the program; by default the first `claude` on the search path.
    pub program: Option<PathBuf>,
    pub search_path: Option<OsString>,
    pub credentials: Credentials,
    /// The folder that holds one configuration folder for each session.
    pub agents_dir: PathBuf,
    /// A name that tells this installation's agents from those of others on the same machine.
    pub instance: String,
    /// The variables of the server's own environment that agents may see.
    pub inherited_env: Vec<(String, String)>,
    /// The agent asks the model's API again so often before it gives up.
    pub max_api_retries: u32,
    /// The folders in which agents may work; checked once more when an agent is started.
    pub folders: AllowedFolders,
    pub sandbox: SandboxSettings,
    pub limits: AgentLimits,
}

/// The most that one agent may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentLimits {
    /// Its processes and threads.
    pub processes: u64,
    pub memory_mib: u64,
    /// The size of each file that it writes.
    pub file_mib: u64,
    /// All files in its home and its configuration folder.
    pub own_disk_mib: u64,
    /// With less room than this on the disk of the server's data, nothing begins.
    pub free_disk_mib: u64,
}

impl AgentLimits {
    pub(super) const fn memory_bytes(self) -> u64 {
        self.memory_mib.saturating_mul(MIB)
    }

    pub(super) const fn file_bytes(self) -> u64 {
        self.file_mib.saturating_mul(MIB)
    }
}

/// Whether agents are put into a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxMode {
    /// A sandbox is used where there is one; otherwise the server warns and goes on.
    Auto,
    /// Without a sandbox the server does not start.
    Required,
    Off,
}

/// The settings of the sandbox. Paths are absolute.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    pub mode: SandboxMode,
    /// Folders that agents may read beside the system's, such as tool chains in a home.
    pub read_only: Vec<PathBuf>,
    /// Files of the server that are hidden where they lie in a folder that agents see.
    pub hidden: Vec<PathBuf>,
    pub data_dir: PathBuf,
    /// The path of an agent's home. The agent does not see the real folder there.
    pub home: Option<PathBuf>,
}
