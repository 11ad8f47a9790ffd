//! Making teams, and inviting the first people into them: for the operators.

use runner_core::aggregate::TenantId;
use runner_core::credentials::{Code, CodeKind};
use runner_core::event_log::{Appended, Provenance};
use runner_core::ids::{CommandId, InviteId, StreamId};
use runner_core::invite::{Created, Invite, InviteCommand, InviteView};
use runner_core::principal::{Means, Principal, Role};
use runner_core::tenant::{
    Beside, OPERATOR, Tenant, TenantCreated, TenantEvent, TenantName, TenantRefusal, TenantView,
};
use uuid::Uuid;

use super::invites::DEFAULT_LIFETIME_MS;
use super::{AccountError, Accounts};
use crate::aggregates::{ChangeError, Decided, Loaded};
use crate::tenants::Tenants;

/// A team to be made.
#[derive(Clone, Debug)]
pub struct NewTenant {
    pub name: TenantName,
    /// Resolved, and one in which agents may work.
    pub working_dir: String,
    /// Where the operators' own team works if a request names no folder.
    pub operators_dir: std::path::PathBuf,
}

/// An invitation into a team.
#[derive(Clone)]
pub struct TenantInvite {
    /// Absent where the server stopped before it was made.
    pub view: Option<InviteView>,
    /// Shown this once: a retry of the same request does not get it.
    pub code: Option<Code>,
    /// The request had been carried out before.
    pub replayed: bool,
}

