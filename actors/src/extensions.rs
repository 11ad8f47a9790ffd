//! What extends agents, as the outside uses it: make, list, change, go back, remove; and what is active in a
//! session.
//!
//! Secret values come in once and are sealed at once, all of an extension together. They leave the vault on
//! their way to an agent only, or to a trial of what they are for.

mod cache;
mod files;
pub(crate) mod live;
mod writing;

use std::path::Path;
use std::sync::Arc;

use runner_core::ids::{ExtensionId, SecretId, StreamId, TenantId};
use runner_core::people::audit::decision::NatureOfCall;
use runner_core::people::principal::{Permission, Principal};
use runner_core::ports::{AppendError, Clock, ReadError};
use runner_core::request::Mismatch;
use runner_core::setup::extension::active::{ActiveExtension, ActiveExtensions};
use runner_core::setup::extension::definition::{Defined, Definition, DefinitionEdit, ExtensionKind, Scope};
use runner_core::setup::extension::event::{CreatedExtension, ExtensionEvent};
use runner_core::setup::extension::hook::HookRef;
use runner_core::setup::extension::hook::rules::{ActiveHook, HookOrigin};
use runner_core::setup::extension::secrets::SecretValues;
use runner_core::setup::extension::{Extension, ExtensionRefusal, MAX_EXTENSIONS};
use runner_core::setup::vault::{SealedFor, Vault, VaultError};
use runner_core::time::Timestamp;
use thiserror::Error;

use self::cache::Cache;
use self::files::FileCache;
pub use self::live::LiveServer;
use self::live::LiveServers;
use crate::owners::{BypassRight, Owners};
use crate::store::{ChangeError, Loaded, Repository};

/// Why an extension was not made or changed.
#[derive(Debug, Error)]
pub enum ExtensionError {
    #[error("there is no such extension")]
    NotFound,
    #[error("another one of the same kind is called so")]
    NameTaken,
    #[error("nobody may keep more than {MAX_EXTENSIONS} of a kind")]
    TooMany,
    #[error("this is for admins")]
    ForAdmins,
    /// A hook would allow what its owner may not do without asking.
    #[error("what allows more than reading needs the right to bypassPermissions")]
    BypassNotAllowed,
    /// What was to be changed does not fit what is there.
    #[error("{}", .0.detail)]
    Mismatch(Mismatch),
    /// The version is none of its history at which it was defined.
    #[error("its history has no such version")]
    NoSuchVersion,
    /// An earlier definition needs values that are kept no more.
    #[error("the values of {} are kept no more: set them anew", .0.join(", "))]
    SecretsMissing(Vec<String>),
    #[error("the files that belong to it are not there")]
    FilesMissing,
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The request's key was used for something else.
    #[error("the key was used for a different request")]
    CommandReused,
    #[error("too much is waiting to be stored")]
    Overloaded,
    #[error("the event log cannot be written")]
    LogUnavailable(#[source] AppendError),
    #[error("the extensions cannot be read")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An extension to be made.
#[derive(Clone, Debug)]
pub struct NewExtension {
    pub name: String,
    pub scope: Scope,
    pub defined: Defined,
    pub is_enabled: bool,
}

/// Fields to set anew; absent ones stay.
#[derive(Clone, Debug, Default)]
pub struct ExtensionPatch {
    pub is_enabled: Option<bool>,
    pub scope: Option<Scope>,
    pub edit: Option<DefinitionEdit>,
}

/// An extension that was made and not removed.
#[derive(Clone, Debug)]
pub struct StoredExtension {
    pub id: ExtensionId,
    pub tenant: TenantId,
    /// The version of its stream.
    pub version: u64,
    pub created: CreatedExtension,
    pub is_enabled: bool,
    pub changed_at: Timestamp,
}

impl StoredExtension {
    /// Its place in a list.
    pub fn place(&self) -> String {
        format!("{} {}", self.created.name, self.id)
    }
}

/// One event of an extension's history.
#[derive(Clone, Debug)]
pub struct ExtensionChanged {
    pub version: u64,
    pub actor: String,
    pub event: ExtensionEvent,
}

/// What decides how much a hook may allow.
#[derive(Clone, Copy, Debug)]
pub struct HookPolicy {
    pub nature: NatureOfCall,
    pub may_bypass: BypassRight,
}

/// The handle on all of them. Clones share everything.
#[derive(Clone)]
pub struct Extensions {
    repository: Repository,
    owners: Owners,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    hooks: HookPolicy,
    cache: Arc<Cache>,
    pub(crate) live: LiveServers,
    files: Arc<FileCache>,
    /// Held by whoever decides something that depends on several, or on sealed values.
    deciding: Arc<tokio::sync::Mutex<()>>,
}

impl std::fmt::Debug for Extensions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extensions").finish_non_exhaustive()
    }
}

