//! The gate for tool uses: each comes here before it happens, in every permission mode.
//!
//! The lists are of what is let through; what nobody knows is asked about, or refused where nobody is asked.
//! To be let through is not yet to be allowed: the agent's own rules come next, which ask about commands and
//! about files (see [`ToolEffect`] for what they are left to decide).

use crate::agent::PermissionMode;
use crate::ids::{ProcessId, TurnId};
use crate::request::{DecidedBy, DeciderKind, Decision, ToolEffect, ToolGate};
use crate::session::Session;
use crate::session::event::{SessionEvent, ToolEvent};

/// The text that the agent reads when plan mode refuses a call.
pub(super) const NOT_WHILE_PLANNING: &str = "Plan mode is on: nothing may be changed before the plan is approved. \
     Read what you need, then present the plan.";

/// The text that the agent reads where nobody is asked.
pub(super) const NOBODY_IS_ASKED: &str =
    "Nobody is asked in this session: only reading and harmless commands are allowed.";

const WITHHELD: &str = "This server does not let agents use this tool.";

/// The reason that people read who are asked because of this table.
const ASKED: &str = "this tool is not one of those that only read";

/// The fate of a tool use at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateRule {
    /// The agent's own rules decide.
    Pass,
    /// People are asked whatever the agent's rules say, and read this.
    Ask(&'static str),
    /// With the text that the agent reads.
    Refuse(&'static str),
}

impl Session {
    /// The events of a call that waits to be let through.
    pub(super) fn gated(&self, turn: TurnId, gate: ToolGate, process: ProcessId) -> Vec<SessionEvent> {
        if self.is_denied_when_asked(&gate.tool_use_id) {
            return vec![];
        }
        if let Some(released) = self.release_at(turn, &gate.tool_use_id, process) {
            return vec![released];
        }
        let GateRule::Refuse(message) = self.gate_rule(gate.effect) else { return vec![] };
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
        vec![
            ToolEvent::PolicyApplied {
                turn,
                tool_use_id: gate.tool_use_id,
                tool_name: gate.tool_name,
                decision: Decision::Deny,
                decided_by,
                message: message.to_owned(),
            }
            .into(),
        ]
    }

    /// Whether a person has refused a call of a process that asks about everything. At its gate Claude Code
    /// 2.1.332 puts words of its own before theirs, so that it is told when it asks.
    pub(super) fn is_denied_when_asked(&self, tool_use_id: &str) -> bool {
        let decided = self.decided_about(tool_use_id);
        self.asks_everything.is_some()
            && decided.is_some_and(|settled| settled.settlement.decision == Decision::Deny)
    }

    /// The text that the agent reads if it asks about a call that its mode refuses whatever people say;
    /// absent where people decide.
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

    /// The rule that holds for a tool use now.
    pub fn gate_rule(&self, effect: ToolEffect) -> GateRule {
        match (self.mode, effect) {
            (_, ToolEffect::Withheld) => GateRule::Refuse(WITHHELD),
            (PermissionMode::BypassPermissions, _) | (_, ToolEffect::Reads | ToolEffect::Notes) => {
                GateRule::Pass
            }
            (PermissionMode::Default | PermissionMode::AcceptEdits, ToolEffect::Other) => {
                GateRule::Ask(ASKED)
            }
            (
                PermissionMode::Default | PermissionMode::AcceptEdits,
                ToolEffect::WritesFiles
                | ToolEffect::RunsCommands
                | ToolEffect::StartsAgents
                | ToolEffect::LoadsSkills,
            ) => GateRule::Pass,
            // The tool uses of a subagent come to the gate as well. A command that may change something is
            // asked about, and refused then, unless the agent's process was started to ask about nothing:
            // that stays with the process whatever mode it is told later.
            (PermissionMode::Plan, ToolEffect::StartsAgents) => GateRule::Pass,
            (PermissionMode::Plan, ToolEffect::RunsCommands) if !self.was_bypassed => GateRule::Pass,
            (
                PermissionMode::Plan,
                ToolEffect::WritesFiles
                | ToolEffect::RunsCommands
                | ToolEffect::LoadsSkills
                | ToolEffect::Other,
            ) => GateRule::Refuse(NOT_WHILE_PLANNING),
            // The agent refuses by itself the commands that it would ask about.
            (PermissionMode::DontAsk, ToolEffect::RunsCommands | ToolEffect::StartsAgents) => GateRule::Pass,
            (
                PermissionMode::DontAsk,
                ToolEffect::WritesFiles | ToolEffect::LoadsSkills | ToolEffect::Other,
            ) => GateRule::Refuse(NOBODY_IS_ASKED),
        }
    }
}
