//! Hooks at the gate: what the rules of people make of a call, beside the table of the mode.
//!
//! A hook that allows spares a question and nothing else: what the mode refuses stays refused, and so does
//! whatever asks people by itself. More than reading it allows only in the name of somebody who may have
//! agents work without asking. Where nobody is asked, a hook that wants somebody to be asked blocks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::agent::PermissionMode;
use crate::ids::TurnId;
use crate::request::{Answer, DecidedBy, DeciderKind, Decision, Mismatch, ToolEffect, ToolGate};
use crate::session::Session;
use crate::session::event::{HookCalled, HookEvaluated, HookEvent, HookOutcome, SessionEvent, ToolEvent};
use crate::session::gate::{GateRule, NOBODY_IS_ASKED};
use crate::session::hooks_in_force::HooksInForce;
use crate::setup::extension::hook::condition::Call;
use crate::setup::extension::hook::rules::{Evaluation, HookRules, Verdict};
use crate::setup::extension::hook::{HookRef, HookTrigger};

/// What hooks make of a call that they do not block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookVerdict {
    /// People are asked, and read this.
    Ask(String),
    Allow(DecidedBy),
}

impl HookVerdict {
    /// The one that an event tells of.
    pub(super) fn of(event: &SessionEvent) -> Option<Self> {
        let SessionEvent::Hook(HookEvent::Evaluated(evaluated)) = event else { return None };
        match evaluated.outcome {
            HookOutcome::Ask => Some(Self::Ask(evaluated.message.clone().unwrap_or_default())),
            HookOutcome::Allow => Some(Self::Allow(decided_by(&evaluated.hook))),
            HookOutcome::Block | HookOutcome::None => None,
        }
    }
}

impl Session {
    /// The events of the hooks that apply to a call, and the refusal if one of them blocks it.
    pub(super) fn hooked(&self, turn: TurnId, gate: &ToolGate, hooks: &HooksInForce) -> Vec<SessionEvent> {
        let evaluated = match self.pending(gate, hooks) {
            Some(hook) => {
                let (event, tool_use_id) = (HookTrigger::PreToolUse, gate.tool_use_id.clone());
                let called = HookCalled { turn, hook, event, tool_use_id, tool_name: gate.tool_name.clone() };
                return vec![HookEvent::Called(called).into()];
            }
            None => self.evaluated(turn, gate, hooks),
        };
        let block = evaluated.iter().find(|evaluated| evaluated.outcome == HookOutcome::Block);
        let refusal = block.map(|block| ToolEvent::PolicyApplied {
            turn,
            tool_use_id: gate.tool_use_id.clone(),
            tool_name: gate.tool_name.clone(),
            decision: Decision::Deny,
            decided_by: decided_by(&block.hook),
            message: block.message.clone().unwrap_or_default(),
        });
        let refusal = refusal.map(SessionEvent::from);
        evaluated.into_iter().map(|one| HookEvent::Evaluated(one).into()).chain(refusal).collect()
    }

    /// What each hook that applies to a call makes of it.
    pub fn evaluated(&self, turn: TurnId, gate: &ToolGate, hooks: &HooksInForce) -> Vec<HookEvaluated> {
        let found = self.found(gate, hooks);
        let told = found.into_iter().map(|evaluation| {
            let (outcome, message) = self.outcome(&evaluation, gate.effect, &hooks.may_bypass);
            HookEvaluated {
                turn,
                hook: evaluation.hook,
                event: HookTrigger::PreToolUse,
                action: evaluation.action,
                outcome,
                tool_use_id: Some(gate.tool_use_id.clone()),
                tool_name: Some(gate.tool_name.clone()),
                message,
                updated_input: evaluation.updated_input,
            }
        });
        told.collect()
    }

    /// The hook whose program has to be asked before a call is judged.
    fn pending(&self, gate: &ToolGate, hooks: &HooksInForce) -> Option<HookRef> {
        let is_pending = |one: &Evaluation| one.verdict == Verdict::Pending && !one.is_outweighed;
        self.found(gate, hooks).into_iter().find(is_pending).map(|evaluation| evaluation.hook)
    }

    fn found(&self, gate: &ToolGate, hooks: &HooksInForce) -> Vec<Evaluation> {
        let input = hooks.rules.updated_input(&hooks.answers).unwrap_or(&gate.input);
        let Some(call) = self.call(&gate.tool_name, input) else { return vec![] };
        hooks.rules.evaluate(HookTrigger::PreToolUse, &call, &hooks.answers)
    }

    /// What the program of a hook is told about a call, as Claude Code's own hooks are.
    pub fn told_to_hook(&self, gate: &ToolGate, hooks: &HooksInForce) -> Value {
        let opened = self.opened();
        json!({
            "session_id": opened.map(|opened| opened.session),
            "cwd": opened.map(|opened| &opened.working_dir),
            "permission_mode": self.mode,
            "hook_event_name": HookTrigger::PreToolUse,
            "tool_name": gate.tool_name,
            "tool_input": hooks.rules.updated_input(&hooks.answers).unwrap_or(&gate.input),
            "tool_use_id": gate.tool_use_id,
        })
    }

