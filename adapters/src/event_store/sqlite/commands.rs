//! Commands that a client may send again, and where their events are.

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::Appended;
use runner_core::time::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::values::{digest, signed, unsigned};
use crate::event_store::rows::CommandRow;

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: &[CommandRow],
    recorded_at: Timestamp,
) -> sqlx::Result<()> {
    for row in rows {
        sqlx::query(
            "INSERT INTO commands (command_id, stream, first_version, last_version, request_hash, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(row.command.0)
        .bind(row.appended.stream.0)
        .bind(signed(row.appended.first_version))
        .bind(signed(row.appended.last_version))
        .bind(&row.request_hash.0[..])
        .bind(recorded_at.as_micros())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn delete_before(connection: &mut SqliteConnection, recorded_at: i64) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM commands WHERE recorded_at < $1").bind(recorded_at).execute(connection).await?;
    Ok(())
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    command: CommandId,
) -> sqlx::Result<Option<CommandRow>> {
    let row = sqlx::query(
        "SELECT stream, first_version, last_version, request_hash FROM commands WHERE command_id = $1",
    )
    .bind(command.0)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let appended = Appended {
        stream: StreamId(row.try_get("stream")?),
        first_version: unsigned(row.try_get("first_version")?),
        last_version: unsigned(row.try_get("last_version")?),
        replayed: false,
    };
    Ok(Some(CommandRow { command, request_hash: digest(&row, "request_hash")?, appended }))
}
