//! Whether the agent's program keeps what sessions rely on, by its version.
//!
//! A version that this server was tested with is known to. Any other is tried beside the start of the
//! server, or as soon as it turns up while the server runs; until it has been, no session begins that would
//! rely on it, and none does on what was seen broken. What was found is kept in the log, so that a version is
//! tried once, unless something was broken: then it is tried again at the next start.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use runner_core::agent::PermissionMode;
use runner_core::ids::CommandId;
use runner_core::log::Provenance;
use runner_core::ports::{AgentProber, Clock};
use runner_core::setup::agent_proof::{AgentProof, Probed, Promise, ProofReport, ProofState};
use thiserror::Error;
use tokio::sync::watch;
use uuid::Uuid;

use crate::store::Repository;

/// Why no session of a mode begins.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    #[error("Claude Code {version} is new to this server and is being tried out; try again in a moment")]
    Underway { version: String },
    #[error(
        "Claude Code {version} does not keep what sessions of the mode {mode} rely on: {what}; \
         install a version that this server was tested with, or use another mode"
    )]
    Broken { version: String, mode: &'static str, what: String },
}

/// The handle on what was found. Clones share it.
#[derive(Clone, Debug)]
pub struct AgentProofs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Versions that need no trial; absent where every version passes.
    tested: Option<&'static [&'static str]>,
    /// What is known of others.
    found: watch::Sender<Found>,
}

#[derive(Clone, Debug, Default)]
struct Found {
    trials: BTreeMap<String, Trial>,
    /// The version that somebody wants to use and that was not tried.
    wanted: Option<String>,
}

#[derive(Clone, Debug)]
enum Trial {
    Underway,
    Over(AgentProof),
}

/// The means by which a version is tried, and where that is kept.
pub struct ProofPorts {
    pub prober: Rc<dyn AgentProber>,
    pub repository: Repository,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ProofPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProofPorts").finish_non_exhaustive()
    }
}

impl AgentProofs {
    /// Every version passes: for the trial itself.
    pub fn unchecked() -> Self {
        Self(Arc::new(Inner { tested: None, found: watch::Sender::default() }))
    }

    /// Tries versions out when they are wanted, beside everything else. Needs an actix system.
    pub fn start(tested: &'static [&'static str], ports: ProofPorts) -> Self {
        let proofs = Self(Arc::new(Inner { tested: Some(tested), found: watch::Sender::default() }));
        let wanted = proofs.0.found.subscribe();
        // It ends with the last handle.
        let known = Arc::downgrade(&proofs.0);
        actix::spawn(async move {
            let mut wanted = wanted;
            loop {
                let next = wanted.wait_for(|found| found.wanted.is_some()).await;
                let Ok(Some(version)) = next.map(|found| found.wanted.clone()) else { return };
                let Some(inner) = known.upgrade() else { return };
                inner.found.send_modify(|found| {
                    found.wanted = None;
                    found.trials.insert(version.clone(), Trial::Underway);
                });
                let proof = ports.prove(&version).await;
                inner.found.send_modify(|found| {
                    found.trials.insert(version, Trial::Over(proof));
                });
            }
        });
        proofs
    }

    /// Has a version tried if nobody knows it.
    pub fn want(&self, version: &str) {
        if self.is_tested(version) {
            return;
        }
        self.0.found.send_if_modified(|found| {
            let is_new = !found.trials.contains_key(version) && found.wanted.is_none();
            if is_new {
                found.wanted = Some(version.to_owned());
            }
            is_new
        });
    }

    /// Whether sessions of a mode may begin.
    pub(crate) fn check(&self, version: &str, mode: PermissionMode) -> Result<(), Unproven> {
        if self.is_tested(version) {
            return Ok(());
        }
        self.want(version);
        let found = self.0.found.borrow();
        let Some(Trial::Over(proof)) = found.trials.get(version) else {
            return Err(Unproven::Underway { version: version.to_owned() });
        };
        let broken: Vec<String> = proof.broken_for(mode).map(|promise| told(proof, promise)).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let what = broken.join(", ");
        Err(Unproven::Broken { version: version.to_owned(), mode: mode.as_str(), what })
    }

    /// Waits until a version has been tried, at most `limit`.
    pub async fn wait(&self, version: &str, limit: Duration) {
        if self.is_tested(version) {
            return;
        }
        self.want(version);
        let mut found = self.0.found.subscribe();
        let is_over = |found: &Found| matches!(found.trials.get(version), Some(Trial::Over(_)));
        // What is not over is found so by `check`.
        tokio::time::timeout(limit, found.wait_for(is_over)).await.ok();
    }

    pub fn report(&self, version: Option<&str>) -> ProofReport {
        let bare = |state| ProofReport { state, findings: vec![] };
        let (Some(version), Some(_)) = (version, self.0.tested) else { return bare(ProofState::Unknown) };
        if self.is_tested(version) {
            return bare(ProofState::Tested);
        }
        match self.0.found.borrow().trials.get(version) {
            None | Some(Trial::Underway) => bare(ProofState::Underway),
            Some(Trial::Over(proof)) => {
                let state = if proof.is_whole() { ProofState::Proved } else { ProofState::Broken };
                ProofReport { state, findings: proof.findings.clone() }
            }
        }
    }

    /// Whether a version needs no trial.
    pub(crate) fn is_tested(&self, version: &str) -> bool {
        self.0.tested.is_none_or(|tested| tested.contains(&version))
    }
}

impl ProofPorts {
    /// What is known of a version from the log, or what is seen now.
    async fn prove(&self, version: &str) -> AgentProof {
        match self.repository.load::<AgentProof>(AgentProof::id(version)).await {
            Ok(Some(known)) if known.state.is_whole() => return known.state,
            Ok(_) => {}
            Err(error) => log_failure("what is known of this version cannot be read", &error),
        }
        tracing::info!(agent.version = version, "Claude Code {version} is new here and is tried out");
        let findings = self.prober.probe().await;
        for finding in findings.iter().filter(|finding| !finding.holds) {
            let (promise, detail) = (finding.promise.as_str(), &finding.detail);
            tracing::error!(promise, "Claude Code {version} does not keep `{promise}`: {detail}");
        }
        let probed = Probed { version: version.to_owned(), findings: findings.clone(), at: self.clock.now() };
        let provenance = Provenance::system(CommandId(Uuid::now_v7()));
        let stream = AgentProof::stream(version);
        if let Err(error) = self.repository.execute::<AgentProof>(stream, probed, provenance).await {
            log_failure("what was found cannot be kept", &error);
        }
        tracing::info!(agent.version = version, "Claude Code {version} was tried out");
        AgentProof { version: version.to_owned(), findings }
    }
}

/// A promise that does not hold, and what was seen instead.
fn told(proof: &AgentProof, promise: Promise) -> String {
    let found = proof.findings.iter().find(|found| found.promise == promise);
    let detail = found.map_or("it was not tried", |found| &found.detail);
    format!("{} ({detail})", promise.as_str())
}

fn log_failure(what: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error, "{what}");
}
