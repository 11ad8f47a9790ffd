//! The demonstration, played where nobody wrote a script: looks around, reads and reports. It only reads,
//! unless the prompt asks for something to be written, which is how to see a permission being asked for.
//!
//! Each step is computed from the results of the tools, so a refused tool changes the story instead of
//! breaking it.

mod reading;
mod wish;
mod words;

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use self::{
    reading::Contents,
    wish::Wish,
    words::{quoted, shortened},
};
use super::{
    conversation::{ToolResult, ToolUse as PastUse, Turn},
    reply::{Block, Message, ToolUse},
    request::Request,
};

const NOTE: &str = "offline-demo.md";
const TEXT_EXTENSIONS: &[&str] = &[
    "md", "txt", "rst", "toml", "yaml", "yml", "rs", "py", "ts", "tsx", "js", "go", "java", "rb", "sh",
    "html", "css", "csv",
];
/// Slow enough to see the text arrive.
const CHUNK_DELAY: Duration = Duration::from_millis(15);
const MAX_SHOWN: usize = 20;

/// The next message of the demonstration.
pub(super) fn reply(request: &Request, turn: &Turn<'_>) -> Message {
    let demo = Demo::new(request, turn);
    let used: HashSet<&str> = turn.tool_uses.iter().map(|tool_use| tool_use.name).collect();
    let is_next = |tool: &str| request.has_tool(tool) && !used.contains(tool);

    let blocks = if demo.looked.is_none() && is_next("Glob") {
        demo.find_files()
    } else if demo.looked.is_none() && is_next("Bash") {
        demo.list_files()
    } else if is_next("Read") && !demo.files_to_read().is_empty() {
        demo.read_files()
    } else if demo.wish.writes && is_next("Write") {
        demo.write_note()
    } else if turn.replies > used.len() {
        // The report was given. A message after it is a nudge, say of a hook or of a finished task.
        vec![Block::Text("There is nothing to add to the report above.".into())]
    } else {
        vec![Block::Text(demo.report())]
    };
    Message { chunk_delay: CHUNK_DELAY, ..Message::new(blocks) }
}

/// The turn as the demonstration sees it.
#[derive(Debug)]
struct Demo<'a> {
    turn: &'a Turn<'a>,
    folder: &'a str,
    wish: Wish,
    /// How it looked around, if it did.
    looked: Option<&'a PastUse<'a>>,
    /// What it saw, below the folder.
    files: Vec<&'a str>,
}

impl<'a> Demo<'a> {
    fn new(request: &'a Request, turn: &'a Turn<'a>) -> Self {
        let folder = request.working_folder();
        let looked = turn.tool_uses.iter().find(|tool_use| ["Glob", "Bash"].contains(&tool_use.name));
        let seen = looked.and_then(|look| look.result.as_ref()).filter(|result| !result.is_error);
        let files = seen.into_iter().flat_map(|seen| seen.text.lines());
        let files = files.filter_map(|line| file_name(line, folder)).collect();
        Self { turn, folder, wish: Wish::of(&turn.prompt), looked, files }
    }

    /// A pattern for the names of the files that are looked for.
    fn pattern(&self) -> Option<String> {
        let named = self.wish.file.as_deref().map(|file| file.rsplit('/').next().unwrap_or(file).to_owned());
        named.or_else(|| self.wish.extension.as_ref().map(|extension| format!("*.{extension}")))
    }

    fn find_files(&self) -> Vec<Block> {
        let pattern = self.pattern().map_or("*".to_owned(), |pattern| format!("**/{pattern}"));
        vec![self.first_words(), tool_use("Glob", json!({"pattern": pattern}))]
    }

    fn list_files(&self) -> Vec<Block> {
        let (command, description) = match self.pattern() {
            Some(pattern) => (
                format!("find . -name '{pattern}' -not -path '*/.*'"),
                "Find the files in the working folder",
            ),
            None => ("ls -la".to_owned(), "List the files of the working folder"),
        };
        vec![self.first_words(), tool_use("Bash", json!({"command": command, "description": description}))]
    }

    fn first_words(&self) -> Block {
        Block::Text(match self.pattern() {
            Some(pattern) => format!("I look for `{pattern}` in the working folder first."),
            None => "I look around in the working folder first.".to_owned(),
        })
    }

    /// The file that is asked for, or one worth reading. Where the note of an earlier demonstration is to be
    /// written anew, that too: an existing file must be read before.
    fn files_to_read(&self) -> Vec<&str> {
        let files = || self.files.iter().copied();
        let others = || files().filter(|name| *name != NOTE);
        let chosen = match (&self.wish.file, &self.wish.extension) {
            (Some(named), _) if self.looked.is_none() => Some(named.as_str()),
            (Some(named), _) => files().find(|name| is_at_end_of(named, name)),
            (None, Some(_)) => None,
            (None, None) => others()
                .find(|name| name.to_lowercase().starts_with("readme"))
                .or_else(|| others().find(|name| is_text(name))),
        };
        let note = files().find(|name| self.wish.writes && *name == NOTE);
        chosen.into_iter().chain(note).collect()
    }

