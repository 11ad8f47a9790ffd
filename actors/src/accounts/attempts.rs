//! Attempts to come in: how many there may be, and what a password decides.

use runner_core::ids::LoginId;
use runner_core::people::account::Account;
use runner_core::people::account::password::Password;
use runner_core::people::account::username::Username;
use runner_core::people::client_network::network_of;
use runner_core::people::principal::{Means, Principal};
use uuid::Uuid;

use super::throttle::{Attempt, Refused};
use super::{AccountError, Accounts, Client, password_secret};

impl Accounts {
    /// Admits an attempt to log in to an account, or to register one.
    pub(super) async fn admit(
        &self,
        username: Option<&Username>,
        client: &Client,
    ) -> Result<Attempt, AccountError> {
        let account = username.map(Account::stream);
        let admit = || self.throttle().admit(account, client.address, self.now());
        let admitted = match (admit(), username) {
            (Err(Refused::WaitUnlessKnown(_)), Some(username)) if self.was_here(username, client).await? => {
                admit()
            }
            (admitted, _) => admitted,
        };
        admitted.map_err(|refused| AccountError::Throttled { retry_after_ms: refused.wait_ms() })
    }

    /// Admits an attempt to confirm the password by a person who is logged in.
    pub(super) fn admit_again(&self, principal: &Principal) -> Result<Attempt, AccountError> {
        let login = LoginId(match &principal.means {
            Means::Local => Uuid::nil(),
            Means::Login(login) => *login,
            Means::ServiceToken { token, .. } => *token,
        });
        let admitted = self.throttle().admit_login(login, self.now());
        admitted.map_err(|retry_after_ms| AccountError::Throttled { retry_after_ms })
    }

    /// Whether a login of the account that has not ended was used in the client's network; what a restart
    /// has forgotten is remembered from that.
    async fn was_here(&self, username: &Username, client: &Client) -> Result<bool, AccountError> {
        let Some(account) = self.load(username).await? else { return Ok(false) };
        let network = network_of(client.address);
        let logins = account.list_logins(None, self.now());
        let here =
            logins.iter().filter(|login| login.address.parse().is_ok_and(|at| network_of(at) == network));
        let Some(last_used_at) = here.map(|login| login.last_used_at).max() else { return Ok(false) };
        self.throttle().note_known(Account::stream(username), client.address, last_used_at);
        Ok(true)
    }

    /// Whether a password is somebody's, which ends the attempt: the account's authority if so.
    pub(super) async fn check_password(
        &self,
        attempt: Attempt,
        username: Option<&Username>,
        password: &Password,
    ) -> Result<Option<u64>, AccountError> {
        let authority = self.verify(username, password).await;
        match &authority {
            Ok(Some(_)) => self.throttle().succeeded(attempt),
            Ok(None) => {}
            Err(_) => self.throttle().undecided(attempt),
        }
        authority
    }

    /// Says how an attempt ended that is about no password.
    pub(super) fn settle<T>(&self, attempt: Attempt, outcome: &Result<T, AccountError>) {
        match outcome {
            Ok(_) => self.throttle().succeeded(attempt),
            Err(error) if error.is_of_the_server() => self.throttle().undecided(attempt),
            Err(_) => {}
        }
    }

    /// Takes the same steps whether or not there is such an account.
    async fn verify(
        &self,
        username: Option<&Username>,
        password: &Password,
    ) -> Result<Option<u64>, AccountError> {
        if !password.is_possible() {
            return Ok(None);
        }
        let (mut authority, mut hash) = (None, None);
        if let Some(username) = username {
            // Before the hash: what changes from here on is noticed when the login is appended.
            authority = self.load(username).await?.map(|account| account.authority());
            hash = self.repository().load_secret(password_secret(username)).await?;
        }
        let fits = self.0.ports.hasher.verify(password, hash).await?;
        Ok(authority.filter(|_| fits))
    }
}
