//! The command line and the environment of an agent.
//!
//! Prompts never go on the command line, and every value stands in the `--flag=value` form, so that
//! nothing a client sends can become a flag. Settings of a folder are not loaded unless somebody trusts it
//! (`trust.rs`): a repository must not bring hooks, servers or another API address of its own.

pub(super) mod config_folder;
pub(super) mod extension_folder;
pub(super) mod spares;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use runner_core::ports::{AgentError, AgentLaunch};
use runner_core::setup::trust::Trust;
use tokio::process::Command;

use self::config_folder::{config_dir, make_folders};
use self::extension_folder::ExtensionFolder;
use crate::claude::credentials::{Access, Credentials};
use crate::claude::files::git_folders::GitFolder;
use crate::claude::files::project::project;
use crate::claude::files::transcript::Transcript;
use crate::claude::files::work_folder::WorkFolder;
use crate::claude::limits::{AgentGroup, Limiter};
use crate::claude::process::process_tree::Marker;
use crate::claude::program::Program;
use crate::claude::sandbox::Sandbox;
use crate::claude::sandbox::agent_paths::AgentPaths;
use crate::claude::settings::ClaudeSettings;
use crate::claude::trust;
use crate::claude::trust::enforced::{self, MARKER_VARIABLE};
use crate::claude::trust::socket_guard::SocketGuard;

/// A shell script that joins control groups and becomes the next program.
const JOIN_GROUPS: &str = r#"count=$1; shift
    while [ "$count" -gt 0 ]; do echo 0 >"$1" || exit 125; shift; count=$((count-1)); done; exec "$@""#;

/// The means with which one agent is started, and the place where it is put.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaunchContext<'a> {
    pub(super) settings: &'a ClaudeSettings,
    pub(super) program: &'a Program,
    pub(super) sandbox: Option<&'a Sandbox>,
    pub(super) limiter: &'a Limiter,
    /// The agent's access to a model.
    pub(super) access: &'a Access,
    /// The folders that the agent works in, the working folder first.
    pub(super) folders: &'a [WorkFolder],
    /// What git needs beside them.
    pub(super) git_folders: &'a [GitFolder],
    /// What tells the agent what extends it, where something does.
    pub(super) extensions: Option<&'a ExtensionFolder>,
    /// The agent's control group, where there is one.
    pub(super) group: Option<&'a AgentGroup>,
}

/// Prepares the agent's own folder, and that of what extends it. Files may be large, so call this where
/// nobody else waits.
pub(super) fn prepare(
    settings: &ClaudeSettings,
    launch: &AgentLaunch,
) -> Result<Option<ExtensionFolder>, AgentError> {
    let config_dir = config_dir(settings, launch.seat.session);
    let transcript = Transcript::new(&config_dir, launch.seat.conversation);
    make_folders(settings, &config_dir)
        .and_then(|()| restore(&transcript, launch))
        .and_then(|()| transcript.discard_empty())
        .map_err(|error| AgentError::NotStarted(format!("its folder cannot be made: {error}")))?;
    trust::tell(&config_dir, &launch.setup.working_dir, launch.setup.trust)
        .map_err(|error| AgentError::NotStarted(format!("its settings cannot be written: {error}")))?;
    if let Some(tool_use_id) = &launch.seat.resume_at {
        transcript.cut_at(tool_use_id).map_err(|error| AgentError::NotStarted(error.to_string()))?;
    }
    ExtensionFolder::write(settings, launch)
        .map_err(|error| AgentError::NotStarted(format!("what extends it cannot be written: {error}")))
}

fn restore(transcript: &Transcript, launch: &AgentLaunch) -> io::Result<()> {
    let files = &launch.seat.files;
    match launch.setup.working_dir.to_str().and_then(project).filter(|_| launch.seat.is_moved) {
        Some(project) => transcript.restore_in(&project, files),
        None => transcript.restore(files),
    }
}

/// The command of an agent whose folder was prepared. It is run while the folders of the context are open.
pub(super) fn command(context: LaunchContext<'_>, launch: &AgentLaunch) -> Result<Command, AgentError> {
    let settings = context.settings;
    let config_dir = config_dir(settings, launch.seat.session);
    let transcript = Transcript::new(&config_dir, launch.seat.conversation);
    SocketGuard::new(&launch.setup, context.program).map_or(Ok(()), |guard| guard.check())?;
    let program = match context.sandbox {
        Some(_) => context.program.resolved(),
        None => context.program.path.clone(),
    };
    let mut command = tool_command(context, &config_dir, program.as_os_str())?;
    command.envs(&launch.setup.options.env);
    command.envs(context.access.env.iter().map(|(name, value)| (name, value)));
    if let Some(sandbox) = context.sandbox {
        set_home(sandbox, &config_dir, &mut command);
    }
    if context.access.pass.is_some() {
        keep_from_proxy(settings, &mut command);
    }
    command.env("CLAUDE_CONFIG_DIR", &config_dir);
    command.env("CLAUDE_CODE_MAX_RETRIES", settings.max_api_retries.to_string());
    command.envs(enforced::ENVIRONMENT.iter().copied());
    if launch.setup.trust == Trust::Untrusted {
        command.envs(enforced::of_untrusted_folder(context.program));
    }
    command.env(MARKER_VARIABLE, Marker::of_session(&settings.instance, launch.seat.session).value());
    command.env("PWD", &launch.setup.working_dir);
    let sources = trust::arguments(&launch.setup, &command);
    // Without a transcript there is nothing to resume.
    command.args(arguments(launch, sources, transcript.path().is_some()));
    command.args(context.extensions.map(ExtensionFolder::arguments).unwrap_or_default());
    Ok(command)
}

