//! The composition root: puts store, agent and actors behind the routes.
//!
//! The server and Lambda build the same [`Application`]; tests of the routes start the server.

mod agents;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use anyhow::Context as _;
use runner_actors::{
    AccountPolicy, AccountPorts, Accounts, Aggregates, LocalUser, Services, Sessions, Settings,
    TrustedFolders,
};
use runner_adapters::claude::{ClaudeRuntime, Credentials, ModelKind};
use runner_adapters::clock::SystemClock;
use runner_adapters::codes::RandomCodes;
use runner_adapters::event_store::EventStore;
use runner_adapters::gateway::{Gateway, GatewaySettings, MonthlyBudgets, OperatorKey};
use runner_adapters::grants::JwtSigner;
use runner_adapters::offline_model::{OfflineModel, Script};
use runner_adapters::passwords::Argon2Hasher;
use runner_adapters::secret_key::SecretKey;
use runner_adapters::setup_code::SetupFile;
use runner_adapters::workspace::GitWorkspaces;
use runner_core::account::Account;
use runner_core::credentials::SetupCode;
use runner_core::model_access::{Budgets, ModelKey};
use runner_core::ports::{AgentRuntime, Clock};
use utoipa_actix_web::AppExt;

use crate::access::admit;
use crate::authentication::Authentication;
use crate::config::{Config, Offline};
use crate::cookies::Transport;
use crate::error::Problem;
use crate::guard::{AllowedHosts, guard};
use crate::pages;
use crate::routes::{self, Context};
use crate::workspace::Workspaces;

/// The composed program. Clones share everything.
#[derive(Clone)]
pub struct Application {
    context: Context,
    hosts: AllowedHosts,
    authentication: Authentication,
    openapi: Arc<str>,
    document: Arc<utoipa::openapi::OpenApi>,
    store: EventStore,
    grace: Duration,
    /// Kept while the program runs: the offline model, and the lock on the data folder.
    _kept: Arc<(Option<OfflineModel>, File)>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("context", &self.context).finish_non_exhaustive()
    }
}

impl Application {
    /// Opens the store, takes up what an earlier run left, and is ready for requests. Needs an actix system.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let lock = prepare_data_dir(&config.data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let store = EventStore::open(&config.database, Arc::clone(&clock)).await?;
        let record = Arc::new(store.clone());
        let budgets = MonthlyBudgets::new(config.monthly_budget, record, Arc::clone(&clock));
        let (credentials, model) = credentials(config, Arc::new(budgets)).await?;
        let folders = agents::allowed_folders(config)?;
        let settings = agents::claude_settings(config, credentials, folders.clone())?;
        let runtime = Arc::new(ClaudeRuntime::new(settings).await?);
        agents::announce(&*runtime);
        let may_bypass = agents::may_bypass(config, &*runtime);
        let trust = TrustedFolders::new(Aggregates::new(Arc::new(store.clone())));
        let sessions = Sessions::start(Services {
            log: Arc::new(store.clone()),
            directory: Arc::new(store.clone()),
            files: Arc::new(store.clone()),
            runtime,
            workspaces: Arc::new(GitWorkspaces::new(config.data_dir.canonicalize()?)),
            clock: Arc::clone(&clock),
            trust: trust.clone(),
            settings: Settings {
                node: config.node.clone(),
                max_sessions: config.max_sessions,
                idle_timeout: config.agent_idle,
            },
        });
        sessions.recover().await?;
        let secret_key = secret_key(config)?;
        let aggregates = Aggregates::new(Arc::new(store.clone()));
        let accounts = accounts(config, (&secret_key, aggregates), Arc::clone(&clock)).await?;
        let document = routes::openapi();
        let context = Context {
            sessions,
            accounts: accounts.clone(),
            workspaces: Workspaces { default: config.working_dir.clone(), allowed: folders },
            trust,
            may_bypass,
            node: config.node.clone(),
            started_at: clock.now(),
        };
        Ok(Self {
            context,
            authentication: authentication(config, accounts),
            hosts: allowed_hosts(config),
            openapi: document.to_json()?.into(),
            document: Arc::new(document),
            store,
            grace: config.shutdown_grace,
            _kept: Arc::new((model, lock)),
        })
    }

    /// The routes as an actix-web app; the server runs one for each worker, Lambda exactly one.
    pub fn routes(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        let openapi = Arc::clone(&self.openapi);
        App::new()
            .app_data(web::Data::new(self.context.clone()))
            .app_data(web::Data::new(self.hosts.clone()))
            .app_data(web::Data::new(self.authentication.clone()))
            .app_data(web::Data::from(Arc::clone(&self.document)))
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .route("/openapi.json", web::get().to(move || json(Arc::clone(&openapi))))
            .configure(pages::configure)
            .default_service(web::to(no_route))
            .wrap(from_fn(admit))
            .wrap(Compress::default())
            .wrap(from_fn(guard))
    }

    /// Ends turns, agents and streams in order. Requests are still answered, with 503 where they change
    /// something.
    pub async fn drain(&self) {
        self.context.sessions.shut_down(self.grace).await;
    }

    /// Closes the store, after which nothing can be answered.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Both; await it before the system stops.
    pub async fn shutdown(&self) {
        self.drain().await;
        self.close().await;
    }
}

