//! What an agent loads from the folder it works in, and what that may not change.
//!
//! From a trusted folder come settings (hooks and permissions among them), instructions, skills and
//! commands. Its settings may set variables and name a program that makes keys; with these the folder could
//! lead the agent, and what it identifies itself with, to another address. Settings on the command line go
//! before those of a folder, so everything that decides where the agent goes is said there once more.

use std::io;
use std::path::Path;

use runner_core::trust::Trust;
use serde_json::{Map, Value, json};

use super::ClaudeSettings;
use super::agent_folder::AgentFolder;

/// Where the agent keeps, among other things, which folders it was told to trust.
const STATE_FILE: &str = ".claude.json";
const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;

const PUBLIC_API: &str = "https://api.anthropic.com";

/// Variables that are emptied unless the server itself has set them.
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

/// The arguments that say what is loaded. Servers of the folder (`.mcp.json`) are not, in any case.
pub(super) fn arguments(trust: Trust, settings: &ClaudeSettings) -> Vec<String> {
    match trust {
        Trust::Untrusted => vec!["--setting-sources=".to_owned(), "--strict-mcp-config".to_owned()],
        Trust::Trusted => vec![
            "--setting-sources=project,local".to_owned(),
            "--strict-mcp-config".to_owned(),
            format!("--settings={}", pinned(settings)),
        ],
    }
}

fn pinned(settings: &ClaudeSettings) -> Value {
    let mut env = Map::new();
    let inherited = |name: &str| settings.inherited_env.iter().find(|(known, _)| known == name);
    for name in PINNED {
        let value = inherited(name).map(|(_, value)| value.as_str()).unwrap_or_default();
        env.insert((*name).to_owned(), value.into());
    }
    // Addresses only: what is on a command line is no secret.
    let credentials = settings.credentials.env();
    let base_url = credentials.iter().find(|(name, _)| *name == "ANTHROPIC_BASE_URL");
    let base_url = base_url.map_or(PUBLIC_API, |(_, url)| url.as_str());
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
