//! What an import did, in numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The outcome of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    pub imported: u64,
    pub grown: u64,
    pub unchanged: u64,
    /// They went another way than what was imported before, which stays.
    pub branched: u64,
    /// Sessions of this server's own.
    pub made_here: u64,
    pub empty: u64,
    pub failed: u64,
    /// Branches that were left, in what was imported.
    pub left_branches: u64,
    /// Subagents that no tool use leads to, in what was imported, and their tokens.
    pub left_subagents: u64,
    pub left_tokens: u64,
    pub unreadable_lines: u64,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = [
            (self.unchanged, "with nothing new"),
            (self.made_here, "that this server made itself"),
            (self.empty, "without a conversation"),
        ];
        let reasons: Vec<String> = skipped
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect();
        write!(f, "{} imported, ", self.imported)?;
        if self.grown > 0 {
            write!(f, "{} continued, ", self.grown)?;
        }
        if self.branched > 0 {
            write!(f, "{} branched, ", self.branched)?;
        }
        write!(f, "{} skipped", skipped.iter().map(|(count, _)| count).sum::<u64>())?;
        if !reasons.is_empty() {
            write!(f, " ({})", reasons.join(", "))?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.left_branches > 0 {
            write!(f, ", {} branches that were left", self.left_branches)?;
        }
        if self.left_subagents > 0 {
            let (subagents, tokens) = (self.left_subagents, self.left_tokens);
            write!(f, ", {subagents} subagents of no tool use left out ({tokens} tokens)")?;
        }
        write!(f, ", {} unreadable lines", self.unreadable_lines)
    }
}

impl ImportReport {
    pub(super) fn add(&mut self, other: &Self) {
        self.imported += other.imported;
        self.grown += other.grown;
        self.unchanged += other.unchanged;
        self.branched += other.branched;
        self.made_here += other.made_here;
        self.empty += other.empty;
        self.failed += other.failed;
        self.left_branches += other.left_branches;
        self.left_subagents += other.left_subagents;
        self.left_tokens += other.left_tokens;
        self.unreadable_lines += other.unreadable_lines;
    }
}
