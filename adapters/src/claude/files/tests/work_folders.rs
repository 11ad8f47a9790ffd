//! A folder that is swapped for a link between the check and the start.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use runner_core::allowed_folders::AllowedFolders;
use runner_core::ports::AgentError;
use tokio::process::Command;

use crate::claude::files::work_folder::WorkFolder;
use crate::claude::sandbox::Sandbox;
use crate::claude::sandbox::agent_paths::{AgentPaths, private_home};
use crate::claude::settings::SandboxMode;
use crate::claude::tests::{ScratchFolder, settings};
use crate::claude::{ClaudeSettings, Credentials};

struct Folders {
    _scratch: ScratchFolder,
    allowed: AllowedFolders,
    work: PathBuf,
    outside: PathBuf,
    settings: ClaudeSettings,
}

impl Folders {
    fn new() -> Self {
        let scratch = ScratchFolder::new();
        let root = scratch.path().canonicalize().unwrap();
        let [work, outside, data_dir] = ["root/work", "outside", "data"].map(|name| root.join(name));
        for folder in [&work, &outside, &data_dir.join("own"), &private_home(&data_dir.join("own"))] {
            fs::create_dir_all(folder).unwrap();
        }
        let mut settings = settings(&scratch, Credentials::OauthToken { token: "t".into() });
        settings.search_path = Some("/usr/bin:/bin".into());
        settings.sandbox.mode = SandboxMode::Required;
        settings.sandbox.data_dir = data_dir;
        let allowed = AllowedFolders { roots: vec![root.join("root")], ..AllowedFolders::default() };
        Self { _scratch: scratch, allowed, work, outside, settings }
    }

    fn swap(&self) {
        fs::rename(&self.work, self.work.with_extension("moved")).unwrap();
        symlink(&self.outside, &self.work).unwrap();
    }
}

#[test]
fn link_out_of_the_allowed_folders_is_refused() {
    let folders = Folders::new();
    assert_eq!(WorkFolder::open(&folders.work, &folders.allowed).unwrap().real, folders.work);

    folders.swap();

    let refused = WorkFolder::open(&folders.work, &folders.allowed);
    assert!(matches!(refused, Err(AgentError::WorkingDirNotAllowed(_))), "{refused:?}");
}

#[test]
fn link_to_the_folder_of_another_team_is_refused() {
    let folders = Folders::new();
    let (own, other) = (folders.work.join("team/x"), folders.work.join("other"));
    fs::create_dir_all(&own).unwrap();
    fs::create_dir_all(&other).unwrap();
    let within = folders.allowed.within(own.parent());
    assert_eq!(WorkFolder::open(&own, &within).unwrap().real, own);

    fs::remove_dir(&own).unwrap();
    symlink(&other, &own).unwrap();

    for folder in [&own, &other] {
        let refused = WorkFolder::open(folder, &within);
        assert!(matches!(refused, Err(AgentError::WorkingDirNotAllowed(_))), "{refused:?}");
    }
    assert!(WorkFolder::open(&other, &folders.allowed).is_ok());
}

#[test]
fn link_is_refused_wherever_it_leads_and_wherever_in_the_name_it_is() {
    let folders = Folders::new();
    let root = folders.work.parent().unwrap();
    fs::create_dir_all(root.join("other/deep")).unwrap();
    for (target, name) in [("other", "link"), (".", "self")] {
        symlink(target, root.join(name)).unwrap();
    }

    for name in ["link", "self", "self/work", "link/deep"] {
        let refused = WorkFolder::open(&root.join(name), &folders.allowed);
        assert!(matches!(refused, Err(AgentError::WorkingDirNotAllowed(_))), "{name}: {refused:?}");
    }
}

#[test]
fn folder_that_is_gone_is_missing() {
    let folders = Folders::new();

    for path in [folders.work.join("absent"), PathBuf::from("/etc/hostname")] {
        let missing = WorkFolder::open(&path, &folders.allowed);
        assert!(matches!(missing, Err(AgentError::WorkingDirMissing(_))), "{missing:?}");
    }
}

#[tokio::test]
async fn without_a_sandbox_the_agent_starts_in_the_folder_that_was_checked() {
    let folders = Folders::new();
    let opened = WorkFolder::open(&folders.work, &folders.allowed).unwrap();

    folders.swap();
    let output = Command::new("pwd").arg("-P").current_dir(opened.handle()).output().await.unwrap();

    let moved = folders.work.with_extension("moved");
    assert_eq!(Path::new(String::from_utf8(output.stdout).unwrap().trim()), moved);
}

#[tokio::test]
async fn in_a_sandbox_no_agent_starts_in_another_folder_than_the_one_that_was_checked() {
    let folders = Folders::new();
    let Ok(sandbox) = Sandbox::probe(&folders.settings, None).await else {
        return; // Nobody may use bubblewrap on this machine.
    };
    let config_dir = folders.settings.sandbox.data_dir.join("own");
    let opened = [WorkFolder::open(&folders.work, &folders.allowed).unwrap()];
    let line = sandbox.arguments(AgentPaths {
        program: Path::new("/bin/sh"),
        folders: &opened,
        git_folders: &[],
        config_dir: &config_dir,
        extensions: None,
        login: None,
    });
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).args(["touch", "canary"]);
    assert!(command.status().await.unwrap().success());
    assert!(folders.work.join("canary").exists());

    folders.swap();
    let refused = command.output().await.unwrap();

    assert_eq!(refused.status.code(), Some(125), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a folder was replaced"), "{refused:?}");
    assert!(!folders.outside.join("canary").exists());
}
