//! Whether a run of a schedule may begin: what was allowed when the schedule was made may not be any more.

use async_trait::async_trait;
use runner_actors::{Accounts, ApiKeys, RunPermit, RunPermits, RunRefusal, Sessions};
use runner_core::agent::PermissionMode;
use runner_core::ids::TenantId;
use runner_core::people::principal::{Permission, Principal};
use runner_core::session::revoked::Revoked;
use runner_core::setup::schedule::definition::ScheduleDefinition;

use crate::config::BypassPolicy;
use crate::context::has_bypass_right;
use crate::http::error::ApiError;
use crate::working_folders::WorkingFolders;

/// The rights of the people in whose name runs begin.
#[derive(Clone, Debug)]
pub(crate) struct OwnersRights {
    pub(crate) accounts: Accounts,
    pub(crate) api_keys: ApiKeys,
    pub(crate) sessions: Sessions,
    pub(crate) working_folders: WorkingFolders,
    /// Who may use `bypassPermissions`; absent where Claude Code accepts it from nobody.
    pub(crate) bypass: Option<BypassPolicy>,
}

#[async_trait]
impl RunPermits for OwnersRights {
    async fn permit(
        &self,
        (tenant, owner): (&TenantId, &str),
        definition: &ScheduleDefinition,
    ) -> Result<RunPermit, RunRefusal> {
        let principal = self.principal(tenant, owner).await?;
        let folders = [&definition.working_dir].into_iter().chain(&definition.options.add_dirs);
        for folder in folders {
            self.working_folders.check(&principal, folder).await.map_err(refusal)?;
        }
        let may_bypass = self.bypass.is_some_and(|policy| has_bypass_right(policy, &principal));
        if definition.permission_mode == PermissionMode::BypassPermissions && !may_bypass {
            return Err(refused("bypass_not_allowed", "the owner has no right to bypassPermissions here"));
        }
        let serves = self.api_keys.serve(&principal).await.map_err(|error| refusal(error.into()))?;
        Ok(RunPermit { offline: self.sessions.agent_status().offline && !serves })
    }
}

impl OwnersRights {
    async fn principal(&self, tenant: &TenantId, owner: &str) -> Result<Principal, RunRefusal> {
        let found = self.accounts.owner(owner).await.map_err(|error| refusal(error.into()))?;
        let found = found.and_then(|principal| {
            let may = principal.tenant == *tenant && principal.may(Permission::RunTasks);
            if may { Ok(principal) } else { Err(Revoked::OwnerNotPermitted) }
        });
        found.map_err(|revoked| {
            let detail =
                format!("{owner} may not run tasks: the account is disabled, gone, or of another role");
            refused(revoked.interrupt().as_str(), &detail)
        })
    }
}

fn refused(code: &str, detail: &str) -> RunRefusal {
    RunRefusal::Refused { code: code.to_owned(), detail: detail.to_owned() }
}

fn refusal(error: ApiError) -> RunRefusal {
    let problem = error.problem();
    match problem.status {
        500.. => RunRefusal::NotNow(problem.detail),
        _ => RunRefusal::Refused { code: problem.code, detail: problem.detail },
    }
}
