//! The agent's own files of a session: saving them, putting them back, and cutting a transcript where a
//! decision was waited for.
//!
//! A transcript is lines of JSON. An agent that is resumed without a prompt reads the last line, a marker of
//! the kind it writes itself, and comes to the gate of the tool use that the marker names. The agent is given
//! the decision there, and goes on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runner_core::ports::AgentFile;
use serde_json::{Value, json};
use uuid::Uuid;

use super::agent_folder::AgentFolder;
use super::project::in_project;
use crate::claude::protocol::decode::parse_whole;

/// The agent writes its transcript a little after it says something.
pub(super) const UNTIL_WRITTEN: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Larger files are not saved. A session can be taken up without them, but only on this machine if the
/// conversation itself is too large.
pub(crate) const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The most bytes and files that are saved of a session. An agent can make files of any size at no cost: with
/// nothing in them.
const MAX_BYTES: u64 = 128 * 1024 * 1024;
const MAX_FILES: usize = 1000;

/// The end of a transcript in which a mark is searched that the agent has just written.
const TAIL_BYTES: u64 = 4 * 1024 * 1024;

/// Longer lines are not parsed, for that takes a multiple of them in memory.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// A session's part of a configuration folder.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    folder: AgentFolder,
    /// The one that is gone on with.
    conversation: Uuid,
}

impl Transcript {
    pub(crate) fn new(config_dir: &Path, conversation: Uuid) -> Self {
        Self { folder: AgentFolder::new(config_dir), conversation }
    }

    /// The path of the conversation below the configuration folder, once the agent has said anything.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.conversations()
            .into_iter()
            .find(|path| path.to_str().and_then(conversation_of) == Some(self.conversation))
    }

    /// All that the session has had: people begin anew with `/clear`.
    fn conversations(&self) -> Vec<PathBuf> {
        let projects = self.folder.list(Path::new("projects")).into_iter();
        let files = projects.flat_map(|project| self.folder.list(&project));
        let is_one = |path: &PathBuf| path.to_str().and_then(conversation_of).is_some();
        files.filter(|path| is_one(path) && self.folder.is_file(path)).collect()
    }

    /// Reads the files as soon as the conversation has `mark` in it, or time is up.
    pub(crate) async fn collect(&self, mark: String) -> Vec<AgentFile> {
        let deadline = tokio::time::Instant::now() + UNTIL_WRITTEN;
        loop {
            let (transcript, mark) = (self.clone(), mark.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let is_there = transcript.contains(&mark);
                (is_there, if is_there { transcript.read() } else { vec![] })
            });
            match looked.await {
                Ok((true, files)) => return files,
                Ok((false, _)) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                }
                Ok((false, _)) | Err(_) => {
                    tracing::warn!(conversation.id = %self.conversation, "the agent did not write what it said");
                    return vec![];
                }
            }
        }
    }

    fn contains(&self, mark: &str) -> bool {
        let text = self.path().and_then(|path| self.folder.read_tail(&path, TAIL_BYTES).ok());
        text.is_some_and(|text| text.windows(mark.len()).any(|window| window == mark.as_bytes()))
    }

    /// Reads the files: the conversation, and as many of the others as there is room for.
    pub(crate) fn read(&self) -> Vec<AgentFile> {
        let conversation = self.path();
        let mut paths = self.folder.list_below(Path::new("plans"));
        for path in self.conversations() {
            paths.extend(self.folder.list_below(&path.with_extension("")));
            if let Some(id) = path.file_stem() {
                paths.extend(self.folder.list_below(&Path::new("file-history").join(id)));
            }
            paths.extend((Some(&path) != conversation.as_ref()).then_some(path));
        }
        paths.sort();
        let (mut files, mut room, mut left_out) = (vec![], MAX_BYTES, 0);
        for path in conversation.iter().chain(&paths) {
            let read = || self.folder.read(path, room.min(MAX_FILE_BYTES)).ok();
            let file = if files.len() < MAX_FILES { path.to_str().zip(read()) } else { None };
            match file {
                Some((path, bytes)) => {
                    room = room.saturating_sub(bytes.len() as u64);
                    files.push(AgentFile { path: path.to_owned(), bytes });
                }
                None => left_out += 1,
            }
        }
        self.tell_what_is_missing(conversation.as_deref(), left_out);
        files.sort_by(|one: &AgentFile, other| Path::new(&one.path).cmp(Path::new(&other.path)));
        files
    }

    fn tell_what_is_missing(&self, conversation: Option<&Path>, left_out: usize) {
        if conversation.and_then(|path| self.folder.size(path)).is_some_and(|size| size > MAX_FILE_BYTES) {
            tracing::warn!(
                conversation.id = %self.conversation,
                "a conversation is larger than {MAX_FILE_BYTES} bytes and is not kept: its session can be taken \
                 up on this machine only, and cannot go on where a decision is waited for after a restart"
            );
        } else if left_out > 0 {
            tracing::warn!(conversation.id = %self.conversation, files = left_out, "files of an agent are too large, or too many, to be kept");
        }
    }

    /// Puts saved files back where the folder has less, or something else.
    pub(crate) fn restore(&self, files: &[AgentFile]) -> io::Result<()> {
        files.iter().try_for_each(|file| self.put_back(&file.path, &file.bytes))
    }

    /// Does the same in another project than the conversation was begun in, where the agent looks for it.
    pub(crate) fn restore_in(&self, project: &str, files: &[AgentFile]) -> io::Result<()> {
        for path in self.folder.list_below(Path::new("projects")) {
            let Some(moved) = path.to_str().map(|path| in_project(project, path)) else { continue };
            let moved = Path::new(&moved);
            match self.folder.is_file(moved) {
                true if path == moved => {}
                true => self.folder.remove(&path)?,
                false => self.folder.rename(&path, moved)?,
            }
        }
        // Of a file that was saved under both names, the one that has more is put back last.
        let mut files: Vec<&AgentFile> = files.iter().collect();
        files.sort_by_key(|file| file.bytes.len());
        files.into_iter().try_for_each(|file| self.put_back(&in_project(project, &file.path), &file.bytes))
    }

    fn put_back(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if !is_below(path) || self.folder.begins_with(Path::new(path), bytes) {
            return Ok(());
        }
        self.folder.write(Path::new(path), bytes)
    }

    /// Removes a conversation in which nothing was said: its agent ended before it had written more than
    /// notes, and none can go on with it or begin it again.
    pub(crate) fn discard_empty(&self) -> io::Result<()> {
        let Some(path) = self.path() else { return Ok(()) };
        let is_small = self.folder.size(&path).is_some_and(|size| size <= TAIL_BYTES);
        if !is_small || self.folder.read(&path, TAIL_BYTES).is_ok_and(|text| has_messages(&text)) {
            return Ok(());
        }
        self.folder.remove(&path)
    }

    /// Ends the conversation at a tool use, with the marker that makes the agent go on there.
    pub(crate) fn cut_at(&self, tool_use_id: &str) -> io::Result<()> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "its transcript does not have the tool use");
        let path = self.path().ok_or_else(missing)?;
        let text = self.folder.read(&path, MAX_FILE_BYTES).map_err(|error| {
            io::Error::new(error.kind(), format!("its transcript cannot be gone on with: {error}"))
        })?;
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        let mut kept = String::new();
        for line in text.lines() {
            kept.push_str(line);
            kept.push('\n');
            if let Some(marker) = marker_for(line, tool_use_id) {
                kept.push_str(&marker.to_string());
                kept.push('\n');
                return self.folder.write(&path, kept.as_bytes());
            }
        }
        Err(missing())
    }
}

