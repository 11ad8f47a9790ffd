//! What an agent loads from the folder it works in, and what that may not change.
//!
//! From a trusted folder come settings (hooks and permissions among them), instructions, skills and
//! commands. Its settings may set variables and name a program that makes keys; with these the folder could
//! lead the agent, and what it identifies itself with, to another address. Settings on the command line go
//! before those of a folder, so everything that decides where the agent goes is said there once more.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use runner_core::ports::AgentLaunch;
use runner_core::trust::Trust;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::agent_folder::AgentFolder;
use super::process_tree::MARKER_VARIABLE;

/// Where the agent keeps, among other things, which folders it was told to trust.
const STATE_FILE: &str = ".claude.json";
/// Taken apart, it is a multiple of that in memory.
const MAX_STATE_BYTES: u64 = 4 * 1024 * 1024;

const PUBLIC_API: &str = "https://api.anthropic.com";

/// Variables that are what the server has set, or nothing. None of them may hold a secret of the server.
const PINNED: &[&str] = &[
    // Through what it goes, and what it takes for the right end.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "AGENT_PROXY_URL",
    "CCR_AGENT_PROXY_ENABLED",
    "CLAUDE_CODE_HTTP_PROXY",
    "CLAUDE_CODE_HTTPS_PROXY",
    "CLAUDE_CODE_HOST_HTTP_PROXY_PORT",
    "CLAUDE_CODE_HOST_SOCKS_PROXY_PORT",
    "CLAUDE_CODE_PROXY_HOST",
    "CLAUDE_CODE_PROXY_URL",
    "CLAUDE_CODE_PROXY_RESOLVES_HOSTS",
    "CLAUDE_CODE_SIMULATE_PROXY_USAGE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    // Whose model it uses, and where that is.
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_UNIX_SOCKET",
    "ANTHROPIC_AWS_BASE_URL",
    "ANTHROPIC_AWS_WORKSPACE_ID",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "ANTHROPIC_FOUNDRY_RESOURCE",
    "ANTHROPIC_VERTEX_BASE_URL",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL",
    "CLAUDE_BRIDGE_BASE_URL",
    "CLAUDE_BRIDGE_SESSION_INGRESS_URL",
    "CLAUDE_CODE_API_BASE_URL",
    "CLAUDE_CODE_ARTIFACTS_API_BASE_URL",
    "CLAUDE_CODE_CUSTOM_OAUTH_URL",
    "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
    "CLAUDE_CODE_GB_BASE_URL",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_CCR_V2",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_GATEWAY",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
    "CLAUDE_CODE_SKIP_MANTLE_AUTH",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLOUD_ML_REGION",
    "VOICE_STREAM_BASE_URL",
    // To whom it tells what it does.
    "DISABLE_TELEMETRY",
    "DISABLE_AUTOUPDATER",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_ENABLE_TELEMETRY",
    "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA",
    "ENABLE_BETA_TRACING_DETAILED",
    "ENABLE_ENHANCED_TELEMETRY_BETA",
    "BETA_TRACING_ENDPOINT",
    "ANT_CLAUDE_CODE_METRICS_ENDPOINT",
    "ANT_OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_LOGS_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    // By what this server knows it, and where its files are.
    MARKER_VARIABLE,
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_MAX_RETRIES",
];

/// What it identifies itself with. Nothing, unless the server has set it: then that stands in the environment
/// alone, for everybody can read a command line.
const SECRET: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_IDENTITY_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "CLAUDE_BRIDGE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_SESSION_ACCESS_TOKEN",
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

/// What instructions are in, below a folder.
const INSTRUCTIONS: &[&str] = &["CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md", ".claude/rules/**"];

/// The arguments that say what is loaded, for a command with all its variables. Servers of the folder
/// (`.mcp.json`) are not, in any case.
pub(super) fn arguments(launch: &AgentLaunch, command: &Command) -> Vec<String> {
    match launch.trust {
        Trust::Untrusted => vec!["--setting-sources=".to_owned(), "--strict-mcp-config".to_owned()],
        Trust::Trusted => vec![
            "--setting-sources=project,local".to_owned(),
            "--strict-mcp-config".to_owned(),
            format!("--settings={}", pinned(launch, command)),
        ],
    }
}

/// Addresses and files only: what is on a command line is no secret.
fn pinned(launch: &AgentLaunch, command: &Command) -> Value {
    let set: HashMap<&OsStr, &OsStr> =
        command.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let value = |name: &str| set.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned());
    let mut env: Map<String, Value> =
        PINNED.iter().map(|name| ((*name).to_owned(), value(name).unwrap_or_default().into())).collect();
    let base_url = value("ANTHROPIC_BASE_URL").unwrap_or_else(|| PUBLIC_API.to_owned());
    env.insert("ANTHROPIC_BASE_URL".to_owned(), base_url.into());
    let unset = SECRET.iter().filter(|name| !set.contains_key(OsStr::new(name)));
    env.extend(unset.map(|name| ((*name).to_owned(), "".into())));
    let mut settings: Map<String, Value> =
        HELPERS.iter().map(|name| ((*name).to_owned(), "".into())).collect();
    settings.insert("env".to_owned(), env.into());
    settings.insert("claudeMdExcludes".to_owned(), instructions_above(launch).into());
    settings.into()
}

/// The instructions of folders above those of the agent: nobody has trusted these. In a sandbox they are not
/// seen.
fn instructions_above(launch: &AgentLaunch) -> Vec<String> {
    let beside = launch.options.add_dirs.iter().map(Path::new);
    let own: Vec<&Path> = std::iter::once(launch.working_dir.as_path()).chain(beside).collect();
    let above = own.iter().flat_map(|folder| folder.ancestors().skip(1)).collect::<BTreeSet<_>>();
    let above = above.into_iter().filter(|folder| !own.iter().any(|own| folder.starts_with(own)));
    let patterns = above.flat_map(|folder| {
        let folder = literally(folder);
        INSTRUCTIONS.iter().map(move |name| format!("{}/{name}", folder.trim_end_matches('/')))
    });
    patterns.collect()
}

/// As a pattern that means this path, or one that differs in characters that mean something in patterns.
fn literally(path: &Path) -> String {
    let escape = |char: char| match char {
        '*' | '?' | '[' | ']' | '{' | '}' | '(' | ')' | '!' | '+' | '@' | '|' => '?'.to_string(),
        char => char.to_string(),
    };
    path.to_string_lossy().chars().map(escape).collect()
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
