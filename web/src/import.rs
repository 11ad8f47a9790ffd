//! `claude-runner import`: conversations that Claude Code held without this server, taken into the log.
//!
//! It composes reading and storing. What a transcript means, the adapter knows; when something is taken
//! in, [`Adoption`] does.

mod report;
pub(crate) mod socket;

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use runner_actors::{Adopted, Adoption, Foreign};
use runner_adapters::claude::import::{
    CopyOf, Found, ImportedSession, Project, Transcript, Unreadable, find_projects,
};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::ids::SessionId;
use runner_core::people::principal::Principal;
use serde::{Deserialize, Serialize};

use crate::app::{DataDirInUse, prepare_data_dir};
use crate::config::Config;
pub use report::ImportReport;

/// So many of each kind are named that was passed over: links, files, and lines of one file.
const MAX_NAMED: usize = 20;

/// A conversation is not followed further that goes another way each time.
const MAX_BRANCHES: u32 = 64;

/// What is said on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Note {
    PassedOver(String),
    /// For people who watch.
    Progress(String),
}

/// Whoever waits for an import.
pub(crate) trait Audience {
    fn tell(&mut self, note: Note);

    /// Why the import is not to go on.
    fn stop(&self) -> Option<&'static str> {
        None
    }
}

/// Notes go to the error output, those on the way only where people look at it.
struct Terminal;

impl Audience for Terminal {
    fn tell(&mut self, note: Note) {
        match note {
            Note::PassedOver(text) => eprintln!("{text}"),
            Note::Progress(text) if std::io::stderr().is_terminal() => eprintln!("{text}"),
            Note::Progress(_) => {}
        }
    }
}

/// An import on its way.
struct Import<'a> {
    adoption: Adoption,
    audience: &'a mut dyn Audience,
    /// Of the project that is read.
    report: ImportReport,
    /// How many files were named because of lines that cannot be read.
    named: usize,
    /// Sessions whose transcripts are still to come.
    waiting: HashSet<SessionId>,
}

/// Imports every transcript below a folder, through the server where one uses the data folder.
pub async fn import(config: &Config, folder: &Path) -> anyhow::Result<ImportReport> {
    let _lock = match prepare_data_dir(&config.data_dir) {
        Err(error) if error.is::<DataDirInUse>() => {
            return socket::ask(&config.data_dir, folder, &mut Terminal).await;
        }
        prepared => prepared?,
    };
    let store = EventStore::open(&config.database, Arc::new(SystemClock::default())).await?;
    let (log, files) = (Arc::new(store.clone()), Arc::new(store.clone()));
    let outcome = take_in(Adoption::new(log, files, Principal::local().actor()), folder, &mut Terminal).await;
    store.close().await;
    outcome
}

