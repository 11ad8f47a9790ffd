//! `claude-runner import`: conversations that Claude Code held without this server, taken into the log.
//!
//! It composes reading and storing. What a transcript means, the adapter knows; when something is taken
//! in, [`Adoption`] does.

mod report;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use runner_actors::{Adopted, Adoption, Foreign};
use runner_adapters::claude::import::{Found, Project, Unreadable, find_projects, read_transcript};
use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::people::principal::Principal;

use crate::app::prepare_data_dir;
use crate::config::Config;
pub use report::ImportReport;

/// So many of each kind are named that was passed over: links, files, and lines of one file.
const MAX_NAMED: usize = 20;

/// An import on its way.
struct Import {
    adoption: Adoption,
    /// Of the project that is read.
    report: ImportReport,
    /// How many files were named because of lines that cannot be read.
    named: usize,
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
    let mut import = Import { adoption, report: ImportReport::default(), named: 0 };
    let outcome = import.take_in(&projects).await;
    store.close().await;
    outcome
}

fn name_links(links: &[PathBuf]) {
    for link in links.iter().take(MAX_NAMED) {
        eprintln!("{}: passed over, it is a link", link.display());
    }
    if links.len() > MAX_NAMED {
        eprintln!("and {} more links", links.len() - MAX_NAMED);
    }
}

impl Import {
    async fn take_in(&mut self, projects: &[Project]) -> anyhow::Result<ImportReport> {
        let mut total = ImportReport::default();
        for project in projects {
            for path in &project.transcripts {
                self.take_in_one(path).await?;
            }
            let report = std::mem::take(&mut self.report);
            if std::io::stderr().is_terminal() {
                eprintln!("{}: {report}", project.name);
            }
            total.add(&report);
        }
        Ok(total)
    }

    /// A file that cannot be read is told and left out; a log that cannot be written ends the import.
    async fn take_in_one(&mut self, path: &Path) -> anyhow::Result<()> {
        let reading = match read_transcript(path, &Principal::local().name) {
            Ok(reading) => reading,
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                self.report.failed += 1;
                return Ok(());
            }
        };
        for file in &reading.unreadable {
            self.name_lines(file);
        }
        let Some(session) = reading.session else {
            self.report.empty += 1;
            return Ok(());
        };
        let foreign = Foreign { session: session.session, events: session.events, files: session.files };
        let adopted = self.adoption.adopt(foreign).await;
        let count = match adopted.with_context(|| format!("{} cannot be imported", path.display()))? {
            Adopted::New => &mut self.report.imported,
            Adopted::Grown => &mut self.report.grown,
            Adopted::Unchanged => &mut self.report.unchanged,
            Adopted::Different => {
                eprintln!(
                    "{}: left as it is, it went on in another way than it was imported",
                    path.display()
                );
                &mut self.report.different
            }
            Adopted::MadeHere => &mut self.report.made_here,
        };
        *count += 1;
        Ok(())
    }

    fn name_lines(&mut self, Unreadable { path, lines }: &Unreadable) {
        self.report.unreadable_lines += lines.len() as u64;
        self.named += 1;
        if self.named > MAX_NAMED {
            if self.named == MAX_NAMED + 1 {
                eprintln!("more files have lines that cannot be read");
            }
            return;
        }
        let numbers: Vec<String> = lines.iter().take(MAX_NAMED).map(usize::to_string).collect();
        let more = lines.len() - numbers.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        eprintln!("{}: cannot be read in line {}{more}", path.display(), numbers.join(", "));
    }
}
