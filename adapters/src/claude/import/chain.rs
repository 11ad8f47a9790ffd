//! The branch of a transcript that its agent would go on with.
//!
//! Lines point to the line before them. Retries, rewinds and crashes leave branches that nobody goes on with;
//! the newest line is on the right one. Two kinds of lines are beside it and belong to it all the same: the
//! parts of one message of the model, and the results of tools that it used at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::line::Line;

/// The lines of the main conversation, in the order in which they were written.
pub(super) fn main_chain(lines: &[Line]) -> Vec<&Line> {
    chain(lines, |line| !line.is_of_subagent())
}

/// The lines of a subagent's own transcript.
pub(super) fn subagent_chain(lines: &[Line]) -> Vec<&Line> {
    chain(lines, |_| true)
}

fn chain(lines: &[Line], belongs: fn(&Line) -> bool) -> Vec<&Line> {
    let mut places = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        if let Some(uuid) = line.uuid() {
            places.entry(uuid).or_insert(place);
        }
    }
    let mut chosen = BTreeSet::new();
    let mut end = lines.len();
    while let Some(tip) = lines[..end].iter().rposition(|line| line.uuid().is_some() && belongs(line)) {
        let root = walk(lines, &places, tip, &mut chosen);
        // Before a compaction, and where a line could not be read, the conversation was another branch.
        let goes_on = lines[root].is_boundary() || lines[root].parent().is_some();
        end = if goes_on { root.min(tip) } else { 0 };
    }
    add_beside(lines, belongs, &mut chosen);
    chosen.into_iter().map(|place| &lines[place]).collect()
}

/// Chooses a line and all lines that it follows; returns the first of them.
fn walk(lines: &[Line], places: &HashMap<&str, usize>, tip: usize, chosen: &mut BTreeSet<usize>) -> usize {
    let mut root = tip;
    let mut next = Some(tip);
    while let Some(place) = next.filter(|place| chosen.insert(*place)) {
        root = place;
        next = lines[place].parent().and_then(|parent| places.get(parent)).copied();
    }
    root
}

fn add_beside(lines: &[Line], belongs: fn(&Line) -> bool, chosen: &mut BTreeSet<usize>) {
    let messages: HashSet<&str> = chosen.iter().filter_map(|place| lines[*place].message()).collect();
    let is_part = |line: &Line| line.message().is_some_and(|message| messages.contains(message));
    let belonging = || lines.iter().enumerate().filter(|(_, line)| belongs(line));
    chosen.extend(belonging().filter(|(_, line)| is_part(line)).map(|(place, _)| place));
    let used: HashSet<&str> = chosen.iter().flat_map(|place| lines[*place].tool_uses()).collect();
    let answered = chosen.iter().flat_map(|place| lines[*place].tool_results());
    let mut answered: HashSet<&str> = answered.collect();
    for (place, line) in belonging() {
        let is_missing = line.tool_results().any(|id| used.contains(id) && !answered.contains(id));
        if is_missing || line.output_of().is_some_and(|id| used.contains(id)) {
            answered.extend(line.tool_results());
            chosen.insert(place);
        }
    }
}
