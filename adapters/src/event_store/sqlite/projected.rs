//! The read models beside the index of sessions: statistics, spend, texts, subagents, and what waits
//! for people.

use sqlx::SqliteConnection;

use super::spend::write_spend;
use super::statements::insert_texts;
use super::values::{encode_error, signed};
use super::{statistics, subagents};
use crate::event_store::projection::{Projected, RequestChange, TagChange};

pub(super) async fn write(connection: &mut SqliteConnection, projected: &Projected) -> sqlx::Result<()> {
    write_requests(connection, &projected.requests).await?;
    write_spend(connection, &projected.spend).await?;
    insert_texts(connection, &projected.texts).await?;
    write_tags(connection, &projected.tags).await?;
    statistics::write(connection, &projected.statistics).await?;
    subagents::write(connection, &projected.subagents).await?;
    Ok(())
}

async fn write_tags(connection: &mut SqliteConnection, changes: &[TagChange]) -> sqlx::Result<()> {
    for TagChange { tenant, session, tags } in changes {
        let delete = sqlx::query("DELETE FROM session_tags WHERE session = $1").bind(session.0);
        delete.execute(&mut *connection).await?;
        for tag in tags {
            sqlx::query("INSERT OR IGNORE INTO session_tags (tenant, tag, session) VALUES ($1, $2, $3)")
                .bind(&tenant.0)
                .bind(tag)
                .bind(session.0)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

async fn write_requests(connection: &mut SqliteConnection, changes: &[RequestChange]) -> sqlx::Result<()> {
    for change in changes {
        let query = match change {
            RequestChange::Made { position, reach: (tenant, owner), view } => sqlx::query(
                "INSERT INTO pending_requests (position, session, tenant, owner, request_id, view)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(signed(*position))
            .bind(view.session_id.0)
            .bind(&tenant.0)
            .bind(owner)
            .bind(&view.request.request_id)
            .bind(serde_json::to_string(view).map_err(encode_error)?),
            RequestChange::Closed { session, request_id } => {
                sqlx::query("DELETE FROM pending_requests WHERE session = $1 AND request_id = $2")
                    .bind(session.0)
                    .bind(request_id)
            }
            RequestChange::HandedOver { session, owner } => {
                sqlx::query("UPDATE pending_requests SET owner = $1 WHERE session = $2")
                    .bind(owner)
                    .bind(session.0)
            }
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
