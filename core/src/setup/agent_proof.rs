//! What a version of the agent's program was seen to keep.
//!
//! Sessions rely on a few things that only the program itself can do: to stop at the gate, to ask, to change
//! nothing while it plans. A version that nobody has tried may do otherwise, so each of these is a promise
//! that is tried with the real program, and what was found is kept in the log under the version's name.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::agent::PermissionMode;
use crate::ids::{StreamId, TenantId};
use crate::log::{Aggregate, AggregateEvent, Effects, LogStream, stream_of_name};
use crate::time::Timestamp;

/// Something that sessions rely on and that the program alone can keep.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// Each tool call stops at the server's gate, in every permission mode.
    GateInEveryMode,
    /// What changes something waits for people where they are to be asked.
    AsksPeople,
    /// In plan mode nothing is changed.
    PlanChangesNothing,
    /// Where nobody is asked, nothing runs that people would be asked about.
    DontAskRefuses,
    /// Settings of a folder that nobody trusts have no effect.
    FolderSettingsIgnored,
    /// A call that waited when its process ended is taken up by the next one, once.
    WaitingCallTakenUp,
    /// A turn costs its own calls, over any number of processes.
    CostsAddUp,
}

impl Promise {
    pub const ALL: [Self; 7] = [
        Self::GateInEveryMode,
        Self::AsksPeople,
        Self::PlanChangesNothing,
        Self::DontAskRefuses,
        Self::FolderSettingsIgnored,
        Self::WaitingCallTakenUp,
        Self::CostsAddUp,
    ];

    /// Its name in events, in answers and for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GateInEveryMode => "gate_in_every_mode",
            Self::AsksPeople => "asks_people",
            Self::PlanChangesNothing => "plan_changes_nothing",
            Self::DontAskRefuses => "dont_ask_refuses",
            Self::FolderSettingsIgnored => "folder_settings_ignored",
            Self::WaitingCallTakenUp => "waiting_call_taken_up",
            Self::CostsAddUp => "costs_add_up",
        }
    }

    /// Whether people in sessions of this mode are protected by it.
    pub const fn protects(self, mode: PermissionMode) -> bool {
        match self {
            Self::GateInEveryMode | Self::FolderSettingsIgnored => true,
            Self::AsksPeople => matches!(mode, PermissionMode::Default | PermissionMode::AcceptEdits),
            Self::PlanChangesNothing => matches!(mode, PermissionMode::Plan),
            Self::DontAskRefuses => matches!(mode, PermissionMode::DontAsk),
            Self::WaitingCallTakenUp | Self::CostsAddUp => false,
        }
    }
}

/// A promise that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    pub promise: Promise,
    pub holds: bool,
    /// What was seen instead; empty where it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    pub took_ms: u64,
}

/// A version of the program, and what was found when it was tried last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProof {
    /// Empty before the first event.
    pub version: String,
    pub findings: Vec<Finding>,
}

/// What is known of the program's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProofReport {
    pub state: ProofState,
    /// Empty for a version that this server was tested with, and for one that is being tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// How a version is known to keep what sessions rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofState {
    /// It is one that this server was tested with.
    Tested,
    /// It is being tried.
    Underway,
    /// It was tried, and all holds.
    Proved,
    /// It was tried, and something does not hold.
    Broken,
    /// There is no program, or it is not tried here.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum AgentProofEvent {
    AgentProbed { version: String, findings: Vec<Finding>, at: Timestamp },
}

/// Findings to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    pub version: String,
    pub findings: Vec<Finding>,
    pub at: Timestamp,
}

impl AggregateEvent for AgentProofEvent {
    fn concerns_agents(&self) -> bool {
        false
    }
}

impl Aggregate for AgentProof {
    type Command = Probed;
    type Event = AgentProofEvent;
    type Action = Infallible;
    type Refusal = Infallible;

    const KIND: &'static str = "agent_proof";

