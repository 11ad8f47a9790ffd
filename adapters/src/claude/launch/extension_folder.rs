//! The files by which an agent is told what extends it.
//!
//! Each process has a folder of its own beside its session's, which it can read and not write. It holds
//! secret values in plain text, for the agent needs them: so it is there for as long as the process is, and
//! one that a killed server left is removed at the next start.

mod plugins;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use runner_core::ports::AgentLaunch;
use runner_core::setup::extension::active::{ActiveExtension, ActiveExtensions};
use runner_core::setup::extension::mcp_server::McpServer;
use serde_json::{Map, Value, json};

use crate::claude::settings::ClaudeSettings;

const EXTENSION: &str = "extensions";
const MCP_CONFIG: &str = "mcp.json";

/// The folder of one process. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct ExtensionFolder(PathBuf);

impl ExtensionFolder {
    /// Writes it; absent where nothing extends the agent.
    pub(super) fn write(settings: &ClaudeSettings, launch: &AgentLaunch) -> io::Result<Option<Self>> {
        let extensions = &launch.setup.extensions;
        if extensions.is_empty() {
            return Ok(None);
        }
        let name = format!("{}.{}.{EXTENSION}", launch.seat.session, launch.seat.process);
        let folder = Self(settings.agents_dir.join(name));
        folder.remove()?;
        fs::DirBuilder::new().mode(0o700).create(&folder.0)?;
        if let Some(config) = mcp_config(extensions) {
            write_private(&folder.0.join(MCP_CONFIG), config.to_string().as_bytes())?;
        }
        plugins::write(&folder.0, extensions)?;
        Ok(Some(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The arguments that name what is in it.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mcp_config = self.0.join(MCP_CONFIG);
        let named = mcp_config.exists().then(|| format!("--mcp-config={}", mcp_config.display()));
        named.into_iter().chain(plugins::arguments(&self.0)).collect()
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for ExtensionFolder {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(%error, "{} stays behind", self.0.display());
        }
    }
}

/// Removes the folders that an earlier run of the server left.
pub(crate) fn sweep(settings: &ClaudeSettings) {
    for entry in fs::read_dir(&settings.agents_dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            drop(ExtensionFolder(path));
        }
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

fn mcp_config(extensions: &ActiveExtensions) -> Option<Value> {
    let servers: Map<String, Value> = extensions
        .mcp_servers()
        .map(|(extension, server)| (extension.name.clone(), mcp_server(extension, server)))
        .collect();
    (!servers.is_empty()).then(|| json!({ "mcpServers": servers }))
}

fn mcp_server(extension: &ActiveExtension, server: &McpServer) -> Value {
    let secrets = &extension.secrets.0;
    match server {
        McpServer::Stdio { command, args, .. } => {
            json!({ "type": "stdio", "command": command, "args": args, "env": secrets })
        }
        McpServer::Http { url, .. } => json!({ "type": "http", "url": url, "headers": secrets }),
        McpServer::Sse { url, .. } => json!({ "type": "sse", "url": url, "headers": secrets }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use runner_core::agent::AgentOptions;
    use runner_core::ids::ExtensionId;
    use runner_core::ports::AgentSetup;
    use runner_core::setup::extension::active::{ActiveExtension, ActiveExtensions};
    use runner_core::setup::extension::definition::Definition;
    use runner_core::setup::extension::mcp_server::McpServer;
    use runner_core::setup::extension::secrets::SecretValues;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{ExtensionFolder, sweep};
    use crate::claude::credentials::Credentials;
    use crate::claude::tests::{ScratchFolder, launch_of, launch_with, settings, setup_with};

    #[test]
    fn servers_are_named_with_their_secrets_to_nobody_else_and_gone_with_the_process() {
        let data = ScratchFolder::new();
        let settings = settings(&data, Credentials::OauthToken { token: "sk-1".into() });
        let stdio =
            McpServer::Stdio { command: "node".into(), args: vec!["s.js".into()], env: vec!["KEY".into()] };
        let http = McpServer::Http { url: "https://a.example/mcp".into(), headers: vec![] };
        let launch = launch_of(AgentSetup {
            extensions: Arc::new(ActiveExtensions::new(vec![
                active("files", stdio, [("KEY", "canary")].as_slice()),
                active("web", http, &[]),
            ])),
            ..setup_with(AgentOptions::default())
        });

        let folder = ExtensionFolder::write(&settings, &launch).unwrap().unwrap();

        let file = folder.path().join("mcp.json");
        let told: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(
            told["mcpServers"],
            json!({
                "files": { "type": "stdio", "command": "node", "args": ["s.js"], "env": { "KEY": "canary" } },
                "web": { "type": "http", "url": "https://a.example/mcp", "headers": {} },
            })
        );
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.arguments(), [format!("--mcp-config={}", file.display())]);
        drop(folder);
        assert!(!file.exists());
    }

    #[test]
    fn nothing_is_written_where_nothing_extends_and_what_is_left_is_swept() {
        let data = ScratchFolder::new();
        let settings = settings(&data, Credentials::OauthToken { token: "sk-1".into() });
        assert!(ExtensionFolder::write(&settings, &launch_with(AgentOptions::default())).unwrap().is_none());
        let [left, kept] = ["a.b.extensions", "a"].map(|name| data.path().join(name));
        for folder in [&left, &kept] {
            std::fs::create_dir(folder).unwrap();
        }

        sweep(&settings);

        assert!(!left.exists() && kept.exists());
    }

    fn active(name: &str, server: McpServer, secrets: &[(&str, &str)]) -> ActiveExtension {
        let secrets: BTreeMap<String, String> =
            secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ActiveExtension {
            id: ExtensionId(Uuid::from_u128(1)),
            name: name.to_owned(),
            version: 1,
            definition: Definition::McpServer(server),
            secrets: SecretValues(secrets),
        }
    }
}
