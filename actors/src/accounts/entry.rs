//! Coming in and going out: registering, logging in, refreshing, changing the password, logging out.

use std::sync::atomic::Ordering;

use runner_core::ids::{InviteId, LoginId, TenantId};
use runner_core::log::{Digest, Provenance, SecretChange};
use runner_core::people::account::Account;
use runner_core::people::account::command::AccountCommand;
use runner_core::people::account::event::{AccountEvent, NewLogin, Tokens, Via};
use runner_core::people::account::password::Password;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::username::Username;
use runner_core::people::account::view::UserView;
use runner_core::people::credentials::{ACCESS_LIFETIME_MS, AccessGrant, CodeKind, RefreshGrant};
use runner_core::people::principal::{Means, Principal, Role};
use runner_core::people::tenant::Tenant;
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::{AccountError, Accounts, Client, RegistrationPolicy, password_secret};

/// The longest name that a client is remembered by.
const MAX_AGENT_CHARS: usize = 200;

/// Somebody who wants an account.
#[derive(Clone, Debug)]
pub struct Registration {
    pub username: Username,
    pub password: Password,
    /// An invitation, or the code of the server's own folder for the first user.
    pub code: Option<String>,
}

/// Somebody who wants another password.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    pub current: Password,
    pub new: Password,
    pub tokens: Tokens,
}

/// Somebody has come in: who, and what shows it from now on.
#[derive(Clone)]
pub struct Admission {
    pub user: UserView,
    pub access_token: String,
    pub access_lifetime_ms: u64,
    pub refresh_token: String,
    pub refresh_lifetime_ms: u64,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission").field("user", &self.user).finish_non_exhaustive()
    }
}

/// On what terms somebody registers.
struct Terms {
    tenant: TenantId,
    role: Role,
    via: Via,
    /// The invitation that this takes, and the hash of its secret.
    invite: Option<(InviteId, Digest)>,
}

impl Accounts {
    /// Makes an account and logs its owner in.
    pub async fn register(&self, wanted: Registration, client: Client) -> Result<Admission, AccountError> {
        let accounts = self.clone();
        // Whoever asked may leave; an invitation must not be taken for nothing.
        let registering = tokio::spawn(async move {
            let attempt = accounts.admit(None, &client).await?;
            let registered = accounts.register_now(wanted, client).await;
            accounts.settle(attempt, &registered);
            registered
        });
        registering.await.map_err(AccountError::unexpected)?
    }

    async fn register_now(&self, wanted: Registration, client: Client) -> Result<Admission, AccountError> {
        let Registration { username, password, code } = wanted;
        username.check_new()?;
        // What costs nothing comes first; the hash is expensive.
        self.terms(code.as_deref(), &username).await?;
        password.check(&username)?;
        self.refuse_taken(&username).await?;
        let hash = self.0.ports.hasher.hash(&password).await?;
        let _deciding = self.0.deciding.lock().await;
        self.refuse_taken(&username).await?;
        self.refuse_look_alike(&username).await?;
        let Terms { tenant, role, via, invite } = self.terms(code.as_deref(), &username).await?;
        let now = self.now();
        let client = client.of(&username);
        if let Some((invite, hash)) = invite {
            self.use_invite((invite, hash), &username, (now, &client.provenance)).await?;
        }
        let new = new_login(&client, now);
        let login = new.login;
        let register = AccountCommand::Register { username: username.clone(), tenant, role, via, login: new };
        let secret = SecretChange { id: password_secret(&username), sealed: Some(hash) };
        let executed = self.execute_with(&username, &[register], (vec![secret], client.provenance)).await?;
        self.0.anybody.store(true, Ordering::Release);
        if let (Via::First, Some(setup)) = (via, &self.0.policy.setup) {
            setup.remove();
        }
        self.issue(&executed.account, (&username, login), now)
    }

    async fn refuse_taken(&self, username: &Username) -> Result<(), AccountError> {
        match self.load(username).await? {
            Some(_) => Err(AccountRefusal::UsernameTaken.into()),
            None => Ok(()),
        }
    }

    /// Nobody is to be taken for somebody else.
    async fn refuse_look_alike(&self, username: &Username) -> Result<(), AccountError> {
        let accounts = self.repository().list::<Account>(None).await?;
        let mut names = accounts.iter().filter_map(|account| account.state.profile());
        match names.any(|profile| username.looks_like(&profile.username)) {
            true => Err(AccountRefusal::UsernameTaken.into()),
            false => Ok(()),
        }
    }

