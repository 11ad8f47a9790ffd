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

use super::process_tree::MARKER_VARIABLE;
use super::program::Program;
use super::{ClaudeSettings, Credentials, Marker};

/// The name of the file in which Claude Code keeps a login.
const LOGIN_FILE: &str = ".credentials.json";

pub(super) fn command(
    settings: &ClaudeSettings,
    program: &Program,
    launch: &AgentLaunch,
) -> Result<Command, AgentError> {
    let config_dir = prepare_config_dir(settings, launch.session)
        .map_err(|error| AgentError::NotStarted(format!("its folder cannot be made: {error}")))?;
    let mut command = Command::new(&program.path);
    command
        .current_dir(&launch.working_dir)
        .args(arguments(launch, has_transcript(&config_dir, launch.session)));
    command.env_clear();
    command.envs(settings.inherited_env.iter().map(|(name, value)| (name, value)));
    command.envs(&launch.options.env);
    command.envs(settings.credentials.env());
    command.env("CLAUDE_CONFIG_DIR", &config_dir);
    command.env("CLAUDE_CODE_MAX_RETRIES", settings.max_api_retries.to_string());
    command.env("CLAUDE_CODE_ENTRYPOINT", "sdk-cli");
    // Background work would be lost with a parked process; turns of its own come with its supervision.
    for switch in [
        "DISABLE_TELEMETRY",
        "DISABLE_AUTOUPDATER",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
    ] {
        command.env(switch, "1");
    }
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

/// A folder of the session's own, so that no two sessions and no person share settings or history.
fn prepare_config_dir(settings: &ClaudeSettings, session: SessionId) -> std::io::Result<PathBuf> {
    let folder = settings.agents_dir.join(session.to_string());
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    if let Credentials::Login { credentials_file } = &settings.credentials {
        let link = folder.join(LOGIN_FILE);
        // What was there may point to a login that is gone.
        fs::remove_file(&link).or_else(ignore_missing)?;
        std::os::unix::fs::symlink(credentials_file, link)?;
    }
    Ok(folder)
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Whether the agent has said anything in this session before. Without that it cannot be resumed.
fn has_transcript(config_dir: &Path, session: SessionId) -> bool {
    let Ok(projects) = fs::read_dir(config_dir.join("projects")) else { return false };
    projects.flatten().any(|project| project.path().join(format!("{session}.jsonl")).is_file())
}
