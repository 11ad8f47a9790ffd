//! Files: what commands change in folders, and the agent's own.

use std::path::Path;

use async_trait::async_trait;

use super::log::{AppendError, ReadError};
use crate::ids::SessionId;
use crate::workspace::{UnobservedReason, WorkspaceReport};

/// Sees what commands change in folders.
#[async_trait]
pub trait WorkspaceWatch: Send + Sync {
    /// Takes note of what a folder's files are like. Absent where nobody looks: outside of git repositories.
    ///
    /// The folder may be hostile: nothing that is in it may be run, waited for, or read without a limit.
    async fn look(&self, folder: &Path) -> Result<Option<Box<dyn WorkspaceSight>>, UnobservedReason>;
}

/// What a folder's files were like.
#[async_trait]
pub trait WorkspaceSight: Send + Sync {
    /// What is different now. The next call compares with what this one saw.
    async fn changes(&mut self) -> WorkspaceReport;

    /// Takes a file as it is now: how it changed is known already.
    async fn accept(&mut self, path: &str);
}

/// The agent's own files of a session, without which it cannot take the session up elsewhere.
#[async_trait]
pub trait AgentFiles: Send + Sync {
    /// Keeps the files as they are now, in place of what was kept of them before.
    async fn save(&self, session: SessionId, files: &[AgentFile]) -> Result<(), AppendError>;

    async fn load(&self, session: SessionId) -> Result<Vec<AgentFile>, ReadError>;
}

/// A file of the agent, by its path below the folder that the agent keeps them in.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for AgentFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.path, self.bytes.len())
    }
}
