//! The one task that writes: while one batch is made durable, the next one gathers.
//!
//! A request is taken into the next batch as soon as it comes, with version, position and hashes, as if
//! what is being written had succeeded. The batch itself is begun only when the one before it is known to
//! be on disk; if that failed, what was gathered behind it is refused and everything is read again.
//! There is no artificial delay, and each batch is one transaction, as long as is good (`pace.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::{Append, Appended, Digest};
use runner_core::ports::{AppendError, Clock};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::batch::Batch;
use super::dialect::{Dialect, Heads as _};
use super::pace::{MAX_BATCH, Pace};
use super::rows::{CommandRow, Head};

/// The most requests that may wait for a transaction.
pub(super) const MAX_WAITING: usize = 4096;

/// How many streams' heads are remembered; beyond it all are forgotten and read again when needed.
const MAX_HEADS: usize = 512;

/// Commands are remembered this long, and looked through this often.
const COMMAND_LIFETIME_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
const COMMAND_SWEEP_MICROS: i64 = 60 * 60 * 1_000_000;

type Answer = oneshot::Sender<Result<Appended, AppendError>>;

/// A caller, and the answer that it gets once its batch is durable.
type Promise = (Answer, Result<Appended, AppendError>);

/// One append and where its answer goes.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) append: Append,
    pub(super) answer: Answer,
}

/// A batch that is not being written yet, and who waits for it.
struct Gathered<D: Dialect> {
    batch: Batch<D>,
    answers: Vec<Promise>,
}

impl<D: Dialect> Default for Gathered<D> {
    fn default() -> Self {
        Self { batch: Batch::default(), answers: vec![] }
    }
}

/// On what it depends whether an answer holds.
enum Outcome {
    /// On nothing: it is on disk.
    Known,
    /// On the batch that is being written.
    OfThisBatch,
    /// On the batch that is being gathered.
    OfNextBatch,
}

/// A batch that has been on its way to the disk: the connection, who waits, and whether it got there.
struct Written<D> {
    database: D,
    answers: Vec<Promise>,
    is_written: bool,
}

pub(super) struct Writer<D: Dialect> {
    /// Absent while a batch is being written.
    database: Option<D>,
    reader: D::Reader,
    clock: Arc<dyn Clock>,
    writing: Option<JoinHandle<Written<D>>>,
    position: u64,
    heads: HashMap<StreamId, Arc<Head>>,
    /// Commands of the batch that is being written: nobody can read them from the database yet.
    unsettled: HashMap<CommandId, CommandRow>,
    /// Retries of those commands, and those who were slower than that batch; they are answered when the
    /// outcome is known.
    others: Vec<Promise>,
    commands_swept_at: i64,
    pace: Pace,
    /// Whether the last batch got to the disk, for whoever asks how the store is.
    writable: Arc<AtomicBool>,
}

impl<D: Dialect> Writer<D> {
    pub(super) fn new(
        database: D,
        reader: D::Reader,
        clock: Arc<dyn Clock>,
        position: u64,
        writable: Arc<AtomicBool>,
    ) -> Self {
        Self {
            database: Some(database),
            reader,
            clock,
            writing: None,
            position,
            heads: HashMap::new(),
            unsettled: HashMap::new(),
            others: vec![],
            commands_swept_at: 0,
            pace: Pace::new(D::MAX_ROWS),
            writable,
        }
    }

