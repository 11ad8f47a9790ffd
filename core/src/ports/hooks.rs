//! Programs that hooks run.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use thiserror::Error;

use crate::ids::TenantId;

/// A program to run, in whose session, and what it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct HookProgram {
    pub tenant: TenantId,
    pub owner: String,
    pub working_dir: PathBuf,
    pub add_dirs: Vec<String>,
    /// The team's folder.
    pub within: Option<PathBuf>,
    /// A line for the shell.
    pub command: String,
    /// What it reads from its standard input.
    pub input: Value,
    /// It is ended then, with all that it started.
    pub timeout: Duration,
}

/// How a program ended, and what it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookReply {
    /// Absent where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A program that did not come to an end by itself, and why, for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HookNotRun(pub String);

/// Runs programs as agents run theirs.
#[async_trait]
pub trait HookPrograms: Send + Sync {
    /// Leaves nothing running; nor does dropping the future.
    async fn run(&self, program: HookProgram) -> Result<HookReply, HookNotRun>;
}
