//! What conditions mean, and what several hooks come to.

use serde_json::{Value, json};
use uuid::Uuid;

use super::condition::{Call, Condition, Operator};
use super::rules::{ActiveHook, Evaluation, HookAnswers, HookOrigin, HookRules};
use super::{Hook, HookAction, HookRef, HookTrigger};
use crate::ids::ExtensionId;
use crate::people::audit::decision::CallNature;
use crate::request::ToolEffect;
use crate::setup::extension::definition::Definition;

fn condition(field: &str, operator: Operator, value: Value) -> Condition {
    Condition { field: field.to_owned(), operator, value }
}

fn hook(action: HookAction, conditions: Vec<Condition>) -> Hook {
    Hook {
        event: HookTrigger::PreToolUse,
        action,
        conditions,
        order: 0,
        message: None,
        command: None,
        timeout_ms: None,
    }
}

fn call<'a>(tool_name: &'a str, input: &'a Value) -> Call<'a> {
    Call {
        tool_name,
        input,
        working_dir: "/srv/work",
        user: "ada",
        model: Some("claude-opus"),
        permission_mode: "default",
    }
}

fn active(number: u128, origin: HookOrigin, definition: Hook) -> ActiveHook {
    let hook = HookRef { id: ExtensionId(Uuid::from_u128(number)), name: format!("h{number}"), version: 1 };
    ActiveHook { hook, owner: "ada".to_owned(), origin, definition }
}

/// Whether a hook with one condition applies.
fn holds(condition: Condition, call: &Call<'_>) -> bool {
    let rules = HookRules::new([active(1, HookOrigin::Owner, hook(HookAction::Block, vec![condition]))]);
    let found = rules.evaluate(HookTrigger::PreToolUse, call, &HookAnswers::new());
    assert!(found.iter().all(|evaluation| evaluation.fault.is_none()), "{found:?}");
    !found.is_empty()
}

#[test]
fn operators_compare_what_a_call_has() {
    let input = json!({
        "command": "sudo rm -rf /\nls", "count": 5, "quiet": true, "tags": ["a", "b"],
        "nested": { "list": [{ "name": "x" }] },
    });
    let bash = call("Bash", &input);
    for (field, operator, value, expected) in [
        ("tool_name", Operator::Equals, json!("Bash"), true),
        ("tool_name", Operator::Equals, json!("bash"), false),
        ("tool_name", Operator::NotEquals, json!("Read"), true),
        ("tool_name", Operator::In, json!(["Read", "Bash"]), true),
        ("tool_name", Operator::NotIn, json!(["Read", "Bash"]), false),
        ("tool_name", Operator::Glob, json!("B*"), true),
        ("tool_input.command", Operator::Contains, json!("rm -rf"), true),
        ("tool_input.command", Operator::Matches, json!(r"\brm\s+-rf"), true),
        ("tool_input.command", Operator::Matches, json!("(?m)^ls$"), true),
        ("tool_input.command", Operator::Glob, json!("sudo rm*"), true),
        ("tool_input.count", Operator::Equals, json!(5), true),
        ("tool_input.count", Operator::Equals, json!("5"), true),
        ("tool_input.quiet", Operator::Equals, json!(true), true),
        ("tool_input.quiet", Operator::NotEquals, json!(false), true),
        ("tool_input.tags", Operator::Contains, json!("b"), true),
        ("tool_input.tags", Operator::Contains, json!("c"), false),
        ("tool_input.tags.1", Operator::Equals, json!("b"), true),
        ("tool_input.nested.list.0.name", Operator::Equals, json!("x"), true),
        ("tool_input.nested", Operator::Contains, json!("name"), true),
        ("tool_input", Operator::Matches, json!("rm -rf"), true),
        ("working_dir", Operator::Glob, json!("/srv/**"), true),
        ("working_dir", Operator::Glob, json!("/*"), false),
        ("user", Operator::Equals, json!("ada"), true),
        ("model", Operator::Contains, json!("opus"), true),
        ("permission_mode", Operator::In, json!(["default", "plan"]), true),
    ] {
        assert_eq!(holds(condition(field, operator, value.clone()), &bash), expected, "{field} {value}");
    }
}

