//! Accounts as the outside uses them: register, log in, refresh, change, invite, and tell who asks.
//!
//! The rules of one account are in `runner-core`; here are those that need several (the first is an admin,
//! the last admin stays), a password's hash, or a look at how often somebody has tried. Every question is
//! answered from the log, so that what an admin changes holds from the next request on; only live streams
//! look at most once a second.

mod attempts;
mod authenticate;
mod entry;
mod error;
mod invites;
mod password_resets;
mod people;
mod service_tokens;
mod tenants;
#[cfg(test)]
mod tests;
mod throttle;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runner_core::ids::{SecretId, StreamId, TenantId};
use runner_core::log::{Aggregate, LogStream, Provenance, SecretChange};
use runner_core::people::account::Account;
use runner_core::people::account::command::AccountCommand;
use runner_core::people::account::event::AccountEvent;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::username::Username;
use runner_core::people::credentials::{CodeMaker, GrantSigner, PasswordHasher, SetupCode};
use runner_core::people::principal::Principal;
use runner_core::ports::Clock;
use tokio::time::Instant;

use crate::store::{Decided, Loaded, Repository};
pub use entry::{Admission, PasswordChange, Registration};
pub use error::AccountError;
pub use password_resets::{NewPassword, PasswordResetView};
pub use people::UserChange;
pub use tenants::NewTenant;
use throttle::Throttle;

/// What accounts need done by others.
#[derive(Clone)]
pub struct AccountPorts {
    pub repository: Repository,
    pub clock: Arc<dyn Clock>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub signer: Arc<dyn GrantSigner>,
    pub codes: Arc<dyn CodeMaker>,
}

/// Who gets in.
#[derive(Clone)]
pub struct AccountPolicy {
    pub registration: RegistrationPolicy,
    /// Present where the first user has to prove that they run the server.
    pub setup: Option<Arc<dyn SetupCode>>,
    pub local_user: LocalUser,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationPolicy {
    Open,
    Invite,
    Closed,
}

/// What requests without a token are, while nobody has registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalUser {
    Admitted,
    Refused,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: String,
    pub provenance: Provenance,
}

/// The handle on all accounts. Clones share everything.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    ports: AccountPorts,
    policy: AccountPolicy,
    throttle: Mutex<Throttle>,
    /// Held by whoever decides something that depends on several accounts.
    deciding: tokio::sync::Mutex<()>,
    /// Somebody has registered; that never becomes false again.
    anybody: AtomicBool,
    /// What live streams looked at a moment ago.
    recent: Mutex<HashMap<StreamId, (Instant, Account)>>,
}

impl std::fmt::Debug for AccountPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountPorts").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AccountPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { registration, setup: _, local_user } = self;
        f.debug_struct("AccountPolicy")
            .field("registration", registration)
            .field("local_user", local_user)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("registration", &self.0.policy.registration).finish_non_exhaustive()
    }
}

impl Accounts {
    pub fn new(ports: AccountPorts, policy: AccountPolicy) -> Self {
        Self(Arc::new(Inner {
            ports,
            policy,
            throttle: Mutex::default(),
            deciding: tokio::sync::Mutex::default(),
            anybody: AtomicBool::new(false),
            recent: Mutex::default(),
        }))
    }

    /// Whether anybody has registered in this installation.
    pub async fn has_users(&self) -> Result<bool, AccountError> {
        if !self.0.anybody.load(Ordering::Acquire)
            && !self.repository().list::<Account>(None).await?.is_empty()
        {
            self.0.anybody.store(true, Ordering::Release);
        }
        Ok(self.0.anybody.load(Ordering::Acquire))
    }

    fn repository(&self) -> &Repository {
        &self.0.ports.repository
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self, username: &Username) -> Result<Option<Account>, AccountError> {
        let loaded = self.repository().load::<Account>(Account::stream(username)).await?;
        Ok(loaded.map(|loaded| loaded.state))
    }

    /// The account of whoever asks.
    async fn load_own(&self, principal: &Principal) -> Result<(Username, Account), AccountError> {
        // The local user has no account; their name is reserved.
        let username = Username::try_from(principal.name.clone()).map_err(|_| AccountError::NoAccount)?;
        let account = self.load(&username).await?.ok_or(AccountError::UserUnknown)?;
        Ok((username, account))
    }

    /// Carries commands out, one on top of the other, all or none.
    async fn execute(
        &self,
        username: &Username,
        commands: &[AccountCommand],
        provenance: Provenance,
    ) -> Result<Executed, AccountError> {
        self.execute_with(username, commands, (vec![], provenance)).await
    }

    async fn execute_with(
        &self,
        username: &Username,
        commands: &[AccountCommand],
        (secrets, provenance): (Vec<SecretChange>, Provenance),
    ) -> Result<Executed, AccountError> {
        let id = Account::stream(username);
        let tenant = commands.iter().find_map(registered_tenant).unwrap_or_default();
        let decide = |before: &Loaded<Account>| {
            let events = decide_all(&before.state, commands)?;
            Ok(Decided { events, secrets: secrets.clone() })
        };
        let stream = LogStream::of::<Account>(id, tenant);
        let changed = self.repository().change(stream, provenance, decide).await?;
        self.recent().remove(&id);
        Ok(Executed { account: changed.aggregate.state, events: changed.events })
    }

    fn recent(&self) -> MutexGuard<'_, HashMap<StreamId, (Instant, Account)>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of commands.
struct Executed {
    account: Account,
    events: Vec<AccountEvent>,
}

fn decide_all(before: &Account, commands: &[AccountCommand]) -> Result<Vec<AccountEvent>, AccountRefusal> {
    let (mut account, mut events) = (before.clone(), vec![]);
    for command in commands {
        let decided = account.decide(command.clone())?.events;
        decided.iter().cloned().for_each(|event| account.apply(event));
        events.extend(decided);
    }
    Ok(events)
}

fn registered_tenant(command: &AccountCommand) -> Option<TenantId> {
    let AccountCommand::Register { tenant, .. } = command else { return None };
    Some(tenant.clone())
}

/// Where the hash of somebody's password is kept.
fn password_secret(username: &Username) -> SecretId {
    SecretId(Account::stream(username).0)
}
