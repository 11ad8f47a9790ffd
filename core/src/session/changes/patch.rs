//! One difference of a file in the form that `git apply` takes.

use serde::Serialize;

use super::Step;
use super::lines::Lines;
use crate::agent::FileChangeKind;

/// Why the difference of a file is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unpatched {
    /// One of its changes was not compared: the file is too large, or more changed than is looked at.
    NotCompared,
    /// It was changed by others between two changes of the session.
    ChangedBetween,
}

/// What became of a file.
pub(super) struct Difference {
    pub(super) kind: FileChangeKind,
    pub(super) added: u32,
    pub(super) removed: u32,
    /// Whether it may be executed now, where that has changed.
    pub(super) executable: Option<bool>,
    pub(super) patch: Result<String, Unpatched>,
}

/// What is said of contents that are no text: their ids in git, and how to make each of the other.
struct Binary<'a> {
    old_id: &'a str,
    new_id: &'a str,
    forward: &'a str,
    backward: &'a str,
}

/// The difference that the steps of one file add up to; absent if there is none.
pub(super) fn difference(path: &str, steps: &[&Step]) -> Option<Difference> {
    let (first, last) = (steps.first()?, steps.last()?);
    let (was_there, is_there) =
        (first.change.kind != FileChangeKind::Created, last.change.kind != FileChangeKind::Deleted);
    let kind = match (was_there, is_there) {
        (false, false) => return None,
        (false, true) => FileChangeKind::Created,
        (true, true) => FileChangeKind::Modified,
        (true, false) => FileChangeKind::Deleted,
    };
    let executable = executable(kind, steps);
    let (body, added, removed) = match joined(was_there, steps) {
        Ok(joined) => joined,
        Err(why) => {
            let sum =
                |of: fn(&Step) -> u32| steps.iter().fold(0, |sum: u32, step| sum.saturating_add(of(step)));
            let (added, removed) = (sum(|step| step.change.added), sum(|step| step.change.removed));
            return Some(Difference { kind, added, removed, executable, patch: Err(why) });
        }
    };
    if body.is_empty() && kind == FileChangeKind::Modified && executable.is_none() {
        return None;
    }
    let patch = format!("{}{body}", header(path, kind, executable, &body));
    Some(Difference { kind, added, removed, executable, patch: Ok(patch) })
}

/// Before the first step that tells of it, it was the other way.
fn executable(kind: FileChangeKind, steps: &[&Step]) -> Option<bool> {
    let mut told = steps.iter().filter_map(|step| step.change.executable);
    let first = told.next()?;
    let last = told.next_back().unwrap_or(first);
    match kind {
        FileChangeKind::Created => last.then_some(true),
        FileChangeKind::Modified => (first == last).then_some(last),
        FileChangeKind::Deleted => None,
    }
}

/// What follows the file's header, with the lines that it adds and removes.
fn joined(was_there: bool, steps: &[&Step]) -> Result<(String, u32, u32), Unpatched> {
    let mut patches = vec![];
    for step in steps {
        patches.push(step.change.patch.as_deref().ok_or(Unpatched::NotCompared)?);
    }
    let binaries: Vec<_> = patches.iter().filter_map(|patch| binary(patch)).collect();
    if let (Some(first), Some(last)) = (binaries.first(), binaries.last()) {
        let with_content = patches.iter().filter(|patch| !patch.is_empty()).count();
        if with_content != binaries.len() || binaries.windows(2).any(|pair| pair[0].new_id != pair[1].old_id)
        {
            return Err(Unpatched::ChangedBetween);
        }
        let Binary { old_id, backward, .. } = first;
        let Binary { new_id, forward, .. } = last;
        let is_same = old_id == new_id;
        let body = format!("index {old_id}..{new_id}\nGIT binary patch\n{forward}\n\n{backward}\n\n");
        return Ok((if is_same { String::new() } else { body }, 0, 0));
    }
    let mut lines = if was_there { Lines::unknown() } else { Lines::none() };
    let mut is_there = was_there;
    for (step, patch) in steps.iter().zip(patches) {
        if is_there == (step.change.kind == FileChangeKind::Created) {
            return Err(Unpatched::ChangedBetween);
        }
        is_there = step.change.kind != FileChangeKind::Deleted;
        lines.apply(patch).map_err(|_| Unpatched::ChangedBetween)?;
        if step.change.kind == FileChangeKind::Deleted {
            lines.clear();
        }
    }
    Ok(lines.difference())
}

fn binary(patch: &str) -> Option<Binary<'_>> {
    let (ids, literals) = patch.strip_prefix("index ")?.split_once("\nGIT binary patch\n")?;
    let (old_id, new_id) = ids.split_once("..")?;
    let (forward, backward) = literals.trim_end().split_once("\n\n")?;
    Some(Binary { old_id, new_id, forward, backward })
}

fn header(path: &str, kind: FileChangeKind, executable: Option<bool>, body: &str) -> String {
    let mode = |executable| if executable { "100755" } else { "100644" };
    let (old, new) = (quoted("a", path), quoted("b", path));
    let mut header = format!("diff --git {old} {new}\n");
    match (kind, executable) {
        (FileChangeKind::Created, executable) => {
            header += &format!("new file mode {}\n", mode(executable.unwrap_or_default()));
        }
        (FileChangeKind::Deleted, _) => header += "deleted file mode 100644\n",
        (FileChangeKind::Modified, Some(executable)) => {
            header += &format!("old mode {}\nnew mode {}\n", mode(!executable), mode(executable));
        }
        (FileChangeKind::Modified, None) => {}
    }
    if body.starts_with("@@") {
        // Behind a name with a blank a tab says where it ends.
        let end = if path.contains(' ') { "\t" } else { "" };
        let (old, new) = match kind {
            FileChangeKind::Created => ("/dev/null".to_owned(), new + end),
            FileChangeKind::Modified => (old + end, new + end),
            FileChangeKind::Deleted => (old + end, "/dev/null".to_owned()),
        };
        header += &format!("--- {old}\n+++ {new}\n");
    }
    header
}

/// A name as git writes it: in quotes where it has something in it that a line could be misread by.
fn quoted(side: &str, path: &str) -> String {
    let is_odd = |char: char| char.is_control() || char == '"' || char == '\\';
    if !path.contains(is_odd) {
        return format!("{side}/{path}");
    }
    let mut name = format!("\"{side}/");
    for char in path.chars() {
        match char {
            '"' | '\\' => name.extend(['\\', char]),
            char if char.is_control() => {
                let mut bytes = [0; 4];
                char.encode_utf8(&mut bytes).bytes().for_each(|byte| name += &format!("\\{byte:03o}"));
            }
            char => name.push(char),
        }
    }
    name.push('"');
    name
}
