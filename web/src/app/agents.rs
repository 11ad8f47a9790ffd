//! The settings with which agents start, out of the configuration.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use runner_adapters::claude::{AgentLimits, ClaudeSettings, Credentials, SandboxMode, SandboxSettings};
use runner_adapters::workspace::GuardedFolders;
use runner_core::agent_protection::Sandboxing;
use runner_core::allowed_folders::AllowedFolders;
use runner_core::ports::AgentRuntime;
use uuid::Uuid;

use super::start_files;
use crate::config::{Config, Sandbox};

/// The machine's own name for the time since it was started.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The namespace of the names that data folders have for their agents.
const INSTANCES: Uuid = Uuid::from_u128(0x5b0e_6c1f_9a3d_4c6e_8f27_d1a4_70b9_e352);

pub(super) fn allowed_folders(config: &Config) -> anyhow::Result<AllowedFolders> {
    let except = vec![config.data_dir.canonicalize()?];
    Ok(AllowedFolders { roots: config.allowed_roots.clone(), except, within: None })
}

/// Paths that agents must not see although they may lie in a folder of theirs: keys, and all sessions. The
/// data folder is not among them: its agents have theirs in it.
fn hidden_paths(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    // Folders are mounted under their names without links, so what lies in them is hidden under those.
    let database = config.database.canonicalize()?;
    let database = database.display();
    let beside = ["", "-wal", "-shm", "-journal"].map(|suffix| format!("{database}{suffix}").into());
    let data_dir = config.data_dir.canonicalize()?;
    let mut hidden: Vec<PathBuf> =
        beside.into_iter().filter(|path: &PathBuf| !path.starts_with(&data_dir)).collect();
    let env_file = start_files::env_file()?;
    hidden.extend(env_file.canonicalize().ok().filter(|target| *target != env_file));
    hidden.push(env_file);
    Ok(hidden)
}

/// What people are shown of the folders in which agents work.
pub(super) fn folder_reader(config: &Config) -> anyhow::Result<GuardedFolders> {
    let mut hidden = hidden_paths(config)?;
    hidden.push(config.data_dir.canonicalize()?);
    Ok(GuardedFolders::new(hidden))
}

fn sandbox_settings(config: &Config) -> anyhow::Result<SandboxSettings> {
    let (hidden, data_dir) = (hidden_paths(config)?, config.data_dir.canonicalize()?);
    // Agents must not exchange a program that was built in a folder in which they work.
    let own_program = std::env::current_exe()?.canonicalize()?;
    let is_in_reach = config.allowed_roots.iter().any(|root| own_program.starts_with(root));
    let mut read_only = config.sandbox_read_only.clone();
    read_only.extend(is_in_reach.then_some(own_program));
    Ok(SandboxSettings {
        mode: match config.sandbox {
            Sandbox::Auto => SandboxMode::Auto,
            Sandbox::Required => SandboxMode::Required,
            Sandbox::Off => SandboxMode::Off,
        },
        read_only,
        hidden,
        data_dir,
        home: config.home.clone(),
    })
}

pub(super) fn claude_settings(
    config: &Config,
    credentials: Credentials,
    folders: AllowedFolders,
    lock: &File,
) -> anyhow::Result<ClaudeSettings> {
    Ok(ClaudeSettings {
        program: config.claude_bin.clone(),
        search_path: config.search_path.clone(),
        credentials,
        agents_dir: config.data_dir.canonicalize()?.join("agents"),
        instance: instance_id(&config.data_dir, lock)?,
        inherited_env: config.inherited_env.clone(),
        max_api_retries: config.max_api_retries,
        folders,
        sandbox: sandbox_settings(config)?,
        limits: AgentLimits {
            processes: config.agent_max_processes,
            memory_mib: config.agent_max_memory_mib,
            file_mib: config.agent_max_file_mib,
            own_disk_mib: config.agent_max_disk_mib,
            free_disk_mib: config.min_free_disk_mib,
        },
    })
}

/// Tells the agents of this data folder from those of others on the machine. The lock that the server holds
/// is what a copy of the folder cannot have: its file is another one. And no agent outlives the machine's
/// boot. It is written down for whoever looks for the agents, and never read back.
fn instance_id(data_dir: &Path, lock: &File) -> anyhow::Result<String> {
    let held = lock.metadata().context("the lock of the data folder cannot be looked at")?;
    let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
    let name = format!("{}/{}/{}", boot.trim(), held.dev(), held.ino());
    let id = Uuid::new_v5(&INSTANCES, name.as_bytes()).to_string();
    let file = data_dir.join("instance");
    fs::write(&file, &id).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(id)
}

pub(super) fn announce(config: &Config, runtime: &dyn AgentRuntime) {
    let status = runtime.status();
    if let Some(problem) = &status.problem {
        tracing::warn!("{problem}");
    }
    if let (Some(why), Sandbox::Auto) = (&status.protection.sandbox_problem, config.sandbox) {
        tracing::warn!("agents are in no sandbox, they see and may do what this server may: {why}");
    }
    if nix::unistd::Uid::effective().is_root() {
        tracing::warn!(
            "the server is root, and its agents are as well: a program that one of them leaves in its folders with \
             the setuid bit makes root of whoever runs it; better start the server as another user"
        );
    }
    if status.offline {
        tracing::warn!(
            "there is no API key and no login: the offline model answers; set ANTHROPIC_API_KEY or log in with `claude`"
        );
    }
    tracing::info!(
        agent.version = status.version.as_deref().unwrap_or("none"),
        credentials = status.credentials,
        sandbox = ?status.protection.sandbox,
        "the agent is set up"
    );
}

/// Claude Code refuses to skip permissions as root unless it is told that it sits in a sandbox: in ours, or
/// in one around the whole machine.
pub(super) fn may_bypass(config: &Config, runtime: &dyn AgentRuntime) -> bool {
    let sandboxed = runtime.status().protection.sandbox == Sandboxing::Bubblewrap;
    let is_sandbox = config.inherited_env.iter().any(|(name, value)| name == "IS_SANDBOX" && value == "1");
    sandboxed || is_sandbox || !nix::unistd::Uid::effective().is_root()
}
