//! New passwords for those who forgot theirs: a code, shown once, that somebody else asks for.
//!
//! An admin asks for it, or whoever runs the server, at its machine; so nobody is shut out for good, not
//! even an only admin. The code is of the account and of no team, and names the account by itself. It has
//! 256 random bits, so attempts are counted by address alone: whoever comes with a code has often failed at
//! the account's login just before.

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::{Digest, Provenance, SecretChange};
use runner_core::people::account::command::AccountCommand;
use runner_core::people::account::event::{ResetCode, Tokens};
use runner_core::people::account::password::Password;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::username::Username;
use runner_core::people::account::{Account, RESET_LIFETIME_MS};
use runner_core::people::credentials::{Code, CodeKind};
use runner_core::people::principal::Principal;
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::entry::new_login;
use super::{AccountError, Accounts, Admission, Client, password_secret};

/// Somebody who sets a new password with a code.
#[derive(Clone, Debug)]
pub struct NewPassword {
    pub code: String,
    pub password: Password,
    pub tokens: Tokens,
}

/// A code for a new password, without the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordResetView {
    pub username: String,
    pub expires_at: Timestamp,
}

impl Accounts {
    /// A code with which somebody in the team sets a new password. Shown this once; one that was made before
    /// is of no use any more.
    pub async fn issue_password_reset(
        &self,
        principal: &Principal,
        name: String,
        provenance: Provenance,
    ) -> Result<(PasswordResetView, Code), AccountError> {
        let (username, _) = self.load_near(principal, name).await?;
        // A login that somebody else got hold of must not become the password.
        if username.as_str() == principal.name {
            return Err(AccountError::OwnAccount);
        }
        self.issue_reset(&username, Some(principal.name.clone()), provenance).await
    }

    /// The same by whoever runs the server, for anybody.
    pub async fn issue_password_reset_by_operator(
        &self,
        name: String,
    ) -> Result<(PasswordResetView, Code), AccountError> {
        let username = Username::try_from(name).map_err(|_| AccountError::UserUnknown)?;
        let provenance = Provenance::of("operator", CommandId(Uuid::now_v7()));
        self.issue_reset(&username, None, provenance).await
    }

    async fn issue_reset(
        &self,
        username: &Username,
        by: Option<String>,
        provenance: Provenance,
    ) -> Result<(PasswordResetView, Code), AccountError> {
        let at = self.now();
        let stream = Account::stream(username);
        let (code, hash) = self.0.ports.codes.make(CodeKind::PasswordReset, stream.0)?;
        let expires_at = at.plus_millis(RESET_LIFETIME_MS);
        let issue = AccountCommand::IssuePasswordReset(ResetCode { hash, at, expires_at, by });
        let executed = self.execute(username, &[issue], provenance).await?;
        // Of two requests under one key that came at once, the other one may have been first.
        executed.account.find_reset(hash, at).ok_or(AccountError::ShownOnce)?;
        Ok((PasswordResetView { username: username.to_string(), expires_at }, code))
    }

    /// Whose password a code is for, whether or not it is good.
    pub async fn find_reset_owner(&self, code: &str) -> Result<Option<Username>, AccountError> {
        match self.read_code(CodeKind::PasswordReset, code) {
            Ok((stream, _)) => Ok(self.load_owner(stream).await?.map(|(username, _)| username)),
            Err(_) => Ok(None),
        }
    }

    /// Sets a new password with a code, ends every login and, unless they are kept, every service token, and
    /// begins a new login.
    pub async fn reset_password(&self, new: NewPassword, client: Client) -> Result<Admission, AccountError> {
        let attempt = self.admit(None, &client).await?;
        let reset = self.reset_password_now(new, client).await;
        self.settle(attempt, &reset);
        reset
    }

    async fn reset_password_now(&self, new: NewPassword, client: Client) -> Result<Admission, AccountError> {
        let NewPassword { code, password, tokens } = new;
        let (stream, hash) = self.read_code(CodeKind::PasswordReset, &code)?;
        let username = self.find_open_reset(stream, hash).await?;
        password.check(&username)?;
        let sealed = Some(self.0.ports.hasher.hash(&password).await?);
        let (now, client) = (self.now(), client.of(&username));
        let new = new_login(&client, now);
        let login = new.login;
        let secret = SecretChange { id: password_secret(&username), sealed };
        let reset = [AccountCommand::ResetPassword { hash, login: new, tokens }];
        let executed = self.execute_with(&username, &reset, (vec![secret], client.provenance)).await?;
        self.issue(&executed.account, (&username, login), now)
    }

    /// Before a hash is made, which is expensive.
    async fn find_open_reset(&self, stream: Uuid, hash: Digest) -> Result<Username, AccountError> {
        let (username, account) = self.load_owner(stream).await?.ok_or(AccountError::CodeInvalid)?;
        account.find_reset(hash, self.now()).ok_or(AccountError::CodeInvalid)?;
        if account.is_active() { Ok(username) } else { Err(AccountRefusal::Disabled.into()) }
    }

    async fn load_owner(&self, stream: Uuid) -> Result<Option<(Username, Account)>, AccountError> {
        let loaded = self.repository().load::<Account>(StreamId(stream)).await?;
        Ok(loaded.and_then(|loaded| {
            let name = loaded.state.profile()?.username.clone();
            Some((Username::try_from(name).ok()?, loaded.state))
        }))
    }
}
