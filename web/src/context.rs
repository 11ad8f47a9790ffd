//! The parts of the server, as its routes see them.

use std::sync::Arc;

use actix_web::http::StatusCode;
use runner_actors::{
    Accounts, ApiKeys, BypassRight, Extensions, Schedules, Sessions, Spending, TrustedFolders,
};
use runner_core::agent::PermissionMode;
use runner_core::people::principal::{Permission, Principal, Role};
use runner_core::ports::{FolderReader, McpProber, StatisticsRecord, SubagentRecord};
use runner_core::session::index::SessionHead;
use runner_core::time::Timestamp;

use crate::config::BypassPolicy;
use crate::http::error::{ApiError, Problem, not_found};
use crate::limits::streams::Streams;
use crate::stream::recent::RecentFrames;
use crate::working_folders::WorkingFolders;

/// The parts that every route may use.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) sessions: Sessions,
    pub(crate) streams: Streams,
    pub(crate) recent: RecentFrames,
    pub(crate) accounts: Accounts,
    pub(crate) api_keys: ApiKeys,
    pub(crate) spending: Spending,
    pub(crate) schedules: Schedules,
    pub(crate) working_folders: WorkingFolders,
    pub(crate) files: Arc<dyn FolderReader>,
    pub(crate) statistics: Arc<dyn StatisticsRecord>,
    pub(crate) subagents: Arc<dyn SubagentRecord>,
    pub(crate) trust: TrustedFolders,
    pub(crate) extensions: Extensions,
    pub(crate) mcp_prober: Arc<dyn McpProber>,
    /// Whether Claude Code accepts `bypassPermissions` from the user this server runs as.
    pub(crate) may_bypass: bool,
    /// Who of those that it accepts it from may ask for it.
    pub(crate) bypass: BypassPolicy,
    pub(crate) node: String,
    pub(crate) started_at: Timestamp,
}

impl Context {
    /// The session that a path names, if the caller may see it.
    pub(crate) async fn session(&self, caller: &Principal, id: &str) -> Result<SessionHead, ApiError> {
        let id = id.parse().map_err(|_| not_found())?;
        Ok(self.sessions.find(&caller.reach(), id).await?.head)
    }

    /// Whether somebody has the right to have agents work without asking anybody.
    pub(crate) fn has_bypass_right(&self, caller: &Principal) -> bool {
        has_bypass_right(self.bypass, caller)
    }

    /// Refuses a session's mode to whoever has no right to it.
    pub(crate) fn check_mode(&self, caller: &Principal, mode: PermissionMode) -> Result<(), Problem> {
        if mode != PermissionMode::BypassPermissions || self.has_bypass_right(caller) {
            return Ok(());
        }
        let detail = match self.bypass {
            BypassPolicy::Nobody => "this server lets nobody use bypassPermissions",
            BypassPolicy::Admins | BypassPolicy::Members => {
                "bypassPermissions needs the right `sessions:bypass`: a role that has it here \
                 (BYPASS_PERMISSIONS), and of a service token that scope"
            }
        };
        Err(Problem::field("bypass_not_allowed", "/permission_mode", detail)
            .with_status(StatusCode::FORBIDDEN))
    }

    /// Whether the offline model answers in sessions that somebody opens now.
    pub(crate) async fn is_offline_for(&self, owner: &Principal) -> Result<bool, ApiError> {
        Ok(self.sessions.agent_status().offline && !self.api_keys.serve(owner).await?)
    }
}

/// The same by what the server's setting says.
pub(crate) fn has_bypass_right(policy: BypassPolicy, caller: &Principal) -> bool {
    bypass_right(policy)(caller)
}

/// Who has it, by what the server's setting says.
pub(crate) const fn bypass_right(policy: BypassPolicy) -> BypassRight {
    match policy {
        BypassPolicy::Nobody => |_| false,
        BypassPolicy::Admins => |one| one.role == Role::Admin && one.may(Permission::BypassPermissions),
        BypassPolicy::Members => |one| one.may(Permission::BypassPermissions),
    }
}
