//! Inviting people into the team.

use runner_core::ids::{InviteId, TenantId};
use runner_core::log::{Aggregate as _, Digest, LogStream, Provenance};
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::username::Username;
use runner_core::people::credentials::{Code, CodeKind};
use runner_core::people::invite::{Created, Invite, InviteCommand, InviteRefusal, InviteView};
use runner_core::people::principal::{Principal, Role};
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::{AccountError, Accounts};

/// How long an invitation is open if nobody says otherwise.
const DEFAULT_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What somebody is to be invited to, and by whom.
pub(super) struct Wanted {
    pub(super) tenant: TenantId,
    pub(super) role: Role,
    /// The only name that may be chosen; any if absent.
    pub(super) username: Option<Username>,
    /// A week if absent.
    pub(super) lifetime_ms: Option<u64>,
    pub(super) by: String,
}

impl Accounts {
    /// An invitation with its code, which is shown this once.
    pub async fn invite(
        &self,
        principal: &Principal,
        (role, username, lifetime_ms): (Role, Option<Username>, Option<u64>),
        provenance: Provenance,
    ) -> Result<(InviteView, Code), AccountError> {
        if let Some(username) = &username {
            username.check_new()?;
            if self.load(username).await?.is_some() {
                return Err(AccountRefusal::UsernameTaken.into());
            }
        }
        let (tenant, by) = (principal.tenant.clone(), principal.name.clone());
        let draft = self.draft_invite(Wanted { tenant, role, username, lifetime_ms, by })?;
        self.issue_invite(draft, provenance).await
    }

    /// An invitation as it will be, with its code. What its rules refuse they refuse here.
    pub(super) fn draft_invite(&self, wanted: Wanted) -> Result<(Created, Code), AccountError> {
        let Wanted { tenant, role, username, lifetime_ms, by } = wanted;
        let (invite, at) = (InviteId(Uuid::now_v7()), self.now());
        let (code, hash) = self.0.ports.codes.make(CodeKind::Invite, invite.0)?;
        let created = Created {
            invite,
            tenant: tenant.0,
            role,
            username: username.map(|username| username.to_string()),
            hash,
            at,
            expires_at: at.plus_millis(lifetime_ms.unwrap_or(DEFAULT_LIFETIME_MS)),
            by,
        };
        let create = InviteCommand::Create(created.clone());
        Invite::default().decide(create).map_err(AccountError::Invite)?;
        Ok((created, code))
    }

    pub(super) async fn issue_invite(
        &self,
        (draft, code): (Created, Code),
        provenance: Provenance,
    ) -> Result<(InviteView, Code), AccountError> {
        let (invite, tenant) = (draft.invite, TenantId(draft.tenant.clone()));
        let made = self.change_invite((invite, &tenant), InviteCommand::Create(draft), provenance).await?;
        // Of two requests under one key that came at once, the other one may have been first.
        let view = made.view().filter(|view| view.id == invite).ok_or(AccountError::ShownOnce)?;
        Ok((view, code))
    }

    /// The team's invitations that can still be used, the newest first.
    pub async fn list_invites(&self, principal: &Principal) -> Result<Vec<InviteView>, AccountError> {
        let now = self.now();
        let loaded = self.repository().list::<Invite>(Some(&principal.tenant)).await?;
        let open = loaded.into_iter().filter(|loaded| loaded.state.is_open(now));
        let mut views: Vec<_> = open.filter_map(|loaded| loaded.state.view()).collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.created_at, view.id)));
        Ok(views)
    }

    pub async fn revoke_invite(
        &self,
        principal: &Principal,
        invite: InviteId,
        provenance: Provenance,
    ) -> Result<(), AccountError> {
        let loaded = self.repository().load::<Invite>(Invite::stream(invite)).await?;
        if loaded.is_none_or(|loaded| loaded.tenant != principal.tenant) {
            return Err(AccountError::Invite(InviteRefusal::Unknown));
        }
        let revoke = InviteCommand::Revoke { by: principal.name.clone() };
        self.change_invite((invite, &principal.tenant), revoke, provenance).await.map(drop)
    }

    /// Takes back what somebody has invited others to.
    pub(super) async fn revoke_invites_of(
        &self,
        username: &Username,
        principal: &Principal,
        provenance: Provenance,
    ) -> Result<(), AccountError> {
        // They follow from another change, under the command of the same request.
        let provenance = Provenance { request_hash: None, ..provenance };
        let now = self.now();
        for loaded in self.repository().list::<Invite>(Some(&principal.tenant)).await? {
            let Some(created) = loaded.state.created().filter(|_| loaded.state.is_open(now)) else {
                continue;
            };
            if created.by == username.as_str() {
                self.revoke_invite(principal, created.invite, provenance.clone()).await?;
            }
        }
        Ok(())
    }

    /// What a code invites somebody to who has no account, if it still does.
    pub(super) async fn find_open_invite(
        &self,
        (invite, hash): (InviteId, Digest),
        username: &Username,
    ) -> Result<Created, AccountError> {
        let loaded = self.repository().load::<Invite>(Invite::stream(invite)).await?;
        let now = self.now();
        let open = loaded.filter(|loaded| loaded.state.is_open_to(username, now));
        let created = open.and_then(|loaded| loaded.state.created().cloned());
        created.filter(|created| created.hash == hash).ok_or(AccountError::CodeInvalid)
    }

    /// Binds an invitation to a username that has no account yet. If the account is not made after all, the
    /// invitation stays good for that username.
    pub(super) async fn use_invite(
        &self,
        (invite, hash): (InviteId, Digest),
        username: &Username,
        (at, provenance): (Timestamp, &Provenance),
    ) -> Result<(), AccountError> {
        let take = InviteCommand::Use { hash, username: username.clone(), at };
        // The account comes right after it, under the command of the request.
        let provenance = Provenance { request_hash: None, ..provenance.clone() };
        match self.change_invite((invite, &TenantId::first()), take, provenance).await {
            Ok(_) => Ok(()),
            Err(AccountError::Invite(_)) => Err(AccountError::CodeInvalid),
            Err(error) => Err(error),
        }
    }

    async fn change_invite(
        &self,
        (invite, tenant): (InviteId, &TenantId),
        command: InviteCommand,
        provenance: Provenance,
    ) -> Result<Invite, AccountError> {
        let stream = LogStream::of::<Invite>(Invite::stream(invite), tenant.clone());
        let changed = self.repository().execute::<Invite>(stream, command, provenance).await?;
        Ok(changed.aggregate.state)
    }
}
