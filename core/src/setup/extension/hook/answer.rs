//! What a hook's program says: its exit code and its JSON, as Claude Code's own hooks have them.

use serde_json::Value;

use super::HookAction;
use crate::ports::hooks::{HookNotRun, HookReply};

/// By this code a program blocks, with what it wrote to its error output.
const BLOCKS: i32 = 2;

/// The most characters of a program's words that are told.
const MAX_TOLD_CHARS: usize = 2000;

/// What a program has decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookAnswer {
    /// Absent where it leaves the decision to others.
    pub decision: Option<HookAction>,
    pub reason: Option<String>,
    /// What the tool is to be used with instead.
    pub updated_input: Option<Value>,
    /// Why it cannot be told what it has decided.
    pub fault: Option<String>,
}

impl HookAnswer {
    pub fn read(replied: Result<HookReply, HookNotRun>) -> Self {
        let fault = |fault: String| Self { fault: Some(fault), ..Self::default() };
        let HookReply { code, stdout, stderr } = match replied {
            Ok(reply) => reply,
            Err(HookNotRun(why)) => return fault(why),
        };
        match code {
            Some(0) => Self::of_output(stdout.trim()).unwrap_or_else(fault),
            Some(BLOCKS) => {
                Self { decision: Some(HookAction::Block), reason: told(&stderr), ..Self::default() }
            }
            code => {
                let how =
                    code.map_or("was ended by a signal".to_owned(), |code| format!("ended with {code}"));
                fault(told(&stderr).map_or_else(|| format!("it {how}"), |said| format!("it {how}: {said}")))
            }
        }
    }

    /// Text that is no object is for people who look at the program, and decides nothing.
    fn of_output(text: &str) -> Result<Self, String> {
        if !text.starts_with('{') {
            return Ok(Self::default());
        }
        let said: Value =
            serde_json::from_str(text).map_err(|error| format!("it said no valid JSON: {error}"))?;
        let specific = &said["hookSpecificOutput"];
        let reason = |field: &Value| field.as_str().and_then(told);
        let decision = match (&specific["permissionDecision"], &said["decision"]) {
            (Value::Null, Value::Null) => None,
            (Value::String(word), _) => Some(decision(word)?),
            (Value::Null, Value::String(word)) => Some(decision(word)?),
            (_, _) => return Err("its decision is no text".to_owned()),
        };
        // Claude Code would let the tool run and end the turn after it.
        let stops = said["continue"] == Value::Bool(false);
        let updated_input = match &specific["updatedInput"] {
            Value::Null => None,
            input @ Value::Object(_) => Some(input.clone()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err("its `updatedInput` is no object".to_owned());
            }
        };
        let reasons = [&specific["permissionDecisionReason"], &said["reason"], &said["stopReason"]];
        Ok(Self {
            decision: if stops { Some(HookAction::Block) } else { decision },
            reason: reasons.into_iter().find_map(reason),
            updated_input,
            fault: None,
        })
    }
}

fn decision(word: &str) -> Result<HookAction, String> {
    match word {
        "allow" | "approve" => Ok(HookAction::Allow),
        "deny" | "block" => Ok(HookAction::Block),
        "ask" => Ok(HookAction::Ask),
        other => Err(format!("`{other}` is no decision")),
    }
}

fn told(text: &str) -> Option<String> {
    let text: String = text.trim().chars().take(MAX_TOLD_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{HookAction, HookAnswer};
    use crate::ports::hooks::{HookNotRun, HookReply};

    fn answer(code: i32, stdout: &Value, stderr: &str) -> HookAnswer {
        let stdout = stdout.as_str().map_or_else(|| stdout.to_string(), str::to_owned);
        HookAnswer::read(Ok(HookReply { code: Some(code), stdout, stderr: stderr.to_owned() }))
    }

    #[test]
    fn programs_decide_as_they_do_for_claude_code() {
        let specific = |decision: &str| {
            let said = json!({ "permissionDecision": decision, "permissionDecisionReason": "so" });
            json!({ "hookSpecificOutput": said })
        };
        for (code, stdout, decision, reason) in [
            (0, json!(""), None, None),
            (0, json!("looked at it"), None, None),
            (0, json!({}), None, None),
            (0, specific("allow"), Some(HookAction::Allow), Some("so")),
            (0, specific("deny"), Some(HookAction::Block), Some("so")),
            (0, specific("ask"), Some(HookAction::Ask), Some("so")),
            (0, json!({ "decision": "block", "reason": "no" }), Some(HookAction::Block), Some("no")),
            (0, json!({ "decision": "approve" }), Some(HookAction::Allow), None),
            (0, json!({ "continue": false, "stopReason": "over" }), Some(HookAction::Block), Some("over")),
            (2, json!({ "decision": "approve" }), Some(HookAction::Block), Some("never")),
        ] {
            let answer = answer(code, &stdout, "never\n");
            assert_eq!((answer.decision, answer.reason.as_deref()), (decision, reason), "{code} {stdout}");
            assert_eq!(answer.fault, None);
        }
    }

    #[test]
    fn an_input_is_changed_with_a_decision_and_without_one() {
        let input = json!({ "command": "ls" });
        let alone = answer(0, &json!({ "hookSpecificOutput": { "updatedInput": input } }), "");
        assert_eq!((alone.decision, alone.updated_input), (None, Some(input)));
    }

    #[test]
    fn what_nobody_understands_is_a_fault() {
        for (code, stdout) in [
            (1, json!("")),
            (127, json!({ "decision": "approve" })),
            (0, json!("{ no json")),
            (0, json!({ "decision": "perhaps" })),
            (0, json!({ "decision": 5 })),
            (0, json!({ "hookSpecificOutput": { "permissionDecision": true } })),
            (0, json!({ "hookSpecificOutput": { "updatedInput": "ls" } })),
        ] {
            let answer = answer(code, &stdout, "broken");
            assert!(answer.fault.is_some() && answer.decision.is_none(), "{code} {stdout}: {answer:?}");
        }
        let late = HookAnswer::read(Err(HookNotRun("it took too long".to_owned())));
        assert_eq!(late.fault.as_deref(), Some("it took too long"));
    }
}
