//! Trials of MCP servers, with the official client.
//!
//! A program is started as an agent would start it: in the sandbox, with the limits of an agent. An address
//! of a member's choice is asked only where it is public at the moment of connecting.

mod sse;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use rmcp::service::{RoleClient, RunningService, ServiceExt as _};
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use runner_core::ports::{McpProber, McpReport, McpTool, McpTrial, McpUnusable};
use runner_core::setup::api_key::Network;
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::mcp_server::McpServer;
use runner_core::setup::extension::secrets::SecretValues;
use tokio::io::AsyncReadExt as _;

use self::sse::SseTransport;
use crate::claude::{ClaudeRuntime, ToolPlace, ToolProgram};
use crate::public_only::{PublicOnly, may_be_public};

/// The most time for a trial, as an agent has it. The start of a program may download it.
const UNTIL_ANSWERED: Duration = Duration::from_secs(60);
const UNTIL_CLOSED: Duration = Duration::from_secs(5);
const BETWEEN_RETRIES: Duration = Duration::from_millis(200);

/// The part of a program's error output that explains why it failed.
const MAX_ERROR_BYTES: u64 = 4096;

type Client = RunningService<RoleClient, ()>;

/// Tries servers out.
#[derive(Debug)]
pub struct McpClientProber {
    runtime: Arc<ClaudeRuntime>,
    any: reqwest::Client,
    public: reqwest::Client,
}

impl McpClientProber {
    pub fn new(runtime: Arc<ClaudeRuntime>) -> reqwest::Result<Self> {
        // A redirect would carry the secret headers elsewhere.
        let client = || reqwest::Client::builder().redirect(Policy::none()).no_proxy();
        let public = client().dns_resolver(Arc::new(PublicOnly { proxies: vec![] })).build()?;
        Ok(Self { runtime, any: client().build()?, public })
    }

    async fn connect(&self, trial: &McpTrial) -> Result<McpReport, McpUnusable> {
        let server = match &trial.server.definition {
            Definition::McpServer(server) => server,
            Definition::Skill(_) | Definition::Plugin(_) | Definition::Hook(_) | Definition::Agent(_) => {
                return Err(McpUnusable("it is no MCP server".into()));
            }
        };
        match server {
            McpServer::Stdio { command, args, .. } => {
                let program = ToolProgram { command, args, env: &trial.server.secrets.0 };
                self.connect_program(trial, program).await
            }
            McpServer::Http { url, .. } => {
                let client = self.client(trial, url)?;
                let named = headers(&trial.server.secrets)?.into_iter();
                let named = named.filter_map(|(name, value)| Some((name?, value))).collect();
                let mut config =
                    StreamableHttpClientTransportConfig::with_uri(url.as_str()).custom_headers(named);
                // Without a limit a server that dies in the middle would be asked for ever.
                let mut retries = ExponentialBackoff::default();
                (retries.max_times, retries.base_duration) = (Some(2), BETWEEN_RETRIES);
                config.retry_config = Arc::new(retries);
                let transport = StreamableHttpClientTransport::with_client(client, config);
                report(().serve(transport).await.map_err(|error| unusable(&error))?).await
            }
            McpServer::Sse { url, .. } => {
                let client = self.client(trial, url)?;
                let transport = SseTransport::connect(client, url, headers(&trial.server.secrets)?).await?;
                report(().serve(transport).await.map_err(|error| unusable(&error))?).await
            }
        }
    }

    fn client(&self, trial: &McpTrial, url: &str) -> Result<reqwest::Client, McpUnusable> {
        match trial.network {
            Network::Any => Ok(self.any.clone()),
            Network::Public if url.parse().is_ok_and(|url| may_be_public(&url)) => Ok(self.public.clone()),
            Network::Public => Err(McpUnusable("its address is not public".to_owned())),
        }
    }

    async fn connect_program(
        &self,
        trial: &McpTrial,
        program: ToolProgram<'_>,
    ) -> Result<McpReport, McpUnusable> {
        let place = ToolPlace {
            tenant: trial.tenant.clone(),
            owner: trial.owner.clone(),
            working_dir: trial.working_dir.clone(),
            add_dirs: vec![],
            within: trial.within.clone(),
        };
        let prepared = self.runtime.tool_command(&place, program).await;
        let (command, prepared) = prepared.map_err(|error| McpUnusable(error.to_string()))?;
        let (transport, stderr) = TokioChildProcess::builder(command)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| McpUnusable(format!("the program cannot be started: {error}")))?;
        let connected = async { report(().serve(transport).await.map_err(|error| unusable(&error))?).await };
        let reported = tokio::time::timeout(UNTIL_ANSWERED, connected).await;
        prepared.end().await;
        let reported = reported.unwrap_or_else(|_| Err(too_late()));
        let Err(McpUnusable(why)) = reported else { return reported };
        let mut said = vec![];
        if let Some(stderr) = stderr {
            let mut stderr = stderr.take(MAX_ERROR_BYTES);
            tokio::time::timeout(UNTIL_CLOSED, stderr.read_to_end(&mut said)).await.ok();
        }
        Err(McpUnusable(match String::from_utf8_lossy(&said).trim() {
            "" => why,
            said => format!("{why}: {said}"),
        }))
    }
}

#[async_trait]
impl McpProber for McpClientProber {
    async fn try_out(&self, trial: McpTrial) -> Result<McpReport, McpUnusable> {
        let limit = UNTIL_ANSWERED + 2 * UNTIL_CLOSED;
        tokio::time::timeout(limit, self.connect(&trial)).await.unwrap_or_else(|_| Err(too_late()))
    }
}

/// Asks a connected server what it is, and lets go of it.
async fn report(client: Client) -> Result<McpReport, McpUnusable> {
    let tools = client.list_all_tools().await;
    let info = client.peer_info();
    tokio::time::timeout(UNTIL_CLOSED, client.cancel()).await.ok();
    let tools = tools.map_err(|error| McpUnusable(format!("its tools cannot be listed: {error}")))?;
    let info = info.ok_or_else(|| McpUnusable("it did not say what it is".to_owned()))?;
    let identity = info.server_info.as_ref();
    Ok(McpReport {
        name: identity.map(|identity| identity.name.clone()),
        version: identity.map(|identity| identity.version.clone()),
        protocol_version: info.protocol_version.to_string(),
        tools: tools
            .into_iter()
            .map(|tool| McpTool {
                name: tool.name.into_owned(),
                description: tool.description.map(std::borrow::Cow::into_owned),
                read_only: tool.annotations.and_then(|hints| hints.read_only_hint),
            })
            .collect(),
    })
}

fn headers(secrets: &SecretValues) -> Result<HeaderMap, McpUnusable> {
    let mut headers = HeaderMap::new();
    for (name, value) in &secrets.0 {
        let named = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let Some((name, mut value)) = named else {
            return Err(McpUnusable(format!("`{name}` is no header")));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn unusable(error: &(dyn std::error::Error + 'static)) -> McpUnusable {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    McpUnusable(text)
}

fn too_late() -> McpUnusable {
    McpUnusable(format!("it did not answer within {} seconds", UNTIL_ANSWERED.as_secs()))
}
