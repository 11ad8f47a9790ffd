//! Tokens for programs.

use std::collections::BTreeSet;

use runner_core::ids::ServiceTokenId;
use runner_core::log::Provenance;
use runner_core::people::account::Account;
use runner_core::people::account::command::AccountCommand;
use runner_core::people::account::event::ServiceToken;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::view::ServiceTokenView;
use runner_core::people::credentials::{Code, CodeKind};
use runner_core::people::principal::{Permission, Principal};
use uuid::Uuid;

use super::{AccountError, Accounts};

/// How long a token lives if nobody says otherwise.
const DEFAULT_LIFETIME_MS: u64 = 90 * 24 * 60 * 60 * 1000;

impl Accounts {
    /// A service token with its secret, which is shown this once.
    pub async fn create_token(
        &self,
        principal: &Principal,
        (name, scopes, lifetime_ms): (String, BTreeSet<Permission>, Option<u64>),
        provenance: Provenance,
    ) -> Result<(ServiceTokenView, Code), AccountError> {
        let (username, _) = self.load_own(principal).await?;
        let (token, created_at) = (ServiceTokenId(Uuid::now_v7()), self.now());
        let (code, hash) = self.0.ports.codes.make(CodeKind::ServiceToken, Account::stream(&username).0)?;
        let expires_at = created_at.plus_millis(lifetime_ms.unwrap_or(DEFAULT_LIFETIME_MS));
        let new = ServiceToken { token, name, scopes, hash, created_at, expires_at };
        let executed = self.execute(&username, &[AccountCommand::CreateToken(new)], provenance).await?;
        let view = executed.account.list_tokens().into_iter().find(|view| view.id == token);
        Ok((view.ok_or(AccountRefusal::TokenUnknown)?, code))
    }

    pub async fn list_tokens(&self, principal: &Principal) -> Result<Vec<ServiceTokenView>, AccountError> {
        let (_, account) = self.load_own(principal).await?;
        Ok(account.list_tokens())
    }

    pub async fn revoke_token(
        &self,
        principal: &Principal,
        token: ServiceTokenId,
        provenance: Provenance,
    ) -> Result<(), AccountError> {
        let (username, _) = self.load_own(principal).await?;
        let revoke = AccountCommand::RevokeToken { token, by: principal.name.clone() };
        self.execute(&username, &[revoke], provenance).await.map(drop)
    }
}
