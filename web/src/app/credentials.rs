//! Credentials with which agents reach a model: people's own keys, the operator's key or login, or the
//! offline model.

use std::fs;
use std::sync::Arc;

use anyhow::Context as _;
use runner_actors::{ApiKeys, KeyUse, SessionKeys};
use runner_adapters::claude::{Credentials, ModelKind};
use runner_adapters::gateway::{CallJournal, Gateway, GatewaySettings, OperatorKey};
use runner_adapters::offline_model::{OfflineModel, Script};
use runner_core::ports::model::{Budgets, ModelKey};

use crate::config::{Config, Offline};

/// Stored keys go before the operator's key, and before the offline model that stands in for one. An operator
/// who asks for the offline model, or uses a login, gets that and nothing else.
pub(super) fn key_use(config: &Config) -> KeyUse {
    let has_login = config.oauth_token.is_some() || login_file(config).is_some();
    match config.offline {
        Offline::Always => KeyUse::Unused,
        Offline::Auto | Offline::Never if config.api_key.is_none() && has_login => KeyUse::Unused,
        Offline::Auto | Offline::Never => KeyUse::Used,
    }
}

/// The operator's key or login; without either, or when asked for, the offline model.
pub(super) async fn credentials(
    config: &Config,
    own: ApiKeys,
    budgets: Arc<dyn Budgets>,
) -> anyhow::Result<(Credentials, Option<OfflineModel>)> {
    let has_own = config.api_key.is_some() || config.oauth_token.is_some() || login_file(config).is_some();
    let is_offline = match (has_own, config.offline) {
        (true, Offline::Auto | Offline::Never) => false,
        (false, Offline::Never) => {
            anyhow::bail!(
                "there is neither ANTHROPIC_API_KEY nor a login, and OFFLINE forbids the offline model"
            )
        }
        (_, Offline::Always) | (false, Offline::Auto) => true,
    };
    let behind_gateway = async |key, upstream| -> anyhow::Result<Credentials> {
        let (keys, session_budget) = (
            Arc::new(SessionKeys { own, base_url: config.base_url.clone(), operator: OperatorKey(key) }),
            config.session_budget,
        );
        let proxies = config.proxies.clone();
        let journal = CallJournal::new(config.data_dir.join("calls"));
        let settings = GatewaySettings { keys, budgets, session_budget, journal, proxies };
        let gateway = Gateway::start(settings).await?;
        Ok(Credentials::Gateway { gateway, upstream })
    };
    if is_offline {
        let model = offline_model(config).await?;
        let key = ModelKey::new(None, Some(model.base_url()), "sk-ant-offline");
        return Ok((behind_gateway(key, ModelKind::Offline).await?, Some(model)));
    }
    anyhow::ensure!(
        config.api_key.is_some() || (config.monthly_budget.is_none() && config.session_budget.is_none()),
        "MONTHLY_BUDGET_USD and SESSION_BUDGET_USD need ANTHROPIC_API_KEY: what a login spends cannot be counted"
    );
    let own = match (&config.api_key, &config.oauth_token, login_file(config)) {
        (Some(key), _, _) => {
            let key = ModelKey::new(None, config.base_url.clone(), key.expose());
            behind_gateway(key, ModelKind::Api).await?
        }
        (None, Some(token), _) => Credentials::OauthToken { token: token.expose().to_owned() },
        (None, None, Some(credentials_file)) => Credentials::Login { credentials_file },
        (None, None, None) => anyhow::bail!("the login is gone"),
    };
    Ok((own, None))
}

async fn offline_model(config: &Config) -> anyhow::Result<OfflineModel> {
    let script = match &config.offline_script {
        Some(path) => {
            let text =
                fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            Some(Script::parse(&text).with_context(|| format!("{} is not a script", path.display()))?)
        }
        None => None,
    };
    OfflineModel::start(script).await.context("the offline model cannot be started")
}

fn login_file(config: &Config) -> Option<std::path::PathBuf> {
    let file = config.home.as_ref()?.join(".claude/.credentials.json");
    file.is_file().then_some(file)
}
