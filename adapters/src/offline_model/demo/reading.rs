//! What can be told of a file without understanding it.

use super::words::{quoted, shortened};

/// The beginnings of lines that define something, before its name.
const DEFINITIONS: &[&str] =
    &["def ", "class ", "fn ", "struct ", "enum ", "trait ", "function ", "interface ", "func "];
/// The same in a text.
const HEADINGS: &[&str] = &["# ", "## "];
/// Words that may stand before those.
const MODIFIERS: &[&str] = &["pub ", "pub(crate) ", "export ", "default ", "public ", "static ", "async "];
const MAX_DEFINITIONS: usize = 8;

/// A file as the tool that reads shows it: a number and the text of each line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Contents<'a> {
    /// Reads what the tool has said; `None` if that is no file, for example that it has not changed.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut lines = vec![];
        for line in text.lines() {
            let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
            match rest.strip_prefix(['\t', '→']) {
                Some(line_of_file) => lines.push(line_of_file),
                // What the program says behind the file.
                None => break,
            }
        }
        // A file that ends with a newline is shown with an empty line behind it.
        if lines.len() > 1 && lines.last() == Some(&"") {
            lines.pop();
        }
        (!lines.is_empty()).then_some(Self { lines })
    }

    /// A sentence about it.
    pub(super) fn sentence(&self, name: &str) -> String {
        let count = self.lines.len();
        let mut sentence = format!("I read `{name}`: {count} {}", if count == 1 { "line" } else { "lines" });
        if let Some(begins) = self.lines.iter().find_map(|line| said(line)) {
            sentence.push_str(&format!(", beginning with “{}”", shortened(begins, 80)));
        }
        let defined = if name.ends_with(".md") { self.headings() } else { self.definitions() };
        if !defined.is_empty() {
            sentence.push_str(&format!("; it has {}", quoted(&defined)));
        }
        sentence + "."
    }

    fn headings(&self) -> Vec<&'a str> {
        let headings = self
            .lines
            .iter()
            .filter_map(|line| Some(HEADINGS.iter().find_map(|mark| line.strip_prefix(mark))?.trim()));
        headings.take(MAX_DEFINITIONS).collect()
    }

    fn definitions(&self) -> Vec<&'a str> {
        let names = self.lines.iter().filter_map(|line| {
            let mut rest = line.trim_start();
            while let Some(after) = MODIFIERS.iter().find_map(|word| rest.strip_prefix(word)) {
                rest = after;
            }
            let rest = DEFINITIONS.iter().find_map(|word| rest.strip_prefix(word))?;
            let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
            (!name.is_empty()).then_some(name)
        });
        names.take(MAX_DEFINITIONS).collect()
    }
}

/// The words of a line, without the marks of comments and texts; `None` if it has none.
fn said(line: &str) -> Option<&str> {
    let words = line.trim_matches(|c: char| c.is_whitespace() || "\"'#/*!-".contains(c));
    (!line.starts_with("#!") && !words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::Contents;

    #[test]
    fn program_is_told_by_its_first_words_and_what_it_defines() {
        let text = "1\t#!/usr/bin/env python3\n2\t\"\"\"Greets people.\"\"\"\n3\t\n4\tasync def greet(name):\n\
                    5\t    pass\n6\tclass Guest:\n7\t\n\n<system-reminder>1\tno part of it</system-reminder>";

        let told = Contents::read(text).unwrap().sentence("main.py");

        assert_eq!(
            told,
            "I read `main.py`: 6 lines, beginning with “Greets people.”; it has `greet`, `Guest`."
        );
    }

    #[test]
    fn text_without_numbers_is_no_file() {
        assert_eq!(Contents::read("File unchanged since the last read."), None);
    }
}