    /// Works until every sender is gone and everything is written, and closes the database.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut next = Gathered::default();
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        let mut is_open = true;
        while is_open || self.writing.is_some() {
            let room = self.pace.limit().saturating_sub(next.answers.len());
            tokio::select! {
                biased;
                written = finished(&mut self.writing) => {
                    let answers = self.settle(written, &mut next).await;
                    if self.database.is_none() {
                        return; // Without its connection nothing can be written; appends say so.
                    }
                    // The next batch goes to the disk before those who waited for this one wake up.
                    self.begin_if_possible(&mut next);
                    answers.into_iter().for_each(|(answer, outcome)| reply(answer, outcome));
                }
                count = requests.recv_many(&mut waiting, room), if is_open && room > 0 => {
                    is_open = count > 0;
                    for request in waiting.drain(..) {
                        self.gather(request, &mut next).await;
                    }
                }
            }
            self.begin_if_possible(&mut next);
        }
        if let Some(database) = self.database {
            database.close().await;
        }
    }

    /// Takes a request into the next batch, or answers it at once where nothing is to be written.
    async fn gather(&mut self, request: Request, next: &mut Gathered<D>) {
        if next.answers.is_empty() {
            next.batch = Batch::after(self.position, self.clock.now());
        }
        let stream = request.append.stream.id;
        let (result, outcome) = match self.add(request.append, &mut next.batch).await {
            Ok((appended, outcome)) => (Ok(appended), outcome),
            // A conflict is answered only after the batch that caused it is durable: otherwise the caller
            // would reload the state before it, and conflict again.
            Err(error @ AppendError::Conflict { .. }) => (Err(error), self.last_change(stream, next)),
            Err(error) => (Err(error), Outcome::Known),
        };
        match outcome {
            Outcome::OfNextBatch => next.answers.push((request.answer, result)),
            Outcome::OfThisBatch => self.others.push((request.answer, result)),
            Outcome::Known => reply(request.answer, result),
        }
    }

    /// Where the newest event of a stream is.
    fn last_change(&self, stream: StreamId, next: &Gathered<D>) -> Outcome {
        if next.batch.heads().contains_key(&stream) {
            Outcome::OfNextBatch
        } else if self.writing.is_some() {
            Outcome::OfThisBatch
        } else {
            Outcome::Known
        }
    }

    async fn add(
        &mut self,
        append: Append,
        batch: &mut Batch<D>,
    ) -> Result<(Appended, Outcome), AppendError> {
        let provenance = &append.provenance;
        if let Some(request_hash) = provenance.request_hash
            && let Some((first, outcome)) = self.find_command(provenance.command, batch).await?
        {
            return Ok((replay(&first, request_hash)?, outcome));
        }
        let stream = append.stream.id;
        let head = match batch.heads().get(&stream).or_else(|| self.heads.get(&stream)) {
            Some(head) => Arc::clone(head),
            None => Arc::new(self.reader.load_head(stream).await.map_err(unavailable)?),
        };
        Ok((batch.add(append, &head)?, Outcome::OfNextBatch))
    }

    async fn find_command(
        &self,
        command: CommandId,
        batch: &Batch<D>,
    ) -> Result<Option<(CommandRow, Outcome)>, AppendError> {
        if let Some(row) = batch.find_command(command) {
            return Ok(Some((row.clone(), Outcome::OfNextBatch)));
        }
        if let Some(row) = self.unsettled.get(&command) {
            return Ok(Some((row.clone(), Outcome::OfThisBatch)));
        }
        let stored = self.reader.find_command(command).await.map_err(unavailable)?;
        Ok(stored.map(|row| (row, Outcome::Known)))
    }

    fn begin_if_possible(&mut self, next: &mut Gathered<D>) {
        if !next.answers.is_empty()
            && let Some(database) = self.database.take()
        {
            self.begin(database, std::mem::take(next));
        }
    }

    /// Sends a batch on its way; from now on the next one is gathered behind it.
    fn begin(&mut self, mut database: D, gathered: Gathered<D>) {
        let Gathered { batch, answers } = gathered;
        self.position = batch.last_position();
        // Nothing else is being written, so what is not in this batch can be read again.
        if self.heads.len() + batch.heads().len() > MAX_HEADS {
            self.heads.clear();
        }
        self.heads.extend(batch.heads().iter().map(|(stream, head)| (*stream, Arc::clone(head))));
        self.unsettled = batch.commands().iter().map(|row| (row.command, row.clone())).collect();
        let now = batch.recorded_at().as_micros();
        let sweeps = now - self.commands_swept_at >= COMMAND_SWEEP_MICROS;
        if sweeps {
            self.commands_swept_at = now;
        }
        let rows = batch.into_rows();
        let was_writable = self.writable.load(Ordering::Relaxed);
        self.writing = Some(tokio::spawn(async move {
            let written = database.write(rows).await;
            match &written {
                Ok(()) if was_writable => {}
                Ok(()) => tracing::info!("events are written again"),
                // It is tried again and again, and told once.
                Err(error) if was_writable => {
                    tracing::error!(
                        error = error as &dyn std::error::Error,
                        "a batch of events was not written"
                    );
                }
                Err(error) => {
                    tracing::debug!(error = error as &dyn std::error::Error, "nor was another one");
                }
            }
            if written.is_ok() {
                database.forget_secrets().await;
            }
            if sweeps && let Err(error) = database.delete_commands_before(now - COMMAND_LIFETIME_MICROS).await
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "old commands were not removed");
            }
            Written { database, answers, is_written: written.is_ok() }
        }));
    }

    /// Says who is to be answered what. After a failure nothing is trusted that was remembered, nor what
    /// was gathered on top of it.
    async fn settle(&mut self, written: Option<Written<D>>, next: &mut Gathered<D>) -> Vec<Promise> {
        self.unsettled.clear();
        let is_written = written.as_ref().is_some_and(|written| written.is_written);
        self.writable.store(is_written, Ordering::Relaxed);
        let mut waiting = std::mem::take(&mut self.others);
        if let Some(written) = written {
            self.database = Some(written.database);
            self.pace.settled(written.answers.len(), Instant::now());
            waiting.extend(written.answers);
        }
        if is_written {
            return waiting;
        }
        self.heads.clear();
        waiting.extend(std::mem::take(next).answers);
        match self.reader.last_position().await {
            Ok(position) => self.position = position,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the end of the log cannot be read"
                );
            }
        }
        waiting.into_iter().map(|(answer, _)| (answer, Err(not_written()))).collect()
    }
}

/// Waits for the batch that is being written; for ever if there is none. `None` if its task died.
async fn finished<D>(writing: &mut Option<JoinHandle<Written<D>>>) -> Option<Written<D>> {
    let Some(task) = writing else { return std::future::pending().await };
    let written = task.await;
    *writing = None;
    match written {
        Ok(written) => Some(written),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "writing a batch of events died");
            None
        }
    }
}

/// The answer to a command that has been carried out before.
pub(super) fn replay(first: &CommandRow, request_hash: Digest) -> Result<Appended, AppendError> {
    if first.request_hash != request_hash {
        return Err(AppendError::CommandReused);
    }
    Ok(Appended { replayed: true, ..first.appended })
}

fn reply(answer: Answer, outcome: Result<Appended, AppendError>) {
    // Whoever asked may have gone; what was written stays written.
    answer.send(outcome).ok();
}

fn not_written() -> AppendError {
    unavailable("the transaction failed")
}

pub(super) fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AppendError {
    AppendError::Unavailable(source.into())
}
