//! The gate for tool uses: each comes here before it happens, in every permission mode.
//!
//! The lists are of what is let through; what nobody knows is asked about, or refused where nobody is asked.
//! To be let through is not yet to be allowed: the agent's own rules come next, which ask about commands and
//! about files (see [`ToolEffect`] for what they are left to decide).

use std::path::{Component, Path};

use crate::agent::PermissionMode;
use crate::ids::{ProcessId, TurnId};
use crate::request::{DecidedBy, DeciderKind, Decision, ToolEffect, ToolGate};
use crate::session::Session;
use crate::session::event::{HookEvent, SessionEvent, ToolEvent};
use crate::session::hooks_in_force::HooksInForce;

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

/// A call that was let through, and who or what allows it unless somebody is asked after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub turn: TurnId,
    pub tool_use_id: String,
    pub decided_by: DecidedBy,
}

impl Session {
    /// The events of a call that waits to be let through.
    pub(super) fn gated(
        &self,
        turn: TurnId,
        gate: ToolGate,
        (process, hooks): (ProcessId, &HooksInForce),
    ) -> Vec<SessionEvent> {
        if self.is_denied_when_asked(&gate.tool_use_id) {
            return vec![];
        }
        if let Some(released) = self.release_at(turn, &gate.tool_use_id, process) {
            return vec![released];
        }
        let mut events = self.hooked(turn, &gate, hooks);
        let is_settled = |event: &SessionEvent| {
            matches!(event, SessionEvent::Tool(_) | SessionEvent::Hook(HookEvent::Called(_)))
        };
        let is_settled = events.iter().any(is_settled);
        let GateRule::Refuse(message) = self.gate_rule(gate.effect) else { return events };
        if is_settled {
            return events;
        }
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
        let refused = ToolEvent::PolicyApplied {
            turn,
            tool_use_id: gate.tool_use_id,
            tool_name: gate.tool_name,
            decision: Decision::Deny,
            decided_by,
            message: message.to_owned(),
        };
        events.push(refused.into());
        events
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

    /// Who or what allows a call that passes now, if nobody is asked about it and the agent does not refuse
    /// it. A mode is named only where it alone is enough; all else the agent's program judges by itself.
    pub fn allowance(&self, gate: &ToolGate) -> Option<Allowance> {
        let decided_by = match (self.mode, gate.effect) {
            (PermissionMode::BypassPermissions, _) => DecidedBy::mode(self.mode.as_str()),
            (PermissionMode::AcceptEdits, ToolEffect::WritesFiles) if self.is_edit_in_folders(gate) => {
                DecidedBy::mode(self.mode.as_str())
            }
            (mode, _) => DecidedBy::agent(mode.as_str()),
        };
        let turn = self.turn_of_call(Some(&gate.tool_use_id)).or(self.last_turn())?;
        Some(Allowance { turn, tool_use_id: gate.tool_use_id.clone(), decided_by })
    }

    /// Whether a file lies in the folders of the session, by its name. Hidden ones may need more than a mode.
    fn is_edit_in_folders(&self, gate: &ToolGate) -> bool {
        let (Some(opened), Some(target)) = (self.opened(), &gate.target) else { return false };
        let folders = std::iter::once(&opened.working_dir).chain(&opened.options.add_dirs);
        folders.filter_map(|folder| Path::new(target).strip_prefix(folder).ok()).any(|path| {
            let is_plain = |part: Component| {
                matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."))
            };
            path.components().all(is_plain)
        })
    }

    /// The calls that may have been used by a process of which nobody is left to tell: nobody was asked,
    /// nothing refused them, and nothing came back. The mode may be another one than when they passed.
    pub fn unsettled_calls(&self) -> Vec<Allowance> {
        let has_process = self.running.as_ref().map_or(self.has_background_work(), |turn| !turn.parked);
        if !has_process {
            return vec![];
        }
        let decided_by = DecidedBy::agent(self.mode.as_str());
        let is_held = |tool_use_id: &str| self.waiting_for_hooks.contains(tool_use_id);
        let unsettled = self.open_calls.unsettled().filter(|(tool_use_id, _)| !is_held(tool_use_id));
        let calls = unsettled.map(|(tool_use_id, turn)| Allowance {
            turn,
            tool_use_id: tool_use_id.to_owned(),
            decided_by: decided_by.clone(),
        });
        calls.collect()
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
