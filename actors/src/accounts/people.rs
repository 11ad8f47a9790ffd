//! What people see of themselves, and what admins see and change of others.

use runner_core::ids::{LoginId, TenantId};
use runner_core::log::{Provenance, SecretChange};
use runner_core::money::MicroDollars;
use runner_core::people::account::Account;
use runner_core::people::account::command::AccountCommand;
use runner_core::people::account::username::Username;
use runner_core::people::account::view::{LoginView, UserView};
use runner_core::people::principal::{Means, Principal, Role};
use runner_core::session::revoked::Revoked;

use super::{AccountError, Accounts, password_secret};

/// What to set anew; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserChange {
    pub role: Option<Role>,
    pub disabled: Option<bool>,
    /// The inner absence is no limit.
    pub monthly_budget: Option<Option<MicroDollars>>,
}

impl Accounts {
    /// The caller's own account, as it is now.
    pub async fn find_self(&self, principal: &Principal) -> Result<UserView, AccountError> {
        if principal.means == Means::Local {
            return Ok(UserView::local());
        }
        let (_, account) = self.load_own(principal).await?;
        account.view().ok_or(AccountError::UserUnknown)
    }

    /// The logins of whoever asks, the newest first. The local user has none.
    pub async fn list_logins(&self, principal: &Principal) -> Result<Vec<LoginView>, AccountError> {
        let current = match &principal.means {
            Means::Local => return Ok(vec![]),
            Means::Login(login) => Some(LoginId(*login)),
            Means::ServiceToken { .. } => None,
        };
        let (_, account) = self.load_own(principal).await?;
        Ok(account.list_logins(current, self.now()))
    }

    /// Everybody in the team, by name.
    pub async fn list_users(&self, principal: &Principal) -> Result<Vec<UserView>, AccountError> {
        let loaded = self.repository().list::<Account>(Some(&principal.tenant)).await?;
        let mut users: Vec<_> = loaded.into_iter().filter_map(|loaded| loaded.state.view()).collect();
        users.sort_by(|a, b| a.username.cmp(&b.username));
        Ok(users)
    }

    /// The team of whoever has a name; the first one if nobody has.
    pub async fn tenant_of(&self, username: &str) -> Result<TenantId, AccountError> {
        let Ok(username) = Username::try_from(username.to_owned()) else { return Ok(TenantId::first()) };
        let account = self.load(&username).await?;
        let profile = account.as_ref().and_then(Account::profile);
        Ok(profile.map(|profile| profile.tenant.clone()).unwrap_or_default())
    }

    /// The person in whose name something runs, with all that their role allows; or why nothing may.
    pub async fn owner(&self, name: &str) -> Result<Result<Principal, Revoked>, AccountError> {
        let Ok(username) = Username::try_from(name.to_owned()) else {
            let is_local = self.admits_local_user().await?;
            return Ok(if is_local { Ok(Principal::local()) } else { Err(Revoked::OwnerNotPermitted) });
        };
        let account = self.load(&username).await?;
        let Some((account, profile)) = account.as_ref().and_then(|known| Some((known, known.profile()?)))
        else {
            return Ok(Err(Revoked::OwnerNotPermitted));
        };
        let (tenant, name) = (profile.tenant.clone(), profile.username.clone());
        let principal = Principal { tenant, name, role: profile.role, means: Means::Local };
        Ok(account.revoked().map_or(Ok(principal), Err))
    }

    /// Somebody in the team.
    pub async fn find_user(&self, principal: &Principal, name: String) -> Result<UserView, AccountError> {
        let (_, account) = self.load_near(principal, name).await?;
        account.view().ok_or(AccountError::UserUnknown)
    }

    /// The account of somebody in the team; what is another team's does not exist, nor what was removed.
    pub(super) async fn load_near(
        &self,
        principal: &Principal,
        name: String,
    ) -> Result<(Username, Account), AccountError> {
        let (username, account) = self.load_of_team(principal, name).await?;
        if account.view().is_some() { Ok((username, account)) } else { Err(AccountError::UserUnknown) }
    }

    /// The same with those that were removed.
    async fn load_of_team(
        &self,
        principal: &Principal,
        name: String,
    ) -> Result<(Username, Account), AccountError> {
        let username = Username::try_from(name).map_err(|_| AccountError::UserUnknown)?;
        let account = self.load(&username).await?.ok_or(AccountError::UserUnknown)?;
        let is_near = account.profile().is_some_and(|profile| profile.tenant == principal.tenant);
        if is_near { Ok((username, account)) } else { Err(AccountError::UserUnknown) }
    }

    /// Changes an account of the team; the change holds from that person's next request on.
    pub async fn change_user(
        &self,
        principal: &Principal,
        (name, change): (String, UserChange),
        provenance: Provenance,
    ) -> Result<UserView, AccountError> {
        // Two admins must not demote each other at the same time.
        let _deciding = self.0.deciding.lock().await;
        let (username, account) = self.load_near(principal, name).await?;
        let by = || principal.name.clone();
        let mut commands = vec![];
        commands.extend(change.role.map(|role| AccountCommand::ChangeRole { role, by: by() }));
        commands.extend(change.disabled.map(|disabled| match disabled {
            true => AccountCommand::Disable { by: by() },
            false => AccountCommand::Enable { by: by() },
        }));
        commands.extend(
            change
                .monthly_budget
                .map(|monthly_budget| AccountCommand::ChangeBudget { monthly_budget, by: by() }),
        );
        let ends_admin = change.role.is_some_and(|role| role != Role::Admin) || change.disabled == Some(true);
        if ends_admin && account.is_active_admin() {
            self.refuse_last_admin(principal).await?;
        }
        let executed = self.execute(&username, &commands, provenance).await?;
        executed.account.view().ok_or(AccountError::UserUnknown)
    }

    /// Removes an account of the team: with it end its logins and tokens, what agents do in its name, and the
    /// invitations that its owner made. What they did keeps their name, which nobody else gets. Whoever was
    /// removed before is removed again where that was cut off. Returns the name.
    pub async fn remove_user(
        &self,
        principal: &Principal,
        name: String,
        provenance: Provenance,
    ) -> Result<Username, AccountError> {
        let deciding = self.0.deciding.lock().await;
        let (username, account) = self.load_of_team(principal, name).await?;
        if username.as_str() == principal.name {
            return Err(AccountError::OwnAccount);
        }
        if account.is_active_admin() {
            self.refuse_last_admin(principal).await?;
        }
        let remove = [AccountCommand::Remove { by: principal.name.clone() }];
        let forget = vec![SecretChange { id: password_secret(&username), sealed: None }];
        self.execute_with(&username, &remove, (forget, provenance.clone())).await?;
        drop(deciding);
        self.revoke_invites_of(&username, principal, provenance).await?;
        Ok(username)
    }

    /// Without an admin nobody could ever make one.
    async fn refuse_last_admin(&self, principal: &Principal) -> Result<(), AccountError> {
        let loaded = self.repository().list::<Account>(Some(&principal.tenant)).await?;
        match loaded.iter().filter(|loaded| loaded.state.is_active_admin()).count() {
            0 | 1 => Err(AccountError::LastAdmin),
            _ => Ok(()),
        }
    }
}