impl Extensions {
    pub fn new(
        repository: Repository,
        vault: Arc<dyn Vault>,
        clock: Arc<dyn Clock>,
        hooks: HookPolicy,
    ) -> Self {
        Self {
            owners: Owners::new(repository.clone(), hooks.may_bypass),
            repository,
            vault,
            clock,
            hooks,
            cache: Arc::default(),
            files: Arc::default(),
            live: LiveServers::default(),
            deciding: Arc::default(),
        }
    }

    /// Those of a kind that somebody may see: their own, what is everybody's in a folder, and for admins all
    /// of the team.
    pub async fn list(
        &self,
        caller: &Principal,
        kind: ExtensionKind,
    ) -> Result<Vec<StoredExtension>, ExtensionError> {
        let all = self.of_team(&caller.tenant).await?;
        let visible = |extension: &&StoredExtension| {
            extension.created.definition.kind() == kind && is_visible(caller, extension)
        };
        let mut listed: Vec<StoredExtension> = all.iter().filter(visible).cloned().collect();
        listed.sort_by_key(StoredExtension::place);
        Ok(listed)
    }

    /// The one that an id names, or a name: then one's own before what is everybody's, before what is
    /// another's.
    pub async fn find(
        &self,
        caller: &Principal,
        kind: ExtensionKind,
        named: &str,
    ) -> Result<StoredExtension, ExtensionError> {
        let listed = self.list(caller, kind).await?;
        let rank = |extension: &StoredExtension| {
            let is_own = extension.created.owner == caller.name;
            (!is_own, extension.created.scope == Scope::User)
        };
        let id = named.parse().ok();
        let found = listed
            .into_iter()
            .filter(|extension| Some(extension.id) == id || extension.created.name == named)
            .min_by_key(rank);
        found.ok_or(ExtensionError::NotFound)
    }

    /// Everything that is active in a session of this owner in this folder. Of two with one name, that of the
    /// folder is, before that of the owner; of hooks, all are. What is for admins rests while its owner is
    /// none, but for rules.
    pub async fn active(
        &self,
        tenant: &TenantId,
        session: (&str, &Path),
    ) -> Result<ActiveExtensions, ExtensionError> {
        let all = self.of_team(tenant).await?;
        let covers = |extension: &&StoredExtension| {
            extension.is_enabled && extension.created.scope.covers(&extension.created.owner, session)
        };
        let mut covering: Vec<&StoredExtension> = all.iter().filter(covers).collect();
        covering.sort_by_key(|extension| (extension.created.scope == Scope::User, extension.id));
        let mut active: Vec<ActiveExtension> = vec![];
        let mut hooks: Vec<(Timestamp, ActiveHook)> = vec![];
        for extension in covering {
            let created = &extension.created;
            if let Some(hook) = active_hook(extension) {
                if self.is_entitled(created).await? {
                    hooks.push((created.at, hook));
                }
                continue;
            }
            let is_shadowed = active.iter().any(|other| {
                (other.definition.kind(), &other.name) == (created.definition.kind(), &created.name)
            });
            if !is_shadowed && self.is_entitled(created).await? {
                active.push(self.activate(extension).await?);
            }
        }
        let files = self.files_of(tenant, &active).await?;
        hooks.sort_by_key(|(made_at, hook)| (hook.origin, hook.definition.order, *made_at, hook.hook.id));
        let hooks = hooks.into_iter().map(|(_, hook)| hook).collect();
        Ok(ActiveExtensions::new(active).with_files(files).with_hooks(hooks))
    }

    /// What decides how much a hook may allow.
    pub const fn hook_policy(&self) -> HookPolicy {
        self.hooks
    }

    async fn is_entitled(&self, created: &CreatedExtension) -> Result<bool, ExtensionError> {
        let needs_admin = match created.definition.kind() {
            ExtensionKind::Hook => created.definition.is_for_admins(),
            ExtensionKind::McpServer
            | ExtensionKind::Skill
            | ExtensionKind::Plugin
            | ExtensionKind::Agent => created.definition.is_for_admins_in(&created.scope),
        };
        Ok(!needs_admin || self.owners.is_admin(&created.owner).await?)
    }

