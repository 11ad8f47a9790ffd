//! What the API shows of accounts. Nothing here says anything that helps to log in.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Account;
use crate::ids::{LoginId, ServiceTokenId, TenantId};
use crate::money::MicroDollars;
use crate::people::principal::{Permission, Role};
use crate::time::Timestamp;

/// A person.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct UserView {
    pub username: String,
    pub tenant: TenantId,
    pub role: Role,
    pub disabled: bool,
    /// What may be spent in a calendar month (UTC); `null` is no limit of one's own.
    #[schema(value_type = Option<f64>)]
    #[serde(serialize_with = "optional_usd")]
    pub monthly_budget_usd: Option<MicroDollars>,
    /// `null` for the built-in local user.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub registered_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_login_at: Option<Timestamp>,
}

/// A login that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LoginView {
    pub id: LoginId,
    /// Whether the request came with it.
    pub current: bool,
    pub address: String,
    pub user_agent: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A service token without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ServiceTokenView {
    pub id: ServiceTokenId,
    pub name: String,
    pub scopes: BTreeSet<Permission>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Exact to an hour.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<String>,
}

fn optional_usd<S: serde::Serializer>(
    amount: &Option<MicroDollars>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    amount.map(MicroDollars::as_usd).serialize(serializer)
}

impl UserView {
    /// Whoever asks on a machine where nobody has registered.
    pub fn local() -> Self {
        Self {
            username: "local".to_owned(),
            tenant: TenantId::first(),
            role: Role::Admin,
            disabled: false,
            monthly_budget_usd: None,
            registered_at: None,
            last_login_at: None,
        }
    }
}

impl Account {
    /// Absent where nobody has the account, or nobody any more.
    pub fn view(&self) -> Option<UserView> {
        let profile = self.profile.as_ref().filter(|profile| !profile.removed)?;
        Some(UserView {
            username: profile.username.clone(),
            tenant: profile.tenant.clone(),
            role: profile.role,
            disabled: profile.disabled,
            monthly_budget_usd: profile.monthly_budget,
            registered_at: Some(profile.registered_at),
            last_login_at: profile.last_login_at,
        })
    }

    /// The logins that are good now, the newest first.
    pub fn list_logins(&self, current: Option<LoginId>, now: Timestamp) -> Vec<LoginView> {
        let live = self.logins.iter().filter(|(_, login)| login.expires_at > now);
        let mut views: Vec<_> = live
            .map(|(id, login)| LoginView {
                id: *id,
                current: current == Some(*id),
                address: login.address.clone(),
                user_agent: login.agent.clone(),
                created_at: login.began_at,
                last_used_at: login.last_used_at,
                expires_at: login.expires_at,
            })
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.created_at, view.id)));
        views
    }

    /// The service tokens that were not revoked, by name; expired ones stand there until the next is made.
    pub fn list_tokens(&self) -> Vec<ServiceTokenView> {
        let mut views: Vec<_> = self
            .tokens
            .values()
            .map(|used| ServiceTokenView {
                id: used.token.token,
                name: used.token.name.clone(),
                scopes: used.token.scopes.clone(),
                created_at: used.token.created_at,
                expires_at: used.token.expires_at,
                last_used_at: used.last_used_at,
                last_used_from: used.last_used_from.clone(),
            })
            .collect();
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }
}
