//! The start of an agent: the setup that shapes its process, and the seat that one session has in it.

use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::AgentFile;
use crate::agent::{AgentOptions, PermissionMode};
use crate::ids::{ProcessId, SessionId, TenantId};
use crate::setup::extension::active::ActiveExtensions;
use crate::setup::trust::Trust;
use crate::spend::SpentBefore;

/// Everything that an agent is started with.
#[derive(Clone, Debug)]
pub struct AgentLaunch {
    pub setup: AgentSetup,
    pub seat: AgentSeat,
}

/// Everything that shapes an agent's process. A spare agent serves only a session whose setup equals its own
/// as a whole, so a setting that changes what an agent may do, see or say belongs here and not into the seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSetup {
    pub tenant: TenantId,
    pub owner: String,
    pub working_dir: PathBuf,
    /// The team's folder: the agent does not start where one of its folders has come to lie outside of it.
    pub within: Option<PathBuf>,
    pub permission_mode: PermissionMode,
    pub options: AgentOptions,
    /// Whether the agent loads settings, instructions and skills of its working folder.
    pub trust: Trust,
    pub extensions: Arc<ActiveExtensions>,
}

/// The part of a launch that is one session's alone: its ids, and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSeat {
    pub session: SessionId,
    /// The agent's conversation: the session's id, until people begin anew with `/clear`.
    pub conversation: Uuid,
    pub process: ProcessId,
    /// The session's cost before this process.
    pub spent: SpentBefore,
    /// Files that were saved of earlier processes; they are put back where the machine has less.
    pub files: Vec<AgentFile>,
    /// Whether its files may be under the name of another folder than the one in which it goes on.
    pub is_moved: bool,
    /// The tool use to go on with. No prompt is needed: the agent comes to its gate by itself.
    pub resume_at: Option<String>,
}

impl AgentSeat {
    /// The seat of a session that begins: nothing is spent, saved or waited for.
    pub fn of_new_session(session: SessionId, process: ProcessId) -> Self {
        let conversation = session.0;
        let (spent, files) = (SpentBefore::default(), vec![]);
        Self { session, conversation, process, spent, files, is_moved: false, resume_at: None }
    }

    /// Whether the session begins with this process.
    pub fn is_of_new_session(&self) -> bool {
        *self == Self::of_new_session(self.session, self.process)
    }
}
