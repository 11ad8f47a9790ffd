//! What may happen in which permission mode. Every tool use comes here before it happens, in every mode.
//!
//! The lists are of what is let through; what nobody knows is asked about, or refused where nobody is asked.
//! To be let through is not yet to be allowed: the agent's own rules come next, which ask about commands and
//! about files (see [`ToolEffect`] for what they are left to decide).

use crate::agent::PermissionMode;
use crate::ids::{ProcessId, TurnId};
use crate::request::{DecidedBy, DeciderKind, Decision, ToolEffect, ToolGate};
use crate::session::Session;
use crate::session::event::SessionEvent;

/// What the agent reads when plan mode refuses a call.
pub(super) const NOT_WHILE_PLANNING: &str = "Plan mode is on: nothing may be changed before the plan is approved. \
     Read what you need, then present the plan.";

/// What the agent reads where nobody is asked.
pub(super) const NOBODY_IS_ASKED: &str =
    "Nobody is asked in this session: only reading and harmless commands are allowed.";

const WITHHELD: &str = "This server does not let agents use this tool.";

/// What people read who are asked because of this table.
const ASKED: &str = "this tool is not one of those that only read";

/// What becomes of a tool use at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Pass,
    Ask,
    /// What the agent reads.
    Refuse(&'static str),
}

impl Session {
    /// The events of a call that waits to be let through.
    pub(super) fn gated(&self, turn: TurnId, gate: ToolGate, process: ProcessId) -> Vec<SessionEvent> {
        if let Some(released) = self.release_at(turn, &gate.tool_use_id, process) {
            return vec![released];
        }
        let Rule::Refuse(message) = self.rule(gate.effect) else { return vec![] };
        let decided_by = match gate.effect {
            ToolEffect::Withheld => {
                DecidedBy { kind: DeciderKind::Policy, id: None, name: Some("server".to_owned()) }
            }
            ToolEffect::Reads
            | ToolEffect::Notes
            | ToolEffect::WritesFiles
            | ToolEffect::RunsCommands
            | ToolEffect::StartsAgents
            | ToolEffect::LoadsSkills
            | ToolEffect::Other => DecidedBy::mode(self.mode.as_str()),
        };
        vec![SessionEvent::PolicyApplied {
            turn,
            tool_use_id: gate.tool_use_id,
            tool_name: gate.tool_name,
            decision: Decision::Deny,
            decided_by,
            message: message.to_owned(),
        }]
    }

    /// Why people are to be asked about a call that was let through, whatever the agent's own rules say; absent
    /// where these decide.
    pub fn asks_about(&self, effect: ToolEffect) -> Option<&'static str> {
        (self.rule(effect) == Rule::Ask).then_some(ASKED)
    }

    /// What the agent reads if it asks about a call that its mode refuses whatever people say; absent where they
    /// decide.
    pub(super) fn refused_when_asked(&self, effect: ToolEffect) -> Option<&'static str> {
        match (self.mode, effect) {
            (PermissionMode::Plan, ToolEffect::Reads | ToolEffect::Notes | ToolEffect::StartsAgents) => None,
            (PermissionMode::Plan, _) => Some(NOT_WHILE_PLANNING),
            (PermissionMode::DontAsk, _) => Some(NOBODY_IS_ASKED),
            (_, ToolEffect::Withheld) => Some(WITHHELD),
            (
                PermissionMode::Default | PermissionMode::AcceptEdits | PermissionMode::BypassPermissions,
                _,
            ) => None,
        }
    }

    fn rule(&self, effect: ToolEffect) -> Rule {
        match (self.mode, effect) {
            (_, ToolEffect::Withheld) => Rule::Refuse(WITHHELD),
            (PermissionMode::BypassPermissions, _) | (_, ToolEffect::Reads | ToolEffect::Notes) => Rule::Pass,
            (PermissionMode::Default | PermissionMode::AcceptEdits, ToolEffect::Other) => Rule::Ask,
            (
                PermissionMode::Default | PermissionMode::AcceptEdits,
                ToolEffect::WritesFiles
                | ToolEffect::RunsCommands
                | ToolEffect::StartsAgents
                | ToolEffect::LoadsSkills,
            ) => Rule::Pass,
            // What a subagent does comes to the gate as well. A command that may change something is asked
            // about, and refused then, unless the agent was started to ask about nothing.
            (PermissionMode::Plan, ToolEffect::StartsAgents) => Rule::Pass,
            (PermissionMode::Plan, ToolEffect::RunsCommands)
                if self.mode_before_plan != Some(PermissionMode::BypassPermissions) =>
            {
                Rule::Pass
            }
            (
                PermissionMode::Plan,
                ToolEffect::WritesFiles
                | ToolEffect::RunsCommands
                | ToolEffect::LoadsSkills
                | ToolEffect::Other,
            ) => Rule::Refuse(NOT_WHILE_PLANNING),
            // The agent refuses by itself what it would ask about.
            (
                PermissionMode::DontAsk,
                ToolEffect::WritesFiles | ToolEffect::RunsCommands | ToolEffect::StartsAgents,
            ) => Rule::Pass,
            (PermissionMode::DontAsk, ToolEffect::LoadsSkills | ToolEffect::Other) => {
                Rule::Refuse(NOBODY_IS_ASKED)
            }
        }
    }
}
