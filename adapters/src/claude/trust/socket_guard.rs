//! Settings of a trusted folder that would lead an older version of the agent past the server.

use std::path::{Path, PathBuf};

use runner_core::ports::{AgentError, AgentSetup};
use runner_core::setup::trust::Trust;
use serde_json::Value;

use crate::claude::files::agent_folder::AgentFolder;
use crate::claude::program::Program;

/// The first version known to leave the address of its API alone whatever a folder's settings name.
const HEEDS_PINNED_SOCKET: [u64; 3] = [2, 1, 332];

/// A variable that older versions take from a folder whatever is pinned. They then send everything there.
const SOCKET: &str = "ANTHROPIC_UNIX_SOCKET";
const SETTINGS_FILES: [&str; 2] = [".claude/settings.json", ".claude/settings.local.json"];
const MAX_SETTINGS_BYTES: u64 = 1024 * 1024;

/// Looks at the settings of a trusted folder for the variable that would lead an older version past the
/// server. The agent reads them again while it runs, so they are checked before each prompt; a change during
/// a turn is not seen.
#[derive(Debug)]
pub(crate) struct SocketGuard {
    working_dir: PathBuf,
}

impl SocketGuard {
    /// Absent where no check is needed.
    pub(crate) fn new(setup: &AgentSetup, program: &Program) -> Option<Self> {
        let is_needed = setup.trust == Trust::Trusted && !program.is_at_least(HEEDS_PINNED_SOCKET);
        is_needed.then(|| Self { working_dir: setup.working_dir.clone() })
    }

    pub(crate) fn check(&self) -> Result<(), AgentError> {
        for folder in self.working_dir.ancestors() {
            for name in SETTINGS_FILES {
                let path = folder.join(name);
                let exists = path.symlink_metadata().is_ok();
                let settings = AgentFolder::new(folder).read(Path::new(name), MAX_SETTINGS_BYTES);
                if exists && settings.map_or(true, |settings| may_set_socket(&settings)) {
                    return Err(AgentError::NotStarted(format!(
                        "{} sets {SOCKET}, or cannot be read: take it out, or install a newer claude",
                        path.display()
                    )));
                }
            }
        }
        Ok(())
    }
}

fn may_set_socket(settings: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(settings) {
        Ok(settings) => settings["env"].get(SOCKET).is_some(),
        // The program may accept more than JSON.
        Err(_) => true,
    }
}
