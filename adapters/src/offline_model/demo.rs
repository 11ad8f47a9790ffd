//! The demonstration, played where nobody wrote a script: looks around, reads, writes a note, reports.
//!
//! Each step is computed from the results of the tools, so a refused tool changes the story instead of
//! breaking it.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use super::{
    conversation::{ToolResult, Turn},
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

/// The next message of the demonstration.
pub(super) fn reply(request: &Request, turn: &Turn<'_>) -> Message {
    let demo = Demo::new(request, turn);
    let used: HashSet<&str> = turn.tool_uses.iter().map(|tool_use| tool_use.name).collect();
    let is_next = |tool: &str| request.has_tool(tool) && !used.contains(tool);

    let blocks = if is_next("Bash") {
        demo.look_around()
    } else if is_next("Read") && !demo.files_to_read().is_empty() {
        demo.read_files()
    } else if is_next("Write") {
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
    files: Vec<&'a str>,
    folder_count: usize,
}

impl<'a> Demo<'a> {
    fn new(request: &'a Request, turn: &'a Turn<'a>) -> Self {
        let listing = turn.find_result("Bash").filter(|result| !result.is_error);
        let listing = listing.map_or("", |result| result.text.as_str());
        let names =
            |kind: char| listing.lines().filter(move |line| line.starts_with(kind)).filter_map(file_name);
        Self {
            turn,
            folder: request.working_folder(),
            files: names('-').collect(),
            folder_count: names('d').filter(|name| !matches!(*name, "." | "..")).count(),
        }
    }

    fn look_around(&self) -> Vec<Block> {
        let input = json!({"command": "ls -la", "description": "List the files of the working folder"});
        vec![Block::Text("I look around in the working folder first.".into()), tool_use("Bash", input)]
    }

    /// A file worth reading, and the note of an earlier demonstration: an existing file must be read before
    /// it is written anew.
    fn files_to_read(&self) -> Vec<&'a str> {
        let is_text = |name: &str| {
            let extension =
                name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension);
            extension.is_some_and(|extension| TEXT_EXTENSIONS.contains(&extension))
        };
        let others = || self.files.iter().copied().filter(|name| *name != NOTE);
        let interesting = others()
            .find(|name| name.to_lowercase().starts_with("readme"))
            .or_else(|| others().find(|name| is_text(name)));
        let note = self.files.iter().copied().find(|name| *name == NOTE);
        interesting.into_iter().chain(note).collect()
    }

    fn read_files(&self) -> Vec<Block> {
        let names = self.files_to_read();
        let text = format!("There is something to read: {}.", quoted(&names));
        let reads = names.iter().map(|name| tool_use("Read", json!({"file_path": self.path(name)})));
        [Block::Text(text)].into_iter().chain(reads).collect()
    }

    fn write_note(&self) -> Vec<Block> {
        let content = format!(
            "# What I found\n\nWritten by the offline model of Claude Code Runner.\n\n- {}\n- {}\n",
            self.listing_sentence(),
            self.reading_sentence(),
        );
        vec![
            Block::Text(format!("Now I write down what I found, in `{NOTE}`.")),
            tool_use("Write", json!({"file_path": self.path(NOTE), "content": content})),
        ]
    }

    fn report(&self) -> String {
        format!(
            "Hello! This is the **offline model**: neither an API key nor a Claude login is configured, so \
             nobody has thought about your request. All the rest is real: the `claude` program ran these \
             tools here.\n\n\
             You asked: “{}”\n\n- {}\n- {}\n- {}\n\n\
             To talk to the real Claude, set `ANTHROPIC_API_KEY` or log in with `claude`, and start the \
             server again.",
            shortened(&self.turn.prompt, 200),
            self.listing_sentence(),
            self.reading_sentence(),
            self.writing_sentence(),
        )
    }

    fn listing_sentence(&self) -> String {
        match self.turn.find_result("Bash") {
            None => "I had no way to look around.".into(),
            Some(result) if result.is_error => format!("Looking around was not possible: {}", reason(result)),
            Some(_) if self.files.is_empty() => format!("`{}` holds no files yet.", self.folder),
            Some(_) => {
                let shown: Vec<&str> = self.files.iter().copied().take(8).collect();
                let files = counted(self.files.len(), "file");
                let folders = counted(self.folder_count, "folder");
                format!("In `{}` I saw {files} and {folders}, such as {}.", self.folder, quoted(&shown))
            }
        }
    }

    fn reading_sentence(&self) -> String {
        let read = self.turn.tool_uses.iter().find(|tool_use| tool_use.name == "Read");
        let Some(read) = read else { return "There was nothing to read.".into() };
        let path = read.input["file_path"].as_str().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path);
        match &read.result {
            None => format!("I asked for `{name}` and never got it."),
            Some(result) if result.is_error => format!("I could not read `{name}`: {}", reason(result)),
            // A numbered text is the file: "1\tfirst line". Any other says that the program knows the file
            // already.
            Some(result) => match result.text.trim_start().strip_prefix('1') {
                Some(file) => format!("I read `{name}`, which begins with “{}”.", first_line(file)),
                None => format!("I had read `{name}` before, and it has not changed."),
            },
        }
    }

    fn writing_sentence(&self) -> String {
        match self.turn.find_result("Write") {
            None => format!("I had no way to write `{NOTE}`."),
            Some(result) if result.is_error => {
                format!("I was not allowed to write `{NOTE}`: {}", reason(result))
            }
            Some(_) => format!("I was allowed to write `{NOTE}`; have a look at it."),
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.trim_end_matches('/'))
    }
}

fn tool_use(name: &str, input: Value) -> Block {
    Block::ToolUse(ToolUse { name: name.into(), input })
}

/// The name at the end of a line of `ls -la`, after its eight other columns.
fn file_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for _ in 0..8 {
        rest = rest.trim_start().split_once(' ')?.1;
    }
    Some(rest.trim()).filter(|name| !name.is_empty())
}

fn first_line(file: &str) -> String {
    shortened(file.trim_start_matches(['\t', ' ', '→']).lines().next().unwrap_or_default(), 80)
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The reason why a tool failed, on one line.
fn reason(result: &ToolResult) -> String {
    shortened(&result.text, 160)
}

/// A text on one line, with an ellipsis where it was too long.
fn shortened(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}
