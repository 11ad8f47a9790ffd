//! The account with which an agent reaches a model.

use std::path::PathBuf;
use std::sync::Arc;

use runner_core::agent::AgentOutput;
use runner_core::ports::model::ModelScope;
use runner_core::ports::{AgentError, AgentLaunch};
use tokio::sync::mpsc;

use crate::gateway::{Admission, Caller, Gateway, Pass};

/// The way of an agent to a model. `Debug` shows the kind only.
#[derive(Clone)]
pub enum Credentials {
    /// The gateway, which holds the key.
    Gateway { gateway: Gateway, upstream: ModelKind },
    /// The operator's own Claude Code login, by the file that holds it. The agent renews it by itself.
    Login { credentials_file: PathBuf },
    /// The operator's own login as a long-lived token.
    OauthToken { token: String },
}

/// The model behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// The real API, asked with a key.
    Api,
    /// The offline model.
    Offline,
}

/// The access of one process. The pass is valid as long as this is kept.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) env: Vec<(&'static str, String)>,
    pub(super) pass: Option<Pass>,
}

impl Credentials {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Gateway { upstream: ModelKind::Api, .. } => "api_key",
            Self::Gateway { upstream: ModelKind::Offline, .. } => "offline",
            Self::Login { .. } | Self::OauthToken { .. } => "login",
        }
    }

    pub(super) const fn is_offline(&self) -> bool {
        matches!(self, Self::Gateway { upstream: ModelKind::Offline, .. })
    }

    pub(super) const fn is_behind_gateway(&self) -> bool {
        self.gateway().is_some()
    }

    pub(super) const fn gateway(&self) -> Option<&Gateway> {
        match self {
            Self::Gateway { gateway, .. } => Some(gateway),
            Self::Login { .. } | Self::OauthToken { .. } => None,
        }
    }

    /// The environment variables that let one process reach the model. The gateway reports its calls among
    /// the process's outputs.
    pub(super) fn access(
        &self,
        launch: &AgentLaunch,
        caller: Arc<dyn Caller>,
        outputs: &mpsc::Sender<AgentOutput>,
    ) -> Result<Access, AgentError> {
        match self {
            Self::Gateway { gateway, .. } => {
                let pass = gateway
                    .admit(admission(launch, caller), outputs.clone())
                    .map_err(|error| AgentError::NotStarted(error.to_string()))?;
                let env = vec![
                    ("ANTHROPIC_BASE_URL", gateway.base_url()),
                    ("ANTHROPIC_API_KEY", pass.token().to_owned()),
                    // With this, settings cannot choose another address, provider or account.
                    ("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", "1".to_owned()),
                ];
                Ok(Access { env, pass: Some(pass) })
            }
            Self::Login { .. } => Ok(Access { env: vec![], pass: None }),
            Self::OauthToken { token } => {
                Ok(Access { env: vec![("CLAUDE_CODE_OAUTH_TOKEN", token.clone())], pass: None })
            }
        }
    }
}

fn admission(launch: &AgentLaunch, caller: Arc<dyn Caller>) -> Admission {
    let (tenant, owner) = (launch.setup.tenant.clone(), launch.setup.owner.clone());
    Admission {
        scope: ModelScope { session: launch.seat.session, tenant, owner },
        caller,
        spent: launch.seat.spent,
        turn_budget: launch.setup.options.max_budget_micros,
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}
