//! The MCP servers of living agents: what each said of them when it began.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runner_core::agent::AgentProfile;
use runner_core::ids::{ExtensionId, ProcessId, SessionId, TenantId};
use runner_core::people::principal::Reach;
use runner_core::setup::extension::active::ActiveExtensions;

/// All of them. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveServers(Arc<Mutex<HashMap<ProcessId, LiveAgent>>>);

#[derive(Clone, Debug)]
struct LiveAgent {
    owner: AgentOwner,
    servers: Vec<(ExtensionId, LiveServer)>,
}

/// Whose agent it is.
#[derive(Clone, Debug)]
pub(crate) struct AgentOwner {
    pub(crate) session: SessionId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: String,
}

/// A server, as an agent has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveServer {
    pub session: SessionId,
    /// `connected`, `failed`, `pending`, or what a newer version calls it.
    pub status: String,
    /// By their names on the server.
    pub tools: Vec<String>,
}

/// An agent's servers are forgotten when this is dropped.
#[derive(Debug)]
pub(crate) struct Noted {
    all: LiveServers,
    process: ProcessId,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.all.lock().remove(&self.process);
    }
}

impl LiveServers {
    /// Notes what an agent says of the servers that it was given; nothing where it was given none.
    pub(crate) fn note(
        &self,
        (process, owner): (ProcessId, AgentOwner),
        given: &ActiveExtensions,
        profile: &AgentProfile,
    ) -> Option<Noted> {
        let server = |name: &str| LiveServer {
            session: owner.session,
            status: profile.mcp_status(name).unwrap_or("unknown").to_owned(),
            tools: profile.mcp_tools(name),
        };
        let servers: Vec<_> =
            given.mcp_servers().map(|(extension, _)| (extension.id, server(&extension.name))).collect();
        if servers.is_empty() {
            return None;
        }
        self.lock().insert(process, LiveAgent { owner, servers });
        Some(Noted { all: self.clone(), process })
    }

    /// A server in the sessions within reach, in the order of their ids.
    pub(crate) fn of(&self, id: ExtensionId, reach: &Reach) -> Vec<LiveServer> {
        let state = self.lock();
        let agents = state.values().filter(|agent| reach.covers(&agent.owner.tenant, &agent.owner.owner));
        let servers = agents.flat_map(|agent| &agent.servers);
        let mut found: Vec<LiveServer> =
            servers.filter(|(server, _)| *server == id).map(|(_, server)| server.clone()).collect();
        found.sort_by_key(|server| server.session);
        found
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProcessId, LiveAgent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