    /// What is wrong with an answer that has a tool used with something that a hook blocks.
    pub fn blocked_answer(&self, request_id: &str, answer: &Answer, rules: &HookRules) -> Option<Mismatch> {
        let input = answer.updated_input.as_ref()?;
        let open = self.waiting().iter().find(|open| open.request.request_id == request_id)?;
        let call = self.call(&open.request.tool_name, input)?;
        let found = rules.evaluate(HookTrigger::PreToolUse, &call, &rules.without_programs());
        let blocks = |found: &&Evaluation| found.verdict == Verdict::Block && !found.is_outweighed;
        let block = found.iter().find(blocks)?;
        let detail = format!("the hook `{}` blocks a call with this", block.hook.name);
        Some(Mismatch { pointer: "/updated_input".to_owned(), detail })
    }

    fn call<'a>(&'a self, tool_name: &'a str, input: &'a Value) -> Option<Call<'a>> {
        let opened = self.opened()?;
        let told = self.profile.as_ref().map(|profile| profile.model.as_str());
        Some(Call {
            tool_name,
            input,
            working_dir: &opened.working_dir,
            user: &opened.owner,
            model: self.model().or(told),
            permission_mode: self.mode.as_str(),
        })
    }

    fn outcome(
        &self,
        evaluation: &Evaluation,
        effect: ToolEffect,
        may_bypass: &BTreeSet<String>,
    ) -> (HookOutcome, Option<String>) {
        let Evaluation { hook, verdict, message, fault, .. } = evaluation;
        let none = |why: &str| (HookOutcome::None, Some(why.to_owned()));
        let said = |default: String| Some(message.clone().unwrap_or(default));
        let is_refused = matches!(self.gate_rule(effect), GateRule::Refuse(_));
        match (verdict, fault) {
            (Verdict::Undecided, fault) => (HookOutcome::None, fault.clone()),
            _ if evaluation.is_outweighed => none("another hook is stricter"),
            (Verdict::Allow | Verdict::Ask | Verdict::Block | Verdict::Pending, Some(fault)) => {
                let text = format!("The hook `{}` cannot be evaluated: {fault}", hook.name);
                (HookOutcome::Block, Some(text))
            }
            (Verdict::Pending, None) => none("its program was not asked"),
            (Verdict::Block, None) => {
                (HookOutcome::Block, said(format!("The hook `{}` blocks this.", hook.name)))
            }
            (Verdict::Ask, None) if is_refused => none("the permission mode refuses it"),
            (Verdict::Ask, None) if self.mode == PermissionMode::DontAsk => {
                (HookOutcome::Block, Some(NOBODY_IS_ASKED.to_owned()))
            }
            (Verdict::Ask, None) => {
                (HookOutcome::Ask, said(format!("the hook `{}` has people asked about it", hook.name)))
            }
            (Verdict::Allow, None) if !self.may_be_spared(effect) => {
                none("the permission mode does not leave it to people")
            }
            (Verdict::Allow, None)
                if effect != ToolEffect::Reads && !may_bypass.contains(&evaluation.owner) =>
            {
                none("it does more than read, and the hook's owner has no right to bypassPermissions")
            }
            (Verdict::Allow, None) => (HookOutcome::Allow, message.clone()),
        }
    }

    /// Whether nothing but people would stand in the way of a call. What the agent asks for itself it asks
    /// for a reason.
    pub(super) fn may_be_spared(&self, effect: ToolEffect) -> bool {
        let is_refused = matches!(self.gate_rule(effect), GateRule::Refuse(_));
        effect != ToolEffect::Notes && !is_refused && self.refused_when_asked(effect).is_none()
    }

    /// Whether a hook wants people to be asked about a call.
    pub(super) fn is_asked_by_hook(&self, tool_use_id: &str) -> bool {
        self.asked_by_hooks.contains(tool_use_id)
    }

    pub(super) fn apply_hook(&mut self, event: HookEvent) {
        let evaluated = match event {
            HookEvent::Called(called) => {
                self.waiting_for_hooks.insert(called.tool_use_id);
                return;
            }
            HookEvent::Evaluated(evaluated) => evaluated,
        };
        if let Some(tool_use_id) = &evaluated.tool_use_id {
            self.waiting_for_hooks.remove(tool_use_id);
        }
        if let (HookOutcome::Ask, Some(tool_use_id)) = (evaluated.outcome, evaluated.tool_use_id) {
            self.asked_by_hooks.insert(tool_use_id);
        }
    }
}

fn decided_by(hook: &HookRef) -> DecidedBy {
    DecidedBy { kind: DeciderKind::Rule, id: Some(hook.id.to_string()), name: Some(hook.name.clone()) }
}
