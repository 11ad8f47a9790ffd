//! What an agent loads from the folder it works in, and what that may not change.
//!
//! From a trusted folder come settings (hooks and permissions among them), instructions, skills and
//! commands. Its settings may set variables and name a program that makes keys; with these the folder could
//! lead the agent, and what it identifies itself with, to another address. Settings on the command line go
//! before those of a folder, so everything that decides where the agent goes is said there once more.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use runner_core::trust::Trust;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::agent_folder::AgentFolder;

/// Where the agent keeps, among other things, which folders it was told to trust.
const STATE_FILE: &str = ".claude.json";
const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;

const PUBLIC_API: &str = "https://api.anthropic.com";

/// Variables that are emptied unless the server itself has set them. None of them may hold a secret of the
/// server.
const PINNED: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_UNIX_SOCKET",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// The arguments that say what is loaded, for a command with all its variables. Servers of the folder
/// (`.mcp.json`) are not, in any case.
pub(super) fn arguments(trust: Trust, command: &Command) -> Vec<String> {
    match trust {
        Trust::Untrusted => vec!["--setting-sources=".to_owned(), "--strict-mcp-config".to_owned()],
        Trust::Trusted => vec![
            "--setting-sources=project,local".to_owned(),
            "--strict-mcp-config".to_owned(),
            format!("--settings={}", pinned(command)),
        ],
    }
}

/// Addresses and files only: what is on a command line is no secret.
fn pinned(command: &Command) -> Value {
    let set: HashMap<&OsStr, &OsStr> =
        command.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let value = |name: &str| set.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned());
    let mut env: Map<String, Value> =
        PINNED.iter().map(|name| ((*name).to_owned(), value(name).unwrap_or_default().into())).collect();
    let base_url = value("ANTHROPIC_BASE_URL").unwrap_or_else(|| PUBLIC_API.to_owned());
    env.insert("ANTHROPIC_BASE_URL".to_owned(), base_url.into());
    json!({ "apiKeyHelper": "", "env": env })
}

/// Tells the agent whether permissions that the folder gives count.
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
