//! What the runtime needs to know of the machine.

use std::ffi::OsString;
use std::path::PathBuf;

use runner_core::allowed_folders::AllowedFolders;

use crate::claude::credentials::Credentials;

pub(super) const MIB: u64 = 1024 * 1024;

/// What the runtime needs to know of the machine; read once from the configuration.
#[derive(Clone, Debug)]
pub struct ClaudeSettings {
    /// The program to use; otherwise the first `claude` on the search path.
    pub program: Option<PathBuf>,
    pub search_path: Option<OsString>,
    pub credentials: Credentials,
    /// One configuration folder per session is kept below it.
    pub agents_dir: PathBuf,
    /// Tells this installation's agents from another's on the same machine.
    pub instance: String,
    /// The variables of the server's own environment that an agent may see.
    pub inherited_env: Vec<(String, String)>,
    /// How often the agent asks the model's API again before it gives up.
    pub max_api_retries: u32,
    /// Where agents may work; looked at once more when one is started.
    pub folders: AllowedFolders,
    pub sandbox: SandboxSettings,
    pub limits: AgentLimits,
}

/// The most that one agent may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentLimits {
    /// Processes and threads.
    pub processes: u64,
    pub memory_mib: u64,
    /// The size of each file that it writes.
    pub file_mib: u64,
    /// All that it writes in its home and its configuration folder.
    pub own_disk_mib: u64,
    /// With less than this free where the server's data is, nothing begins.
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
    /// Where there is one; otherwise the server says so and goes on.
    Auto,
    /// Without one the server does not start.
    Required,
    Off,
}

/// What the sandbox has to know of the machine. Paths are absolute.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    pub mode: SandboxMode,
    /// What agents may read beside the system's folders, such as tool chains in a home.
    pub read_only: Vec<PathBuf>,
    /// Files of the server that may lie in a folder that agents see.
    pub hidden: Vec<PathBuf>,
    pub data_dir: PathBuf,
    /// Where the agent's home is; what is there really is not seen.
    pub home: Option<PathBuf>,
}
