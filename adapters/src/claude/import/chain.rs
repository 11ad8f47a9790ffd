//! The branch of a transcript that its agent would go on with.
//!
//! Lines point to the line before them. Retries, rewinds and crashes leave branches that nobody goes on with;
//! the newest line is on the right one, unless the last word of the file is that a person went back. Three
//! kinds of lines are beside it and belong to it all the same: the parts of one message of the model, the
//! results of tools that it used at once, and the compactions that a command asked for.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::line::{Line, Meaning};

/// The lines of a conversation in the order in which they were written.
pub(super) struct Chain<'a> {
    pub(super) lines: Vec<&'a Line>,
    /// How many branches were left and are not in it.
    pub(super) left: usize,
}

/// The main conversation.
pub(super) fn main_chain(lines: &[Line]) -> Chain<'_> {
    chain(lines, |line| !line.is_of_subagent())
}

/// The lines of a subagent's own transcript.
pub(super) fn subagent_chain(lines: &[Line]) -> Vec<&Line> {
    chain(lines, |_| true).lines
}

fn chain(lines: &[Line], belongs: fn(&Line) -> bool) -> Chain<'_> {
    let mut places = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        if let Some(uuid) = line.uuid() {
            places.entry(uuid).or_insert(place);
        }
    }
    let mut chosen = BTreeSet::new();
    let newest = |end: usize| lines[..end].iter().rposition(|line| line.uuid().is_some() && belongs(line));
    let mut next = went_back_to(lines, &places, belongs).or_else(|| newest(lines.len()));
    while let Some(tip) = next {
        let root = walk(lines, &places, tip, &mut chosen);
        // Before a compaction, and where a line could not be read, the conversation was another branch.
        let goes_on = lines[root].is_boundary() || lines[root].parent().is_some();
        next = newest(if goes_on { root.min(tip) } else { 0 });
    }
    add_beside(lines, belongs, &mut chosen);
    let is_left = |(place, line): &(usize, &Line)| {
        let parent = line.parent().and_then(|parent| places.get(parent));
        let is_first = line.uuid().and_then(|uuid| places.get(uuid)) == Some(place);
        let begins = parent.is_none_or(|parent| chosen.contains(parent));
        belongs(line) && is_first && begins && !chosen.contains(place) && line.meaning() != Meaning::Nothing
    };
    let left = lines.iter().enumerate().filter(is_left).count();
    Chain { lines: chosen.into_iter().map(|place| &lines[place]).collect(), left }
}

/// The line that a person went back to, if that is the last thing they did.
fn went_back_to(lines: &[Line], places: &HashMap<&str, usize>, belongs: fn(&Line) -> bool) -> Option<usize> {
    let newest = lines.iter().rposition(|line| line.uuid().is_some() && belongs(line))?;
    let leaf =
        lines[newest..].iter().rev().find_map(Line::leaf).and_then(|leaf| places.get(leaf)).copied()?;
    // What the agent did after the leaf, without another prompt, was not left.
    let mut next = Some(newest);
    while let Some(place) = next.filter(|place| *place > leaf) {
        if matches!(lines[place].meaning(), Meaning::Prompt(_)) {
            return Some(leaf);
        }
        next = lines[place].parent().and_then(|parent| places.get(parent)).copied().filter(|at| *at < place);
    }
    (next != Some(leaf)).then_some(leaf)
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
    let uuids: HashSet<&str> = chosen.iter().filter_map(|place| lines[*place].uuid()).collect();
    let is_compaction =
        |line: &Line| belongs(line) && line.compacted().is_some_and(|parent| uuids.contains(parent));
    let compactions = lines.iter().enumerate().filter(|(_, line)| is_compaction(line));
    chosen.extend(compactions.map(|(place, _)| place));
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
