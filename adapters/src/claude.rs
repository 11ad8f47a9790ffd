//! The agent: the real `claude` program, one process per live session, kept between turns.
//!
//! `launch/` says what an agent is started with, `trust/` what its folder may not change, and `sandbox/` and
//! `limits/` what it can see and take. `process/` runs it, and ends it with all that it started; `protocol/`
//! is what it says and is told. `files/` has the folders that it works in and its own files, and `import/`
//! reads conversations held without this server. Claude's field names are spelled here and nowhere else.

mod credentials;
mod files;
mod hook_program;
pub mod import;
mod launch;
mod limits;
mod process;
mod program;
mod protocol;
mod sandbox;
mod settings;
#[cfg(test)]
mod tests;
mod tool_program;
mod trust;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use runner_core::agent_protection::{AgentProtection, Sandboxing};
use runner_core::ids::SessionId;
use runner_core::ports::{
    AgentError, AgentFile, AgentLaunch, AgentPlace, AgentRuntime, AgentStatus, BuiltInAgent, RunningAgent,
    Swept, ToolInfo,
};
use runner_core::session::fork::ConversationPart;

pub use credentials::{Credentials, ModelKind};
use files::transcript::Transcript;
use files::transcript_copy::TranscriptCopy;
use files::work_folder::WorkFolder;
use launch::{LaunchContext, config_folder, extension_folder, spares};
use limits::{AgentGroup, InSandbox, Limiter, free_disk};
use process::connections::{AgentProcesses, Connections};
use process::own_folders::OwnFolders;
use process::process_tree::{Marker, ProcessTree};
use process::{Attached, ClaudeProcess, LoadedSetup, OutputQueue};
use program::Program;
pub use protocol::nature_of_call;
use protocol::{agents, outgoing, tools};
use sandbox::Sandbox;
pub use sandbox::SandboxUnavailable;
pub use settings::{AgentLimits, ClaudeSettings, SandboxMode, SandboxSettings};
pub use tool_program::{PreparedTool, ToolPlace, ToolProgram};
use trust::socket_guard::SocketGuard;
use uuid::Uuid;

use crate::gateway::{Anybody, Caller, Gateway};

/// The versions of Claude Code that this server was tested with, the oldest one first.
pub const TESTED_VERSIONS: &[&str] = &["2.1.197", "2.1.332"];

/// The runtime that starts `claude` processes.
#[derive(Debug)]
pub struct ClaudeRuntime {
    settings: ClaudeSettings,
    /// The program, or why there is none.
    program: Mutex<Result<Program, AgentError>>,
    /// The sandbox, or the reason why there is none.
    sandbox: Result<Sandbox, String>,
    limiter: Limiter,
    /// One reference for each agent, and this one.
    living_agents: Arc<()>,
}

impl ClaudeRuntime {
    /// Finds the program, asks it for its version, and tries the sandbox out. A missing program is no error
    /// yet; a missing sandbox is one where it is required.
    pub async fn new(settings: ClaudeSettings) -> Result<Self, SandboxUnavailable> {
        let located = program::locate(&settings).and_then(|path| path.canonicalize().ok());
        let probe = Sandbox::probe(&settings, located.as_deref());
        let (program, sandbox) = tokio::join!(Program::find(&settings), probe);
        if let (Err(why), SandboxMode::Required) = (&sandbox, settings.sandbox.mode) {
            return Err(SandboxUnavailable(why.clone()));
        }
        let in_sandbox = if sandbox.is_ok() { InSandbox::Yes } else { InSandbox::No };
        let limiter = Limiter::new(&settings, in_sandbox);
        Ok(Self { settings, program: Mutex::new(program), sandbox, limiter, living_agents: Arc::default() })
    }

    /// The program; looked for again if it was missing or is another one now, so that installing one needs no
    /// restart.
    async fn program(&self) -> Result<Program, AgentError> {
        if let Ok(program) = self.known_program()
            && program.is_unchanged()
        {
            return Ok(program);
        }
        let program = Program::find(&self.settings).await;
        *self.program.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = program.clone();
        program
    }

    /// The fingerprint of what a starting agent would see; absent where that cannot be told.
    async fn place(&self, launch: &AgentLaunch) -> Option<AgentPlace> {
        let program = self.program().await.ok()?;
        let folders = WorkFolder::open_all(&launch.setup, &self.settings.folders).ok()?;
        spares::place(&self.settings, &program, &folders)
    }

    fn known_program(&self) -> Result<Program, AgentError> {
        let known = self.program.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()?;
        if known.path.exists() { Ok(known) } else { Err(program::missing()) }
    }
}

/// The process from which the gateway takes an agent's token.
fn caller(group: Option<&AgentGroup>, started: &Arc<OnceLock<u32>>) -> Arc<dyn Caller> {
    match AgentProcesses::new(group.and_then(AgentGroup::members), Arc::clone(started)) {
        Some(processes) => Arc::new(processes),
        None => Arc::new(Anybody),
    }
}

