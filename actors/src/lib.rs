//! Who runs when: one actor per live session, the registry that starts and parks them, the hub that
//! wakes those who watch.
//!
//! [`Sessions`] is what the outside uses; it finds the actor, sends one message and retries where an
//! actor was just parked. The log is the buffer between a session and its watchers: the hub only says
//! "there is more up to version n".
//!
//! This crate must not know SQL, HTTP or the agent's wire format.

mod accounts;
mod adoption;
mod agent_proofs;
mod api_keys;
mod audit;
mod budgets;
mod error;
mod extensions;
mod history;
mod hub;
mod live_agents;
mod owners;
mod registry;
mod schedules;
mod session_actor;
mod sessions;
mod spares;
mod store;
mod tenants;
#[cfg(test)]
mod tests;
mod trust;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use runner_core::ports::hooks::HookPrograms;
use runner_core::ports::{AgentFiles, AgentRuntime, Clock, EventLog, SessionDirectory, WorkspaceWatch};

use hub::Hub;
use live_agents::LiveAgents;
use spares::Spares;
use turns::Turns;

pub use accounts::{
    AccountError, AccountPolicy, AccountPorts, Accounts, Admission, Client, LocalUser, NewPassword,
    NewTenant, PasswordChange, PasswordResetView, Registration, RegistrationPolicy, UserChange,
};
pub use adoption::{Adopted, Adoption, Foreign};
pub use agent_proofs::{AgentProofs, ProofPorts, Unproven};
pub use api_keys::{ApiKeyError, ApiKeys, KeyUse, NewKey, SessionKeys};
pub use audit::Audit;
pub use budgets::{Spending, SpentThisMonth, StoredBudgets};
pub use error::RunnerError;
pub use extensions::{
    ExtensionChanged, ExtensionError, ExtensionPatch, Extensions, HookPolicy, LiveServer, NewExtension,
    StoredExtension,
};
pub use hub::{AnySubscription, LiveDelta, Subscription, Wake};
pub use live_agents::MeasuredAgent;
pub use owners::{BypassRight, Owners};
pub use schedules::{
    RunPermit, RunPermits, RunRefusal, ScheduleChange, ScheduleError, SchedulePorts, Schedules,
};
pub use sessions::{
    Prompted, Sessions, Settled, SimulatedCalls, SimulationPlace, SimulationRange, Submission, Waited,
};
pub use store::{ChangeError, Changed, Decided, Loaded, Repository};
pub use tenants::Tenants;
pub use trust::TrustedFolders;
pub use turns::TurnCounts;

/// The ports and settings that every actor shares.
#[derive(Clone)]
pub struct Services {
    pub log: Arc<dyn EventLog>,
    pub directory: Arc<dyn SessionDirectory>,
    pub files: Arc<dyn AgentFiles>,
    pub runtime: Arc<dyn AgentRuntime>,
    pub hook_programs: Arc<dyn HookPrograms>,
    pub workspaces: Arc<dyn WorkspaceWatch>,
    pub clock: Arc<dyn Clock>,
    pub trust: TrustedFolders,
    pub extensions: Extensions,
    pub owners: Owners,
    pub tenants: Tenants,
    pub proofs: AgentProofs,
    pub settings: Settings,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What all sessions of a server share beside the services.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) spares: Arc<Spares>,
    pub(crate) agents: LiveAgents,
}

/// Limits of the actors.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this server in `turn_started`.
    pub node: String,
    /// The most sessions that are live at once.
    pub max_sessions: usize,
    /// The most turns that are worked on at once; no more than sessions. Others wait for a place.
    pub max_turns: usize,
    /// A session that did nothing for this long gives up its process and its memory.
    pub idle_timeout: Duration,
    /// The most agents that are started before their sessions are opened.
    pub spare_agents: usize,
}