    /// An MCP server in the running sessions that somebody may see.
    pub fn live(&self, caller: &Principal, server: ExtensionId) -> Vec<LiveServer> {
        self.live.of(server, &caller.reach())
    }

    /// An extension with its secret values.
    pub async fn activate(&self, extension: &StoredExtension) -> Result<ActiveExtension, ExtensionError> {
        Ok(ActiveExtension {
            id: extension.id,
            name: extension.created.name.clone(),
            version: extension.version,
            definition: extension.created.definition.clone(),
            secrets: self.open(extension).await?,
        })
    }

    async fn open(&self, extension: &StoredExtension) -> Result<SecretValues, ExtensionError> {
        let Some(secret) = extension.created.secret else { return Ok(SecretValues::default()) };
        let sealed = self.repository.load_secret(secret).await?.ok_or(VaultError::Damaged)?;
        let opened = self.vault.open(&sealed, &bound_to(extension, secret))?;
        SecretValues::decode(&opened).map_err(|error| ExtensionError::Unexpected(error.into()))
    }

    /// All of a team, newest changes included.
    async fn of_team(&self, tenant: &TenantId) -> Result<Arc<Vec<StoredExtension>>, ExtensionError> {
        let epoch = match self.cache.find(tenant) {
            Ok(cached) => return Ok(cached),
            Err(epoch) => epoch,
        };
        let loaded = self.repository.list::<Extension>(Some(tenant)).await?;
        let all: Vec<StoredExtension> = loaded.into_iter().filter_map(stored).collect();
        let all = Arc::new(all);
        self.cache.keep(tenant.clone(), Arc::clone(&all), epoch);
        Ok(all)
    }
}

fn stored(loaded: Loaded<Extension>) -> Option<StoredExtension> {
    let created = loaded.state.created()?.clone();
    Some(StoredExtension {
        id: ExtensionId(loaded.stream.0),
        tenant: loaded.tenant,
        version: loaded.version,
        is_enabled: loaded.state.is_enabled,
        changed_at: loaded.state.changed_at.unwrap_or(created.at),
        created,
    })
}

/// A hook as it is active in a session that it covers.
fn active_hook(extension: &StoredExtension) -> Option<ActiveHook> {
    let created = &extension.created;
    let Definition::Hook(definition) = &created.definition else { return None };
    Some(ActiveHook {
        hook: HookRef { id: extension.id, name: created.name.clone(), version: extension.version },
        owner: created.owner.clone(),
        origin: match &created.scope {
            Scope::User => HookOrigin::Owner,
            Scope::Workspace { .. } => HookOrigin::Folder,
        },
        definition: definition.clone(),
    })
}

fn is_visible(caller: &Principal, extension: &StoredExtension) -> bool {
    let reach = caller.reach_with(Permission::Administer);
    let is_everybodys = extension.created.scope != Scope::User;
    is_everybodys && extension.tenant == caller.tenant
        || reach.covers(&extension.tenant, &extension.created.owner)
}

fn bound_to(extension: &StoredExtension, secret: SecretId) -> SealedFor {
    SealedFor { tenant: extension.tenant.clone(), owner: extension.created.owner.clone(), secret }
}

/// The stream that an extension is.
fn stream_of(id: ExtensionId) -> StreamId {
    StreamId(id.0)
}

impl From<ChangeError<ExtensionRefusal>> for ExtensionError {
    fn from(error: ChangeError<ExtensionRefusal>) -> Self {
        match error {
            ChangeError::Refused(ExtensionRefusal::NoSuchExtension) => Self::NotFound,
            ChangeError::Refused(ExtensionRefusal::NameTaken) => Self::NameTaken,
            ChangeError::Append(AppendError::CommandReused) => Self::CommandReused,
            // Too many changed the same at once.
            ChangeError::Append(AppendError::Overloaded | AppendError::Conflict { .. }) => Self::Overloaded,
            ChangeError::Append(error @ AppendError::Unavailable(_)) => Self::LogUnavailable(error),
            ChangeError::Read(error) => Self::Unexpected(error.into()),
        }
    }
}

impl From<ReadError> for ExtensionError {
    fn from(error: ReadError) -> Self {
        Self::Unexpected(error.into())
    }
}