    /// Whether somebody may register, and as what.
    async fn terms(&self, code: Option<&str>, username: &Username) -> Result<Terms, AccountError> {
        if !self.has_users().await? {
            return self.first_terms(code);
        }
        let open =
            Terms { tenant: TenantId::first(), role: Role::Member, via: Via::OpenRegistration, invite: None };
        match (self.0.policy.registration, code) {
            (RegistrationPolicy::Closed, _) => Err(AccountError::RegistrationClosed),
            (RegistrationPolicy::Open, None) if self.is_only_team().await? => Ok(open),
            (RegistrationPolicy::Open | RegistrationPolicy::Invite, None) => Err(AccountError::CodeRequired),
            (RegistrationPolicy::Open | RegistrationPolicy::Invite, Some(code)) => {
                let (invite, hash) = self.read_code(CodeKind::Invite, code)?;
                let created = self.find_open_invite((InviteId(invite), hash), username).await?;
                Ok(Terms {
                    tenant: TenantId(created.tenant),
                    role: created.role,
                    via: Via::Invite { invite: created.invite },
                    invite: Some((created.invite, hash)),
                })
            }
        }
    }

    /// Whether there is no team but the operators', which sees the folders of all: once there are others,
    /// joining it takes an invitation.
    async fn is_only_team(&self) -> Result<bool, AccountError> {
        Ok(self.repository().list::<Tenant>(None).await?.is_empty())
    }

    /// The first user proves that they run the server, where a stranger could register first.
    fn first_terms(&self, code: Option<&str>) -> Result<Terms, AccountError> {
        match (&self.0.policy.setup, code, self.0.policy.registration) {
            (Some(_), None, _) => return Err(AccountError::CodeRequired),
            (Some(setup), Some(code), _) => {
                let (_, hash) = self.read_code(CodeKind::Setup, code)?;
                if hash != setup.hash() {
                    return Err(AccountError::CodeInvalid);
                }
            }
            (None, _, RegistrationPolicy::Closed) => return Err(AccountError::RegistrationClosed),
            (None, _, RegistrationPolicy::Open | RegistrationPolicy::Invite) => {}
        }
        Ok(Terms { tenant: TenantId::first(), role: Role::Admin, via: Via::First, invite: None })
    }

    pub(super) fn read_code(&self, kind: CodeKind, code: &str) -> Result<(Uuid, Digest), AccountError> {
        self.0.ports.codes.read(kind, code.trim()).ok_or(AccountError::CodeInvalid)
    }

    /// Lets somebody in by name and password. What does not fit is not told.
    pub async fn log_in(
        &self,
        username: String,
        password: Password,
        client: Client,
    ) -> Result<Admission, AccountError> {
        let username = Username::try_from(username).ok();
        let attempt = self.admit(username.as_ref(), &client).await?;
        let checked = self.check_password(attempt, username.as_ref(), &password).await?;
        let (Some(username), Some(authority)) = (username, checked) else {
            return Err(AccountError::CredentialsWrong);
        };
        let (now, client) = (self.now(), client.of(&username));
        let new = new_login(&client, now);
        let login = new.login;
        let log_in = [AccountCommand::LogIn { login: new, authority }];
        let executed = self.execute(&username, &log_in, client.provenance).await?;
        self.issue(&executed.account, (&username, login), now)
    }

    /// Exchanges a refresh token for new tokens. One that comes twice ends its login.
    pub async fn refresh(&self, token: &str, client: Client) -> Result<Admission, AccountError> {
        let grant = self.0.ports.signer.read_refresh(token).ok_or(AccountError::TokenInvalid)?;
        let (now, username, login) = (self.now(), grant.username, grant.login);
        let client = client.of(&username);
        let (generation, address) = (grant.generation, client.address.to_string());
        let refresh = AccountCommand::Refresh { login, generation, at: now, address };
        let executed = match self.execute(&username, &[refresh], client.provenance).await {
            Err(AccountError::Refused(AccountRefusal::LoginEnded) | AccountError::UserUnknown) => {
                return Err(AccountError::TokenInvalid);
            }
            executed => executed?,
        };
        if executed.events.iter().any(|event| matches!(event, AccountEvent::RefreshReused { .. })) {
            tracing::warn!(user = %username, %login, "a refresh token came twice; the login has ended");
            return Err(AccountError::TokenInvalid);
        }
        self.issue(&executed.account, (&username, login), now)
    }