    fn read_files(&self) -> Vec<Block> {
        let names = self.files_to_read();
        let text = format!("There is something to read: {}.", quoted(&names));
        let reads = names.iter().map(|name| tool_use("Read", json!({"file_path": self.path(name)})));
        [Block::Text(text)].into_iter().chain(reads).collect()
    }

    fn write_note(&self) -> Vec<Block> {
        let content = format!(
            "# What I found\n\nWritten by the offline model of Claude Code Runner.\n\n{}",
            self.findings(),
        );
        vec![
            Block::Text(format!("Now I write down what I found, in `{NOTE}`.")),
            tool_use("Write", json!({"file_path": self.path(NOTE), "content": content})),
        ]
    }

    fn report(&self) -> String {
        let written = self.writing_sentence().map(|sentence| format!("- {sentence}\n")).unwrap_or_default();
        format!(
            "Hello! This is the **offline model**: neither an API key nor a Claude login is configured, so \
             nobody has thought about your request. All the rest is real: the `claude` program ran these \
             tools here.\n\nYou asked: “{}”\n\n{}{written}\nTo talk to the real Claude, set \
             `ANTHROPIC_API_KEY` or log in with `claude`, and start the server again.",
            shortened(&self.turn.prompt, 200),
            self.findings(),
        )
    }

    fn findings(&self) -> String {
        let sentences = [Some(self.looking_sentence()), self.reading_sentence()];
        sentences.into_iter().flatten().map(|sentence| format!("- {sentence}\n")).collect()
    }

    fn looking_sentence(&self) -> String {
        let result = self.looked.and_then(|look| look.result.as_ref());
        let sought = self.pattern().map(|pattern| format!("`{pattern}`"));
        match result {
            None => "I had no tool to look around with.".into(),
            Some(result) if result.is_error => format!("Looking around was not possible: {}", reason(result)),
            Some(_) if self.files.is_empty() => match sought {
                Some(sought) => format!("There is no {sought} in `{}`.", self.folder),
                None => format!("`{}` holds no files yet.", self.folder),
            },
            Some(_) => {
                let shown: Vec<&str> = self.files.iter().copied().take(MAX_SHOWN).collect();
                let more = match self.files.len() - shown.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let kind = sought.map(|sought| format!(" by the name {sought}")).unwrap_or_default();
                let files = counted(self.files.len(), "file");
                format!("In `{}` I saw {files}{kind}: {}{more}.", self.folder, quoted(&shown))
            }
        }
    }

    fn reading_sentence(&self) -> Option<String> {
        let read = self.turn.tool_uses.iter().find(|tool_use| tool_use.name == "Read")?;
        let path = read.input["file_path"].as_str().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match &read.result {
            None => format!("I asked for `{name}` and never got it."),
            Some(result) if result.is_error => format!("I could not read `{name}`: {}", reason(result)),
            Some(result) => match Contents::read(&result.text) {
                Some(contents) => contents.sentence(name),
                // The program says that it has shown the file already.
                None => format!("I had read `{name}` before, and it has not changed."),
            },
        })
    }

    /// Absent where nobody asked for anything to be written.
    fn writing_sentence(&self) -> Option<String> {
        self.wish.writes.then(|| match self.turn.find_result("Write") {
            None => format!("I had no way to write `{NOTE}`."),
            Some(result) if result.is_error => {
                format!("I was not allowed to write `{NOTE}`: {}", reason(result))
            }
            Some(_) => format!("I was allowed to write `{NOTE}`; have a look at it."),
        })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.trim_end_matches('/'))
    }
}

fn tool_use(name: &str, input: Value) -> Block {
    Block::ToolUse(ToolUse { name: name.into(), input })
}

/// The file that a line of a listing names, below the folder: a path, or a line of `ls -la`.
fn file_name<'a>(line: &'a str, folder: &str) -> Option<&'a str> {
    if let Some(below) = line.strip_prefix("./") {
        return Some(below);
    }
    if let Some(below) = line.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
        return Some(below);
    }
    if line.starts_with('-') {
        return last_column(line);
    }
    // Sentences of the tool have blanks, and so have the other lines of a long listing.
    (!line.is_empty() && !line.contains(' ')).then_some(line)
}

/// The name at the end of a line of `ls -la`, after its eight other columns.
fn last_column(line: &str) -> Option<&str> {
    let mut rest = line;
    for _ in 0..8 {
        rest = rest.trim_start().split_once(' ')?.1;
    }
    Some(rest.trim()).filter(|name| !name.is_empty())
}

fn is_at_end_of(named: &str, path: &str) -> bool {
    path.strip_suffix(named.trim_start_matches("./"))
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

fn is_text(name: &str) -> bool {
    let extension =
        name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension);
    extension.is_some_and(|extension| TEXT_EXTENSIONS.contains(&extension))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The reason why a tool failed, on one line.
fn reason(result: &ToolResult) -> String {
    shortened(&result.text, 160)
}
