//! Accounts on a log in memory, with ports that play.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runner_core::ids::CommandId;
use runner_core::log::{Digest, Provenance};
use runner_core::people::account::password::Password;
use runner_core::people::account::username::Username;
use runner_core::people::account::view::UserView;
use runner_core::people::credentials::{
    AccessGrant, Code, CodeKind, CodeMaker, CredentialError, GrantSigner, PasswordHasher, RefreshGrant,
};
use runner_core::people::principal::{Means, Principal};
use runner_core::ports::Clock;
use runner_core::time::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::accounts::{
    AccountError, AccountPolicy, AccountPorts, Accounts, Admission, Client, LocalUser, Registration,
    RegistrationPolicy, UserChange,
};
use crate::store::Repository;
use crate::tests::memory_log::MemoryLog;

pub(super) struct World {
    pub(super) accounts: Accounts,
    pub(super) log: Arc<MemoryLog>,
    pub(super) hasher: Arc<PlainHasher>,
}

impl World {
    pub(super) fn open() -> Self {
        Self::with(RegistrationPolicy::Open, LocalUser::Admitted)
    }

    pub(super) fn with(registration: RegistrationPolicy, local_user: LocalUser) -> Self {
        let (log, hasher) = (Arc::new(MemoryLog::default()), Arc::new(PlainHasher::default()));
        let ports = AccountPorts {
            repository: Repository::new(Arc::clone(&log) as Arc<_>),
            clock: Arc::new(StepClock::default()),
            hasher: Arc::clone(&hasher) as Arc<_>,
            signer: Arc::new(ListSigner::default()),
            codes: Arc::new(CountingCodes::default()),
        };
        let accounts = Accounts::new(ports, AccountPolicy { registration, setup: None, local_user });
        Self { accounts, log, hasher }
    }

    pub(super) fn client(&self) -> Client {
        let provenance = Provenance::of("anonymous", CommandId(Uuid::now_v7()));
        Client { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "test".into(), provenance }
    }

    pub(super) async fn register(&self, name: &str, code: Option<&str>) -> Result<Admission, AccountError> {
        let username = Username::try_from(name.to_owned()).unwrap();
        let (password, code) = (Password::new("your-password"), code.map(str::to_owned));
        self.accounts.register(Registration { username, password, code }, self.client()).await
    }

    pub(super) async fn log_in(&self, name: &str, password: &str) -> Result<Admission, AccountError> {
        self.accounts.log_in(name.to_owned(), Password::new(password), self.client()).await
    }

    pub(super) async fn change(
        &self,
        by: &Principal,
        name: &str,
        change: UserChange,
    ) -> Result<UserView, AccountError> {
        self.accounts.change_user(by, (name.to_owned(), change), self.client().provenance).await
    }
}

/// Whoever has just come in.
pub(super) fn principal_of(admission: &Admission) -> Principal {
    let UserView { tenant, username, role, .. } = admission.user.clone();
    Principal { tenant, name: username, role, means: Means::Login(Uuid::nil()) }
}

/// No hash at all; it counts how often one would have been made to check a password.
#[derive(Default)]
pub(super) struct PlainHasher {
    checked: AtomicU32,
    /// The next check waits for it.
    held: Mutex<Option<oneshot::Receiver<()>>>,
    /// So many calls find no place.
    refusals: AtomicU32,
}

impl PlainHasher {
    pub(super) fn checked(&self) -> u32 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Lets the next check of a password take until the sender says so.
    pub(super) fn hold_next(&self) -> oneshot::Sender<()> {
        let (release, held) = oneshot::channel();
        *self.held.lock().unwrap() = Some(held);
        release
    }

    /// Refuses the next calls, as if too many waited.
    pub(super) fn refuse_next(&self, calls: u32) {
        self.refusals.store(calls, Ordering::Relaxed);
    }

    fn find_place(&self) -> Result<(), CredentialError> {
        let take = |refusals: u32| refusals.checked_sub(1);
        match self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Err(CredentialError::Overloaded),
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &Password) -> Result<Vec<u8>, CredentialError> {
        self.find_place()?;
        tokio::task::yield_now().await;
        Ok(password.expose().as_bytes().to_vec())
    }

    async fn verify(&self, password: &Password, hash: Option<Vec<u8>>) -> Result<bool, CredentialError> {
        self.find_place()?;
        self.checked.fetch_add(1, Ordering::Relaxed);
        let held = self.held.lock().unwrap().take();
        if let Some(held) = held {
            held.await.unwrap();
        }
        Ok(hash.is_some_and(|hash| hash == password.expose().as_bytes()))
    }
}

/// Tokens are places in a list.
#[derive(Default)]
struct ListSigner {
    access: Mutex<Vec<AccessGrant>>,
    refresh: Mutex<Vec<RefreshGrant>>,
}

impl GrantSigner for ListSigner {
    fn sign_access(&self, grant: &AccessGrant) -> Result<String, CredentialError> {
        let mut grants = self.access.lock().unwrap();
        grants.push(grant.clone());
        Ok(format!("a{}", grants.len() - 1))
    }

    fn read_access(&self, token: &str) -> Option<AccessGrant> {
        let place: usize = token.strip_prefix('a')?.parse().ok()?;
        self.access.lock().unwrap().get(place).cloned()
    }

    fn sign_refresh(&self, grant: &RefreshGrant) -> Result<String, CredentialError> {
        let mut grants = self.refresh.lock().unwrap();
        grants.push(grant.clone());
        Ok(format!("r{}", grants.len() - 1))
    }

    fn read_refresh(&self, token: &str) -> Option<RefreshGrant> {
        let place: usize = token.strip_prefix('r')?.parse().ok()?;
        self.refresh.lock().unwrap().get(place).cloned()
    }
}

/// Codes are numbers.
#[derive(Default)]
struct CountingCodes(AtomicU32);

impl CodeMaker for CountingCodes {
    fn make(&self, kind: CodeKind, id: Uuid) -> Result<(Code, Digest), CredentialError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok((Code(format!("{}{id}/{number}", kind.prefix())), hash(number)))
    }

    fn read(&self, kind: CodeKind, text: &str) -> Option<(Uuid, Digest)> {
        let (id, number) = text.strip_prefix(kind.prefix())?.split_once('/')?;
        Some((id.parse().ok()?, hash(number.parse().ok()?)))
    }
}

fn hash(number: u32) -> Digest {
    let mut digest = Digest::default();
    digest.0[..4].copy_from_slice(&number.to_be_bytes());
    digest
}

/// A microsecond passes with each look at it.
#[derive(Default)]
struct StepClock(AtomicI64);

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_795_343_053_000_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}
