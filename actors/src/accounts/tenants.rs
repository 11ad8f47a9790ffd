//! Making teams, and inviting the first people into them: for the operators.

use std::path::PathBuf;

use runner_core::ids::{CommandId, StreamId, TenantId};
use runner_core::log::{Digest, LogStream, Provenance};
use runner_core::people::credentials::Code;
use runner_core::people::invite::InviteView;
use runner_core::people::principal::{Means, Principal, Role};
use runner_core::people::tenant::{
    Beside, OPERATOR, Tenant, TenantCommand, TenantCreated, TenantName, TenantRefusal, TenantView,
};
use uuid::Uuid;

use super::invites::Wanted;
use super::{AccountError, Accounts};
use crate::tenants::Tenants;

/// A team to be made.
#[derive(Clone, Debug)]
pub struct NewTenant {
    pub name: TenantName,
    /// Resolved, and one in which agents may work.
    pub working_dir: String,
    /// Where the operators' own team works if a request names no folder.
    pub operators_dir: PathBuf,
}

impl Accounts {
    /// Makes a team, with an invitation for its first person, whose code is shown this once.
    pub async fn create_tenant(
        &self,
        principal: &Principal,
        new: NewTenant,
        provenance: Provenance,
    ) -> Result<(TenantView, InviteView, Code), AccountError> {
        refuse_local(principal)?;
        // Two teams must not get one name or one folder at the same time.
        let _deciding = self.0.deciding.lock().await;
        let teams = Tenants::new(self.repository().clone()).list().await?;
        let id = Uuid::now_v7();
        let draft = self.draft_invite(wanted(TenantId(id.to_string()), None))?;
        let created = TenantCreated {
            tenant: TenantId(id.to_string()),
            name: new.name.to_string(),
            working_dir: new.working_dir,
            invite: draft.0.invite,
            by: principal.name.clone(),
            at: draft.0.at,
        };
        let beside = Beside { teams, operators_dir: new.operators_dir };
        let create = TenantCommand::Create { new: created, name: new.name, beside };
        let team = self.change_tenant(StreamId(id), create, provenance).await?;
        let view = team.view().ok_or(TenantRefusal::Unknown)?;
        let command = (CommandId(Uuid::now_v7()), None);
        let (invite, code) = self.issue_invite(draft, by_operator(command)).await?;
        Ok((view, invite, code))
    }

    /// Makes another invitation into a team.
    pub async fn invite_into(
        &self,
        principal: &Principal,
        (tenant, lifetime_ms): (&TenantId, Option<u64>),
        provenance: Provenance,
    ) -> Result<(InviteView, Code), AccountError> {
        refuse_local(principal)?;
        let stream = Tenant::stream(tenant).ok_or(TenantRefusal::Unknown)?;
        let draft = self.draft_invite(wanted(TenantId(stream.to_string()), lifetime_ms))?;
        let (invite, by, at) = (draft.0.invite, principal.name.clone(), draft.0.at);
        // What a retry finds is the invitation, which comes last.
        let noted = Provenance { request_hash: None, ..provenance.clone() };
        self.change_tenant(stream, TenantCommand::Invite { invite, by, at }, noted).await?;
        self.issue_invite(draft, by_operator((provenance.command, provenance.request_hash))).await
    }

    async fn change_tenant(
        &self,
        stream: StreamId,
        command: TenantCommand,
        provenance: Provenance,
    ) -> Result<Tenant, AccountError> {
        let stream = LogStream::of::<Tenant>(stream, TenantId::first());
        let changed = self.repository().execute::<Tenant>(stream, command, provenance).await?;
        Ok(changed.aggregate.state)
    }
}

/// Refuses the local user: while nobody has registered, the first to register becomes the operators' admin,
/// with any code.
fn refuse_local(principal: &Principal) -> Result<(), AccountError> {
    match principal.means {
        Means::Local => Err(AccountError::NoAccount),
        Means::Login(_) | Means::ServiceToken { .. } => Ok(()),
    }
}

fn wanted(tenant: TenantId, lifetime_ms: Option<u64>) -> Wanted {
    Wanted { tenant, role: Role::Admin, username: None, lifetime_ms, by: OPERATOR.to_owned() }
}

/// An invitation stands in the team's own log. Who the operator was, and where, only the operators' says.
fn by_operator((command, request_hash): (CommandId, Option<Digest>)) -> Provenance {
    Provenance { request_hash, ..Provenance::of(OPERATOR, command) }
}
