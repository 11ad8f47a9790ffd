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
use runner_core::ids::{SessionId, TenantId, TurnId};
use runner_core::ports::AgentFile;
use runner_core::session::adoption::{PastEvent, Shared};
use runner_core::session::event::{Origin, Parent, SessionOpened};
use uuid::Uuid;

use chain::Chain;
pub use folder::{Found, Project, find_projects};
use line::{Line, derived_uuid};
use retelling::Retelling;
pub use subagent::LeftSubagents;
use subagent::{SubagentFile, Subagents};
use usage::Meter;

/// A transcript with the files beside it, as it was read.
#[derive(Debug)]
pub struct Transcript {
    path: PathBuf,
    bytes: Vec<u8>,
    lines: Vec<Line>,
    subagents: Vec<SubagentFile>,
    pub session: SessionId,
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
    /// How many branches a person, or the agent, had left; they are not told.
    pub left_branches: usize,
    pub left_subagents: LeftSubagents,
}

/// The session that a transcript goes on from, and what both have; what that has cost is counted there.
#[derive(Clone, Debug)]
pub struct CopyOf {
    pub session: SessionId,
    pub shared: Shared,
}

impl Transcript {
    /// Reads a transcript and the files beside it. An error means that a file cannot be read at all.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let (lines, unreadable) = Line::parse_all(&bytes);
        let mut unreadable = vec![Unreadable { path: path.to_owned(), lines: unreadable }];
        let subagents = SubagentFile::read_all(path, &mut unreadable);
        unreadable.retain(|file| !file.lines.is_empty());
        let session = session_id(path, &lines);
        Ok(Self { path: path.to_owned(), bytes, lines, subagents, session, unreadable })
    }

    /// The session that the conversation was copied from, by what its lines say.
    pub fn copied_from(&self) -> Option<SessionId> {
        let origins = chain::main_chain(&self.lines).lines.into_iter().rev().filter_map(Line::origin);
        let mut others = origins.filter_map(|origin| Uuid::try_parse(origin).ok()).map(SessionId);
        others.find(|other| *other != self.session)
    }

    /// The id of the session that begins where this turn goes another way than what was imported before.
    pub fn branch(session: SessionId, turn: TurnId) -> SessionId {
        SessionId(derived_uuid(&format!("{session}:{turn}")))
    }

    /// Tells the conversation as a session of this id; absent if there is none in the file.
    pub fn tell(&self, session: SessionId, copy_of: Option<&CopyOf>, owner: &str) -> Option<ImportedSession> {
        let Chain { lines: chain, left: left_branches } = chain::main_chain(&self.lines);
        let working_dir = resolved(chain.iter().find_map(|line| line.working_dir())?);
        let opened = SessionOpened {
            session,
            tenant: TenantId::first(),
            owner: owner.to_owned(),
            working_dir,
            // Permissions that a person gave to another program do not count here.
            permission_mode: PermissionMode::Default,
            origin: Origin::Import,
            offline: false,
            title: title(&self.lines),
            parent: copy_of.map(|of| Parent { session: of.session, version: of.shared.version }),
            schedule: None,
            options: AgentOptions::default(),
        };
        let files =
            folder::agent_files(&self.path, (self.session, session), &opened.working_dir, &self.bytes);
        let opened_at = chain.iter().find_map(|line| line.at());
        let subagents = Subagents::of(&self.subagents, &self.lines);
        let counted = copy_of.map(|of| of.shared.parts.clone()).unwrap_or_default();
        let (events, subagents) =
            Retelling::of(opened, opened_at, subagents, Meter::beside(counted)).tell(&chain);
        let left_subagents = subagents.left(&self.lines);
        // A session without a prompt or an answer is of no use to anybody.
        (events.len() > 1).then_some(ImportedSession {
            session,
            events,
            files,
            left_branches,
            left_subagents,
        })
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
