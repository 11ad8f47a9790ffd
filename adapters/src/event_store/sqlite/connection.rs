//! How a database file is opened, and why it may not be.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use crate::event_store::OpenError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// Opens a database and brings its schema up to date.
pub(super) async fn open(path: &Path, options: &SqliteConnectOptions) -> Result<SqliteConnection, OpenError> {
    let connected = SqliteConnection::connect_with(options).await;
    let mut connection = connected.map_err(|source| open_error(path, source))?;
    MIGRATIONS.run(&mut connection).await.map_err(|source| migration_error(path, source))?;
    Ok(connection)
}

pub(in crate::event_store) fn open_error(path: &Path, source: sqlx::Error) -> OpenError {
    OpenError::Database { path: path.display().to_string(), source }
}

/// A database that has seen migrations from before the first one of now stores events in another way.
fn migration_error(path: &Path, source: MigrateError) -> OpenError {
    let first = MIGRATIONS.iter().map(|migration| migration.version).min();
    if let (MigrateError::VersionMissing(missing), Some(first)) = (&source, first)
        && *missing < first
    {
        return OpenError::Outdated { path: path.display().to_string() };
    }
    OpenError::Migration(source)
}

pub(super) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL loses acknowledged commits when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        // Without it a REPLACE would delete rows past the triggers.
        .pragma("recursive_triggers", "ON")
        // A secret that is destroyed is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", "67108864")
        // What is kept for taking one statement back needs no file.
        .pragma("temp_store", "MEMORY")
}
