//! The folders of transcripts, and the files that are kept of a session.
//!
//! Claude Code keeps `projects/<folder>/<session>.jsonl`, and the other files of a session in a folder of the
//! same name beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use runner_core::ids::SessionId;
use runner_core::ports::AgentFile;

use super::line::Line;
use crate::claude::files::project::project;
use crate::claude::files::transcript::{MAX_FILE_BYTES, add_below};
use crate::claude::files::transcript_copy::name_session;

/// The transcripts of one folder in which somebody worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub name: String,
    pub transcripts: Vec<PathBuf>,
}

/// What is in a folder of transcripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub projects: Vec<Project>,
    /// Links that were not followed.
    pub links: Vec<PathBuf>,
}

/// The transcripts in a configuration folder of Claude Code, or in a folder of projects, by project. People
/// keep projects elsewhere and link to them, so those links are followed.
pub fn find_projects(folder: &Path) -> io::Result<Found> {
    fs::read_dir(folder)?;
    let projects = folder.join("projects");
    let folder = if projects.is_dir() { &projects } else { folder };
    let (mut paths, mut links) = (vec![], vec![]);
    add_below(folder, &mut paths, &mut links);
    let inside = folder.canonicalize()?;
    let (to_projects, mut links): (Vec<PathBuf>, Vec<PathBuf>) =
        links.into_iter().partition(|link| link.parent() == Some(folder) && leads_outside(link, &inside));
    to_projects.iter().for_each(|link| add_below(link, &mut paths, &mut links));
    links.sort();
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths.into_iter().filter(|path| is_transcript(path)) {
        found.entry(path.parent().unwrap_or(folder).to_owned()).or_default().push(path);
    }
    let project = |(folder, mut transcripts): (PathBuf, Vec<PathBuf>)| {
        transcripts.sort();
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        Project { name, transcripts }
    };
    Ok(Found { projects: found.into_iter().map(project).collect(), links })
}

/// Whether a link leads to a folder that has nothing in common with the one that is searched.
fn leads_outside(link: &Path, searched: &Path) -> bool {
    let target = link.canonicalize().ok().filter(|target| target.is_dir());
    target.is_some_and(|target| !target.starts_with(searched) && !searched.starts_with(target))
}

/// Whether a file is a session's own transcript, not a subagent's.
fn is_transcript(path: &Path) -> bool {
    let is_beside = path.components().any(|part| part.as_os_str() == "subagents");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !is_beside && name.ends_with(".jsonl") && !name.starts_with("agent-")
}

/// The files of a session beside its transcript.
pub(super) fn files_beside(transcript: &Path) -> Vec<PathBuf> {
    let mut paths = vec![];
    add_below(&transcript.with_extension(""), &mut paths, &mut vec![]);
    paths.sort();
    paths
}

/// The session's files under the names by which the agent finds them, and in them the id that the session
/// has here.
pub(super) fn agent_files(
    path: &Path,
    (known, session): (SessionId, SessionId),
    working_dir: &str,
    bytes: &[u8],
) -> Vec<AgentFile> {
    let project = project(working_dir).unwrap_or_else(|| kept_project(path));
    let beside = path.with_extension("");
    let bytes = whole_lines(bytes.to_vec());
    let mut files = vec![AgentFile { path: format!("{project}/{session}.jsonl"), bytes }];
    for path in files_beside(path) {
        let name = path.strip_prefix(&beside).ok().and_then(Path::to_str);
        let is_small = path.metadata().is_ok_and(|metadata| metadata.len() <= MAX_FILE_BYTES);
        if let (Some(name), true, Ok(bytes)) = (name, is_small, fs::read(&path)) {
            files.push(AgentFile { path: format!("{project}/{session}/{name}"), bytes });
        }
    }
    if known != session {
        files.iter_mut().for_each(|file| name_session(file, known, session));
    }
    files
}

/// The project in which a transcript was found.
fn kept_project(path: &Path) -> String {
    let name = path.parent().and_then(Path::file_name).unwrap_or_default();
    format!("projects/{}", name.to_string_lossy())
}

/// Drops a torn last line: the agent writes behind the last line.
fn whole_lines(mut bytes: Vec<u8>) -> Vec<u8> {
    let start = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if start < bytes.len() {
        match Line::parse_all(&bytes[start..]) {
            (_, unreadable) if unreadable.is_empty() => bytes.push(b'\n'),
            (_, _) => bytes.truncate(start),
        }
    }
    bytes
}
