//! Destroying what is no longer to be known. Pages are overwritten by `secure_delete`; their older contents
//! stand in the write-ahead log until that is emptied.

use sqlx::{Row as _, SqliteConnection};

/// Moves everything out of the write-ahead log and cuts it to nothing; says whether that was possible at
/// once.
pub(super) async fn empty_log(connection: Option<&mut SqliteConnection>) -> sqlx::Result<bool> {
    let Some(connection) = connection else { return Ok(false) };
    sqlx::query("PRAGMA busy_timeout = 0").execute(&mut *connection).await?;
    let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
    sqlx::query("PRAGMA busy_timeout = 5000").execute(&mut *connection).await?;
    Ok(emptied?.try_get::<i64, _>(0)? == 0)
}