/// The command of any program that is to see and take what an agent would.
pub(super) fn tool_command(
    context: LaunchContext<'_>,
    config_dir: &Path,
    program: &OsStr,
) -> Result<Command, AgentError> {
    let line = command_line(context, config_dir, program);
    let Some((first, others)) = line.split_first() else { return Err(AgentError::Ended) };
    let mut command = Command::new(first);
    command.args(others);
    // A sandbox enters the working folder by itself.
    if let (None, Some(working_dir)) = (context.sandbox, context.folders.first()) {
        command.current_dir(working_dir.handle());
    }
    command.env_clear();
    command.envs(context.settings.inherited_env.iter().map(|(name, value)| (name, value)));
    if let Some(sandbox) = context.sandbox {
        set_home(sandbox, config_dir, &mut command);
    }
    Ok(command)
}

fn set_home(sandbox: &Sandbox, config_dir: &Path, command: &mut Command) {
    command.env("HOME", sandbox.home(config_dir)).env("TMPDIR", "/tmp").env("IS_SANDBOX", "1");
}

/// The words in front of the agent's own arguments: each program sets something up and becomes the next.
fn command_line(context: LaunchContext<'_>, config_dir: &Path, program: &OsStr) -> Vec<OsString> {
    let mut line = vec![];
    // The kernel ends the agent when this server ends, however that happens. The sweep at the next start
    // would come too late: an agent whose input is closed goes on with its turn.
    if let Some(setpriv) = &context.program.setpriv {
        line.extend([setpriv.into(), "--pdeathsig".into(), "KILL".into(), OsString::from("--")]);
    }
    line.extend(context.limiter.outer_command());
    let entrances = context.group.map(AgentGroup::entrances).unwrap_or_default();
    if !entrances.is_empty() {
        line.extend(["/bin/sh", "-c", JOIN_GROUPS, "sh"].map(OsString::from));
        line.push(entrances.len().to_string().into());
        line.extend(entrances.into_iter().map(OsString::from));
    }
    let Some(sandbox) = context.sandbox else {
        line.push(program.into());
        return line;
    };
    let login = match &context.settings.credentials {
        Credentials::Login { credentials_file } => Some(credentials_file.as_path()),
        Credentials::Gateway { .. } | Credentials::OauthToken { .. } => None,
    };
    line.extend(sandbox.arguments(AgentPaths {
        program: &context.program.resolved(),
        folders: context.folders,
        git_folders: context.git_folders,
        config_dir,
        extensions: context.extensions.map(ExtensionFolder::path),
        login,
    }));
    line.extend(context.limiter.inner_command());
    line.push(program.into());
    line
}

fn arguments(launch: &AgentLaunch, sources: Vec<String>, resume: bool) -> Vec<String> {
    let options = &launch.setup.options;
    let mut arguments: Vec<String> = [
        "--output-format=stream-json",
        "--input-format=stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool=stdio",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.extend(sources);
    arguments.push(format!("--disallowedTools={}", enforced::withheld_tools(&launch.setup)));
    let identity = if resume { "resume" } else { "session-id" };
    arguments.push(format!("--{identity}={}", launch.seat.conversation));
    // Always given, or the settings of a trusted folder would choose.
    arguments.push(format!("--permission-mode={}", launch.setup.permission_mode.as_str()));
    let schema = options.output_schema.as_ref().map(ToString::to_string);
    let named = [
        ("model", options.model.clone()),
        ("fallback-model", options.fallback_model.clone()),
        ("effort", options.effort.clone()),
        ("max-turns", options.max_turns.map(|turns| turns.to_string())),
        ("max-budget-usd", options.max_budget_micros.map(|budget| budget.as_usd().to_string())),
        ("append-system-prompt", options.append_system_prompt.clone()),
        ("json-schema", schema),
        ("tools", options.tools.as_ref().map(|tools| tools.join(","))),
    ];
    arguments.extend(named.into_iter().filter_map(|(flag, value)| Some(format!("--{flag}={}", value?))));
    arguments.extend(options.add_dirs.iter().map(|folder| format!("--add-dir={folder}")));
    arguments
}

/// Keeps calls to the gateway from going through a proxy: the gateway is on this machine, and its tokens are
/// secret.
fn keep_from_proxy(settings: &ClaudeSettings, command: &mut Command) {
    let uses =
        |name: &str| settings.inherited_env.iter().any(|(inherited, _)| inherited.eq_ignore_ascii_case(name));
    if !uses("HTTP_PROXY") && !uses("HTTPS_PROXY") {
        return;
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let inherited = settings.inherited_env.iter().find(|(inherited, _)| inherited == name);
        let excepted = inherited.map_or_else(String::new, |(_, hosts)| format!("{hosts},"));
        command.env(name, format!("{excepted}127.0.0.1"));
    }
}
