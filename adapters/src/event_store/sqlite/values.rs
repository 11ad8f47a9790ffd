//! Between the values of SQLite and those of the domain.

use runner_core::log::Digest;
use runner_core::ports::ReadError;
use runner_core::session::index::SessionIndex;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

pub(super) fn digest(row: &SqliteRow, column: &str) -> sqlx::Result<Digest> {
    let bytes: &[u8] = row.try_get(column)?;
    <[u8; 32]>::try_from(bytes).map(Digest).map_err(|_| sqlx::Error::Decode("not 32 bytes".into()))
}

pub(super) fn parse_index(state: &str) -> sqlx::Result<SessionIndex> {
    serde_json::from_str(state).map_err(|source| sqlx::Error::Decode(source.into()))
}

pub(super) fn encode_error(source: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(source.into())
}

pub(super) fn read_error(source: sqlx::Error) -> ReadError {
    ReadError(source.into())
}

/// SQLite has signed integers only. What is counted here never comes near the difference.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
