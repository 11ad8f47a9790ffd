//! The agent's own files of a session: reading them for safekeeping, putting them back, and cutting a
//! transcript where a decision was waited for.
//!
//! A transcript is lines of JSON. Resumed without a prompt, the agent comes to the gate of the tool use
//! that the last line, a marker of the kind it writes itself, names; it is asked there, and goes on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runner_core::ids::SessionId;
use runner_core::ports::AgentFile;
use serde_json::{Value, json};

use super::agent_folder::AgentFolder;

/// The agent writes its transcript a little after it says something.
pub(super) const UNTIL_WRITTEN: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Larger files are left out; a session can be taken up without what is in them.
pub(super) const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A session's part of a configuration folder.
#[derive(Clone, Debug)]
pub(super) struct Transcript {
    folder: AgentFolder,
    session: SessionId,
}

impl Transcript {
    pub(super) fn new(config_dir: &Path, session: SessionId) -> Self {
        Self { folder: AgentFolder::new(config_dir), session }
    }

    /// The file with the conversation, once the agent has said anything; below the configuration folder.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let projects = self.folder.list(Path::new("projects")).into_iter();
        let mut paths = projects.map(|project| project.join(self.file_name()));
        paths.find(|path| self.folder.is_file(path))
    }

    fn file_name(&self) -> String {
        format!("{}.jsonl", self.session)
    }

    /// The files as they are, as soon as the conversation has `mark` in it, or time is up.
    pub(super) async fn collect(&self, mark: String) -> Vec<AgentFile> {
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
                    tracing::warn!(session.id = %self.session, "the agent did not write what it said");
                    return vec![];
                }
            }
        }
    }

    fn contains(&self, mark: &str) -> bool {
        let text = self.path().and_then(|path| self.folder.read(&path, u64::MAX).ok());
        text.is_some_and(|text| text.windows(mark.len()).any(|window| window == mark.as_bytes()))
    }

    /// The files as they are.
    pub(super) fn read(&self) -> Vec<AgentFile> {
        let mut paths = vec![];
        if let Some(path) = self.path() {
            paths.extend(self.folder.list_below(&path.with_extension("")));
            paths.push(path);
        }
        paths.extend(self.folder.list_below(Path::new("plans")));
        paths.extend(self.folder.list_below(&Path::new("file-history").join(self.session.to_string())));
        paths.sort();
        paths.iter().filter_map(|path| self.file(path)).collect()
    }

    fn file(&self, path: &Path) -> Option<AgentFile> {
        let bytes = self.folder.read(path, MAX_FILE_BYTES).ok()?;
        Some(AgentFile { path: path.to_str()?.to_owned(), bytes })
    }

    /// Puts back what was kept, where the folder has less or something else.
    pub(super) fn restore(&self, files: &[AgentFile]) -> io::Result<()> {
        for file in files.iter().filter(|file| is_below(&file.path)) {
            let path = Path::new(&file.path);
            let there = self.folder.read(path, u64::MAX);
            if there.is_ok_and(|there| there.starts_with(&file.bytes)) {
                continue;
            }
            self.folder.write(path, &file.bytes)?;
        }
        Ok(())
    }

    /// Ends the conversation at a tool use, with the marker that makes the agent go on there.
    pub(super) fn cut_at(&self, tool_use_id: &str) -> io::Result<()> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "its transcript does not have the tool use");
        let path = self.path().ok_or_else(missing)?;
        let text = String::from_utf8(self.folder.read(&path, u64::MAX)?).map_err(io::Error::other)?;
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

/// The path came out of a database that may be another machine's.
fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// All files below a folder; links are not followed.
pub(super) fn add_below(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => add_below(&entry.path(), paths),
            Ok(kind) if kind.is_file() => paths.push(entry.path()),
            Ok(_) | Err(_) => {}
        }
    }
}

/// The marker that goes behind the line which makes a tool use.
fn marker_for(line: &str, tool_use_id: &str) -> Option<Value> {
    if !line.contains(tool_use_id) {
        return None;
    }
    let line: Value = serde_json::from_str(line).ok()?;
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
        "uuid": uuid::Uuid::new_v8(*uuid::Uuid::now_v7().as_bytes()),
    });
    for field in ["timestamp", "userType", "entrypoint", "cwd", "sessionId", "version", "gitBranch"] {
        marker[field] = line[field].clone();
    }
    Some(marker)
}
