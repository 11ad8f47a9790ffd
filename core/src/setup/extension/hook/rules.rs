//! Hooks together: which of them apply to a call, and what they come to.
//!
//! There are two lists, those of the folder and those of the session's owner, each from the lowest `order` to
//! the highest, then from the oldest to the newest. In each list the first hook that applies decides; what
//! only notes does not decide. Of the two decisions the stricter one holds. A hook that cannot be evaluated
//! blocks, unless it only notes.

use super::condition::{Call, Test};
use super::{Hook, HookAction, HookRef, HookTrigger};

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

/// A hook that applies to a call, or of which nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    pub hook: HookRef,
    pub owner: String,
    pub action: HookAction,
    pub message: Option<String>,
    /// Why it could not be evaluated.
    pub fault: Option<String>,
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

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The people who made hooks that allow something.
    pub fn allowing(&self) -> impl Iterator<Item = &str> {
        let allowing = self.0.iter().filter(|rule| rule.active.definition.action == HookAction::Allow);
        allowing.map(|rule| rule.active.owner.as_str())
    }

    /// Those that apply to a call, in order: first those of the folder.
    pub fn evaluate(&self, trigger: HookTrigger, call: &Call<'_>) -> Vec<Evaluation> {
        let of = |origin| self.0.iter().filter(move |rule| rule.active.origin == origin);
        let mut found = first_match(of(HookOrigin::Folder), trigger, call);
        let folders = found.last().and_then(Evaluation::strictness);
        let mut owners = first_match(of(HookOrigin::Owner), trigger, call);
        let theirs = owners.last().and_then(Evaluation::strictness);
        if let (Some(folders), Some(theirs)) = (folders, theirs) {
            let outweighed = if theirs > folders { found.last_mut() } else { owners.last_mut() };
            if let Some(outweighed) = outweighed {
                outweighed.is_outweighed = true;
            }
        }
        found.append(&mut owners);
        found
    }
}

/// Those that only note, up to the first that decides.
fn first_match<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    trigger: HookTrigger,
    call: &Call<'_>,
) -> Vec<Evaluation> {
    let mut found = vec![];
    for rule in rules.filter(|rule| rule.active.definition.event == trigger) {
        let fault = match &rule.tests {
            Ok(tests) if tests.iter().all(|test| test.holds(call)) => None,
            Ok(_) => continue,
            Err(fault) => Some(fault.clone()),
        };
        let ActiveHook { hook, owner, definition, .. } = &rule.active;
        let evaluation = Evaluation {
            hook: hook.clone(),
            owner: owner.clone(),
            action: definition.action,
            message: definition.message.clone(),
            fault,
            is_outweighed: false,
        };
        let decides = evaluation.strictness().is_some();
        found.push(evaluation);
        if decides {
            break;
        }
    }
    found
}

impl Evaluation {
    /// How strict its decision is; absent where it only notes.
    fn strictness(&self) -> Option<u8> {
        match (self.action, &self.fault) {
            (HookAction::Log, _) => None,
            (HookAction::Allow, None) => Some(0),
            (HookAction::Ask, None) => Some(1),
            (HookAction::Block, None)
            | (HookAction::Allow | HookAction::Ask | HookAction::Block, Some(_)) => Some(2),
        }
    }
}
