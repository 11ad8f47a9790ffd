//! The page about the format of scripts, held against what is read.

use crate::offline_model::script::Script;

const PAGE: &str = include_str!("../../../../docs/offline-model.md");

/// The words that a reader names when it meets one that it does not know.
fn expected(script: &str) -> Vec<String> {
    let error = Script::parse(script).unwrap_err().to_string();
    let words = error.split_once("expected").unwrap().1.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn every_field_of_a_script_is_on_the_page() {
    let of = |before: &str, after: &str| expected(&format!(r#"[{before}"no_such_field": 1{after}]"#));
    let fields = [
        of("{", "}"),
        of(r#"{"error": {"status": 500, "#, "}}"),
        of(r#"{"text": "a", "usage": {"#, "}}"),
        of(r#"{"tool_use": {"name": "Bash", "#, "}}"),
        expected(r#"[{"text": "a", "stop_reason": "no_such_reason"}]"#),
    ];

    for field in fields.iter().flatten() {
        assert!(PAGE.contains(&format!("`{field}`")), "{field}");
    }
    assert!(fields.iter().map(Vec::len).sum::<usize>() > 25, "{fields:?}");
}

#[test]
fn scripts_on_the_page_are_read() {
    let whole = PAGE.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = PAGE.split("````\n").nth(1).unwrap();

    assert_eq!(Script::parse(whole.unwrap()).map(|script| script.replies().len()), Ok(6));
    assert_eq!(Script::find_in_prompt(block).unwrap().map(|script| script.replies().len()), Ok(2));
}
