//! The one task that writes: it takes what waits, commits it in one transaction, then answers each.
//!
//! There is no artificial delay: while one batch is being made durable, the next one gathers.

use std::collections::HashMap;
use std::sync::Arc;

use runner_core::event_log::{Append, Appended, Digest};
use runner_core::ids::{CommandId, SessionId};
use runner_core::ports::{AppendError, Clock};
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, CommandRow, Head};
use super::sqlite::SqliteWriter;

/// The most requests in one transaction, and the most that may wait for it.
pub(super) const MAX_BATCH: usize = 512;
pub(super) const MAX_WAITING: usize = 4096;

/// How many streams' heads are remembered; beyond it all are forgotten and read again when needed.
const MAX_HEADS: usize = 512;

/// Commands are remembered this long.
const COMMAND_LIFETIME_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// One append and where its answer goes.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) append: Append,
    pub(super) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// The writer's own state: its connection and what it need not read again.
pub(super) struct Writer {
    database: SqliteWriter,
    clock: Arc<dyn Clock>,
    position: u64,
    heads: HashMap<SessionId, Head>,
    commands_swept_at: i64,
}

impl Writer {
    pub(super) fn new(database: SqliteWriter, clock: Arc<dyn Clock>, position: u64) -> Self {
        Self { database, clock, position, heads: HashMap::new(), commands_swept_at: 0 }
    }

    /// Works until every sender is gone, and closes the database.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        while requests.recv_many(&mut waiting, MAX_BATCH).await > 0 {
            self.commit(waiting.drain(..)).await;
            // Whoever was just answered may have more to say; let them, and it goes into one commit.
            tokio::task::yield_now().await;
        }
        self.database.close().await;
    }

    async fn commit(&mut self, requests: impl Iterator<Item = Request>) {
        let mut batch = Batch::after(self.position, self.clock.now());
        let mut answers = Vec::new();
        for request in requests {
            let outcome = self.add(&mut batch, request.append).await;
            answers.push((request.answer, outcome));
        }
        let written = if batch.rows.is_empty() { Ok(()) } else { self.database.write(&batch).await };
        match written {
            Ok(()) => {
                self.remember(&mut batch);
                answers.into_iter().for_each(|(answer, outcome)| reply(answer, outcome));
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a batch of events was not written"
                );
                self.forget().await;
                for (answer, outcome) in answers {
                    reply(answer, outcome.and_then(|_| Err(unavailable("the transaction failed"))));
                }
            }
        }
        self.sweep_commands(batch.recorded_at.as_micros()).await;
    }

    async fn add(&mut self, batch: &mut Batch, append: Append) -> Result<Appended, AppendError> {
        if let Some(request_hash) = append.provenance.request_hash {
            let command = append.provenance.command;
            if let Some(first) = self.find_command(batch, command).await? {
                return replay(&first, request_hash);
            }
        }
        let head = match batch.heads.get(&append.session).or_else(|| self.heads.get(&append.session)) {
            Some(head) => head.clone(),
            None => self.database.load_head(append.session).await.map_err(unavailable)?,
        };
        batch.add(append, &head)
    }

    async fn find_command(
        &mut self,
        batch: &Batch,
        command: CommandId,
    ) -> Result<Option<CommandRow>, AppendError> {
        match batch.find_command(command) {
            Some(row) => Ok(Some(row.clone())),
            None => self.database.find_command(command).await.map_err(unavailable),
        }
    }

    fn remember(&mut self, batch: &mut Batch) {
        self.position = batch.last_position();
        if self.heads.len() + batch.heads.len() > MAX_HEADS {
            self.heads.clear();
        }
        self.heads.extend(std::mem::take(&mut batch.heads));
    }

    /// After a failure nothing that was remembered is trusted.
    async fn forget(&mut self) {
        self.heads.clear();
        match self.database.last_position().await {
            Ok(position) => self.position = position,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the end of the log cannot be read"
                );
            }
        }
    }

    async fn sweep_commands(&mut self, now: i64) {
        const EVERY_MICROS: i64 = 60 * 60 * 1_000_000;
        if now - self.commands_swept_at < EVERY_MICROS {
            return;
        }
        self.commands_swept_at = now;
        if let Err(error) = self.database.delete_commands_before(now - COMMAND_LIFETIME_MICROS).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old commands were not removed");
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

fn reply(answer: oneshot::Sender<Result<Appended, AppendError>>, outcome: Result<Appended, AppendError>) {
    // Whoever asked may have gone; what was written stays written.
    answer.send(outcome).ok();
}

pub(super) fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AppendError {
    AppendError::Unavailable(source.into())
}
