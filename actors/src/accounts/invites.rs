//! Inviting people into the team.

use runner_core::account::refusal::AccountRefusal;
use runner_core::account::username::Username;
use runner_core::aggregate::TenantId;
use runner_core::credentials::{Code, CodeKind};
use runner_core::event_log::{Digest, Provenance};
use runner_core::ids::InviteId;
use runner_core::invite::{Created, Invite, InviteCommand, InviteRefusal, InviteView};
use runner_core::principal::{Principal, Role};
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::{AccountError, Accounts};
use crate::aggregates::{ChangeError, Decided};

/// How long an invitation is open if nobody says otherwise.
const DEFAULT_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;

impl Accounts {
    /// An invitation with its code, which is shown this once.
    pub async fn invite(
        &self,
        principal: &Principal,
        (role, username, lifetime_ms): (Role, Option<Username>, Option<u64>),
        provenance: Provenance,
    ) -> Result<(InviteView, Code), AccountError> {
        if let Some(username) = &username
            && self.load(username).await?.is_some()
        {
            return Err(AccountRefusal::UsernameTaken.into());
        }
        let (invite, at) = (InviteId(Uuid::now_v7()), self.now());
        let (code, hash) = self.0.ports.codes.make(CodeKind::Invite, invite.0)?;
        let created = Created {
            invite,
            tenant: principal.tenant.to_string(),
            role,
            username: username.map(|username| username.to_string()),
            hash,
            at,
            expires_at: at.plus_millis(lifetime_ms.unwrap_or(DEFAULT_LIFETIME_MS)),
            by: principal.name.clone(),
        };
        let made =
            self.change_invite((invite, &principal.tenant), InviteCommand::Create(created), provenance);
        let view = made.await?.view().ok_or(AccountError::Invite(InviteRefusal::Unknown))?;
        Ok((view, code))
    }

    /// The team's invitations that can still be used, the newest first.
    pub async fn list_invites(&self, principal: &Principal) -> Result<Vec<InviteView>, AccountError> {
        let now = self.now();
        let loaded = self.aggregates().list::<Invite>(Some(&principal.tenant)).await?;
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
        let loaded = self.aggregates().load::<Invite>(Invite::stream(invite)).await?;
        if loaded.is_none_or(|loaded| loaded.tenant != principal.tenant) {
            return Err(AccountError::Invite(InviteRefusal::Unknown));
        }
        let revoke = InviteCommand::Revoke { by: principal.name.clone() };
        self.change_invite((invite, &principal.tenant), revoke, provenance).await.map(drop)
    }

    /// What a code invites to, if it still does.
    pub(super) async fn find_open_invite(
        &self,
        invite: InviteId,
        hash: Digest,
    ) -> Result<Created, AccountError> {
        let loaded = self.aggregates().load::<Invite>(Invite::stream(invite)).await?;
        let now = self.now();
        let open = loaded.filter(|loaded| loaded.state.is_open(now));
        let created = open.and_then(|loaded| loaded.state.created().cloned());
        created.filter(|created| created.hash == hash).ok_or(AccountError::CodeInvalid)
    }

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
        let place = (Invite::stream(invite), tenant.clone());
        let changed = self
            .aggregates()
            .change::<Invite, _>(place, provenance, |before| {
                before.state.decide(command.clone()).map(Decided::from)
            })
            .await;
        let (loaded, _) = changed.map_err(|error| match error {
            ChangeError::Refused(refusal) => AccountError::Invite(refusal),
            ChangeError::Append(error) => error.into(),
            ChangeError::Read(error) => error.into(),
        })?;
        Ok(loaded.state)
    }
}
