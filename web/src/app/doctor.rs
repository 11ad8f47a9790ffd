//! `claude-runner doctor`: what is right on this machine, for people.

use core::fmt;

use runner_adapters::claude;
use runner_core::ports::AgentProber as _;
use runner_core::setup::agent_proof::Finding;

use super::probes::Probes;
use crate::config::Config;

/// What was seen of the agent's program.
#[derive(Debug)]
pub struct AgentExamination {
    findings: Vec<Finding>,
}

impl AgentExamination {
    /// Tries each promise with the real program and the offline model. Needs an actix system.
    pub async fn carry_out(config: &Config) -> Self {
        Self { findings: Probes::new(config).probe().await }
    }

    /// How many promises do not hold.
    pub fn broken(&self) -> usize {
        self.findings.iter().filter(|finding| !finding.holds).count()
    }
}

impl fmt::Display for AgentExamination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { promise, holds, detail, took_ms } in &self.findings {
            let outcome = if *holds { "holds" } else { "broken" };
            writeln!(f, "{outcome:<8}{:<26}{took_ms:>6} ms  {detail}", promise.as_str())?;
        }
        let tested = claude::TESTED_VERSIONS.join(", ");
        write!(f, "this server was tested with Claude Code {tested}")
    }
}
