//! `claude-runner import`: conversations that Claude Code held without this server, taken into the log.
//!
//! It composes reading and storing. What a transcript means, the adapter knows; when something is taken
//! in, [`Adoption`] does.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use runner_actors::{Adopted, Adoption, Foreign, RunnerError};
use runner_adapters::claude::import::{Found, find_projects, read_transcript};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;

use crate::app::prepare_data_dir;
use crate::config::Config;
use runner_core::people::principal::Principal;

/// So many of each kind are named that was passed over.
const MAX_NAMED: usize = 20;

/// The outcome of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub imported: u64,
    pub grown: u64,
    pub unchanged: u64,
    /// They went on here, or not as they were imported.
    pub different: u64,
    /// Sessions of this server's own.
    pub made_here: u64,
    pub empty: u64,
    pub failed: u64,
    pub unreadable_lines: u64,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = [
            (self.unchanged, "with nothing new"),
            (self.different, "that went on in another way"),
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
        write!(f, "{} skipped", skipped.iter().map(|(count, _)| count).sum::<u64>())?;
        if !reasons.is_empty() {
            write!(f, " ({})", reasons.join(", "))?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        write!(f, ", {} unreadable lines", self.unreadable_lines)
    }
}

/// Imports every transcript below a folder; refuses while a server uses the data folder.
pub async fn import(config: &Config, folder: &Path) -> anyhow::Result<ImportReport> {
    let Found { projects, links } =
        find_projects(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    name_links(&links);
    anyhow::ensure!(!projects.is_empty(), "{} has no transcripts of Claude Code", folder.display());
    let _lock = prepare_data_dir(&config.data_dir)?;
    let store = EventStore::open(&config.database, Arc::new(SystemClock::default())).await?;
    let adoption = Adoption {
        log: Arc::new(store.clone()),
        files: Arc::new(store.clone()),
        actor: Principal::local().actor(),
    };
    let mut total = ImportReport::default();
    let mut outcome = Ok(());
    'projects: for project in &projects {
        let mut report = ImportReport::default();
        for path in &project.transcripts {
            outcome = import_one(&adoption, path, &mut report).await;
            if outcome.is_err() {
                break 'projects;
            }
        }
        if std::io::stderr().is_terminal() {
            eprintln!("{}: {report}", project.name);
        }
        total.add(&report);
    }
    store.close().await;
    outcome.map(|()| total)
}

fn name_links(links: &[PathBuf]) {
    for link in links.iter().take(MAX_NAMED) {
        eprintln!("{}: passed over, it is a link", link.display());
    }
    if links.len() > MAX_NAMED {
        eprintln!("and {} more links", links.len() - MAX_NAMED);
    }
}

/// A file that cannot be read is told and left out; a log that cannot be written ends the import.
async fn import_one(adoption: &Adoption, path: &Path, report: &mut ImportReport) -> anyhow::Result<()> {
    let reading = match read_transcript(path, &Principal::local().name) {
        Ok(reading) => reading,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            report.failed += 1;
            return Ok(());
        }
    };
    report.unreadable_lines += reading.unreadable_lines;
    let Some(session) = reading.session else {
        report.empty += 1;
        return Ok(());
    };
    let foreign = Foreign { session: session.session, events: session.events, files: session.files };
    let adopted: Result<Adopted, RunnerError> = adoption.adopt(foreign).await;
    let count = match adopted.with_context(|| format!("{} cannot be imported", path.display()))? {
        Adopted::New => &mut report.imported,
        Adopted::Grown => &mut report.grown,
        Adopted::Unchanged => &mut report.unchanged,
        Adopted::Different => {
            eprintln!("{}: left as it is, it went on in another way than it was imported", path.display());
            &mut report.different
        }
        Adopted::MadeHere => &mut report.made_here,
    };
    *count += 1;
    Ok(())
}

impl ImportReport {
    fn add(&mut self, other: &Self) {
        self.imported += other.imported;
        self.grown += other.grown;
        self.unchanged += other.unchanged;
        self.different += other.different;
        self.made_here += other.made_here;
        self.empty += other.empty;
        self.failed += other.failed;
        self.unreadable_lines += other.unreadable_lines;
    }
}
