//! The process of the function.

use std::{net::SocketAddr, path::Path, process::ExitStatus};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::{process::Command, sync::watch};

/// The function's process, leader of its own process group.
#[derive(Clone, Debug)]
pub(super) struct Process {
    id: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    pub(super) fn spawn(binary: &Path, api: SocketAddr, environment: &[(String, String)]) -> Result<Self> {
        let mut command = Command::new(binary);
        command.env_clear().process_group(0).kill_on_drop(true);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(environment.iter().map(|(name, value)| (name, value))).envs([
            ("AWS_LAMBDA_RUNTIME_API", api.to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "emulated"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ]);
        let mut child = command.spawn().with_context(|| format!("failed to start {}", binary.display()))?;
        let id = child.id().context("the process has no id")?;
        let (exit_sender, exit) = watch::channel(None);
        tokio::spawn(async move {
            // An error leaves `None` behind, and the closed channel tells.
            exit_sender.send_replace(child.wait().await.ok());
        });
        Ok(Self { id: Pid::from_raw(id.try_into()?), exit })
    }

    pub(super) fn terminate(&self) {
        if self.exit.borrow().is_none() {
            // It may exit this very moment, which is as good.
            kill(self.id, Signal::SIGTERM).ok();
        }
    }

    pub(super) fn kill(&self) {
        if self.exit.borrow().is_none() {
            killpg(self.id, Signal::SIGKILL).ok();
        }
    }

    pub(super) async fn exited(&self) -> Result<ExitStatus> {
        let mut exit = self.exit.clone();
        let status = *exit.wait_for(Option::is_some).await.context("failed to wait for the function")?;
        status.context("failed to wait for the function")
    }
}
