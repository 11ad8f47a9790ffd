//! Hooks together: which of them apply to a call, and what they come to.
//!
//! There are two lists, those of the folder and those of the session's owner, each from the lowest `order` to
//! the highest, then from the oldest to the newest. In each list the first hook that decides does; what only
//! notes, and a program that leaves it to others, does not. Of the two decisions the stricter one holds. A
//! hook that cannot be evaluated blocks, unless it only notes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::answer::HookAnswer;
use super::condition::{Call, Test};
use super::{Hook, HookAction, HookRef, HookTrigger};
use crate::ids::ExtensionId;

/// A hook that is active in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveHook {
    pub hook: HookRef,
    /// The person who made it, and in whose name it allows.
    pub owner: String,
    pub origin: HookOrigin,
    pub definition: Hook,
}

/// Where a hook comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookOrigin {
    /// It is everybody's in the folder.
    Folder,
    /// It is the session's owner's.
    Owner,
}

/// The hooks of a session, ready to be evaluated.
#[derive(Clone, Debug, Default)]
pub struct HookRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    active: ActiveHook,
    /// Why it cannot be evaluated, otherwise.
    tests: Result<Vec<Test>, String>,
}

/// What the programs of hooks have said about a call so far.
pub type HookAnswers = BTreeMap<ExtensionId, HookAnswer>;

/// What a hook comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The next one is looked at.
    Undecided,
    Allow,
    Ask,
    /// Its program has not been asked.
    Pending,
    Block,
}

/// A hook that applies to a call, or of which nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    pub hook: HookRef,
    pub owner: String,
    pub action: HookAction,
    pub verdict: Verdict,
    pub message: Option<String>,
    /// Why it could not be evaluated.
    pub fault: Option<String>,
    /// What the tool is to be used with instead.
    pub updated_input: Option<Value>,
    /// Another one, of the other list, is stricter.
    pub is_outweighed: bool,
}

impl PartialEq for HookRules {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|rule| &rule.active).eq(other.0.iter().map(|rule| &rule.active))
    }
}

impl HookRules {
    /// Makes hooks ready, which come in the order in which they are looked at.
    pub fn new(active: impl IntoIterator<Item = ActiveHook>) -> Self {
        let rule = |active: ActiveHook| Rule {
            tests: {
                let tests: Result<_, _> = active.definition.conditions.iter().map(Test::compile).collect();
                tests.map_err(|fault| format!("its {} {}", fault.at, fault.detail))
            },
            active,
        };
        Self(active.into_iter().map(rule).collect())
    }

    /// The people who made hooks that may allow something.
    pub fn allowing(&self) -> impl Iterator<Item = &str> {
        let may_allow =
            |rule: &&Rule| matches!(rule.active.definition.action, HookAction::Allow | HookAction::Command);
        self.0.iter().filter(may_allow).map(|rule| rule.active.owner.as_str())
    }

    /// The line that a hook has run, and how long that may take.
    pub fn program(&self, hook: ExtensionId) -> Option<(&str, Duration)> {
        let rule = self.0.iter().find(|rule| rule.active.hook.id == hook)?;
        let definition = &rule.active.definition;
        Some((definition.command.as_deref()?, definition.timeout()))
    }

    /// The answers with which every program leaves it to others.
    pub fn without_programs(&self) -> HookAnswers {
        let programs = self.0.iter().filter(|rule| rule.active.definition.action == HookAction::Command);
        programs.map(|rule| (rule.active.hook.id, HookAnswer::default())).collect()
    }

    /// The input that programs have put in place of a call's; that of the last one.
    pub fn updated_input<'a>(&self, answers: &'a HookAnswers) -> Option<&'a Value> {
        let answered = self.0.iter().rev().filter_map(|rule| answers.get(&rule.active.hook.id));
        answered.filter_map(|answer| answer.updated_input.as_ref()).next()
    }

    /// Those that apply to a call, in order: first those of the folder.
    pub fn evaluate(&self, trigger: HookTrigger, call: &Call<'_>, answers: &HookAnswers) -> Vec<Evaluation> {
        let of = |origin| {
            let rules = self.0.iter().filter(move |rule| rule.active.origin == origin);
            rules.filter(move |rule| rule.active.definition.event == trigger)
        };
        let mut found = until_decided(of(HookOrigin::Folder), call, answers);
        let mut owners = until_decided(of(HookOrigin::Owner), call, answers);
        if let (Some(folders), Some(theirs)) = (deciding(&mut found), deciding(&mut owners)) {
            let outweighed = if theirs.verdict > folders.verdict { folders } else { theirs };
            outweighed.is_outweighed = true;
        }
        found.append(&mut owners);
        found
    }
}

fn deciding(found: &mut [Evaluation]) -> Option<&mut Evaluation> {
    found.last_mut().filter(|last| last.verdict != Verdict::Undecided)
}

/// Those that leave it to others, up to the first that decides.
fn until_decided<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    call: &Call<'_>,
    answers: &HookAnswers,
) -> Vec<Evaluation> {
    let mut found = vec![];
    for rule in rules {
        let Some(evaluation) = rule.evaluate(call, answers.get(&rule.active.hook.id)) else { continue };
        let decides = evaluation.verdict != Verdict::Undecided;
        found.push(evaluation);
        if decides {
            break;
        }
    }
    found
}

impl Rule {
    /// Absent where it does not apply.
    fn evaluate(&self, call: &Call<'_>, answer: Option<&HookAnswer>) -> Option<Evaluation> {
        let ActiveHook { hook, owner, definition, .. } = &self.active;
        let fault = match (answer, &self.tests) {
            (Some(answer), _) => answer.fault.clone(),
            (None, Ok(tests)) if tests.iter().all(|test| test.holds(call)) => None,
            (None, Ok(_)) => return None,
            (None, Err(fault)) => Some(fault.clone()),
        };
        let reason = answer.and_then(|answer| answer.reason.clone());
        let verdict = match (definition.action, &fault) {
            (HookAction::Log, _) => Verdict::Undecided,
            (_, Some(_)) | (HookAction::Block, None) => Verdict::Block,
            (HookAction::Allow, None) => Verdict::Allow,
            (HookAction::Ask, None) => Verdict::Ask,
            (HookAction::Command, None) => answer.map_or(Verdict::Pending, |answer| match answer.decision {
                Some(HookAction::Allow) => Verdict::Allow,
                Some(HookAction::Ask) => Verdict::Ask,
                Some(HookAction::Block) => Verdict::Block,
                Some(HookAction::Log | HookAction::Command) | None => Verdict::Undecided,
            }),
        };
        Some(Evaluation {
            hook: hook.clone(),
            owner: owner.clone(),
            action: definition.action,
            verdict,
            message: reason.or_else(|| definition.message.clone()),
            fault,
            updated_input: answer.and_then(|answer| answer.updated_input.clone()),
            is_outweighed: false,
        })
    }
}