    fn decide(&self, probed: Probed) -> Result<Effects<AgentProofEvent, Infallible>, Infallible> {
        let Probed { version, findings, at } = probed;
        Ok(vec![AgentProofEvent::AgentProbed { version, findings, at }].into())
    }

    fn apply(&mut self, AgentProofEvent::AgentProbed { version, findings, .. }: AgentProofEvent) {
        self.version = version;
        self.findings = findings;
    }
}

impl AgentProof {
    /// The program is the machine's, so its versions belong to the first team, the operators'.
    pub fn stream(version: &str) -> LogStream {
        LogStream::of::<Self>(Self::id(version), TenantId::first())
    }

    pub fn id(version: &str) -> StreamId {
        stream_of_name(Self::KIND, version)
    }

    /// Whether every promise was tried and holds.
    pub fn is_whole(&self) -> bool {
        Promise::ALL.into_iter().all(|promise| self.holds(promise))
    }

    /// The promises that sessions of a mode rely on and that do not hold, or were not tried.
    pub fn broken_for(&self, mode: PermissionMode) -> impl Iterator<Item = Promise> {
        Promise::ALL.into_iter().filter(move |promise| promise.protects(mode) && !self.holds(*promise))
    }

    fn holds(&self, promise: Promise) -> bool {
        self.findings.iter().any(|found| found.promise == promise && found.holds)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AgentProof, AgentProofEvent, Finding, Probed, Promise};
    use crate::agent::PermissionMode;
    use crate::log::Aggregate;
    use crate::time::Timestamp;

    fn finding(promise: Promise, holds: bool) -> Finding {
        Finding { promise, holds, detail: String::new(), took_ms: 7 }
    }

    fn probed(findings: Vec<Finding>) -> AgentProof {
        let command = Probed { version: "2.2.0".to_owned(), findings, at: Timestamp::from_micros(7) };
        let mut proof = AgentProof::default();
        let effects = proof.decide(command).unwrap();
        effects.events.into_iter().for_each(|event| proof.apply(event));
        proof
    }

    #[test]
    fn version_is_proved_by_every_promise_and_by_its_last_trial() {
        let all: Vec<_> = Promise::ALL.map(|promise| finding(promise, true)).into();
        assert!(probed(all.clone()).is_whole());
        assert!(!probed(all[1..].to_vec()).is_whole(), "one was not tried");

        let mut broken = all;
        broken[3].holds = false;
        assert!(!probed(broken).is_whole());
        assert!(!AgentProof::default().is_whole());
    }

    #[test]
    fn every_mode_is_protected_and_names_are_those_of_json() {
        for mode in PermissionMode::ALL {
            assert!(Promise::ALL.into_iter().any(|promise| promise.protects(mode)), "{mode:?}");
        }
        for promise in Promise::ALL {
            assert_eq!(serde_json::to_value(promise).unwrap(), promise.as_str());
        }
    }

    #[test]
    fn events_are_stored_like_this_for_ever() {
        let line = json!({ "type": "agent_probed", "data": { "version": "2.2.0", "findings": [
            { "promise": "asks_people", "holds": true, "took_ms": 7 },
            { "promise": "costs_add_up", "holds": false, "detail": "2 calls", "took_ms": 7 }],
            "at": "2026-11-22T10:24:13.000Z" } });
        let at: Timestamp = serde_json::from_value(line["data"]["at"].clone()).unwrap();
        let other = Finding { detail: "2 calls".to_owned(), ..finding(Promise::CostsAddUp, false) };
        let findings = vec![finding(Promise::AsksPeople, true), other];
        let event = AgentProofEvent::AgentProbed { version: "2.2.0".to_owned(), findings, at };

        assert_eq!(serde_json::to_value(&event).unwrap(), line);
        assert_eq!(serde_json::from_value::<AgentProofEvent>(line).unwrap(), event);
    }
}
