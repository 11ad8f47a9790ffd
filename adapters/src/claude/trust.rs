//! The settings and instructions that an agent loads from the folder it works in, and their limits.
//!
//! From a trusted folder come settings (hooks and permissions among them), instructions, skills and commands.
//! Its settings may set variables and name a program that makes keys, and so could lead the agent and its
//! credentials to another address. Settings on the command line win over those of a folder, so everything
//! that decides where the agent goes is said there once more.

pub(super) mod enforced;
pub(super) mod socket_guard;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use runner_core::ports::AgentSetup;
use runner_core::setup::trust::Trust;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use self::enforced::MARKER_VARIABLE;
use crate::claude::files::agent_folder::AgentFolder;

/// The file in which the agent keeps, among other things, the folders that it was told to trust.
const STATE_FILE: &str = ".claude.json";
/// Parsed, the file takes a multiple of that in memory.
const MAX_STATE_BYTES: u64 = 4 * 1024 * 1024;

const PUBLIC_API: &str = "https://api.anthropic.com";

/// Variables that only the server sets or leaves empty, in groups with their reasons.
const PINNED: &str = include_str!("trust/pinned.txt");

/// The variables of credentials. They are empty unless the server has set them: then they stand in the
/// environment alone, for everybody can read a command line.
const SECRET: &[&str] = &[
    "AGENT_PROXY_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
    "ANTHROPIC_ENVIRONMENT_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_WEBHOOK_SIGNING_KEY",
    "ANTHROPIC_WORK_SECRET",
    "AWS_BEARER_TOKEN_BEDROCK",
    "CLAUDE_BG_CLAIM_AUTH",
    "CLAUDE_BG_PTY_AUTH",
    "CLAUDE_BG_RV_AUTH",
    "CLAUDE_BRIDGE_OAUTH_TOKEN",
    "CLAUDE_CODE_ARTIFACTS_API_TOKEN",
    "CLAUDE_CODE_GATEWAY_TOKEN",
    "CLAUDE_CODE_HFI_BEARER_TOKEN",
    "CLAUDE_CODE_MEMORY_API_TOKEN",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_SESSION_ACCESS_TOKEN",
    "CLAUDE_CODE_SLACK_TAG_TOKEN",
    "CLAUDE_TRUSTED_DEVICE_TOKEN",
    "ENVIRONMENT_SERVICE_KEY",
];

/// Settings of a folder that name programs which say who the agent is, or where it goes.
const HELPERS: &[&str] = &[
    "apiKeyHelper",
    "awsAuthRefresh",
    "awsCredentialExport",
    "gcpAuthRefresh",
    "otelHeadersHelper",
    "proxyAuthHelper",
];

/// The files of instructions below a folder.
const INSTRUCTIONS: &[&str] = &["CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md", ".claude/rules/**"];

/// The arguments that say what an agent loads, for a command with all its variables. Servers of the folder
/// (`.mcp.json`) are never loaded.
pub(super) fn arguments(setup: &AgentSetup, command: &Command) -> Vec<String> {
    let mut settings = enforced::settings();
    let sources = match setup.trust {
        Trust::Untrusted => {
            settings.insert("claudeMdExcludes".to_owned(), instructions_anywhere().into());
            ""
        }
        Trust::Trusted => {
            settings.extend(pinned(setup, command));
            "project,local"
        }
    };
    vec![
        format!("--setting-sources={sources}"),
        "--strict-mcp-config".to_owned(),
        format!("--settings={}", Value::from(settings)),
    ]
}

/// Patterns of all instructions, wherever they lie: without these, older versions read the rules beside each
/// file that they open.
fn instructions_anywhere() -> Vec<String> {
    INSTRUCTIONS.iter().map(|name| format!("**/{name}")).collect()
}

/// The settings that a trusted folder cannot change: addresses and files only, for a command line is no
/// secret.
fn pinned(setup: &AgentSetup, command: &Command) -> Map<String, Value> {
    let set: HashMap<&OsStr, &OsStr> =
        command.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let value = |name: &str| set.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned());
    let mut env: Map<String, Value> =
        pinned_names().map(|name| (name.to_owned(), value(name).unwrap_or_default().into())).collect();
    let base_url = value("ANTHROPIC_BASE_URL").unwrap_or_else(|| PUBLIC_API.to_owned());
    env.insert("ANTHROPIC_BASE_URL".to_owned(), base_url.into());
    let unset = SECRET.iter().filter(|name| !set.contains_key(OsStr::new(name)));
    env.extend(unset.map(|name| ((*name).to_owned(), "".into())));
    let mut settings: Map<String, Value> =
        HELPERS.iter().map(|name| ((*name).to_owned(), "".into())).collect();
    settings.insert("env".to_owned(), env.into());
    settings.insert("claudeMdExcludes".to_owned(), instructions_above(setup).into());
    settings
}

fn pinned_names() -> impl Iterator<Item = &'static str> {
    let lines = PINNED.lines().filter(|line| !line.starts_with('#'));
    let decided = enforced::ENVIRONMENT.iter().map(|(name, _)| *name);
    lines.flat_map(str::split_whitespace).chain([MARKER_VARIABLE]).chain(decided)
}

/// Patterns of the instructions in folders above the agent's, which nobody has trusted. In a sandbox the
/// agent does not see these folders.
fn instructions_above(setup: &AgentSetup) -> Vec<String> {
    let beside = setup.options.add_dirs.iter().map(Path::new);
    let own: Vec<&Path> = std::iter::once(setup.working_dir.as_path()).chain(beside).collect();
    let above = own.iter().flat_map(|folder| folder.ancestors().skip(1)).collect::<BTreeSet<_>>();
    let above = above.into_iter().filter(|folder| !own.iter().any(|own| folder.starts_with(own)));
    let patterns = above.flat_map(|folder| {
        let folder = literally(folder);
        INSTRUCTIONS.iter().map(move |name| format!("{}/{name}", folder.trim_end_matches('/')))
    });
    patterns.collect()
}

/// A pattern for this path. Special characters of patterns match any character.
fn literally(path: &Path) -> String {
    let escape = |char: char| match char {
        '*' | '?' | '[' | ']' | '{' | '}' | '(' | ')' | '!' | '+' | '@' | '|' => '?'.to_string(),
        char => char.to_string(),
    };
    path.to_string_lossy().chars().map(escape).collect()
}

/// Tells the agent whether the folder's permissions count.
pub(super) fn tell(config_dir: &Path, working_dir: &Path, trust: Trust) -> io::Result<()> {
    let (folder, name) = (AgentFolder::new(config_dir), Path::new(STATE_FILE));
    let stored = folder.read(name, MAX_STATE_BYTES).unwrap_or_default();
    let mut state = match serde_json::from_slice(&stored) {
        Ok(Value::Object(state)) => state,
        Ok(_) | Err(_) => Map::new(),
    };
    let projects = state.entry("projects").or_insert_with(|| json!({}));
    let key = working_dir.display().to_string();
    let told = projects[&key]["hasTrustDialogAccepted"] == true;
    if told == (trust == Trust::Trusted) {
        return Ok(());
    }
    if !projects.is_object() {
        *projects = json!({});
    }
    projects[&key] = json!({ "hasTrustDialogAccepted": trust == Trust::Trusted });
    folder.write(name, Value::Object(state).to_string().as_bytes())
}
