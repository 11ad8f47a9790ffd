//! The agent: the real `claude` program, driven over stream-json and its control protocol.
//!
//! One process per live session, kept between turns. What it is started with is in `launch.rs`; how it
//! runs and ends in `process.rs` and `process_tree.rs`; what is said to it in `request.rs`; what it says
//! in `decode.rs` and `control.rs`; its own files in `transcript.rs` and `fork.rs`, and what it wrote without
//! this program in `import.rs`. Claude's field names are spelled in this module and nowhere else.

mod control;
mod credentials;
mod decode;
mod file_change;
mod fork;
pub mod import;
mod launch;
mod process;
mod process_tree;
mod program;
mod reader;
mod report;
mod request;
#[cfg(test)]
mod tests;
mod tools;
mod transcript;

use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use runner_core::ids::SessionId;
use runner_core::ports::{
    AgentError, AgentFile, AgentLaunch, AgentRuntime, AgentStatus, RunningAgent, ToolInfo,
};
use runner_core::session::fork::Said;

pub use credentials::{Credentials, ModelKind};
use fork::TranscriptCopy;
use process::{ClaudeProcess, OutputQueue};
use process_tree::Marker;
use program::Program;
use transcript::Transcript;

/// What the runtime needs to know of the machine; read once from the configuration.
#[derive(Clone, Debug)]
pub struct ClaudeSettings {
    /// The program to use; otherwise the first `claude` on the search path.
    pub program: Option<PathBuf>,
    pub search_path: Option<std::ffi::OsString>,
    pub credentials: Credentials,
    /// One configuration folder per session is kept below it.
    pub agents_dir: PathBuf,
    /// Tells this installation's agents from another's on the same machine.
    pub instance: String,
    /// The variables of the server's own environment that an agent may see.
    pub inherited_env: Vec<(String, String)>,
    /// How often the agent asks the model's API again before it gives up.
    pub max_api_retries: u32,
}

/// Starts `claude` processes.
#[derive(Debug)]
pub struct ClaudeRuntime {
    settings: ClaudeSettings,
    program: Mutex<Option<Program>>,
}

impl ClaudeRuntime {
    /// Looks for the program and asks it for its version. A missing program is no error yet.
    pub async fn new(settings: ClaudeSettings) -> Self {
        let program = Program::find(&settings).await;
        if let Err(error) = &program {
            tracing::warn!("{error}");
        }
        let program = program.ok();
        Self { settings, program: Mutex::new(program) }
    }

    /// The program, looked for again if it was missing: installing it needs no restart.
    async fn program(&self) -> Result<Program, AgentError> {
        if let Some(program) = self.known_program() {
            return Ok(program);
        }
        let program = Program::find(&self.settings).await?;
        *self.program.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(program.clone());
        Ok(program)
    }

    fn known_program(&self) -> Option<Program> {
        let known = self.program.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        known.filter(|program| program.path.exists())
    }
}

#[async_trait]
impl AgentRuntime for ClaudeRuntime {
    async fn start(&self, launch: AgentLaunch) -> Result<RunningAgent, AgentError> {
        let program = self.program().await?;
        if !launch.working_dir.is_dir() {
            return Err(AgentError::WorkingDirMissing(launch.working_dir));
        }
        let outputs = OutputQueue::new();
        let access = self.settings.credentials.access(&launch, &outputs.sender)?;
        let command = launch::command(&self.settings, &program, &launch, &access)?;
        let marker = Marker::of_session(&self.settings.instance, launch.session);
        ClaudeProcess::spawn(command, marker, outputs, access.pass)
    }

    async fn check(&self) -> Result<(), AgentError> {
        self.program().await.map(|_| ())
    }

    fn status(&self) -> AgentStatus {
        let program = self.known_program();
        AgentStatus {
            problem: program.is_none().then(|| program::HOW_TO_INSTALL.to_owned()),
            version: program.as_ref().map(|program| program.version.clone()),
            program: program.map(|program| program.path.display().to_string()),
            credentials: self.settings.credentials.kind(),
            gateway: self.settings.credentials.is_behind_gateway(),
            offline: self.settings.credentials.is_offline(),
        }
    }

    fn tools(&self) -> &'static [ToolInfo] {
        tools::BUILT_IN
    }

    async fn files(&self, session: SessionId, mark: &str) -> Vec<AgentFile> {
        let config_dir = launch::config_dir(&self.settings, session);
        Transcript::new(&config_dir, session).collect(mark.to_owned()).await
    }

    async fn fork_files(
        &self,
        (from, to): (SessionId, SessionId),
        said: Vec<Said>,
        stored: Vec<AgentFile>,
    ) -> Vec<AgentFile> {
        let transcript = Transcript::new(&launch::config_dir(&self.settings, from), from);
        TranscriptCopy::new((from, to), said).collect(stored, &transcript).await
    }

    async fn sweep(&self) -> usize {
        Marker::of_instance(&self.settings.instance).kill_all().await
    }
}
