//! What no line of code may say.

/// The most columns of a line, as `.rustfmt.toml` has it for code; rustfmt leaves comments alone.
const MAX_COLUMNS: usize = 110;

/// Lines, counted from 1, with a rung of a ladder over an enum of events.
///
/// The compiler names every `match` that a new event is missing from, and no ladder.
pub(super) fn ladders_over_events(text: &str) -> Vec<usize> {
    let is_rung = |line: &str| {
        let pattern = line.split_once("else if ").and_then(|(_, condition)| condition.split_once("let "));
        pattern.is_some_and(|(_, pattern)| pattern.contains("Event::") || pattern.contains("AgentOutput::"))
    };
    numbers_of(text, |line| !is_comment(line) && is_rung(line))
}

/// Lines, counted from 1, with a comment that is wider than the code may be.
pub(super) fn wide_comments(text: &str) -> Vec<usize> {
    numbers_of(text, |line| is_comment(line) && line.chars().count() > MAX_COLUMNS)
}

fn numbers_of(text: &str, is_found: impl Fn(&str) -> bool) -> Vec<usize> {
    text.lines().zip(1..).filter(|(line, _)| is_found(line)).map(|(_, number)| number).collect()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn a_ladder_over_events_is_found_and_other_branches_are_not() {
    let ladder = "
        if let SessionEvent::TurnStarted { .. } = event {
        } else if let SessionEvent::Turn(TurnEvent::Failed { .. }) = event {
        } else if is_late && let Some(AgentOutput::Text { .. }) = output {
        }";
    let others = "
        // Never write `else if let SessionEvent::TurnStarted`.
        if let SessionEvent::TurnStarted { .. } = event {
        } else if let Some(turn) = turn {
            record(SessionEvent::TurnFailed { turn });
        } else if event == SessionEvent::Archived {
        }
        let SessionEvent::Archived = event else { return };";

    assert_eq!(ladders_over_events(ladder), [3, 4]);
    assert_eq!(ladders_over_events(others), [0; 0]);
}

#[test]
fn a_wide_comment_is_found_and_wide_code_is_not() {
    let wide = "x".repeat(MAX_COLUMNS);
    let lines = format!("//{wide}\n    /// {wide}\nlet text = \"http://{wide}\";\n// {}\n", &wide[3..]);

    assert_eq!(wide_comments(&lines), [1, 2]);
}