impl std::fmt::Debug for TenantInvite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantInvite").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Makes a team, with an invitation for its first person.
    pub async fn create_tenant(
        &self,
        principal: &Principal,
        new: NewTenant,
        provenance: Provenance,
    ) -> Result<(TenantView, TenantInvite), AccountError> {
        refuse_local(principal)?;
        // Two teams must not get one name or one folder at the same time.
        let _deciding = self.0.deciding.lock().await;
        if let Some(first) = self.find_first(&provenance).await? {
            return self.made_before(first).await;
        }
        let teams = Tenants::new(self.aggregates().clone()).list().await?;
        let (id, at) = (Uuid::now_v7(), self.now());
        let (draft, code) = self.draft(TenantId(id.to_string()), None)?;
        let created = TenantCreated {
            tenant: TenantId(id.to_string()),
            name: new.name.to_string(),
            working_dir: new.working_dir,
            invite: draft.invite,
            by: principal.name.clone(),
            at,
        };
        let beside = Beside { teams: &teams, operators_dir: &new.operators_dir };
        let create = |team: &Tenant| team.create(created.clone(), &new.name, beside);
        let team = self.change_tenant(StreamId(id), provenance, create).await?;
        let view = team.view().ok_or(TenantRefusal::Unknown)?;
        Ok((view, self.issue_invite((draft, code), unnamed(None)).await?))
    }

    /// Makes another invitation into a team.
    pub async fn invite_into(
        &self,
        principal: &Principal,
        (tenant, lifetime_ms): (&TenantId, Option<u64>),
        provenance: Provenance,
    ) -> Result<TenantInvite, AccountError> {
        refuse_local(principal)?;
        let _deciding = self.0.deciding.lock().await;
        if let Some(first) = self.find_first(&provenance).await? {
            let invite = self.aggregates().load::<Invite>(first.stream).await?;
            let view = invite.and_then(|loaded| loaded.state.view());
            return Ok(TenantInvite { view, code: None, replayed: true });
        }
        let teams = Tenants::new(self.aggregates().clone()).list().await?;
        let is_meant = |team: &Tenant| team.created().is_some_and(|created| created.tenant == *tenant);
        let stream = Tenant::stream(tenant).filter(|_| teams.iter().any(is_meant));
        let stream = stream.ok_or(TenantRefusal::Unknown)?;
        let (draft, code) = self.draft(tenant.clone(), lifetime_ms)?;
        let note = |team: &Tenant| team.invite(draft.invite, principal.name.clone(), draft.at);
        // That it was carried out is known by the invitation, which comes last.
        let noted = Provenance { request_hash: None, ..provenance.clone() };
        self.change_tenant(stream, noted, note).await?;
        self.issue_invite((draft, code), unnamed(Some(provenance))).await
    }

    /// What an earlier request under the same key did.
    async fn find_first(&self, provenance: &Provenance) -> Result<Option<Appended>, AccountError> {
        match provenance.request_hash {
            Some(hash) => Ok(self.aggregates().find_change(provenance.command, hash).await?),
            None => Ok(None),
        }
    }

    async fn made_before(&self, first: Appended) -> Result<(TenantView, TenantInvite), AccountError> {
        let team = self.aggregates().load::<Tenant>(first.stream).await?.map(|loaded| loaded.state);
        let created = team.as_ref().and_then(Tenant::created).ok_or(TenantRefusal::Unknown)?;
        let invite = self.aggregates().load::<Invite>(Invite::stream(created.invite)).await?;
        let view = invite.and_then(|loaded| loaded.state.view());
        let team = team.as_ref().and_then(Tenant::view).ok_or(TenantRefusal::Unknown)?;
        Ok((team, TenantInvite { view, code: None, replayed: true }))
    }

    /// An invitation as it will be, with its code.
    fn draft(&self, tenant: TenantId, lifetime_ms: Option<u64>) -> Result<(Created, Code), AccountError> {
        let (invite, at) = (InviteId(Uuid::now_v7()), self.now());
        let (code, hash) = self.0.ports.codes.make(CodeKind::Invite, invite.0)?;
        let created = Created {
            invite,
            tenant: tenant.0,
            role: Role::Admin,
            username: None,
            hash,
            at,
            expires_at: at.plus_millis(lifetime_ms.unwrap_or(DEFAULT_LIFETIME_MS)),
            by: OPERATOR.to_owned(),
        };
        // Refused before anything is noted of it.
        let create = InviteCommand::Create(created.clone());
        Invite::default().decide(create).map_err(AccountError::Invite)?;
        Ok((created, code))
    }

    /// The invitation stands in the team's own log, which does not say which operator it was.
    async fn issue_invite(
        &self,
        (draft, code): (Created, Code),
        provenance: Provenance,
    ) -> Result<TenantInvite, AccountError> {
        let place = (draft.invite, &TenantId(draft.tenant.clone()));
        let made = self.change_invite(place, InviteCommand::Create(draft.clone()), provenance).await?;
        Ok(TenantInvite { view: made.view(), code: Some(code), replayed: false })
    }

    async fn change_tenant(
        &self,
        stream: StreamId,
        provenance: Provenance,
        decide: impl Fn(&Tenant) -> Result<Vec<TenantEvent>, TenantRefusal>,
    ) -> Result<Tenant, AccountError> {
        let decide = |before: &Loaded<Tenant>| decide(&before.state).map(Decided::from);
        let changed = self.aggregates().change((stream, TenantId::first()), provenance, decide).await;
        let (loaded, _) = changed.map_err(|error| match error {
            ChangeError::Refused(refusal) => AccountError::Tenant(refusal),
            ChangeError::Append(error) => error.into(),
            ChangeError::Read(error) => error.into(),
        })?;
        Ok(loaded.state)
    }
}

/// While nobody has registered, the first who does is the operators' admin, whatever code he has.
fn refuse_local(principal: &Principal) -> Result<(), AccountError> {
    match principal.means {
        Means::Local => Err(AccountError::NoAccount),
        Means::Login(_) | Means::ServiceToken { .. } => Ok(()),
    }
}

/// The same request as the other team may see it.
fn unnamed(request: Option<Provenance>) -> Provenance {
    let (command, request_hash) = match request {
        Some(Provenance { command, request_hash, .. }) => (command, request_hash),
        None => (CommandId(Uuid::now_v7()), None),
    };
    Provenance { actor: OPERATOR.to_owned(), request_id: None, address: None, command, request_hash }
}