    /// Ends the login of an access or a refresh token, whichever is good; nothing if neither is.
    pub async fn log_out(
        &self,
        access: Option<&str>,
        refresh: Option<&str>,
        client: Client,
    ) -> Result<(), AccountError> {
        let signer = &self.0.ports.signer;
        let access = access.and_then(|token| signer.read_access(token));
        let refresh = refresh.and_then(|token| signer.read_refresh(token));
        let logins = [
            access.map(|grant| (grant.username, grant.login)),
            refresh.map(|grant| (grant.username, grant.login)),
        ];
        for (username, login) in logins.into_iter().flatten() {
            let provenance = client.clone().of(&username).provenance;
            match self.execute(&username, &[AccountCommand::LogOut { login }], provenance).await {
                Ok(_) | Err(AccountError::UserUnknown) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sets a new password, ends every login and, unless they are kept, every service token, and begins a
    /// new login.
    pub async fn change_password(
        &self,
        principal: &Principal,
        PasswordChange { current, new, tokens }: PasswordChange,
        client: Client,
    ) -> Result<Admission, AccountError> {
        let (username, _) = self.load_own(principal).await?;
        let attempt = self.admit_again(principal)?;
        let checked = self.check_password(attempt, Some(&username), &current).await?;
        let authority = checked.ok_or(AccountError::PasswordWrong)?;
        new.check(&username)?;
        let hash = self.0.ports.hasher.hash(&new).await?;
        let now = self.now();
        let new = new_login(&client, now);
        let login = new.login;
        let secret = SecretChange { id: password_secret(&username), sealed: Some(hash) };
        let change = [AccountCommand::ChangePassword { login: new, authority, tokens }];
        // What was asked for holds two passwords, and not even its hash is kept.
        let provenance = Provenance { request_hash: None, ..client.provenance };
        let executed = match self.execute_with(&username, &change, (vec![secret], provenance)).await {
            Err(AccountError::CredentialsWrong) => return Err(AccountError::PasswordWrong),
            executed => executed?,
        };
        self.issue(&executed.account, (&username, login), now)
    }

    /// Ends one login of the caller, or all but the one that the request was made with.
    pub async fn revoke_logins(
        &self,
        principal: &Principal,
        which: Option<LoginId>,
        provenance: Provenance,
    ) -> Result<(), AccountError> {
        let (username, _) = self.load_own(principal).await?;
        let command = match (which, &principal.means) {
            (Some(login), _) => AccountCommand::RevokeLogin { login },
            (None, Means::Login(kept)) => AccountCommand::RevokeOtherLogins { kept: LoginId(*kept) },
            (None, Means::Local | Means::ServiceToken { .. }) => {
                AccountCommand::RevokeOtherLogins { kept: LoginId(Uuid::nil()) }
            }
        };
        self.execute(&username, &[command], provenance).await.map(drop)
    }

    /// Signs both tokens of a login as it is now.
    pub(super) fn issue(
        &self,
        account: &Account,
        (username, login): (&Username, LoginId),
        now: Timestamp,
    ) -> Result<Admission, AccountError> {
        let (Some(user), Some(state)) = (account.view(), account.find_login(login, now)) else {
            return Err(AccountError::TokenInvalid);
        };
        let access = AccessGrant {
            id: Uuid::now_v7(),
            username: username.clone(),
            tenant: user.tenant.clone(),
            login,
            authority: account.authority(),
            issued_at: now,
            expires_at: now.plus_millis(ACCESS_LIFETIME_MS),
        };
        let refresh = RefreshGrant {
            username: username.clone(),
            login,
            generation: state.generation,
            issued_at: now,
            expires_at: state.expires_at,
        };
        Ok(Admission {
            user,
            access_token: self.0.ports.signer.sign_access(&access)?,
            access_lifetime_ms: ACCESS_LIFETIME_MS,
            refresh_token: self.0.ports.signer.sign_refresh(&refresh)?,
            refresh_lifetime_ms: state.expires_at.millis_since(now),
        })
    }

    /// Exact to a millisecond, as events keep it.
    pub(super) fn now(&self) -> Timestamp {
        self.0.ports.clock.now().to_millis()
    }
}

impl Client {
    /// The same, now that it is known who it is.
    pub(super) fn of(self, username: &Username) -> Self {
        let actor = format!("user:{username}");
        Self { provenance: Provenance { actor, ..self.provenance }, ..self }
    }
}

pub(super) fn new_login(client: &Client, at: Timestamp) -> NewLogin {
    let plain = client.agent.chars().filter(|char| !char.is_control());
    NewLogin {
        login: LoginId(Uuid::now_v7()),
        at,
        expires_at: Account::first_expiry(at),
        address: client.address.to_string(),
        agent: plain.take(MAX_AGENT_CHARS).collect(),
    }
}
