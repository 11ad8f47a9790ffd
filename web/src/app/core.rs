//! The part of the program that runs sessions: store, agent and actors. The server has one, and so has each
//! trial of the agent's program.

use std::fs::File;
use std::rc::Rc;
use std::sync::Arc;

use runner_actors::{
    AgentProofs, ApiKeys, Extensions, HookPolicy, Owners, ProofPorts, Repository, SchedulePorts, Schedules,
    Services, Sessions, StoredBudgets, Tenants, TrustedFolders,
};
use runner_adapters::claude::{self, ClaudeRuntime};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_adapters::gateway::{KeyProbe, MonthlyBudgets};
use runner_adapters::offline_model::OfflineModel;
use runner_adapters::secret_key::SecretKey;
use runner_adapters::vault::KeyVault;
use runner_adapters::workspace::GitWorkspaces;
use runner_core::allowed_folders::AllowedFolders;
use runner_core::ports::model::SpendRecord;
use runner_core::ports::{AgentProber, Clock};

use super::credentials::{credentials, key_use};
use super::{agents, keys, people, prepare_data_dir, session_settings};
use crate::config::Config;
use crate::context::bypass_right;
use crate::owners_rights::OwnersRights;

/// Everything that sessions need to run, and what it was made of.
pub(super) struct Core {
    pub(super) sessions: Sessions,
    pub(super) store: EventStore,
    pub(super) repository: Repository,
    pub(super) runtime: Arc<ClaudeRuntime>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) secret_key: SecretKey,
    pub(super) api_keys: ApiKeys,
    pub(super) trust: TrustedFolders,
    pub(super) extensions: Extensions,
    pub(super) tenants: Tenants,
    pub(super) folders: AllowedFolders,
    /// Kept while the program runs: the offline model, and the lock on the data folder.
    pub(super) kept: (Option<OfflineModel>, File),
}

impl Core {
    /// Opens the store and takes up what an earlier run left. Without a prober every version of the agent's
    /// program passes. Needs an actix system.
    pub(super) async fn build(config: &Config, prober: Option<Rc<dyn AgentProber>>) -> anyhow::Result<Self> {
        let lock = prepare_data_dir(&config.data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let store = EventStore::open(&config.database, Arc::clone(&clock)).await?;
        let record: Arc<dyn SpendRecord> = Arc::new(store.clone());
        let repository = Repository::new(Arc::new(store.clone()));
        let secret_key = people::secret_key(config, &repository).await?;
        let vault = Arc::new(KeyVault::new(&secret_key));
        keys::check(&vault, &repository).await?;
        let stored = (repository.clone(), key_use(config));
        let hooks =
            HookPolicy { nature: claude::nature_of_call, may_bypass: bypass_right(config.access.bypass) };
        let extensions = Extensions::new(repository.clone(), vault.clone(), Arc::clone(&clock), hooks);
        let api_keys = ApiKeys::new(stored, vault, Arc::clone(&record), Arc::clone(&clock));
        let trial = Arc::new(KeyProbe::new(config.proxies.clone())?);
        let api_keys = api_keys.trying(trial, config.base_url.clone());
        let limits = StoredBudgets { repository: repository.clone(), of_each_user: config.monthly_budget };
        let budgets = MonthlyBudgets::new(Arc::new(limits), record, Arc::clone(&clock));
        let (credentials, model) = credentials(config, api_keys.clone(), Arc::new(budgets)).await?;
        let folders = agents::allowed_folders(config)?;
        let settings = agents::claude_settings(config, credentials, folders.clone(), &lock)?;
        let runtime = Arc::new(ClaudeRuntime::new(settings).await?);
        let (trust, tenants) = (TrustedFolders::new(repository.clone()), Tenants::new(repository.clone()));
        let proofs = match prober {
            None => AgentProofs::unchecked(),
            Some(prober) => {
                let (repository, clock) = (repository.clone(), Arc::clone(&clock));
                AgentProofs::start(claude::TESTED_VERSIONS, ProofPorts { prober, repository, clock })
            }
        };
        let sessions = Sessions::start(Services {
            log: Arc::new(store.clone()),
            directory: Arc::new(store.clone()),
            files: Arc::new(store.clone()),
            runtime: runtime.clone(),
            hook_programs: runtime.clone(),
            workspaces: Arc::new(GitWorkspaces::new(config.data_dir.canonicalize()?)),
            clock: Arc::clone(&clock),
            trust: trust.clone(),
            extensions: extensions.clone(),
            owners: Owners::new(repository.clone(), bypass_right(config.access.bypass)),
            tenants: tenants.clone(),
            proofs,
            settings: session_settings(config),
        });
        sessions.recover().await?;
        let kept = (model, lock);
        Ok(Self {
            sessions,
            store,
            repository,
            runtime,
            clock,
            secret_key,
            api_keys,
            trust,
            extensions,
            tenants,
            folders,
            kept,
        })
    }
    /// The schedules of this store, whose runs begin as far as their owners' rights go.
    pub(super) fn schedules(&self, permits: OwnersRights) -> Schedules {
        Schedules::new(SchedulePorts {
            repository: self.repository.clone(),
            log: Arc::new(self.store.clone()),
            sessions: self.sessions.clone(),
            permits: Arc::new(permits),
            clock: Arc::clone(&self.clock),
        })
    }
}
