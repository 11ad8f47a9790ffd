//! The parts of the server, as its routes see them.

use runner_actors::{Accounts, ApiKeys, Sessions, TrustedFolders};
use runner_core::people::principal::Principal;
use runner_core::session::index::SessionHead;
use runner_core::time::Timestamp;

use crate::http::error::{ApiError, not_found};
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
    pub(crate) working_folders: WorkingFolders,
    pub(crate) trust: TrustedFolders,
    /// Whether Claude Code accepts `bypassPermissions` from the user this server runs as.
    pub(crate) may_bypass: bool,
    pub(crate) node: String,
    pub(crate) started_at: Timestamp,
}

impl Context {
    /// The session that a path names, if the caller may see it.
    pub(crate) async fn session(&self, caller: &Principal, id: &str) -> Result<SessionHead, ApiError> {
        let id = id.parse().map_err(|_| not_found())?;
        Ok(self.sessions.find(&caller.reach(), id).await?.head)
    }

    /// Whether the offline model answers in sessions that somebody opens now.
    pub(crate) async fn is_offline_for(&self, owner: &Principal) -> Result<bool, ApiError> {
        Ok(self.sessions.agent_status().offline && !self.api_keys.serve(owner).await?)
    }
}