#[test]
fn what_a_call_does_not_have_fits_no_value() {
    let input = json!({ "command": "ls" });
    for (operator, expected) in [
        (Operator::Equals, false),
        (Operator::NotEquals, true),
        (Operator::Contains, false),
        (Operator::Matches, false),
        (Operator::Glob, false),
    ] {
        let absent = condition("tool_input.file_path", operator, json!("x"));
        assert_eq!(holds(absent, &call("Bash", &input)), expected, "{operator:?}");
    }
    let without_model = Call { model: None, ..call("Bash", &input) };
    assert!(!holds(condition("model", Operator::In, json!(["x"])), &without_model));
    assert!(holds(condition("model", Operator::NotIn, json!(["x"])), &without_model));
}

#[test]
fn names_of_files_are_compared_without_detours() {
    for (tool, field, path, applies) in [
        ("Read", "file_path", "/etc/passwd", true),
        ("Read", "file_path", "/srv/work/../../etc/./passwd", true),
        ("Read", "file_path", "../../etc/passwd", true),
        ("Read", "file_path", "/srv/etc/passwd", false),
        ("Read", "file_path", "/../etc/passwd", true),
        ("Grep", "path", "../../etc", false),
        ("Grep", "path", "../../etc/x", true),
        ("mcp__db__get", "path", "../../etc/x", false),
    ] {
        let input = json!({ field: path });
        let below = condition(&format!("tool_input.{field}"), Operator::Glob, json!("/etc/*"));
        assert_eq!(holds(below, &call(tool, &input)), applies, "{tool} {path}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_named_by_its_place() {
    for (field, operator, value, at) in [
        ("tool", Operator::Equals, json!("x"), "field"),
        ("tool_input.", Operator::Equals, json!("x"), "field"),
        ("tool_input..a", Operator::Equals, json!("x"), "field"),
        ("tool_name", Operator::Equals, json!(["x"]), "value"),
        ("tool_name", Operator::Equals, Value::Null, "value"),
        ("tool_name", Operator::In, json!("x"), "value"),
        ("tool_name", Operator::In, json!([]), "value"),
        ("tool_name", Operator::In, json!([["x"]]), "value"),
        ("tool_name", Operator::Matches, json!("("), "value"),
        ("tool_name", Operator::Matches, json!(5), "value"),
        ("tool_name", Operator::Matches, json!(""), "value"),
        ("tool_name", Operator::Matches, json!("(((a{1,100}){1,100}){1,100}){1,100}"), "value"),
        ("tool_name", Operator::Glob, json!("[a"), "value"),
        ("tool_name", Operator::Contains, json!("x".repeat(1001)), "value"),
    ] {
        let fine = condition("tool_name", Operator::Equals, json!("Bash"));
        let wrong = condition(field, operator, value.clone());
        let refused = hook(HookAction::Log, vec![fine, wrong]).check().unwrap_err();
        assert_eq!(refused.pointer, format!("/conditions/1/{at}"), "{field} {value}");
    }
    let many = vec![condition("user", Operator::Equals, json!("x")); 21];
    assert_eq!(hook(HookAction::Log, many).check().unwrap_err().pointer, "/conditions");
}

/// The names of those that apply, with `!` where another one is stricter.
fn applying(hooks: Vec<ActiveHook>) -> Vec<String> {
    let found = HookRules::new(hooks).evaluate(
        HookTrigger::PreToolUse,
        &call("Bash", &Value::Null),
        &HookAnswers::new(),
    );
    let told =
        |Evaluation { hook, is_outweighed, .. }: Evaluation| hook.name + if is_outweighed { "!" } else { "" };
    found.into_iter().map(told).collect()
}

#[test]
fn the_first_that_applies_decides_and_what_only_notes_does_not() {
    let reads = vec![condition("tool_name", Operator::Equals, json!("Read"))];
    let own = |number, action| active(number, HookOrigin::Owner, hook(action, vec![]));

    let found = applying(vec![
        own(1, HookAction::Log),
        active(2, HookOrigin::Owner, hook(HookAction::Block, reads)),
        own(3, HookAction::Allow),
        own(4, HookAction::Log),
        own(5, HookAction::Block),
    ]);

    assert_eq!(found, ["h1", "h3"]);
}

#[test]
fn of_the_folders_and_the_owners_the_stricter_one_holds() {
    use HookAction::{Allow, Ask, Block};
    for (folders, owners, expected) in [
        (Allow, Block, ["h1!", "h2"]),
        (Block, Allow, ["h1", "h2!"]),
        (Ask, Allow, ["h1", "h2!"]),
        (Allow, Ask, ["h1!", "h2"]),
        (Block, Ask, ["h1", "h2!"]),
        (Ask, Ask, ["h1", "h2!"]),
    ] {
        let found = applying(vec![
            active(1, HookOrigin::Folder, hook(folders, vec![])),
            active(2, HookOrigin::Owner, hook(owners, vec![])),
        ]);
        assert_eq!(found, expected, "{folders:?} {owners:?}");
    }
}

#[test]
fn what_cannot_be_evaluated_applies_and_says_why() {
    let broken = || vec![condition("tool_name", Operator::Matches, json!("("))];
    let rules = HookRules::new([
        active(1, HookOrigin::Owner, hook(HookAction::Log, broken())),
        active(2, HookOrigin::Owner, hook(HookAction::Allow, broken())),
        active(3, HookOrigin::Owner, hook(HookAction::Block, vec![])),
    ]);

    let found = rules.evaluate(HookTrigger::PreToolUse, &call("Bash", &Value::Null), &HookAnswers::new());

    let told: Vec<_> = found.iter().map(|one| (one.hook.name.as_str(), one.fault.is_some())).collect();
    assert_eq!(told, [("h1", true), ("h2", true)]);
}

#[test]
fn only_what_names_tools_that_read_allows_no_more_than_reading() {
    let nature = |name: &str, _: &Value| CallNature {
        effect: if ["Read", "Glob"].contains(&name) { ToolEffect::Reads } else { ToolEffect::Other },
        target: None,
    };
    for (conditions, expected) in [
        (vec![condition("tool_name", Operator::In, json!(["Read", "Glob"]))], false),
        (vec![condition("tool_name", Operator::Equals, json!("Read"))], false),
        (
            vec![
                condition("user", Operator::Equals, json!("ada")),
                condition("tool_name", Operator::Equals, json!("Read")),
            ],
            false,
        ),
        (vec![condition("tool_name", Operator::In, json!(["Read", "Bash"]))], true),
        (vec![condition("tool_name", Operator::NotIn, json!(["Bash"]))], true),
        (vec![condition("tool_name", Operator::Matches, json!("Read"))], true),
        (vec![condition("tool_input.tool_name", Operator::Equals, json!("Read"))], true),
        (vec![], true),
    ] {
        let asked = hook(HookAction::Allow, conditions.clone());
        assert_eq!(asked.may_allow_more_than_reading(nature), expected, "{conditions:?}");
        assert!(!hook(HookAction::Block, conditions).may_allow_more_than_reading(nature));
    }
}

#[test]
fn a_hook_is_stored_like_this_for_ever() {
    let stored = json!({
        "kind": "hook", "event": "PreToolUse", "action": "allow",
        "conditions": [{ "field": "tool_name", "operator": "in", "value": ["Read", "Glob"] }],
        "order": 3, "message": "Reading is fine.",
    });
    let conditions = vec![condition("tool_name", Operator::In, json!(["Read", "Glob"]))];
    let message = Some("Reading is fine.".to_owned());
    let definition = Definition::Hook(Hook { order: 3, message, ..hook(HookAction::Allow, conditions) });

    assert_eq!(serde_json::to_value(&definition).unwrap(), stored);
    assert_eq!(serde_json::from_value::<Definition>(stored).unwrap(), definition);
}
