//! The composition root: puts store, agent and actors behind the routes.
//!
//! The server and Lambda build the same [`Application`]; tests of the routes start the server.

mod agents;
mod core;
mod credentials;
pub mod doctor;
pub mod keys;
mod people;
mod probes;
pub mod reachable;
mod start_files;
pub mod users;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use anyhow::Context as _;
use runner_actors::{Audit, Settings, Spending};
use runner_adapters::claude::nature_of_call;
use runner_adapters::event_store::EventStore;
use runner_adapters::mcp_prober::McpClientProber;
use runner_adapters::offline_model::OfflineModel;
use runner_core::people::principal::Principal;
use thiserror::Error;

use self::core::Core;
use crate::config::Config;
use crate::context::Context;
use crate::http::access::admit;
use crate::http::authentication::{Agents, Authentication};
use crate::http::error::Problem;
use crate::http::guard::guard;
use crate::http::hosts::{Addresses, AllowedHosts};
use crate::import;
use crate::limits::streams::Streams;
use crate::limits::{self, Limits};
use crate::owners_rights::OwnersRights;
use crate::pages;
use crate::routes;
use crate::stream::recent::RecentFrames;
use crate::working_folders::{OfferedFolders, WorkingFolders};
use probes::Probes;

/// The composed program. Clones share everything.
#[derive(Clone)]
pub struct Application {
    context: Context,
    hosts: AllowedHosts,
    authentication: Authentication,
    openapi: Arc<str>,
    document: Arc<utoipa::openapi::OpenApi>,
    store: EventStore,
    audit: Audit,
    limits: web::Data<Limits>,
    grace: Duration,
    data_dir: PathBuf,
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
        // First, because the memory that it needs on the way is used again afterwards.
        let document = routes::openapi();
        start_files::keep(config)?;
        let prober = Rc::new(Probes::new(config));
        let core = Core::build(config, Some(prober)).await?;
        let agents = Agents(core.runtime.clone());
        agents::announce(config, &*core.runtime);
        core.sessions.prove_agent().await;
        let (repository, clock) = (core.repository.clone(), Arc::clone(&core.clock));
        let trail = (Arc::new(core.store.clone()) as Arc<_>, nature_of_call as _);
        let audit = Audit::start(trail, repository.clone(), Arc::clone(&clock));
        let accounts = people::accounts(config, (&core.secret_key, repository), Arc::clone(&clock)).await?;
        let working_folders = WorkingFolders {
            all: OfferedFolders { default: config.working_dir.clone(), allowed: core.folders.clone() },
            tenants: core.tenants.clone(),
        };
        let may_bypass = agents::may_bypass(config, &*core.runtime);
        let permits = OwnersRights {
            accounts: accounts.clone(),
            api_keys: core.api_keys.clone(),
            sessions: core.sessions.clone(),
            working_folders: working_folders.clone(),
            bypass: may_bypass.then_some(config.access.bypass),
        };
        let schedules = core.schedules(permits);
        let context = Context {
            sessions: core.sessions,
            accounts: accounts.clone(),
            api_keys: core.api_keys,
            spending: Spending::new(Arc::new(core.store.clone()), Arc::clone(&clock)),
            schedules,
            recent: RecentFrames::default(),
            streams: Streams::new(config.limits.max_streams, config.limits.max_streams_per_user),
            working_folders,
            files: Arc::new(agents::folder_reader(config)?),
            statistics: Arc::new(core.store.clone()),
            subagents: Arc::new(core.store.clone()),
            trust: core.trust,
            extensions: core.extensions,
            mcp_prober: Arc::new(McpClientProber::new(core.runtime.clone())?),
            may_bypass,
            bypass: config.access.bypass,
            node: config.node.clone(),
            started_at: clock.now(),
        };
        Ok(Self {
            context,
            authentication: people::authentication(config, accounts, agents),
            hosts: allowed_hosts(config),
            openapi: document.to_json()?.into(),
            document: Arc::new(document),
            store: core.store,
            audit,
            limits: web::Data::new(Limits::new(
                config.limits.requests_per_minute,
                config.limits.turns_per_minute,
            )),
            grace: config.shutdown_grace,
            data_dir: config.data_dir.clone(),
            _kept: Arc::new(core.kept),
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
            .app_data(web::Data::new(self.audit.clone()))
            .app_data(self.limits.clone())
            .app_data(web::Data::from(Arc::clone(&self.document)))
            .configure(routes::configure)
            .route("/openapi.json", web::get().to(move || json(Arc::clone(&openapi))))
            .configure(pages::configure)
            .default_service(web::to(no_route))
            .wrap(from_fn(limits::count))
            .wrap(from_fn(admit))
            .wrap(from_fn(limits::mark))
            .wrap(Compress::default())
            .wrap(from_fn(guard))
    }

    /// Begins runs of schedules when it is time, from now on. A function that sleeps between requests has
    /// nobody to do that.
    pub fn run_schedules(&self) {
        self.context.schedules.start();
    }

    /// Takes in conversations for `claude-runner import` from now on.
    pub fn take_imports(&self) {
        let sessions = self.context.sessions.clone();
        let adoption = sessions.adoption(Principal::local().actor());
        import::socket::listen(&self.data_dir, adoption, move || sessions.is_stopping());
    }

    /// Ends turns, agents and streams in order. Requests are still answered, with 503 where they change
    /// something.
    pub async fn drain(&self) {
        self.context.sessions.shut_down(self.grace).await;
    }

    /// Closes the store, after which nothing can be answered.
    pub async fn close(&self) {
        self.audit.close().await;
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
    if let Some(page) = pages::find(&request) {
        return page;
    }
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

/// Another program has the data folder for itself.
#[derive(Debug, Error)]
#[error("{} is in use by another server", .0.display())]
pub struct DataDirInUse(pub PathBuf);

/// Makes the data folder, for this user only, and keeps other servers out of it.
pub fn prepare_data_dir(folder: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let lock = File::create(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DataDirInUse(folder.to_owned()).into()),
        Err(TryLockError::Error(error)) => Err(error).context("the data folder cannot be locked"),
    }
}

fn session_settings(config: &Config) -> Settings {
    Settings {
        node: config.node.clone(),
        max_sessions: config.max_sessions,
        max_turns: config.limits.max_turns,
        idle_timeout: config.agent_idle,
        spare_agents: config.spare_agents,
    }
}

fn allowed_hosts(config: &Config) -> AllowedHosts {
    let own = [config.host.to_string()].into_iter().chain(config.access.public_host());
    let addresses = if config.host.is_unspecified() { Addresses::All } else { Addresses::Named };
    AllowedHosts::new(config.allowed_hosts.iter().cloned().chain(own), addresses)
}
