//! The command line and the environment of an agent.
//!
//! Prompts never go on the command line, and every value stands in the `--flag=value` form, so that
//! nothing a client sends can become a flag. Settings of the folder are not loaded: a repository must
//! not bring hooks, servers or another API address of its own.

use std::fs;
use std::path::{Path, PathBuf};

use runner_core::agent::PermissionMode;
use runner_core::ids::SessionId;
use runner_core::ports::{AgentError, AgentLaunch};
use tokio::process::Command;

use super::credentials::Access;
use super::process_tree::MARKER_VARIABLE;
use super::program::Program;
use super::transcript::Transcript;
use super::{ClaudeSettings, Credentials, Marker};

/// The name of the file in which Claude Code keeps a login.
const LOGIN_FILE: &str = ".credentials.json";

pub(super) fn command(
    settings: &ClaudeSettings,
    program: &Program,
    launch: &AgentLaunch,
    access: &Access,
) -> Result<Command, AgentError> {
    let config_dir = config_dir(settings, launch.session);
    let transcript = Transcript::new(&config_dir, launch.session);
    prepare(settings, &config_dir)
        .and_then(|()| transcript.restore(&launch.files))
        .map_err(|error| AgentError::NotStarted(format!("its folder cannot be made: {error}")))?;
    if let Some(tool_use_id) = &launch.resume_at {
        transcript.cut_at(tool_use_id).map_err(|error| AgentError::NotStarted(error.to_string()))?;
    }
    let mut command = program_with_guard(program);
    // Without a transcript there is nothing to resume.
    command.current_dir(&launch.working_dir).args(arguments(launch, transcript.path().is_some()));
    command.env_clear();
    command.envs(settings.inherited_env.iter().map(|(name, value)| (name, value)));
    command.envs(&launch.options.env);
    command.envs(access.env.iter().map(|(name, value)| (name, value)));
    if access.pass.is_some() {
        keep_from_proxy(settings, &mut command);
    }
    command.env("CLAUDE_CONFIG_DIR", &config_dir);
    command.env("CLAUDE_CODE_MAX_RETRIES", settings.max_api_retries.to_string());
    command.env("CLAUDE_CODE_ENTRYPOINT", "sdk-cli");
    for switch in ["DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] {
        command.env(switch, "1");
    }
    command.env("CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING", "true");
    command.env(MARKER_VARIABLE, Marker::of_session(&settings.instance, launch.session).value());
    command.env("PWD", &launch.working_dir);
    Ok(command)
}

fn arguments(launch: &AgentLaunch, resume: bool) -> Vec<String> {
    let options = &launch.options;
    let mut arguments: Vec<String> = [
        "--output-format=stream-json",
        "--input-format=stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool=stdio",
        "--setting-sources=",
        "--strict-mcp-config",
    ]
    .map(str::to_owned)
    .to_vec();
    let identity = if resume { "resume" } else { "session-id" };
    arguments.push(format!("--{identity}={}", launch.session));
    if launch.permission_mode != PermissionMode::Default {
        arguments.push(format!("--permission-mode={}", launch.permission_mode.as_str()));
    }
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

/// The program, which the kernel ends when this server ends, however that happens. The sweep at the next
/// start would come too late: an agent whose input is closed goes on with its turn.
fn program_with_guard(program: &Program) -> Command {
    match &program.setpriv {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(&program.path);
            command
        }
        None => Command::new(&program.path),
    }
}

/// The gateway is on this machine, and its tokens are nobody else's business.
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

/// A folder of the session's own, so that no two sessions and no person share settings or history.
pub(super) fn config_dir(settings: &ClaudeSettings, session: SessionId) -> PathBuf {
    settings.agents_dir.join(session.to_string())
}

fn prepare(settings: &ClaudeSettings, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    if let Credentials::Login { credentials_file } = &settings.credentials {
        let link = folder.join(LOGIN_FILE);
        // What was there may point to a login that is gone.
        fs::remove_file(&link).or_else(ignore_missing)?;
        std::os::unix::fs::symlink(credentials_file, link)?;
    }
    Ok(())
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