#[async_trait]
impl AgentRuntime for ClaudeRuntime {
    async fn start(&self, launch: AgentLaunch) -> Result<RunningAgent, AgentError> {
        let program = self.program().await?;
        let allowed = self.settings.folders.within(launch.setup.within.as_deref());
        let folders = WorkFolder::open_all(&launch.setup, &allowed)?;
        let sandbox = self.sandbox.as_ref().ok();
        let git_folders = sandbox.map(|sandbox| sandbox.git_folders(&folders, &allowed)).unwrap_or_default();
        let settings = self.settings.clone();
        let prepared = tokio::task::spawn_blocking(move || {
            launch::prepare(&settings, &launch).map(|made| (made, launch))
        });
        let (extensions, launch) =
            prepared.await.map_err(|error| AgentError::NotStarted(error.to_string()))??;
        let group = self
            .limiter
            .group(launch.seat.process)
            .map_err(|error| AgentError::NotStarted(format!("its limits cannot be set: {error}")))?;
        let outputs = OutputQueue::new();
        let marker = Marker::of_session(&self.settings.instance, launch.seat.session);
        let started = Arc::<OnceLock<u32>>::default();
        let caller = caller(group.as_ref(), &started);
        let access = self.settings.credentials.access(&launch, caller, &outputs.sender)?;
        let context = LaunchContext {
            settings: &self.settings,
            program: &program,
            sandbox,
            limiter: &self.limiter,
            access: &access,
            folders: &folders,
            git_folders: &git_folders,
            extensions: extensions.as_ref(),
            group: group.as_ref(),
        };
        let command = launch::command(context, &launch)?;
        let tree = ProcessTree::new(marker, group).counted(Arc::clone(&self.living_agents));
        let own_folders = Some(OwnFolders {
            paths: config_folder::own_folders(&self.settings, launch.seat.session),
            max_mib: self.settings.limits.own_disk_mib,
        });
        let socket = SocketGuard::new(&launch.setup, &program);
        let setup = LoadedSetup {
            trust: launch.setup.trust,
            extensions: launch.setup.extensions.loaded().map(Box::new),
        };
        let attached = Attached {
            first_line: outgoing::initialize(&launch.setup.extensions),
            tree,
            started,
            pass: access.pass,
            setup,
            socket,
            own_folders,
            extensions,
        };
        ClaudeProcess::spawn(command, outputs, attached)
    }

    async fn check(&self) -> Result<String, AgentError> {
        free_disk::check_room(&self.settings.sandbox.data_dir, self.settings.limits.free_disk_mib)?;
        self.program().await.map(|program| program.version)
    }

    fn status(&self) -> AgentStatus {
        let program = self.known_program();
        AgentStatus {
            problem: program.as_ref().err().map(ToString::to_string),
            version: program.as_ref().ok().map(|program| program.version.clone()),
            program: program.ok().map(|program| program.path.display().to_string()),
            credentials: self.settings.credentials.kind(),
            gateway: self.settings.credentials.is_behind_gateway(),
            offline: self.settings.credentials.is_offline(),
            protection: AgentProtection {
                sandbox: if self.sandbox.is_ok() { Sandboxing::Bubblewrap } else { Sandboxing::None },
                sandbox_problem: self.sandbox.as_ref().err().cloned(),
                limits: self.limiter.report(&self.settings.sandbox.data_dir),
            },
        }
    }

    fn tools(&self) -> &'static [ToolInfo] {
        tools::BUILT_IN
    }

    fn built_in_agents(&self) -> &'static [BuiltInAgent] {
        agents::BUILT_IN
    }

    async fn files(&self, session: SessionId, conversation: Uuid, mark: &str) -> Vec<AgentFile> {
        let config_dir = config_folder::config_dir(&self.settings, session);
        Transcript::new(&config_dir, conversation).collect(mark.to_owned()).await
    }

    async fn fork_files(
        &self,
        (from, to): (SessionId, SessionId),
        said: Vec<ConversationPart>,
        stored: Vec<AgentFile>,
    ) -> Vec<AgentFile> {
        let transcript = Transcript::new(&config_folder::config_dir(&self.settings, from), from.0);
        TranscriptCopy::new(from, to, said).collect(stored, &transcript).await
    }

    async fn may_have_connected(&self, peer: SocketAddr, here: SocketAddr) -> bool {
        if Arc::strong_count(&self.living_agents) == 1 {
            return false;
        }
        let connections = Connections::new(&self.settings.instance);
        // A failed look counts as an agent's connection.
        tokio::task::spawn_blocking(move || connections.may_be_an_agents(peer, here)).await.unwrap_or(true)
    }

    async fn start_ahead(&self, launch: AgentLaunch) -> Result<(RunningAgent, AgentPlace), AgentError> {
        let session = launch.seat.session;
        let changing = || AgentError::NotStarted("it cannot be told whether it stays as it is".to_owned());
        // Taken before the start: the agent may or may not see a change from now on.
        let place = self.place(&launch).await.ok_or_else(changing)?;
        spares::mark(&self.settings, session)
            .map_err(|error| AgentError::NotStarted(format!("its folder cannot be made: {error}")))?;
        match self.start(launch).await {
            Ok(agent) => Ok((agent, place)),
            Err(error) => {
                self.discard(session).await;
                Err(error)
            }
        }
    }

    async fn adopt(&self, launch: &AgentLaunch, place: &AgentPlace) -> bool {
        self.place(launch).await.as_ref() == Some(place)
            && spares::unmark(&self.settings, launch.seat.session)
    }

    async fn discard(&self, session: SessionId) {
        let settings = self.settings.clone();
        // If this task fails, the sweep at the server's next start discards the folder.
        tokio::task::spawn_blocking(move || spares::discard(&settings, session)).await.ok();
    }

    async fn sweep(&self) -> Swept {
        let processes = Marker::of_instance(&self.settings.instance).kill_all().await + self.limiter.sweep();
        spares::sweep(&self.settings);
        extension_folder::sweep(&self.settings);
        let calls = self.settings.credentials.gateway().map(Gateway::left_calls).unwrap_or_default();
        Swept { processes, calls }
    }

    async fn forget_left_calls(&self) {
        if let Some(gateway) = self.settings.credentials.gateway() {
            gateway.forget_left_calls();
        }
    }
}
