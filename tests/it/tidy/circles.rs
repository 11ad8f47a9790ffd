//! Finds files of a crate that use each other in a loop.
//!
//! A file uses another when its code names what the other defines. A name that is handed on by `pub use`
//! belongs to the file that defines it; `mod child;` and `pub use` by themselves use nothing; methods are not
//! seen. A child is a part of its parent: what it takes from there closes no circle, what others take does.

mod names;
mod reading;
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use names::arrows;
use reading::Crate;

/// The names that one file takes from another.
type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// Files that reach each other by what they use, with the arrows between them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    files: BTreeSet<String>,
    arrows: Arrows,
}

impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} files use each other in a circle:", self.files.len())?;
        self.arrows.iter().try_for_each(|((from, to), names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            writeln!(f, "  {from} -> {to}: {}", names.join(", "))
        })
    }
}

/// The circles of the crate that begins at `root`, a path among `sources`.
pub(super) fn circles(sources: &BTreeMap<String, String>, root: &str) -> Vec<Circle> {
    let mut arrows = arrows(&Crate::read(sources, root));
    arrows.retain(|(from, to), _| !is_part_of(from, to, root));
    let files: BTreeSet<&String> = arrows.keys().flat_map(|(from, to)| [from, to]).collect();
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        files.into_iter().map(|file| (file, reached_from(file, &arrows))).collect();
    let mut found: Vec<Circle> = vec![];
    for (file, reach) in reached.iter().filter(|(file, reach)| reach.contains(*file)) {
        if found.iter().any(|circle| circle.files.contains(*file)) {
            continue;
        }
        let files: BTreeSet<String> = reach
            .iter()
            .filter(|other| reached[**other].contains(file))
            .map(|other| (*other).clone())
            .collect();
        let inside = arrows.iter().filter(|((from, to), _)| files.contains(from) && files.contains(to));
        let arrows = inside.map(|(ends, names)| (ends.clone(), names.clone())).collect();
        found.push(Circle { files, arrows });
    }
    found
}

fn reached_from<'a>(start: &'a String, arrows: &'a Arrows) -> BTreeSet<&'a String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(file) = open.pop() {
        let next = arrows.keys().filter(|(from, _)| from == file).map(|(_, to)| to);
        open.extend(next.filter(|to| reached.insert(*to)));
    }
    reached
}

/// The file is a child of the other one, or a child's child; all are of the root.
fn is_part_of(file: &str, other: &str, root: &str) -> bool {
    let rest = other.strip_suffix(".rs").and_then(|folder| file.strip_prefix(folder));
    other == root || rest.is_some_and(|rest| rest.starts_with('/'))
}
