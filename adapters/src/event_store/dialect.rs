//! A database that holds the log, as the writer needs it. Its SQL, and the types of its driver, are its own.

use std::fmt;

use runner_core::ids::{CommandId, StreamId};

use super::rows::{CommandRow, EventRow, Head, Rows};

/// The one connection that writes.
pub(super) trait Dialect: Sized + Send + Sync + 'static {
    /// Events as the database takes them. They are made ready while an earlier batch is written.
    type Insert: fmt::Debug + Send + Sync;
    type Reader: Heads;

    /// The most events in one insert.
    const MAX_ROWS: usize;

    /// Makes events ready, at most [`Self::MAX_ROWS`].
    fn insert(events: Vec<EventRow>) -> Self::Insert;

    /// Writes everything in one transaction. When it returns `Ok` all of it is durable.
    fn write(&mut self, rows: Rows<Self::Insert>) -> impl Future<Output = sqlx::Result<()>> + Send;

    fn delete_commands_before(&mut self, recorded_at: i64) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Destroys what is left of secrets that were removed, as far as that is possible now.
    fn forget_secrets(&mut self) -> impl Future<Output = ()> + Send;

    fn close(self) -> impl Future<Output = ()> + Send;
}

/// What the writer reads before it decides on a batch.
pub(super) trait Heads: Send + Sync + 'static {
    /// The last position of the log; zero if it is empty.
    fn last_position(&self) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// Where a stream ends, with the index of its session if it is one.
    fn load_head(&self, stream: StreamId) -> impl Future<Output = sqlx::Result<Head>> + Send;

    fn find_command(
        &self,
        command: CommandId,
    ) -> impl Future<Output = sqlx::Result<Option<CommandRow>>> + Send;
}
