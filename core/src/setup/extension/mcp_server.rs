//! MCP servers, and how single fields of one are changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secrets::SecretValues;
use crate::request::Mismatch;

/// A server of tools that speaks the Model Context Protocol, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum McpServer {
    /// A program that the agent starts, in the session's sandbox, and speaks with over its pipes.
    Stdio {
        command: String,
        args: Vec<String>,
        /// The names of its variables.
        env: Vec<String>,
    },
    /// Streamable HTTP.
    Http {
        url: String,
        /// The names of the headers that go with every request.
        headers: Vec<String>,
    },
    /// HTTP with server-sent events, as servers of protocols before 2025-03-26 speak.
    Sse { url: String, headers: Vec<String> },
}

impl McpServer {
    pub(super) fn secret_names(&self) -> &[String] {
        match self {
            Self::Stdio { env, .. } => env,
            Self::Http { headers, .. } | Self::Sse { headers, .. } => headers,
        }
    }
}

/// Fields of a server to set anew; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct McpServerEdit {
    pub command: Option<String>,
    pub args: Option<Vec<String>>,
    pub url: Option<String>,
    /// Values by the names of variables; `None` takes one away.
    pub env: BTreeMap<String, Option<String>>,
    /// Values by the names of headers.
    pub headers: BTreeMap<String, Option<String>>,
}

impl McpServerEdit {
    pub(super) fn apply(
        self,
        server: McpServer,
        secrets: SecretValues,
    ) -> Result<(McpServer, SecretValues), Mismatch> {
        let (server, secrets) = match server {
            McpServer::Stdio { command, args, .. } => {
                absent("/url", self.url.is_none())?;
                absent("/headers", self.headers.is_empty())?;
                let secrets = merged(secrets, self.env);
                let (command, args) = (self.command.unwrap_or(command), self.args.unwrap_or(args));
                (McpServer::Stdio { command, args, env: secrets.names() }, secrets)
            }
            McpServer::Http { mut url, .. } => {
                let secrets = self.of_address(&mut url, secrets)?;
                (McpServer::Http { url, headers: secrets.names() }, secrets)
            }
            McpServer::Sse { mut url, .. } => {
                let secrets = self.of_address(&mut url, secrets)?;
                (McpServer::Sse { url, headers: secrets.names() }, secrets)
            }
        };
        Ok((server, secrets))
    }

    /// The values for a server under an address, which is set as well.
    fn of_address(self, url: &mut String, secrets: SecretValues) -> Result<SecretValues, Mismatch> {
        absent("/command", self.command.is_none())?;
        absent("/args", self.args.is_none())?;
        absent("/env", self.env.is_empty())?;
        if let Some(new) = self.url {
            *url = new;
        }
        Ok(merged(secrets, self.headers))
    }
}

fn absent(pointer: &str, is_absent: bool) -> Result<(), Mismatch> {
    match is_absent {
        true => Ok(()),
        false => Err(Mismatch {
            pointer: pointer.to_owned(),
            detail: "servers of this type have no such field, and none changes its type".to_owned(),
        }),
    }
}

fn merged(SecretValues(mut values): SecretValues, edits: BTreeMap<String, Option<String>>) -> SecretValues {
    for (name, value) in edits {
        match value {
            Some(value) => drop(values.insert(name, value)),
            None => drop(values.remove(&name)),
        }
    }
    SecretValues(values)
}
