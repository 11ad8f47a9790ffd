//! Which sessions changed since somebody looked.

use std::collections::HashMap;

use runner_core::people::principal::Reach;
use runner_core::ports::{ChangedSession, ChangedSessions, MAX_CHANGES, ReadError};
use serde_json::Value;
use sqlx::Row as _;
use uuid::Uuid;

use super::SqliteReader;
use super::directory::summary;
use super::read::waiting_request;
use super::values::{read_error, signed};
use crate::event_store::dialect::Heads as _;

/// Sessions within reach of which the log has something between two positions.
macro_rules! changed_sessions {
    () => {
        "(SELECT session FROM session_index
          WHERE tenant = $3 AND ($4 IS NULL OR owner = $4) AND session IN
              (SELECT stream FROM events WHERE position > $1 AND position <= $2 AND kind = 'session'))"
    };
}

impl SqliteReader {
    pub(in crate::event_store) async fn list_changed(
        &self,
        reach: &Reach,
        after: Option<u64>,
    ) -> Result<ChangedSessions, ReadError> {
        let position = self.last_position().await.map_err(read_error)?;
        let sessions = match position.checked_sub(after.unwrap_or(position)) {
            Some(0) => Some(vec![]),
            Some(events @ 1..=MAX_CHANGES) => {
                let between = (position - events, position);
                Some(self.changed_between(reach, between).await.map_err(read_error)?)
            }
            Some(_) | None => None,
        };
        Ok(ChangedSessions { position, sessions })
    }

    /// What is read may be newer than the last position: who goes on from there reads it again.
    async fn changed_between(
        &self,
        reach: &Reach,
        (after, until): (u64, u64),
    ) -> sqlx::Result<Vec<ChangedSession>> {
        let waiting = sqlx::query(concat!(
            "SELECT position, session, view FROM pending_requests WHERE session IN ",
            changed_sessions!(),
            " ORDER BY position",
        ))
        .bind(signed(after))
        .bind(signed(until))
        .bind(&reach.tenant.0)
        .bind(&reach.owner)
        .fetch_all(&self.pool)
        .await?;
        let mut requests: HashMap<Uuid, Vec<Value>> = HashMap::new();
        for row in &waiting {
            let of_session = requests.entry(row.try_get("session")?).or_default();
            of_session.push(waiting_request(row)?.view);
        }
        let rows = sqlx::query(concat!(
            "SELECT i.state, e.version, e.recorded_at FROM session_index i JOIN events e ON e.stream = i.session
             AND e.version = (SELECT max(version) FROM events WHERE stream = i.session)
             WHERE i.session IN ",
            changed_sessions!(),
            " ORDER BY e.position",
        ))
        .bind(signed(after))
        .bind(signed(until))
        .bind(&reach.tenant.0)
        .bind(&reach.owner)
        .fetch_all(&self.pool)
        .await?;
        let changed = rows.iter().map(|row| {
            let summary = summary(row)?;
            let requests = requests.remove(&summary.head.id.0).unwrap_or_default();
            Ok(ChangedSession { summary, requests })
        });
        changed.collect()
    }
}
