//! Conversations that Claude Code held without this server: its transcripts, read into sessions.
//!
//! A transcript is a tree of lines. The branch that Claude Code would go on with (`chain.rs`) is told to a
//! session as if the agent spoke now (`retelling.rs`), so that the same rules make the same events as live.
//! `line.rs` finds the meaning of a line, `usage.rs` counts the tokens of messages; `subagent.rs` reads the
//! conversations beside the main one, and `folder.rs` finds and keeps the files.
//!
//! The same transcript always gives the same events, so a second import finds what is new.

mod chain;
mod folder;
mod line;
mod retelling;
mod subagent;
#[cfg(test)]
mod tests;
mod turn;
mod usage;

use std::io;
use std::path::{Path, PathBuf};

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{SessionId, TenantId};
use runner_core::ports::AgentFile;
use runner_core::session::adoption::PastEvent;
use runner_core::session::event::{Origin, SessionOpened};
use uuid::Uuid;

pub use folder::{Found, Project, find_projects};
use line::{Line, derived_uuid};
use retelling::Retelling;
use subagent::Subagents;

/// The session in a transcript, and the lines that could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Absent where the file holds no conversation.
    pub session: Option<ImportedSession>,
    /// The files with lines that are no JSON; the last line is torn where the agent was killed.
    pub unreadable: Vec<Unreadable>,
}

/// The lines of a file that could not be read, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub path: PathBuf,
    pub lines: Vec<usize>,
}

/// A session made from a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedSession {
    pub session: SessionId,
    /// The events of the session, from `session_opened` on; every turn in them has ended.
    pub events: Vec<PastEvent>,
    /// The files with which an agent can take the conversation up.
    pub files: Vec<AgentFile>,
}

/// Reads a transcript and the files beside it. An error means that a file cannot be read at all.
pub fn read_transcript(path: &Path, owner: &str) -> io::Result<Reading> {
    let bytes = std::fs::read(path)?;
    let (lines, unreadable) = Line::parse_all(&bytes);
    let mut unreadable = vec![Unreadable { path: path.to_owned(), lines: unreadable }];
    let chain = chain::main_chain(&lines);
    let Some(working_dir) = chain.iter().find_map(|line| line.working_dir()) else {
        return Ok(Reading::of(None, unreadable));
    };
    let session = session_id(path, &lines);
    let working_dir = resolved(working_dir);
    let mut subagents = Subagents::read(path, &lines);
    unreadable.append(&mut subagents.unreadable);
    let files = folder::agent_files(path, session, &working_dir, bytes);
    let opened = SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: owner.to_owned(),
        working_dir,
        // Permissions that a person gave to another program do not count here.
        permission_mode: PermissionMode::Default,
        origin: Origin::Import,
        offline: false,
        title: title(&lines),
        parent: None,
        options: AgentOptions::default(),
    };
    let opened_at = chain.iter().find_map(|line| line.at());
    let events = Retelling::of(opened, opened_at, subagents).tell(&chain);
    // A session without a prompt or an answer is of no use to anybody.
    let session = (events.len() > 1).then_some(ImportedSession { session, events, files });
    Ok(Reading::of(session, unreadable))
}

impl Reading {
    fn of(session: Option<ImportedSession>, mut unreadable: Vec<Unreadable>) -> Self {
        unreadable.retain(|file| !file.lines.is_empty());
        Self { session, unreadable }
    }
}

/// The id by which the agent knows the conversation, or else an id made from the path.
fn session_id(path: &Path, lines: &[Line]) -> SessionId {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let inside = lines.iter().find_map(Line::session);
    let known = Uuid::try_parse(&name).ok().or_else(|| Uuid::try_parse(inside?).ok());
    SessionId(known.unwrap_or_else(|| derived_uuid(&path.to_string_lossy())))
}

/// The folder without symbolic links, if this machine has it.
fn resolved(working_dir: &str) -> String {
    let path = Path::new(working_dir).canonicalize().ok();
    path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| working_dir.to_owned())
}

/// The last title that a person gave, or else the agent's. Older versions wrote the summaries of other
/// conversations of the folder into a transcript.
fn title(lines: &[Line]) -> Option<String> {
    let last = |find: fn(&Line) -> Option<&str>| lines.iter().rev().find_map(find);
    let is_here = |leaf: &str| lines.iter().any(|line| line.uuid() == Some(leaf));
    let summaries = || lines.iter().rev().filter_map(Line::summary);
    let summary = || summaries().find(|(_, leaf)| is_here(leaf)).map(|(summary, _)| summary);
    last(Line::own_title).or_else(|| last(Line::made_title)).or_else(summary).map(str::to_owned)
}
