//! The agent's own files: a working copy beside the log, so that any machine can take a session up.
//!
//! A transcript only grows as a rule. What is stored of it is then kept, and the rest goes behind it.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use runner_core::ids::SessionId;
use runner_core::log::Digest;
use runner_core::ports::AgentFile;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row as _, SqliteConnection};
use tokio::sync::Mutex;

use super::SqliteReader;
use super::connection::connect_options;
use super::values::{digest, signed, unsigned};

/// Writes the files on a connection of its own: they are no part of the log's transactions.
#[derive(Debug)]
pub(in crate::event_store) struct SqliteFiles {
    path: PathBuf,
    /// Absent until it is needed, and after a failure.
    connection: Mutex<Option<SqliteConnection>>,
}

/// What is stored of a file: how much, and its hash.
struct Stored {
    length: usize,
    hash: Digest,
}

impl SqliteFiles {
    pub(in crate::event_store) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), connection: Mutex::new(None) }
    }

    pub(in crate::event_store) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database was not closed cleanly");
        }
    }

    pub(in crate::event_store) async fn save(
        &self,
        session: SessionId,
        files: &[AgentFile],
    ) -> sqlx::Result<()> {
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&connect_options(&self.path)).await?,
        };
        save_all(&mut connection, session, files).await?;
        *slot = Some(connection);
        Ok(())
    }
}

async fn save_all(
    connection: &mut SqliteConnection,
    session: SessionId,
    files: &[AgentFile],
) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for file in files {
        let start = match find_stored(&mut transaction, session, &file.path).await? {
            // Nothing can be put behind an empty piece: both would begin at the same place.
            Some(stored) if stored.length > 0 && is_beginning(&stored, &file.bytes) => stored.length,
            Some(_) => {
                delete(&mut transaction, session, &file.path).await?;
                0
            }
            None => 0,
        };
        if start < file.bytes.len() || file.bytes.is_empty() {
            insert(&mut transaction, session, file, start).await?;
        }
    }
    transaction.commit().await
}

async fn find_stored(
    connection: &mut SqliteConnection,
    session: SessionId,
    path: &str,
) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query(
        "SELECT start + length AS stored, hash FROM agent_files WHERE session = $1 AND path = $2
         ORDER BY start DESC LIMIT 1",
    )
    .bind(session.0)
    .bind(path)
    .fetch_optional(connection)
    .await?;
    let stored = |row: SqliteRow| -> sqlx::Result<Stored> {
        let length = usize::try_from(unsigned(row.try_get("stored")?)).unwrap_or(usize::MAX);
        Ok(Stored { length, hash: digest(&row, "hash")? })
    };
    row.map(stored).transpose()
}

fn is_beginning(stored: &Stored, bytes: &[u8]) -> bool {
    bytes.get(..stored.length).is_some_and(|beginning| hash(beginning) == stored.hash)
}

fn hash(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

async fn delete(connection: &mut SqliteConnection, session: SessionId, path: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM agent_files WHERE session = $1 AND path = $2")
        .bind(session.0)
        .bind(path)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    session: SessionId,
    file: &AgentFile,
    start: usize,
) -> sqlx::Result<()> {
    let piece = &file.bytes[start..];
    sqlx::query(
        "INSERT INTO agent_files (session, path, start, length, hash, bytes) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(session.0)
    .bind(&file.path)
    .bind(signed(start as u64))
    .bind(signed(piece.len() as u64))
    .bind(hash(&file.bytes).0.to_vec())
    .bind(deflate(piece).map_err(sqlx::Error::Io)?)
    .execute(connection)
    .await?;
    Ok(())
}

fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

impl SqliteReader {
    pub(in crate::event_store) async fn load_files(
        &self,
        session: SessionId,
    ) -> sqlx::Result<Vec<AgentFile>> {
        let rows = sqlx::query("SELECT path, bytes FROM agent_files WHERE session = $1 ORDER BY path, start")
            .bind(session.0)
            .fetch_all(&self.pool)
            .await?;
        let mut files: Vec<AgentFile> = vec![];
        for row in &rows {
            let path: String = row.try_get("path")?;
            if files.last().is_none_or(|file| file.path != path) {
                files.push(AgentFile { path, bytes: vec![] });
            }
            if let Some(file) = files.last_mut() {
                let compressed: &[u8] = row.try_get("bytes")?;
                DeflateDecoder::new(compressed).read_to_end(&mut file.bytes).map_err(sqlx::Error::Io)?;
            }
        }
        Ok(files)
    }
}
