//! Telling who asks, and for how long that holds.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use runner_core::ids::{CommandId, LoginId, ServiceTokenId, StreamId};
use runner_core::log::{Aggregate as _, Provenance};
use runner_core::people::account::Account;
use runner_core::people::account::command::AccountCommand;
use runner_core::people::account::username::Username;
use runner_core::people::credentials::CodeKind;
use runner_core::people::principal::{Means, Principal};
use tokio::time::Instant;
use uuid::Uuid;

use super::{AccountError, Accounts, LocalUser};

/// How often a live stream asks whether it may go on, and how old the answer may be.
const STREAM_CHECK: Duration = Duration::from_secs(2);
const RECENT: Duration = Duration::from_secs(1);

/// The most accounts whose recent state is remembered.
const MAX_RECENT: usize = 4096;

impl Accounts {
    /// Who shows a token, or no token at all; `None` if nobody may come without one.
    pub async fn identify(
        &self,
        token: Option<&str>,
        address: IpAddr,
    ) -> Result<Option<Principal>, AccountError> {
        match token {
            Some(token) if token.starts_with(CodeKind::ServiceToken.prefix()) => {
                self.identify_program(token, address).await.map(Some)
            }
            Some(token) => self.identify_person(token).await.map(Some),
            None => Ok(self.admits_local_user().await?.then(Principal::local)),
        }
    }

    /// Whether requests without a token are the local user's.
    pub async fn admits_local_user(&self) -> Result<bool, AccountError> {
        match self.0.policy.local_user {
            LocalUser::Admitted => Ok(!self.has_users().await?),
            LocalUser::Refused => Ok(false),
        }
    }

    async fn identify_person(&self, token: &str) -> Result<Principal, AccountError> {
        let grant = self.0.ports.signer.read_access(token).ok_or(AccountError::TokenInvalid)?;
        let account = self.load(&grant.username).await?.ok_or(AccountError::TokenInvalid)?;
        let holds =
            account.authority() == grant.authority && account.find_login(grant.login, self.now()).is_some();
        let profile = account.profile().filter(|profile| holds && profile.tenant == grant.tenant);
        let profile = profile.ok_or(AccountError::TokenInvalid)?;
        Ok(Principal {
            tenant: profile.tenant.clone(),
            name: profile.username.clone(),
            role: profile.role,
            means: Means::Login(grant.login.0),
        })
    }

    async fn identify_program(&self, text: &str, address: IpAddr) -> Result<Principal, AccountError> {
        let read = self.0.ports.codes.read(CodeKind::ServiceToken, text);
        let (account, hash) = read.ok_or(AccountError::TokenInvalid)?;
        let loaded = self.repository().load::<Account>(StreamId(account)).await?;
        let account = loaded.ok_or(AccountError::TokenInvalid)?.state;
        let (Some(token), Some(profile)) = (account.find_token(hash, self.now()), account.profile()) else {
            return Err(AccountError::TokenInvalid);
        };
        let scopes: BTreeSet<_> = token.scopes.clone();
        let principal = Principal {
            tenant: profile.tenant.clone(),
            name: profile.username.clone(),
            role: profile.role,
            means: Means::ServiceToken { token: token.token.0, scopes },
        };
        self.note_use(&account, token.token, (&principal, address)).await;
        Ok(principal)
    }

    /// Once an hour; that it could not be noted keeps nobody out.
    async fn note_use(
        &self,
        account: &Account,
        token: ServiceTokenId,
        (principal, address): (&Principal, IpAddr),
    ) {
        let note = AccountCommand::NoteTokenUse { token, at: self.now(), address: address.to_string() };
        if account.decide(note.clone()).is_ok_and(|effects| effects.events.is_empty()) {
            return;
        }
        let Ok(username) = Username::try_from(principal.name.clone()) else { return };
        let address = Some(address.to_string());
        let provenance =
            Provenance { address, ..Provenance::of(principal.actor(), CommandId(Uuid::now_v7())) };
        if let Err(error) = self.execute(&username, &[note], provenance).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the use of a service token was not noted"
            );
        }
    }

    /// Returns as soon as the rights of a principal change: for streams, which outlive requests.
    pub async fn until_changed(&self, principal: &Principal) {
        loop {
            tokio::time::sleep(STREAM_CHECK).await;
            match self.still_holds(principal).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an account cannot be checked");
                }
            }
        }
    }

    async fn still_holds(&self, principal: &Principal) -> Result<bool, AccountError> {
        if principal.means == Means::Local {
            return self.admits_local_user().await;
        }
        let Ok(username) = Username::try_from(principal.name.clone()) else { return Ok(false) };
        let Some(account) = self.load_recent(&username).await? else { return Ok(false) };
        let now = self.now();
        let is_there = match &principal.means {
            Means::Local => false,
            Means::Login(login) => account.find_login(LoginId(*login), now).is_some(),
            Means::ServiceToken { token, .. } => account.has_token(ServiceTokenId(*token), now),
        };
        let is_same = account
            .profile()
            .is_some_and(|profile| profile.role == principal.role && profile.tenant == principal.tenant);
        Ok(is_there && is_same)
    }

    async fn load_recent(&self, username: &Username) -> Result<Option<Account>, AccountError> {
        let stream = Account::stream(username);
        let remembered = self.recent().get(&stream).cloned();
        if let Some((at, account)) = remembered
            && at.elapsed() < RECENT
        {
            return Ok(Some(account));
        }
        let loaded = self.load(username).await?;
        let mut recent = self.recent();
        if recent.len() >= MAX_RECENT {
            recent.clear();
        }
        if let Some(account) = &loaded {
            recent.insert(stream, (Instant::now(), account.clone()));
        }
        Ok(loaded)
    }
}
