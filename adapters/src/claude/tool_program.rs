//! Programs that are run as an agent would run them, without an agent: in the sandbox, with its limits, and
//! ended with all that they start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{ProcessId, SessionId, TenantId};
use runner_core::ports::{AgentError, AgentLaunch, AgentSeat, AgentSetup};
use runner_core::setup::trust::Trust;
use tokio::process::Command;
use uuid::Uuid;

use super::ClaudeRuntime;
use super::credentials::Access;
use super::files::work_folder::WorkFolder;
use super::launch::config_folder::{self, make_folders};
use super::launch::{self, LaunchContext};
use super::process::process_tree::{Marker, ProcessTree};
use super::trust::enforced::MARKER_VARIABLE;

/// A program with its arguments and variables.
#[derive(Clone, Copy, Debug)]
pub struct ToolProgram<'a> {
    pub command: &'a str,
    pub args: &'a [String],
    pub env: &'a BTreeMap<String, String>,
}

/// Where a program runs, and in whose name.
#[derive(Clone, Debug)]
pub struct ToolPlace {
    pub tenant: TenantId,
    pub owner: String,
    pub working_dir: PathBuf,
    pub add_dirs: Vec<String>,
    /// The team's folder.
    pub within: Option<PathBuf>,
}

/// A program that is about to run. Nothing of it is left when this is dropped.
#[derive(Debug)]
pub struct PreparedTool {
    tree: ProcessTree,
    /// Open until the program has begun: without a sandbox it is started in the handle of one.
    _work_folders: Vec<WorkFolder>,
    /// Made for this program, and removed with it.
    folders: Vec<PathBuf>,
}

impl PreparedTool {
    /// Ends the program and everything it started.
    pub async fn end(&self) {
        self.tree.kill_all().await;
    }
}

impl Drop for PreparedTool {
    fn drop(&mut self) {
        self.tree.kill_once();
        for folder in &self.folders {
            std::fs::remove_dir_all(folder).ok();
        }
    }
}

impl ClaudeRuntime {
    /// The command of a program.
    pub async fn tool_command(
        &self,
        place: &ToolPlace,
        tool: ToolProgram<'_>,
    ) -> Result<(Command, PreparedTool), AgentError> {
        let launch = launch_of(place);
        let program = self.program().await?;
        let allowed = self.settings.folders.within(place.within.as_deref());
        let folders = WorkFolder::open_all(&launch.setup, &allowed)?;
        let sandbox = self.sandbox.as_ref().ok();
        let not_started = |error: std::io::Error| AgentError::NotStarted(error.to_string());
        let config_dir = config_folder::config_dir(&self.settings, launch.seat.session);
        make_folders(&self.settings, &config_dir).map_err(not_started)?;
        let group = self.limiter.group(launch.seat.process).map_err(not_started)?;
        let marker = Marker::of_session(&self.settings.instance, launch.seat.session);
        let context = LaunchContext {
            settings: &self.settings,
            program: &program,
            sandbox,
            limiter: &self.limiter,
            access: &Access { env: vec![], pass: None },
            folders: &folders,
            git_folders: &[],
            extensions: None,
            group: group.as_ref(),
        };
        let mut command = launch::tool_command(context, &config_dir, tool.command.as_ref())?;
        command.args(tool.args).envs(tool.env).env(MARKER_VARIABLE, marker.value());
        let own_folders = config_folder::own_folders(&self.settings, launch.seat.session);
        let tree = ProcessTree::new(marker, group);
        let prepared = PreparedTool { tree, _work_folders: folders, folders: own_folders };
        Ok((command, prepared))
    }
}

/// The launch of an agent that would start the program.
fn launch_of(place: &ToolPlace) -> AgentLaunch {
    let setup = AgentSetup {
        tenant: place.tenant.clone(),
        owner: place.owner.clone(),
        working_dir: place.working_dir.clone(),
        within: place.within.clone(),
        permission_mode: PermissionMode::Default,
        options: AgentOptions { add_dirs: place.add_dirs.clone(), ..AgentOptions::default() },
        trust: Trust::Untrusted,
        extensions: std::sync::Arc::default(),
    };
    let seat = AgentSeat::of_new_session(SessionId(Uuid::now_v7()), ProcessId(Uuid::now_v7()));
    AgentLaunch { setup, seat }
}
