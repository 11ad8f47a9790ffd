//! Samples that tests of several folders share: a folder of their own, settings and a launch.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::allowed_folders::AllowedFolders;
use runner_core::ids::{ProcessId, SessionId, TenantId};
use runner_core::ports::{AgentLaunch, AgentSeat, AgentSetup};
use runner_core::setup::trust::Trust;
use uuid::Uuid;

use super::credentials::Credentials;
use super::settings::{AgentLimits, ClaudeSettings, SandboxMode, SandboxSettings};

pub(super) const SESSION: SessionId = SessionId(Uuid::from_u128(0xa));

/// A folder that goes away with the test.
pub(super) struct ScratchFolder(PathBuf);

impl ScratchFolder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("launch-{}", Uuid::now_v7()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // A folder that stays behind lies among temporary files.
        fs::remove_dir_all(&self.0).ok();
    }
}

pub(super) fn settings(folder: &ScratchFolder, credentials: Credentials) -> ClaudeSettings {
    ClaudeSettings {
        program: None,
        search_path: None,
        credentials,
        agents_dir: folder.path().to_owned(),
        instance: "instance".into(),
        inherited_env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("LANG".into(), "C.UTF-8".into())],
        max_api_retries: 4,
        folders: AllowedFolders { roots: vec!["/".into()], ..AllowedFolders::default() },
        sandbox: SandboxSettings {
            mode: SandboxMode::Off,
            read_only: vec![],
            hidden: vec![],
            data_dir: folder.path().to_owned(),
            home: None,
        },
        limits: AgentLimits {
            processes: 1000,
            memory_mib: 1000,
            file_mib: 1000,
            own_disk_mib: 1000,
            free_disk_mib: 1,
        },
    }
}

pub(super) fn setup_with(options: AgentOptions) -> AgentSetup {
    AgentSetup {
        tenant: TenantId::first(),
        owner: "ada".into(),
        working_dir: "/srv".into(),
        within: None,
        permission_mode: PermissionMode::Default,
        options,
        trust: Trust::Untrusted,
        extensions: Arc::default(),
    }
}

pub(super) fn launch_with(options: AgentOptions) -> AgentLaunch {
    launch_of(setup_with(options))
}

pub(super) fn launch_of(setup: AgentSetup) -> AgentLaunch {
    AgentLaunch { setup, seat: AgentSeat::of_new_session(SESSION, ProcessId(Uuid::from_u128(1))) }
}