/// Whether a transcript has a line of a conversation. A line that cannot be read may be one.
fn has_messages(transcript: &[u8]) -> bool {
    transcript.split(|byte| *byte == b'\n').any(|line| match parse_whole(line) {
        Some(line) => line["uuid"].is_string() && matches!(line["type"].as_str(), Some("user" | "assistant")),
        None => line.ends_with(b"}"),
    })
}

/// The id of the conversation that a file has, by its path below the configuration folder.
pub(super) fn conversation_of(path: &str) -> Option<Uuid> {
    let file = path.strip_prefix("projects/")?.split_once('/')?.1;
    Uuid::try_parse(file.strip_suffix(".jsonl")?).ok()
}

/// Whether a path stays below the folder. It comes from a database that may be another machine's.
fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// All files below a folder, and all links, which are not followed.
pub(crate) fn add_below(folder: &Path, paths: &mut Vec<PathBuf>, links: &mut Vec<PathBuf>) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => paths.push(entry.path()),
                Ok(kind) if kind.is_symlink() => links.push(entry.path()),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// The marker to write behind a line, if that line makes the tool use.
fn marker_for(line: &str, tool_use_id: &str) -> Option<Value> {
    if line.len() > MAX_LINE_BYTES || !line.contains(tool_use_id) {
        return None;
    }
    let line = parse_whole(line.as_bytes())?;
    if line["type"] != "assistant" {
        return None;
    }
    let blocks = line["message"]["content"].as_array()?;
    let tool = blocks.iter().find(|block| block["type"] == "tool_use" && block["id"] == tool_use_id)?;
    let mut marker = json!({
        "parentUuid": line["uuid"],
        "isSidechain": false,
        "attachment": {
            "type": "hook_deferred_tool", "toolUseID": tool_use_id, "toolName": tool["name"],
            "toolInput": tool["input"], "hookName": "settings", "hookEvent": "PreToolUse",
            "permissionMode": "default",
        },
        "type": "attachment",
        "uuid": Uuid::new_v8(*Uuid::now_v7().as_bytes()),
    });
    for field in ["timestamp", "userType", "entrypoint", "cwd", "sessionId", "version", "gitBranch"] {
        marker[field] = line[field].clone();
    }
    Some(marker)
}
