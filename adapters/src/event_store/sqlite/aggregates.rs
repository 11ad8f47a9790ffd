//! Aggregates other than sessions, one row each, and the secrets that their events name.

use runner_core::kinds::Kind;
use runner_core::log::{EncodedEvent, SecretChange, StoredAggregate};

use runner_core::ids::{SecretId, StreamId, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use super::SqliteReader;
use super::values::{encode_error, signed, unsigned};
use crate::event_store::rows::AggregateRow;

pub(super) async fn upsert(connection: &mut SqliteConnection, rows: &[AggregateRow]) -> sqlx::Result<()> {
    for AggregateRow { kind, stored } in rows {
        sqlx::query(
            "INSERT INTO aggregates (stream, kind, tenant, version, state) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (stream) DO UPDATE SET tenant = excluded.tenant, version = excluded.version,
             state = excluded.state",
        )
        .bind(stored.stream.0)
        .bind(*kind)
        .bind(&stored.tenant.0)
        .bind(signed(stored.version))
        .bind(&stored.state)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn write_secrets(
    connection: &mut SqliteConnection,
    changes: &[(TenantId, SecretChange)],
) -> sqlx::Result<()> {
    for (tenant, change) in changes {
        let query = match &change.sealed {
            Some(sealed) => sqlx::query(
                "INSERT INTO secrets (id, tenant, sealed) VALUES ($1, $2, $3)
                 ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, sealed = excluded.sealed",
            )
            .bind(change.id.0)
            .bind(&tenant.0)
            .bind(sealed),
            None => sqlx::query("DELETE FROM secrets WHERE id = $1").bind(change.id.0),
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Folds an event of the log into a row; events that are only noted leave none.
pub(super) fn fold_row(
    row: Option<AggregateRow>,
    (kind, stream, tenant): (&str, StreamId, TenantId),
    event: &EncodedEvent,
) -> sqlx::Result<Option<AggregateRow>> {
    let Some(Kind { name: kind, fold: Some(fold) }) = Kind::find(kind) else { return Ok(None) };
    let version = row.as_ref().map_or(1, |row| row.stored.version + 1);
    let before = row.as_ref().map(|row| row.stored.state.as_str());
    let state = fold(before, event).map_err(encode_error)?;
    Ok(Some(AggregateRow { kind, stored: StoredAggregate { stream, tenant, version, state } }))
}

impl SqliteReader {
    pub(in crate::event_store) async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> sqlx::Result<Option<StoredAggregate>> {
        let query = "SELECT stream, tenant, version, state FROM aggregates WHERE stream = $1 AND kind = $2";
        let row = sqlx::query(query).bind(stream.0).bind(kind).fetch_optional(&self.pool).await?;
        row.as_ref().map(stored_aggregate).transpose()
    }

    pub(in crate::event_store) async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> sqlx::Result<Vec<StoredAggregate>> {
        let rows = sqlx::query(
            "SELECT stream, tenant, version, state FROM aggregates
             WHERE kind = $1 AND ($2 IS NULL OR tenant = $2) ORDER BY stream",
        )
        .bind(kind)
        .bind(tenant.map(|tenant| &tenant.0))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(stored_aggregate).collect()
    }

    pub(in crate::event_store) async fn load_secret(
        &self,
        secret: SecretId,
    ) -> sqlx::Result<Option<Vec<u8>>> {
        sqlx::query_scalar("SELECT sealed FROM secrets WHERE id = $1")
            .bind(secret.0)
            .fetch_optional(&self.pool)
            .await
    }
}

fn stored_aggregate(row: &SqliteRow) -> sqlx::Result<StoredAggregate> {
    Ok(StoredAggregate {
        stream: StreamId(row.try_get::<Uuid, _>("stream")?),
        tenant: TenantId(row.try_get("tenant")?),
        version: unsigned(row.try_get("version")?),
        state: row.try_get("state")?,
    })
}
