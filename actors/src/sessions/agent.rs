//! The agent's program, as sessions depend on it.

use std::time::Duration;

use runner_core::agent::PermissionMode;
use runner_core::ids::SessionId;
use runner_core::ports::{AgentStatus, BuiltInAgent, ToolInfo};
use runner_core::setup::agent_proof::ProofReport;

use super::Sessions;
use crate::RunnerError;

impl Sessions {
    pub fn agent_status(&self) -> AgentStatus {
        self.services.runtime.status()
    }

    pub fn tools(&self) -> &'static [ToolInfo] {
        self.services.runtime.tools()
    }

    pub fn built_in_agents(&self) -> &'static [BuiltInAgent] {
        self.services.runtime.built_in_agents()
    }

    /// Whether an agent can be started that keeps what sessions of a mode rely on.
    pub(super) async fn check_agent(&self, mode: PermissionMode) -> Result<(), RunnerError> {
        let version = self.services.runtime.check().await?;
        Ok(self.services.proofs.check(&version, mode)?)
    }

    /// The same for a session that was opened.
    pub(super) async fn check_agent_of(&self, session: SessionId) -> Result<(), RunnerError> {
        let version = self.services.runtime.check().await?;
        if self.services.proofs.is_tested(&version) {
            return Ok(());
        }
        let mode = self.view(session).await?.head.permission_mode;
        Ok(self.services.proofs.check(&version, mode)?)
    }

    /// Has the agent's program tried out beside everything else if nobody knows its version.
    pub async fn prove_agent(&self) {
        if let Ok(version) = self.services.runtime.check().await {
            self.services.proofs.want(&version);
        }
    }

    /// Waits until the agent's program has been tried out, at most `limit`.
    pub async fn wait_for_proof(&self, limit: Duration) {
        if let Ok(version) = self.services.runtime.check().await {
            self.services.proofs.wait(&version, limit).await;
        }
    }

    /// What is known of the program's version.
    pub fn proof_report(&self, version: Option<&str>) -> ProofReport {
        self.services.proofs.report(version)
    }
}
