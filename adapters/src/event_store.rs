//! The event log on SQL: group commit, hash chain, read models in the same transaction.
//!
//! [`EventStore`] is the handle everybody shares; the domain's ports that it serves are in `ports/`. Appends
//! go through a bounded queue to one writer task (`writer.rs`), which decides a batch in memory (`batch.rs`)
//! and hands its rows (`rows.rs`) to the database (`dialect.rs`, `sqlite.rs`) as one transaction with one
//! multi-row insert. An append is answered after its commit. Reads use a pool of connections that cannot
//! write.
//!
//! The trait of cqrs-es for event stores is not used: it has no command ids, no position and no ranges,
//! and its released stores apply events twice. The domain's own port is `runner_core::ports::EventLog`.

mod batch;
mod dialect;
mod pace;
mod ports;
mod projection;
mod rows;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runner_core::log::{Append, Appended};
use runner_core::ports::{AppendError, Clock};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use dialect::{Dialect as _, Heads as _};
use sqlite::connection::open_error;
use sqlite::files::SqliteFiles;
pub use sqlite::rebuild::Rebuilt;
use sqlite::{SqliteReader, SqliteWriter};
use writer::{MAX_WAITING, Request, Writer};

/// How long an append may wait for a place in the writer's queue.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The log could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the database {path} cannot be opened")]
    Database { path: String, source: sqlx::Error },
    #[error(
        "the database {path} was made by a version from before the first release, which stored events in \
         another way: move it away, and a new one is made in its place"
    )]
    Outdated { path: String },
    #[error("the database's schema cannot be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// A durable log of sessions and its read models. Clones share one writer.
#[derive(Clone)]
pub struct EventStore {
    reader: SqliteReader,
    files: Arc<SqliteFiles>,
    /// Absent once the store is closed.
    requests: Arc<Mutex<Option<mpsc::Sender<Request>>>>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
    writable: Arc<AtomicBool>,
}

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore").finish_non_exhaustive()
    }
}

impl EventStore {
    /// Opens or creates the database and starts the writer on the current tokio runtime.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let database = SqliteWriter::open(path).await?;
        let reader = SqliteReader::open(path).await?;
        let position = reader.last_position().await.map_err(|source| open_error(path, source))?;
        let (requests, waiting) = mpsc::channel(MAX_WAITING);
        let writable = Arc::new(AtomicBool::new(true));
        let writer = Writer::new(database, reader.clone(), clock, position, Arc::clone(&writable));
        let writer = tokio::spawn(writer.run(waiting));
        Ok(Self {
            reader,
            files: Arc::new(SqliteFiles::new(path)),
            requests: Arc::new(Mutex::new(Some(requests))),
            writer: Arc::new(Mutex::new(Some(writer))),
            writable,
        })
    }

    /// Writes every read model anew from the log, in one transaction; nobody may append meanwhile.
    pub async fn rebuild_projections(path: &Path) -> Result<Rebuilt, OpenError> {
        let mut database = SqliteWriter::open(path).await?;
        let rebuilt = sqlite::rebuild::rebuild(&mut database).await;
        database.close().await;
        rebuilt.map_err(|source| open_error(path, source))
    }

    /// Finishes what is being written and closes the database. Later appends are refused.
    pub async fn close(&self) {
        drop(take(&self.requests));
        if let Some(writer) = take(&self.writer)
            && let Err(error) = writer.await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "the event writer failed");
        }
        self.files.close().await;
        self.reader.close().await;
    }

    async fn submit(&self, append: Append) -> Result<Appended, AppendError> {
        let sender = self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let sender = sender.ok_or_else(|| writer::unavailable("the event store is closed"))?;
        let (answer, answered) = oneshot::channel();
        sender.send_timeout(Request { append, answer }, MAX_WAIT).await.map_err(|refused| match refused {
            mpsc::error::SendTimeoutError::Timeout(_) => AppendError::Overloaded,
            mpsc::error::SendTimeoutError::Closed(_) => writer::unavailable("the event writer has ended"),
        })?;
        answered.await.map_err(writer::unavailable)?
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
}
