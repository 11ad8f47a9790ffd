//! Files: what commands change in folders, and the agent's own.

use std::path::Path;

use async_trait::async_trait;
use serde::Serialize;

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

/// Shows what is in folders in which agents work.
#[async_trait]
pub trait FolderReader: std::fmt::Debug + Send + Sync {
    /// What is at a path below a folder. Nothing that lies outside, wherever a link leads, and nothing that
    /// is the server's own.
    async fn read(&self, folder: &Path, path: &Path) -> Result<FolderEntry, EntryRefusal>;
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderEntry {
    File(Vec<u8>),
    /// In the order of the names.
    Folder(Vec<EntryName>),
}

/// What is in a folder, one by one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct EntryName {
    pub name: String,
    pub kind: EntryKind,
    /// Of a file.
    pub bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    File,
    Folder,
    Link,
    /// A pipe, a socket, a device: these are not read.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefusal {
    /// It is not there, lies outside, or is none of what is shown.
    #[error("there is no such file or folder in the session's folders")]
    Missing,
    #[error("the file has more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the folder has more than {limit} entries")]
    TooMany { limit: usize },
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