async fn json(document: Arc<str>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.to_string())
}

async fn no_route(request: HttpRequest, document: web::Data<utoipa::openapi::OpenApi>) -> HttpResponse {
    let methods = routes::methods_of(&document, request.path()).join(", ");
    if !methods.is_empty() {
        let detail = format!("this path answers {methods}");
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        let mut response = problem.response();
        if let Ok(allowed) = methods.parse() {
            response.headers_mut().insert(ALLOW, allowed);
        }
        return response;
    }
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing under this path").response()
}

/// Makes the data folder, for this user only, and keeps other servers out of it.
pub fn prepare_data_dir(folder: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let lock = File::create(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("{} is in use by another server", folder.display())
        }
        Err(TryLockError::Error(error)) => Err(error).context("the data folder cannot be locked"),
    }
}

/// The operator's key or login; without either, or when asked for, the offline model.
async fn credentials(
    config: &Config,
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
        let (keys, session_budget) = (Arc::new(OperatorKey(key)), config.session_budget);
        let gateway = Gateway::start(GatewaySettings { keys, budgets, session_budget }).await?;
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

fn allowed_hosts(config: &Config) -> AllowedHosts {
    let own = [config.host.to_string()].into_iter().chain(config.access.public_host());
    AllowedHosts::new(config.allowed_hosts.iter().cloned().chain(own))
}

fn authentication(config: &Config, accounts: Accounts) -> Authentication {
    let transport = if config.access.is_public_over_https() { Transport::Tls } else { Transport::Plain };
    if !config.host.is_loopback() && transport == Transport::Plain {
        tracing::warn!(
            "passwords and tokens travel in clear text unless a proxy in front speaks TLS; set PUBLIC_URL to its https address"
        );
    }
    Authentication { accounts, proxies: config.access.trusted_proxies.clone(), transport }
}

/// The operator's key, or the one in the data folder.
fn secret_key(config: &Config) -> anyhow::Result<SecretKey> {
    match &config.access.secret_key {
        Some(text) => Ok(SecretKey::from_setting(text.expose())?),
        None => Ok(SecretKey::load_or_create(&config.data_dir)?),
    }
}

async fn accounts(
    config: &Config,
    (secret_key, aggregates): (&SecretKey, Aggregates),
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Accounts> {
    let anybody = !aggregates.list::<Account>(None).await?.is_empty();
    let (local_user, registration) = (config.access.local_user, config.access.registration);
    let setup: Option<Arc<dyn SetupCode>> = match local_user {
        LocalUser::Refused if !anybody => {
            let file = SetupFile::load_or_create(&config.data_dir)?;
            tracing::warn!(
                "nobody has registered; the first user needs the code in {}",
                file.path().display()
            );
            Some(Arc::new(file))
        }
        LocalUser::Refused | LocalUser::Admitted => {
            SetupFile::discard(&config.data_dir)?;
            None
        }
    };
    let ports = AccountPorts {
        aggregates,
        clock,
        hasher: Arc::new(Argon2Hasher::new()?),
        signer: Arc::new(JwtSigner::new(secret_key)),
        codes: Arc::new(RandomCodes),
    };
    Ok(Accounts::new(ports, AccountPolicy { registration, setup, local_user }))
}

fn login_file(config: &Config) -> Option<std::path::PathBuf> {
    let file = config.home.as_ref()?.join(".claude/.credentials.json");
    file.is_file().then_some(file)
}
