//! Differences of a text that follow one another, as one.
//!
//! A unified diff tells the lines that it changes and a few around them, so the text need not be known: what
//! is now is made of stretches of what was before, and of lines that came since. A line of before is known
//! once a diff has shown it, and every line that the whole difference shows was shown by one of its parts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Lines that are shown around a change.
const CONTEXT: u64 = 3;

/// Why differences cannot be joined: one of them tells of other lines than those before it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DoesNotFollow;

/// A text as it is, in terms of what it was.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    before: BTreeMap<u64, String>,
    now: Vec<Piece>,
}

/// Lines end with their newline, where they have one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Lines of before, counted from 0. The last piece has all that follow, however many there are.
    Kept {
        from: u64,
        count: u64,
    },
    Added(String),
}

const REST: u64 = u64::MAX;

/// Lines that were taken out and put in at one place.
struct Change<'a> {
    from: u64,
    removed: Vec<&'a str>,
    added: Vec<&'a str>,
}

impl Lines {
    /// A text of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self { before: BTreeMap::new(), now: vec![Piece::Kept { from: 0, count: REST }] }
    }

    /// A file that was not there.
    pub(super) fn none() -> Self {
        Self { before: BTreeMap::new(), now: vec![] }
    }

    /// The file is gone, with all that no difference has told of.
    pub(super) fn clear(&mut self) {
        self.now.clear();
    }

    /// Applies a unified diff without file headers.
    pub(super) fn apply(&mut self, diff: &str) -> Result<(), DoesNotFollow> {
        let mut lines = diff.split_inclusive('\n').peekable();
        let mut place = 0;
        while let Some(line) = lines.next() {
            if line.starts_with("@@ ") {
                place = self.split(hunk_start(line).ok_or(DoesNotFollow)?)?;
                continue;
            }
            let has_end = lines.next_if(|next| next.starts_with('\\')).is_none();
            let (sign, text) = line.split_at_checked(1).ok_or(DoesNotFollow)?;
            let text = if has_end { text } else { text.trim_end_matches('\n') };
            match sign {
                " " => {
                    self.meet(place, text)?;
                    place += 1;
                }
                "-" => {
                    self.meet(place, text)?;
                    self.now.remove(place);
                }
                "+" => {
                    self.now.insert(place, Piece::Added(text.to_owned()));
                    place += 1;
                }
                _ => return Err(DoesNotFollow),
            }
        }
        Ok(())
    }

    /// The piece that begins with a line of now, counted from 0.
    fn split(&mut self, line: u64) -> Result<usize, DoesNotFollow> {
        let mut left = line;
        for place in 0..self.now.len() {
            let length = match &self.now[place] {
                Piece::Added(_) => 1,
                Piece::Kept { count, .. } => *count,
            };
            match (left, &self.now[place]) {
                (0, _) => return Ok(place),
                (_, Piece::Kept { from, count }) if left < length => {
                    let (from, count) = (*from, *count);
                    let rest = if count == REST { REST } else { count - left };
                    self.now[place] = Piece::Kept { from, count: left };
                    self.now.insert(place + 1, Piece::Kept { from: from + left, count: rest });
                    return Ok(place + 1);
                }
                _ => left -= length,
            }
        }
        if left == 0 { Ok(self.now.len()) } else { Err(DoesNotFollow) }
    }

    /// Makes one line a piece of its own, which must read like this.
    fn meet(&mut self, place: usize, text: &str) -> Result<(), DoesNotFollow> {
        match self.now.get(place) {
            Some(Piece::Added(added)) if added == text => Ok(()),
            Some(Piece::Kept { from, count }) => {
                let (from, count) = (*from, *count);
                if count > 1 {
                    let rest = if count == REST { REST } else { count - 1 };
                    self.now[place] = Piece::Kept { from, count: 1 };
                    self.now.insert(place + 1, Piece::Kept { from: from + 1, count: rest });
                }
                let known = self.before.entry(from).or_insert_with(|| text.to_owned());
                if known == text { Ok(()) } else { Err(DoesNotFollow) }
            }
            Some(Piece::Added(_)) | None => Err(DoesNotFollow),
        }
    }

    /// The whole difference, with the lines that it adds and removes; empty if there is none.
    pub(super) fn difference(&self) -> (String, u32, u32) {
        let changes = self.changes();
        let count = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
        let added = count(changes.iter().map(|change| change.added.len()).sum());
        let removed = count(changes.iter().map(|change| change.removed.len()).sum());
        let mut text = String::new();
        let mut shift = 0_i64;
        let mut rest = changes.as_slice();
        while !rest.is_empty() {
            let together = 1 + rest.windows(2).take_while(|pair| self.are_close(&pair[0], &pair[1])).count();
            let (hunk, others) = rest.split_at(together);
            self.write_hunk(hunk, shift, &mut text);
            for change in hunk {
                shift += signed(change.added.len() as u64) - signed(change.removed.len() as u64);
            }
            rest = others;
        }
        (text, added, removed)
    }

    fn changes(&self) -> Vec<Change<'_>> {
        let mut changes = vec![];
        let (mut from, mut added) = (0, vec![]);
        for piece in &self.now {
            match piece {
                Piece::Added(text) => added.push(text.as_str()),
                Piece::Kept { from: next, count } => {
                    changes.extend(self.change(from..*next, std::mem::take(&mut added)));
                    from = next.saturating_add(*count);
                }
            }
        }
        changes.extend(self.change(from..REST, added));
        changes
    }

    /// What is the same at both ends is no change.
    fn change<'a>(&'a self, range: std::ops::Range<u64>, mut added: Vec<&'a str>) -> Option<Change<'a>> {
        let mut from = range.start;
        let mut removed: Vec<&str> = self.before.range(range).map(|(_, text)| text.as_str()).collect();
        let same = removed.iter().zip(&added).take_while(|(old, new)| old == new).count();
        removed.drain(..same);
        added.drain(..same);
        from += same as u64;
        while removed.last().is_some() && removed.last() == added.last() {
            removed.pop();
            added.pop();
        }
        (!removed.is_empty() || !added.is_empty()).then_some(Change { from, removed, added })
    }

    /// Whether two changes are shown together: the lines between them are few, and known.
    fn are_close(&self, one: &Change<'_>, next: &Change<'_>) -> bool {
        let between = one.end()..next.from;
        next.from - one.end() <= 2 * CONTEXT && between.clone().all(|line| self.before.contains_key(&line))
    }

    fn write_hunk(&self, changes: &[Change<'_>], shift: i64, text: &mut String) {
        let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return };
        let known = |line: &u64| self.before.contains_key(line);
        let above = first.from.saturating_sub(CONTEXT)..first.from;
        let start = first.from - above.rev().take_while(known).count() as u64;
        let below = (last.end()..last.end() + CONTEXT).take_while(known).count() as u64;
        let end = last.end() + below;
        let (mut body, mut at) = (String::new(), start);
        let mut new_count = end - start;
        for change in changes {
            (at..change.from).for_each(|line| push(&mut body, ' ', self.before.get(&line)));
            change.removed.iter().for_each(|line| push(&mut body, '-', Some(line)));
            change.added.iter().for_each(|line| push(&mut body, '+', Some(line)));
            at = change.end();
            new_count = new_count + change.added.len() as u64 - change.removed.len() as u64;
        }
        (at..end).for_each(|line| push(&mut body, ' ', self.before.get(&line)));
        // A range without lines is named by the line before it.
        let number = |line: u64, count: u64| if count == 0 { line } else { line + 1 };
        let new_start = u64::try_from(signed(start) + shift).unwrap_or_default();
        let (old_count, old_from) = (end - start, number(start, end - start));
        let new_from = number(new_start, new_count);
        writeln!(text, "@@ -{old_from},{old_count} +{new_from},{new_count} @@").ok();
        text.push_str(&body);
    }
}

impl Change<'_> {
    /// The line of before that follows it.
    fn end(&self) -> u64 {
        self.from + self.removed.len() as u64
    }
}

fn push(body: &mut String, sign: char, line: Option<impl AsRef<str>>) {
    let Some(line) = line else { return };
    body.push(sign);
    body.push_str(line.as_ref());
    if !line.as_ref().ends_with('\n') {
        body.push_str("\n\\ No newline at end of file\n");
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The line of the old text at which a hunk begins, counted from 0.
fn hunk_start(header: &str) -> Option<u64> {
    let old = header.strip_prefix("@@ -")?.split(' ').next()?;
    let (start, count) = old.split_once(',').unwrap_or((old, "1"));
    let (start, count): (u64, u64) = (start.parse().ok()?, count.parse().ok()?);
    // A range without lines is named by the line before it.
    if count == 0 { Some(start) } else { start.checked_sub(1) }
}
