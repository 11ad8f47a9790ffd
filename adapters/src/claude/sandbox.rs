//! The sandbox of an agent, made by bubblewrap.
//!
//! An agent has mount, process, IPC and host name namespaces of its own. It sees the system's programs
//! read-only, can write in its session's folders and in a private `/tmp` and home, and dies as a whole: with
//! the first process of its namespace the kernel ends every other one, wherever it has gone. The network is
//! shared. Once, when the server starts, a probe in a sandbox shows whether all that works here.

pub(super) mod agent_paths;
mod mounts;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use runner_core::allowed_folders::AllowedFolders;
use thiserror::Error;
use tokio::process::Command;

use self::agent_paths::AgentPaths;
use self::mounts::Mounts;
use crate::claude::files::git_folders::{self, GitFolder};
use crate::claude::files::work_folder::WorkFolder;
use crate::claude::program::on_search_path;
use crate::claude::settings::{ClaudeSettings, SandboxMode};

const UNTIL_TRIED: Duration = Duration::from_secs(30);

/// The probe's script. It prints its namespaces. It fails where the server's data is visible, where folders
/// that all agents see can be written, or where the agent's program (if there is one) does not run.
const TRY_OUT: &str = r#"[ ! -e "$1" ] || { echo "the data folder is visible inside" >&2; exit 1; }
    for folder in / /usr "$2"; do
        if (: >"$folder/.claude-runner-$$") 2>/dev/null; then
            rm -f "$folder/.claude-runner-$$"; echo "$folder can be written inside" >&2; exit 1
        fi
    done
    stat -L -c %i /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts || exit 1
    [ -z "$3" ] || exec "$3" --version"#;

/// The namespaces that [`TRY_OUT`] prints, in its order. Each must be another than the server's.
const NAMESPACES: [&str; 4] = ["mnt", "pid", "ipc", "uts"];

/// A script that becomes the agent if the folders inside are the ones that were checked outside.
const SAME_FOLDERS: &str = r#"want=$1; count=$2; shift 2; got=
    while [ "$count" -gt 0 ]; do got="$got$(stat -c %d:%i -- "$1") "; shift; count=$((count-1)); done
    [ "$got" = "$want" ] || { echo "a folder was replaced while the agent started" >&2; exit 125; }
    exec "$@""#;

/// A sandbox is required, and there is none; the text says why and what to do.
#[derive(Clone, Debug, Error)]
#[error("SANDBOX=required, but {0}")]
pub struct SandboxUnavailable(pub(super) String);

/// A sandbox whose probe has worked.
#[derive(Debug)]
pub(super) struct Sandbox {
    bwrap: PathBuf,
    mounts: Mounts,
}

impl Sandbox {
    /// Tries the sandbox out; the error says why it does not work.
    pub(super) async fn probe(settings: &ClaudeSettings, program: Option<&Path>) -> Result<Self, String> {
        if settings.sandbox.mode == SandboxMode::Off {
            return Err("SANDBOX=off".to_owned());
        }
        let missing = "bubblewrap is not installed: `apt-get install bubblewrap`, or the package of that \
             name of your system";
        let bwrap = on_search_path(settings, "bwrap").ok_or(missing)?;
        let sandbox = Self { bwrap, mounts: Mounts::of_system(settings) };
        sandbox.try_out(settings, program).await?;
        Ok(sandbox)
    }

    async fn try_out(&self, settings: &ClaudeSettings, program: Option<&Path>) -> Result<(), String> {
        let mut command = Command::new(&self.bwrap);
        command.args(self.mounts.arguments(program, None)).args(["--", "/bin/sh", "-c", TRY_OUT, "sh"]);
        let data_dir = &settings.sandbox.data_dir;
        command.arg(data_dir.join("instance")).arg(data_dir).arg(program.unwrap_or(Path::new("")));
        command.env_clear().envs(settings.inherited_env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(UNTIL_TRIED, command.output())
            .await
            .map_err(|_| "bubblewrap did not end what it was given to run".to_owned())?
            .map_err(|error| format!("bubblewrap cannot be started: {error}"))?;
        if output.status.success() {
            return has_own_namespaces(&String::from_utf8_lossy(&output.stdout));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("bubblewrap does not work here: {}", said.trim()))
    }

    /// The beginning of an agent's command line.
    pub(super) fn arguments(&self, agent: AgentPaths<'_>) -> Vec<OsString> {
        let mut arguments = vec![self.bwrap.clone().into_os_string()];
        arguments.extend(self.mounts.arguments(Some(agent.program), Some(agent)));
        if let Some(working_dir) = agent.folders.first() {
            arguments.extend(["--chdir".into(), working_dir.named.clone().into()]);
        }
        arguments.extend(["--", "/bin/sh", "-c", SAME_FOLDERS, "sh"].map(OsString::from));
        let identities = agent.checked().map(|folder| format!("{} ", folder.identity));
        arguments.push(identities.collect::<String>().into());
        arguments.push(agent.checked().count().to_string().into());
        arguments.extend(agent.checked().map(|folder| folder.named.clone().into()));
        arguments
    }

    /// What git needs beside an agent's folders.
    pub(super) fn git_folders(&self, folders: &[WorkFolder], allowed: &AllowedFolders) -> Vec<GitFolder> {
        git_folders::around(folders, allowed, &|path| self.mounts.is_shared(path))
    }

    /// The path of the agent's home inside.
    pub(super) fn home(&self, config_dir: &Path) -> PathBuf {
        self.mounts.home(config_dir)
    }
}

/// Checks that the probe was in other namespaces than the server: a `bwrap` that ends well may have done
/// nothing.
fn has_own_namespaces(said: &str) -> Result<(), String> {
    let mut inside = said.lines();
    for name in NAMESPACES {
        let outside = fs::metadata(format!("/proc/self/ns/{name}")).map(|namespace| namespace.ino());
        let outside = outside.map_err(|error| format!("its own namespaces cannot be told: {error}"))?;
        match inside.next().and_then(|line| line.trim().parse::<u64>().ok()) {
            Some(inside) if inside != outside => {}
            Some(_) | None => return Err(format!("bubblewrap makes no {name} namespace")),
        }
    }
    Ok(())
}