async fn take_in(
    adoption: Adoption,
    folder: &Path,
    audience: &mut dyn Audience,
) -> anyhow::Result<ImportReport> {
    let Found { projects, links } =
        find_projects(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    name_links(&links, audience);
    anyhow::ensure!(!projects.is_empty(), "{} has no transcripts of Claude Code", folder.display());
    let (report, waiting) = (ImportReport::default(), HashSet::new());
    Import { adoption, audience, report, named: 0, waiting }.take_in(&projects).await
}

/// The session that a transcript is named after.
fn named_session(path: &Path) -> Option<SessionId> {
    path.file_stem()?.to_str()?.parse().ok()
}

fn name_links(links: &[PathBuf], audience: &mut dyn Audience) {
    for link in links.iter().take(MAX_NAMED) {
        audience.tell(Note::PassedOver(format!("{}: passed over, it is a link", link.display())));
    }
    if links.len() > MAX_NAMED {
        audience.tell(Note::PassedOver(format!("and {} more links", links.len() - MAX_NAMED)));
    }
}

impl Import<'_> {
    async fn take_in(&mut self, projects: &[Project]) -> anyhow::Result<ImportReport> {
        let paths = projects.iter().flat_map(|project| &project.transcripts);
        self.waiting = paths.filter_map(|path| named_session(path)).collect();
        let mut total = ImportReport::default();
        let mut copies = vec![];
        for project in projects {
            copies.append(&mut self.take_in_all(&project.transcripts).await?);
            total.add(&self.end_of(&project.name));
        }
        while !copies.is_empty() {
            let left = self.take_in_all(&copies).await?;
            if left.len() == copies.len() {
                // Copies of each other: nothing more is waited for.
                self.waiting.clear();
            }
            copies = left;
        }
        total.add(&self.end_of("copies"));
        Ok(total)
    }

    fn end_of(&mut self, name: &str) -> ImportReport {
        let report = std::mem::take(&mut self.report);
        if report != ImportReport::default() {
            self.audience.tell(Note::Progress(format!("{name}: {report}")));
        }
        report
    }

    /// Takes transcripts in; returns the copies of those that are still to come, for they need them.
    async fn take_in_all(&mut self, paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut copies = vec![];
        for path in paths {
            if let Some(reason) = self.audience.stop() {
                anyhow::bail!("{reason}; importing again goes on");
            }
            match Transcript::read(path) {
                Ok(transcript) if transcript.copied_from().is_some_and(|of| self.waiting.contains(&of)) => {
                    copies.push(path.clone());
                    continue;
                }
                Ok(transcript) => self.take_in_one(path, &transcript).await?,
                Err(error) => {
                    self.pass_over(format!("{}: {error}", path.display()));
                    self.report.failed += 1;
                }
            }
            if let Some(session) = named_session(path) {
                self.waiting.remove(&session);
            }
        }
        Ok(copies)
    }

    /// A log that cannot be written ends the import.
    async fn take_in_one(&mut self, path: &Path, transcript: &Transcript) -> anyhow::Result<()> {
        for file in &transcript.unreadable {
            self.name_lines(file);
        }
        let adopted = self.adopt(transcript).await;
        let count = match adopted.with_context(|| format!("{} cannot be imported", path.display()))? {
            None => &mut self.report.empty,
            Some((Adopted::New, 0)) => &mut self.report.imported,
            Some((Adopted::New, _)) => &mut self.report.branched,
            Some((Adopted::Grown, _)) => &mut self.report.grown,
            Some((Adopted::Unchanged | Adopted::Branch(_), _)) => &mut self.report.unchanged,
            Some((Adopted::MadeHere, _)) => &mut self.report.made_here,
        };
        *count += 1;
        Ok(())
    }

    /// Takes a conversation in; where it went another way than what is stored, as a session of its own. Says
    /// how many other ways it went before.
    async fn adopt(&mut self, transcript: &Transcript) -> anyhow::Result<Option<(Adopted, u32)>> {
        let owner = Principal::local().name;
        let Some(mut told) = transcript.tell(transcript.session, None, &owner) else { return Ok(None) };
        if let Some(origin) = transcript.copied_from()
            && let Some(copy_of) = self.copy_of(origin, &told).await?
        {
            told = transcript.tell(transcript.session, Some(&copy_of), &owner).unwrap_or(told);
        }
        let mut branches = 0;
        loop {
            let session = told.session;
            let foreign =
                Foreign { session, events: told.events.clone(), files: std::mem::take(&mut told.files) };
            let turn = match self.adoption.adopt(foreign).await? {
                Adopted::Branch(turn) if branches < MAX_BRANCHES => turn,
                adopted @ (Adopted::New | Adopted::Grown) => {
                    self.report.left_branches += told.left_branches as u64;
                    self.report.left_subagents += told.left_subagents.count;
                    self.report.left_tokens += told.left_subagents.tokens;
                    return Ok(Some((adopted, branches)));
                }
                adopted @ (Adopted::Unchanged | Adopted::Branch(_) | Adopted::MadeHere) => {
                    return Ok(Some((adopted, branches)));
                }
            };
            let copy_of = self.copy_of(session, &told).await?;
            let branch = Transcript::branch(session, turn);
            let Some(branch) = transcript.tell(branch, copy_of.as_ref(), &owner) else { return Ok(None) };
            told = branch;
            branches += 1;
        }
    }

    async fn copy_of(&self, session: SessionId, told: &ImportedSession) -> anyhow::Result<Option<CopyOf>> {
        let shared = self.adoption.shared(session, &told.events).await?;
        Ok(shared.map(|shared| CopyOf { session, shared }))
    }

    fn name_lines(&mut self, Unreadable { path, lines }: &Unreadable) {
        self.report.unreadable_lines += lines.len() as u64;
        self.named += 1;
        if self.named > MAX_NAMED {
            if self.named == MAX_NAMED + 1 {
                self.pass_over("more files have lines that cannot be read".to_owned());
            }
            return;
        }
        let numbers: Vec<String> = lines.iter().take(MAX_NAMED).map(usize::to_string).collect();
        let more = lines.len() - numbers.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let numbers = numbers.join(", ");
        self.pass_over(format!("{}: cannot be read in line {numbers}{more}", path.display()));
    }

    fn pass_over(&mut self, what: String) {
        self.audience.tell(Note::PassedOver(what));
    }
}
